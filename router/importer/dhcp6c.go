package importer

import (
	"net/netip"
	"strconv"
	"strings"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
)

// dhcp6c reads dhcp6c.conf(5) of WIDE and KAME, and of OPNsense.
func dhcp6c(d *draft, s string) error {
	tokens, err := scan(s, lexis{marks: "{};,", quotes: `"`})
	if err != nil {
		return err
	}
	all, err := parse(tokens, grammar{})
	if err != nil {
		return err
	}
	w := &wide{draft: d, pd: map[string]stmt{}, na: map[string]stmt{}, asked: map[string]bool{}}
	for _, st := range all {
		w.collect(st)
	}
	for _, st := range all {
		switch {
		case st.is("interface"):
			w.iface(st)
		case st.is("id-assoc"):
		case st.is("profile"):
			// A profile is asked for on the command line: what is in it is in the file for nobody else.
			d.lost(st.first(), "profiles are not carried over: give the interface of the one in use as a file of its own")
		case st.is("include"):
			d.included(st)
		case st.is("keyinfo"), st.is("authentication"):
			d.lost(st.first(), "delayed authentication is left out, with its key: RFC 9915 no longer has it, and no server asks for it")
		default:
			d.wrong(st.first(), "%s is no statement of dhcp6c: mend it, or leave it out", st.first())
		}
	}
	for id, st := range w.pd {
		if !w.asked["pd"+id] {
			d.wrong(st.first(), "no interface sends ia-pd %s: nothing is asked for", id)
		}
	}
	for id, st := range w.na {
		if !w.asked["na"+id] {
			d.wrong(st.first(), "no interface sends ia-na %s: nothing is asked for", id)
		}
	}
	if len(all) == 0 {
		d.note(pos{1, 1}, Warning, "there is nothing in this file")
	}
	w.readDUID()
	return nil
}

type wide struct {
	*draft
	pd, na map[string]stmt // identity associations by their number
	asked  map[string]bool
}

func (w *wide) collect(st stmt) {
	if !st.is("id-assoc") {
		return
	}
	kind, ok := st.arg(1)
	if !ok || !st.open {
		w.wrong(st.first(), "this is no section: write id-assoc pd NUMBER { ... };")
		return
	}
	id := "0"
	if t, ok := st.arg(2); ok {
		n, ok := w.number(t, maxUint32)
		if !ok {
			return
		}
		id = strconv.FormatUint(n, 10)
	}
	to := w.pd
	switch strings.ToLower(kind.text) {
	case "pd":
	case "na":
		to = w.na
	default:
		w.wrong(kind, "%s is no kind of an identity association: pd or na", kind)
		return
	}
	if first, again := to[id]; again {
		w.wrong(kind, "id-assoc %s %s is here a second time, first in line %d", kind.text, id, first.first().line)
		return
	}
	to[id] = st
}

// items cuts the words behind the first at commas.
func items(st stmt) [][]token {
	var all [][]token
	var one []token
	for _, t := range st.words[1:] {
		if t.is(",") {
			all, one = append(all, one), nil
			continue
		}
		one = append(one, t)
	}
	return append(all, one)
}

func (w *wide) iface(st stmt) {
	name, ok := st.arg(1)
	if !ok || !st.open {
		w.wrong(st.first(), "this is no section: write interface NAME { ... };")
		return
	}
	l := w.link(name)
	rapid := false
	for _, s := range st.block {
		for _, item := range items(s) {
			rapid = rapid || s.is("send") && len(item) > 0 && item[0].isWord("rapid-commit")
		}
	}
	for _, s := range st.block {
		switch strings.ToLower(s.first().text) {
		case "send":
			for _, item := range items(s) {
				w.send(l, item, rapid)
			}
		case "request":
			for _, item := range items(s) {
				w.request(l, item)
			}
		case "information-only":
			l.client().Stateless = true
			w.mark(l.field("client"), s.first())
			l.uplink()
		case "script":
			t, _ := s.arg(1)
			w.script(t, "the variables of dhcp6c")
		case "allow", "reconfigure":
			w.lost(s.first(), "Reconfigure messages are followed where they are authenticated (client.reconfigure)")
		default:
			w.wrong(s.first(), "%s is no statement of an interface of dhcp6c: mend it, or leave it out", s.first())
		}
	}
}

// script notes a program that is told: what it finds in its environment is not the same here.
func (d *draft) script(t token, variables string) {
	d.lost(t, "the script is left out, as it expects %s: have it read ours, and write it as on_change: {script: {run: [FILE]}} under the delegation", variables)
}

func (w *wide) send(l link, item []token, rapid bool) {
	if len(item) == 0 {
		return
	}
	t := item[0]
	id := "0"
	if len(item) > 1 {
		if n, ok := w.number(item[1], maxUint32); ok && (t.isWord("ia-pd") || t.isWord("ia-na")) {
			id = strconv.FormatUint(n, 10)
		}
	}
	switch strings.ToLower(t.text) {
	case "rapid-commit":
	case "ia-na":
		w.asked["na"+id] = true
		w.mark(l.field("request_address"), t)
		l.RequestAddress = true
		l.uplink()
		if st, ok := w.na[id]; ok {
			for _, s := range st.block {
				w.lost(s.first(), "an address to ask for cannot be given: the server gives what it gives")
			}
		}
	case "ia-pd":
		w.asked["pd"+id] = true
		del, at := w.delegate(l, "", t)
		del.RapidCommit = rapid
		n, _ := strconv.ParseUint(id, 10, 32)
		w.mark(at.field("iaid"), item[len(item)-1])
		del.Iaid = ref(uint32(n))
		st, ok := w.pd[id]
		if !ok {
			w.wrong(t, "there is no id-assoc pd %s: dhcp6c refuses that, and the prefix is asked for without being used", id)
			return
		}
		w.association(del, at, st)
	case "authentication":
		w.lost(t, "delayed authentication is left out: RFC 9915 no longer has it")
	default:
		w.lost(t, "%s is not sent: give it by number under interfaces.%s.client.send_options", t, l.name)
	}
}

