package config

import (
	"slices"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
	"github.com/sixfold-router/sixfold/router/firewall/packet"
)

// Limits of the protection, in packets a second, where nothing else is said.
const (
	defaultICMPRate       = 1000
	defaultNeighborRate   = 1000
	defaultDHCPv6Rate     = 1000
	defaultBGPRate        = 100
	defaultConnectionRate = 100
)

// translation converts what changes addresses, ports and segment sizes.
func (b *builder) translation(m *sixfoldv1.Firewall, s *spot, f *Firewall) {
	at := s.field("masquerade")
	for _, name := range inOrder(m.GetMasquerade(), at) {
		one, here := m.GetMasquerade()[name], at.entry(name)
		b.outward(one.GetOut(), m, here.field("out"))
		b.warnf(here, "masquerading is for tests and labs: hosts behind it cannot be reached from outside, their connections end when the "+
			"address of the interface changes, and what carries addresses in its data breaks; ask the upstream for a prefix (delegations) and route it instead")
		f.Masquerades = append(f.Masquerades, Masquerade{Name: name, From: b.given(one.GetFrom(), here.field("from")), Out: one.GetOut()})
	}
	at = s.field("translate")
	for _, name := range inOrder(m.GetTranslate(), at) {
		one, here := m.GetTranslate()[name], at.entry(name)
		b.outward(one.GetOut(), m, here.field("out"))
		t := Translation{Name: name, Inside: b.given(one.GetInside(), here.field("inside")), Outside: b.given(one.GetOutside(), here.field("outside")), Out: one.GetOut()}
		switch in, out := t.Inside.Prefix, t.Outside.Prefix; {
		case !in.IsValid() || !out.IsValid():
		case in.Addr().Is4() != out.Addr().Is4():
			b.errorf(here.field("outside"), "%s and %s are not of the same family", t.Outside, t.Inside)
		case in.Bits() != out.Bits():
			b.errorf(here.field("outside"), "%s has another length than %s; each address is translated into one", t.Outside, t.Inside)
		}
		f.Translations = append(f.Translations, t)
	}
	b.forwards(m, s.field("forwards"), f)
	at = s.field("mss_clamp")
	for _, name := range inOrder(m.GetMssClamp(), at) {
		b.zone(name, m, at.entry(name), "")
		f.MSSClamps = append(f.MSSClamps, MSSClamp{Out: name, MSS: uint16(m.GetMssClamp()[name].GetMss())})
	}
	sortByName(f.Masquerades, func(m Masquerade) string { return m.Name })
	sortByName(f.Translations, func(t Translation) string { return t.Name })
	sortByName(f.Forwards, func(p PortForward) string { return p.Name })
	sortByName(f.MSSClamps, func(c MSSClamp) string { return c.Out })
}

// outward checks the zone of a translation, whose connections have to be tracked.
func (b *builder) outward(name string, m *sixfoldv1.Firewall, s *spot) {
	b.zone(name, m, s, "")
	if slices.Contains(m.GetStateless(), name) {
		b.errorf(s, "the connections of zone %s are not tracked (stateless), and cannot be translated", name)
	}
}

// given reads a prefix that the rules of the schema ask for.
func (b *builder) given(text string, s *spot) Expr {
	if text == "" {
		return Expr{}
	}
	return b.prefix(text, s)
}

// forwards converts port forwards.
func (b *builder) forwards(m *sixfoldv1.Firewall, s *spot, f *Firewall) {
	for _, name := range inOrder(m.GetForwards(), s) {
		one, at := m.GetForwards()[name], s.entry(name)
		b.outward(one.GetIn(), m, at.field("in"))
		p := PortForward{Name: name, In: one.GetIn(), Ports: b.ports(one.GetPorts(), at.field("ports")), ToPort: uint16(one.GetToPort())}
		if len(one.GetPorts()) == 0 {
			b.errorf(at.field("ports"), "is missing: say which ports lead to the other machine")
		}
		for _, text := range one.GetProtocols() {
			if proto, err := packet.ParseProtocol(text); err == nil && !slices.Contains(p.Protocols, proto) {
				p.Protocols = append(p.Protocols, proto)
			}
		}
		if len(p.Protocols) == 0 {
			p.Protocols = []packet.Protocol{packet.TCP}
		}
		if one.GetAddress() != "" {
			p.Address = b.local(one.GetAddress(), at.field("address"))
		}
		if one.GetTo() != "" {
			p.To = b.local(one.GetTo(), at.field("to"))
		}
		if p.Address.IsValid() && p.To.IsValid() && p.Address.Addr.Is4() != p.To.Addr.Is4() {
			b.errorf(at.field("to"), "%s and %s are not of the same family", p.To, p.Address)
		}
		f.Forwards = append(f.Forwards, p)
	}
}

// protection fills in the limits.
func protection(m *sixfoldv1.Protection) Protection {
	rate := func(v *uint32, absent uint32) uint32 {
		if v == nil {
			return absent
		}
		return *v
	}
	if m == nil {
		m = &sixfoldv1.Protection{}
	}
	return Protection{
		Off: m.GetOff(), ICMPRate: rate(m.IcmpRate, defaultICMPRate), NeighborRate: rate(m.NeighborRate, defaultNeighborRate),
		DHCPv6Rate: rate(m.Dhcpv6Rate, defaultDHCPv6Rate), BGPRate: rate(m.BgpRate, defaultBGPRate), ConnectionRate: rate(m.ConnectionRate, defaultConnectionRate),
	}
}
