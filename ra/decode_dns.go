package ra

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// servers reads a recursive DNS server option (RFC 8106 5.1).
func (r *Received) servers(o []byte) error {
	if len(o) < 24 || (len(o)-8)%16 != 0 {
		return fmt.Errorf("%d bytes of addresses, which have 16 each", len(o)-8)
	}
	s := ReceivedServers{Lifetime: binary.BigEndian.Uint32(o[4:])}
	s.Servers = addressList(o[8:])
	r.RDNSS = append(r.RDNSS, s)
	return nil
}

func addressList(b []byte) []netip.Addr {
	var all []netip.Addr
	for ; len(b) >= 16; b = b[16:] {
		all = append(all, netip.AddrFrom16([16]byte(b[:16])))
	}
	return all
}

// captivePortal reads a captive portal option (RFC 8910 2.3): a URI and zeros up to a multiple of 8 bytes.
func (r *Received) captivePortal(o []byte) error {
	uri := strings.TrimRight(string(o[2:]), "\x00")
	if uri == "" {
		return errors.New("an empty URI")
	}
	for _, c := range []byte(uri) {
		if c <= ' ' || c > '~' {
			return fmt.Errorf("a byte %#02x in the URI", c)
		}
	}
	r.CaptivePortal = uri
	return nil
}

// resolver reads an encrypted DNS option (RFC 9463 6.1). What follows the name may be left out.
func (r *Received) resolver(o []byte) error {
	if len(o) < 16 {
		return errors.New("no room for a name")
	}
	d := ReceivedResolver{Priority: binary.BigEndian.Uint16(o[2:]), Lifetime: binary.BigEndian.Uint32(o[4:])}
	name, rest, ok := counted(o[8:])
	if !ok {
		return errors.New("the name runs over the end")
	}
	names, err := decodeNames(name)
	switch {
	case err != nil:
		return err
	case len(names) != 1:
		return fmt.Errorf("%d names instead of one", len(names))
	}
	d.Name = names[0]
	if len(rest) >= 2 {
		var list []byte
		if list, rest, ok = counted(rest); !ok || len(list)%16 != 0 {
			return fmt.Errorf("the addresses run over the end, or have not 16 bytes each")
		}
		d.Addresses = addressList(list)
	}
	if len(rest) >= 2 {
		var list []byte
		if list, _, ok = counted(rest); !ok {
			return errors.New("the service parameters run over the end")
		}
		if d.Parameters, err = parameters(list); err != nil {
			return err
		}
	}
	r.DNR = append(r.DNR, d)
	return nil
}

// counted splits b after as many bytes as its first two say.
func counted(b []byte) (head, rest []byte, ok bool) {
	if len(b) < 2 || int(binary.BigEndian.Uint16(b)) > len(b)-2 {
		return nil, nil, false
	}
	n := 2 + int(binary.BigEndian.Uint16(b))
	return b[2:n], b[n:], true
}

// parameters reads service parameters in wire format, as they are written in zone files (RFC 9460 2.1).
func parameters(b []byte) ([]string, error) {
	var all []string
	for len(b) > 0 {
		if len(b) < 4 {
			return nil, errors.New("a service parameter is cut off")
		}
		key := binary.BigEndian.Uint16(b)
		value, rest, ok := counted(b[2:])
		if !ok {
			return nil, errors.New("a service parameter runs over the end")
		}
		all, b = append(all, parameter(key, value)), rest
	}
	return all, nil
}

func parameter(key uint16, value []byte) string {
	switch {
	case key == 1:
		if ids, ok := protocols(value); ok {
			return "alpn=" + strings.Join(ids, ",")
		}
	case key == 2 && len(value) == 0:
		return "no-default-alpn"
	case key == 3 && len(value) == 2:
		return "port=" + strconv.Itoa(int(binary.BigEndian.Uint16(value)))
	case key == 5:
		return "ech=" + hex.EncodeToString(value)
	case key == 6 && len(value) > 0 && len(value)%16 == 0:
		var list []string
		for _, a := range addressList(value) {
			list = append(list, a.String())
		}
		return "ipv6hint=" + strings.Join(list, ",")
	case key == 7:
		var w strings.Builder
		for _, c := range value {
			if c <= ' ' || c > '~' || c == '\\' {
				writeDecimal(&w, c)
			} else {
				w.WriteByte(c)
			}
		}
		return "dohpath=" + w.String()
	}
	return fmt.Sprintf("key%d=%x", key, value)
}

// protocols reads a list of protocol names, each after a byte with its length.
func protocols(b []byte) (ids []string, ok bool) {
	for len(b) > 0 {
		n := int(b[0])
		if n == 0 || n >= len(b) {
			return nil, false
		}
		var w strings.Builder
		for _, c := range b[1 : n+1] {
			if c <= ' ' || c > '~' || c == '\\' || c == ',' {
				writeDecimal(&w, c)
			} else {
				w.WriteByte(c)
			}
		}
		ids, b = append(ids, w.String()), b[n+1:]
	}
	return ids, len(ids) > 0
}

// decodeNames reads uncompressed domain names (RFC 1035 3.1) up to the padding.
func decodeNames(b []byte) ([]string, error) {
	var names []string
	for len(b) > 0 && b[0] != 0 {
		var name strings.Builder
		size := 1
		for {
			if len(b) == 0 {
				return nil, errors.New("a name without end")
			}
			n := int(b[0])
			if n == 0 {
				b = b[1:]
				break
			}
			switch size += n + 1; {
			case n > 63:
				return nil, errors.New("a compressed name, or one with a label of more than 63 bytes")
			case n >= len(b):
				return nil, errors.New("a name without end")
			case size > 255:
				return nil, errors.New("a name of more than 255 bytes")
			}
			if name.Len() > 0 {
				name.WriteByte('.')
			}
			for _, c := range b[1 : n+1] {
				writeEscaped(&name, c)
			}
			b = b[n+1:]
		}
		names = append(names, name.String())
	}
	if len(names) == 0 {
		return nil, errors.New("no name")
	}
	return names, nil
}

// writeEscaped writes a byte of a label as in a zone file (RFC 1035 5.1).
func writeEscaped(w *strings.Builder, c byte) {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_':
		w.WriteByte(c)
	default:
		writeDecimal(w, c)
	}
}

func writeDecimal(w *strings.Builder, c byte) {
	w.Write([]byte{'\\', '0' + c/100, '0' + c/10%10, '0' + c%10})
}
