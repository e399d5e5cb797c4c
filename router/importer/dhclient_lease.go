package importer

import (
	"encoding/binary"
	"encoding/hex"
	"net/netip"
	"strconv"
	"strings"
)

// iscLease is what dhclient6.leases tells of an interface.
type iscLease struct {
	prefixes []iscPrefix
	address  bool // there is an IA_NA
}

// iscPrefix is an identity association for prefix delegation.
type iscPrefix struct {
	source
	id     uint32
	prefix netip.Prefix // invalid: none
}

// readLeases reads the file of leases, if the options name one. Of several leases of an interface the last counts.
func (d *draft) readLeases() (map[string]*iscLease, error) {
	f := d.options.Leases
	if f == nil {
		return nil, nil
	}
	s, err := readable(*f)
	if err != nil {
		return nil, err
	}
	name := printable(f.Name)
	all, err := dhclientStatements(s)
	if err != nil {
		if syntax, ok := err.(*SyntaxError); ok {
			syntax.Note.File = name
		}
		return nil, err
	}
	// Notes of this file have its name.
	defer func(file string) { d.file = file }(d.file)
	d.file = name
	leases := map[string]*iscLease{}
	for _, st := range all {
		switch {
		case st.is("default-duid"):
			if t, ok := st.arg(1); ok {
				d.defaultDUID(t, source{name, t.pos})
			}
		case st.is("lease6") && st.open:
			if link, lease := d.lease(st); link != "" {
				leases[link] = lease
			}
		case st.is("lease"), st.is("option"):
			// A lease of DHCPv4.
		default:
			d.wrong(st.first(), "%s is no statement of a file of leases", st.first())
		}
	}
	return leases, nil
}

func (d *draft) lease(st stmt) (string, *iscLease) {
	lease, link := &iscLease{}, ""
	for _, s := range st.block {
		t, ok := s.arg(1)
		switch {
		case s.is("interface") && ok:
			link = t.text
		case s.is("ia-na"):
			lease.address = true
		case s.is("ia-pd") && ok:
			raw, ok := octets(t)
			if !ok || len(raw) != 4 {
				d.wrong(t, "this is no identifier of four octets: the prefix is asked for under another one")
				raw = make([]byte, 4)
			}
			p := iscPrefix{source: source{d.file, t.pos}, id: binary.BigEndian.Uint32(raw)}
			for _, inner := range s.block {
				if inner.is("iaprefix") {
					if q, ok := d.prefix(inner.words[1:]); ok {
						p.prefix = q
					}
				}
			}
			lease.prefixes = append(lease.prefixes, p)
		}
	}
	return link, lease
}

// defaultDUID takes the DUID of dhclient for the router.
func (d *draft) defaultDUID(t token, from source) {
	raw, ok := octets(t)
	if !ok {
		d.wrong(t, "this is no DUID: write its octets in hexadecimal, with colons between them")
		return
	}
	d.setDUID(raw, from)
}

// octets reads bytes: a text, in which the lexer made a character of each, or hexadecimal numbers with colons between them.
func octets(t token) ([]byte, bool) {
	var raw []byte
	if t.kind == text {
		for _, r := range t.text {
			if r > 0xff {
				return nil, false
			}
			raw = append(raw, byte(r))
		}
		return raw, len(raw) > 0
	}
	for part := range strings.SplitSeq(t.text, ":") {
		n, err := strconv.ParseUint(part, 16, 8)
		if err != nil {
			return nil, false
		}
		raw = append(raw, byte(n))
	}
	return raw, len(raw) > 0
}

// colons writes octets as the configuration has them.
func colons(raw []byte) string {
	parts := make([]string, len(raw))
	for i, b := range raw {
		parts[i] = hex.EncodeToString([]byte{b})
	}
	return strings.Join(parts, ":")
}