// wideOptions are the numbers of the options that dhcp6c can ask for.
var wideOptions = map[string]uint32{
	"sip-server-address": 22, "sip-domain-name": 21, "ntp-servers": 56, "nis-server-address": 27, "nis-domain-name": 29,
	"nisp-server-address": 28, "nisp-domain-name": 30, "bcmcs-server-address": 34, "bcmcs-domain-name": 33, "refreshtime": 32,
}

func (w *wide) request(l link, item []token) {
	if len(item) == 0 {
		return
	}
	t := item[0]
	name := strings.ToLower(t.text)
	switch number, ok := wideOptions[name]; {
	case name == "domain-name-servers", name == "domain-name":
		// These are asked for always.
	case ok:
		w.requestOption(l, t, number)
	default:
		w.wrong(t, "%s is no option that dhcp6c asks for: leave it out", t)
	}
}

// requestOption asks for an option, once.
func (d *draft) requestOption(l link, t token, number uint32) {
	c := l.client()
	for _, n := range c.RequestOptions {
		if n == number {
			return
		}
	}
	d.mark(l.field("client").field("request_options").item(len(c.RequestOptions)), t)
	c.RequestOptions = append(c.RequestOptions, number)
	d.tell(t, "option %d is asked for and shown, but used for nothing", number)
}

// association reads what is done with a prefix.
func (w *wide) association(del *sixfoldv1.Delegation, at path, st stmt) {
	name := string(at[strings.LastIndexByte(string(at), '.')+1:])
	for _, s := range st.block {
		t, ok := s.arg(1)
		if !ok {
			w.missing(s.first(), "a value")
			continue
		}
		switch strings.ToLower(s.first().text) {
		case "prefix":
			p, ok := w.prefix(s.words[1:2])
			switch {
			case !ok:
			case p.Addr().IsUnspecified():
				w.mark(at.field("length"), t)
				del.Length = ref(uint32(p.Bits()))
			default:
				w.mark(at.field("prefix"), t)
				del.Prefix = p.Masked().String()
			}
			if len(s.words) > 2 {
				w.tell(s.words[2], "the lifetimes of a prefix are those that the server gives")
			}
		case "prefix-interface":
			w.prefixInterface(s, name, del)
		default:
			w.wrong(s.first(), "%s is no statement of id-assoc pd: mend it, or leave it out", s.first())
		}
	}
}

// prefixInterface gives an interface an address in a subnet of the prefix. Which bits the subnet number takes follows from the
// length of the prefix and sla-len; the host part is behind them.
func (w *wide) prefixInterface(st stmt, delegation string, del *sixfoldv1.Delegation) {
	name, _ := st.arg(1)
	l := w.link(name)
	var sla, ifid uint64
	bits := uint64(16)
	var slaAt token
	host := false
	for _, s := range st.block {
		t, given := s.arg(1)
		if s.is("ifid-random") {
			w.lost(s.first(), "a random host part is not made: ::1 is taken")
			continue
		}
		if !given {
			w.missing(s.first(), "a number")
			continue
		}
		switch strings.ToLower(s.first().text) {
		case "sla-id":
			sla, _ = w.number(t, maxUint32)
			slaAt = t
		case "sla-len":
			if n, ok := w.number(t, 128); ok {
				bits = n
			}
		case "ifid":
			ifid, host = w.number(t, 1<<63)
		default:
			w.wrong(s.first(), "%s is no statement of prefix-interface: mend it, or leave it out", s.first())
		}
	}
	if bits > 64 {
		w.wrong(name, "sla-len %d leaves no prefix for the subnet of %s: at most 64, and the length of the prefix is then what is left", bits, l.name)
		return
	}
	if bits < 64 && sla>>bits != 0 {
		w.wrong(slaAt, "sla-id %d does not fit into the %d bits of sla-len: the interface gets no address", sla, bits)
		return
	}
	// The subnets of dhcp6c are /64: with sla-len bits the prefix is as much shorter.
	if del.Length == nil && del.Prefix == "" && bits < 64 {
		del.Length = ref(uint32(64 - bits))
		w.tell(name, "the length that is asked for follows from sla-len: /%d", 64-bits)
	}
	if !host || ifid == 0 {
		if host {
			w.wrong(name, "ifid 0 is the address of all routers of the subnet: ::1 is taken")
		} else {
			w.tell(name, "dhcp6c takes the host part from the hardware address of %s: ::1 is taken", l.name)
		}
		ifid = 1
	}
	w.mark(l.field("addresses").item(len(l.Addresses)), name)
	l.Addresses = append(l.Addresses, relative(delegation, sla, ifid))
}

// subnetAddress is an address relative to a prefix: the number of its /64 and the host part.
func subnetAddress(subnet, host uint64) netip.Addr {
	var b [16]byte
	for i := range 8 {
		b[7-i] = byte(subnet >> (8 * i))
		b[15-i] = byte(host >> (8 * i))
	}
	return netip.AddrFrom16(b)
}
