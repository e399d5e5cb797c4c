package config

import (
	"slices"
	"strings"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
	"github.com/sixfold-router/sixfold/router/firewall/packet"
)

// policy converts what passes from one zone to another.
func (b *builder) policy(m *sixfoldv1.FirewallPolicy, f *sixfoldv1.Firewall, s *spot) Policy {
	p := Policy{From: m.GetFrom(), To: m.GetTo()}
	b.zone(p.From, f, s.field("from"), ZoneRouter+" "+ZoneAny)
	b.zone(p.To, f, s.field("to"), ZoneRouter+" "+ZoneAny)
	if p.From == ZoneRouter && p.To == ZoneRouter {
		b.errorf(s.field("to"), "what this router sends to itself is not filtered")
	}
	p.End = b.verdict(s, m.GetAccept() != nil, m.GetDrop() != nil, m.GetReject() != nil, m.GetSimpleSecurity() != nil)
	p.Log = logRate(m.GetLog())
	if p.Log > 0 && p.End == NoVerdict {
		b.errorf(s.field("log"), "this policy decides nothing by itself that could be logged; give it accept, drop or reject, or log in its rules")
	}
	if len(m.GetRules()) == 0 && p.End == NoVerdict {
		b.errorf(s, "does nothing: give it rules, or accept, drop, reject or simple_security")
	}
	names := map[string]*spot{}
	at := s.field("rules")
	for i, rule := range m.GetRules() {
		if name := rule.GetName(); name != "" {
			if first, ok := names[name]; ok {
				b.errorf(at.item(i).field("name"), "%s is already the name of %s", name, first.where())
			}
			names[name] = at.item(i)
		}
		p.Rules = append(p.Rules, b.packetRule(rule, f, at.item(i)))
	}
	return p
}

// verdict reads what becomes of a packet, of which one thing can be.
func (b *builder) verdict(s *spot, accept, drop, reject, simple bool) Verdict {
	var all []string
	out := NoVerdict
	for _, v := range []struct {
		name    string
		set     bool
		verdict Verdict
	}{{"accept", accept, AcceptPacket}, {"drop", drop, DropPacket}, {"reject", reject, RejectPacket}, {"simple_security", simple, SimpleSecurity}} {
		if v.set {
			all = append(all, v.name)
			out = v.verdict
		}
	}
	if len(all) > 1 {
		b.errorf(s, "a packet cannot be treated in two ways: %s", strings.Join(all, " and "))
	}
	return out
}

func logRate(m *sixfoldv1.FirewallLog) uint32 {
	switch {
	case m == nil:
		return 0
	case m.Rate == nil:
		return defaultLogRate
	}
	return m.GetRate()
}

// packetRule converts a rule.
func (b *builder) packetRule(m *sixfoldv1.FirewallRule, f *sixfoldv1.Firewall, s *spot) PacketRule {
	r := PacketRule{
		Name:         m.GetName(),
		Sources:      b.addressMatch(m.GetSources(), f, s.field("sources")),
		Destinations: b.addressMatch(m.GetDestinations(), f, s.field("destinations")),
		Ports:        b.portMatch(m.GetPorts(), f, s.field("ports")),
		SourcePorts:  b.portMatch(m.GetSourcePorts(), f, s.field("source_ports")),
		Log:          logRate(m.GetLog()),
	}
	r.Verdict = b.verdict(s, m.GetAccept() != nil, m.GetDrop() != nil, m.GetReject() != nil, false)
	for i, text := range m.GetProtocols() {
		p, err := packet.ParseProtocol(text)
		at := s.field("protocols").item(i)
		switch {
		case err != nil:
			b.errorf(at, "%v%s", err, suggest(text, packet.ProtocolNames()))
		case slices.Contains(r.Protocols, p):
			b.errorf(at, "%s is in the list twice", p)
		}
		r.Protocols = append(r.Protocols, p)
	}
	b.withPorts(&r, s)
	b.icmpTypes(&r, m.GetIcmpTypes(), s)
	b.families(&r, f, s)
	return r
}

// withPorts reports ports of protocols that have none.
func (b *builder) withPorts(r *PacketRule, s *spot) {
	for _, side := range []struct {
		name  string
		match PortMatch
	}{{"ports", r.Ports}, {"source_ports", r.SourcePorts}} {
		if len(side.match.Ports) == 0 && len(side.match.Sets) == 0 {
			continue
		}
		if len(r.Protocols) == 0 {
			b.accepted(s.field(side.name), []string{"protocols: [tcp]", "protocols: [udp]", "protocols: [tcp, udp]"}, "ports belong to a protocol, and this rule has none")
		}
		for _, p := range r.Protocols {
			if p != 0 && !p.HasPorts() {
				b.errorf(s.field(side.name), "%s has no ports", p)
			}
		}
	}
}

// icmpTypes reads types. A name that both ICMPv6 and ICMP have means those of the protocols of the rule, or without any both.
func (b *builder) icmpTypes(r *PacketRule, list []string, s *spot) {
	at := s.field("icmp_types")
	if len(list) == 0 {
		return
	}
	six, four := len(r.Protocols) == 0, len(r.Protocols) == 0
	for _, p := range r.Protocols {
		switch p {
		case packet.ICMPv6:
			six = true
		case packet.ICMP:
			four = true
		case 0: // it is not known what this is
		default:
			b.errorf(at, "types belong to icmpv6 and icmp, and this rule is for %s too", p)
		}
	}
	for i, text := range list {
		t6, err6 := packet.ParseICMPType(text, false)
		t4, err4 := packet.ParseICMPType(text, true)
		isNumber := strings.Trim(text, "0123456789") == ""
		switch {
		case isNumber && six && four:
			b.errorf(at.item(i), "%s means one thing in icmpv6 and another in icmp; say protocols: [icmpv6] or protocols: [icmp]", excerpt(text))
		case six && four && err6 != nil && err4 != nil, six && !four && err6 != nil:
			b.errorf(at.item(i), "%v%s", err6, suggest(text, packet.ICMPTypeNames(false)))
		case four && !six && err4 != nil:
			b.errorf(at.item(i), "%v%s", err4, suggest(text, packet.ICMPTypeNames(true)))
		}
		if six && err6 == nil {
			r.ICMPTypes = append(r.ICMPTypes, t6)
		}
		if four && err4 == nil {
			r.ICMPTypes = append(r.ICMPTypes, t4)
		}
	}
}

// addressMatch reads a condition on an address: prefixes and names of sets. A name has neither a blank nor a colon nor a dot.
func (b *builder) addressMatch(list []string, f *sixfoldv1.Firewall, s *spot) AddressMatch {
	a := AddressMatch{Text: slices.Clone(list)}
	for i, text := range list {
		if isDelegationName(text) {
			known(b, text, f.GetAddressSets(), "address set", s.item(i))
			a.Sets = append(a.Sets, text)
			continue
		}
		a.Addresses = append(a.Addresses, b.network(text, s.item(i)))
	}
	return a
}

func (b *builder) portMatch(list []string, f *sixfoldv1.Firewall, s *spot) PortMatch {
	var p PortMatch
	for i, text := range list {
		if isDelegationName(text) {
			known(b, text, f.GetPortSets(), "port set", s.item(i))
			p.Sets = append(p.Sets, text)
			continue
		}
		r, err := packet.ParsePorts(text)
		if err != nil {
			b.errorf(s.item(i), "%v", err)
		}
		p.Ports = append(p.Ports, r)
	}
	return p
}

// families reports rules that no packet can match, because their parts are of different address families.
func (b *builder) families(r *PacketRule, f *sixfoldv1.Firewall, s *spot) {
	six, four := true, true
	narrow := func(a AddressMatch) {
		if len(a.Text) == 0 {
			return
		}
		has6, has4 := false, false
		for _, e := range a.Addresses {
			is4 := e.IsValid() && e.Prefix.Addr().Is4()
			has4, has6 = has4 || is4, has6 || !is4
		}
		for _, name := range a.Sets {
			for _, text := range f.GetAddressSets()[name].GetAddresses() {
				e, err := ParseExpr(text)
				is4 := err == nil && e.Prefix.Addr().Is4()
				has4, has6 = has4 || is4, has6 || !is4
			}
			if len(f.GetAddressSets()[name].GetAddresses()) == 0 {
				has4, has6 = true, true
			}
		}
		six, four = six && has6, four && has4
	}
	narrow(r.Sources)
	narrow(r.Destinations)
	if !six && !four {
		b.errorf(s, "no packet matches: sources and destinations are not of the same address family")
		return
	}
	if len(r.ICMPTypes) > 0 {
		has6 := slices.ContainsFunc(r.ICMPTypes, func(t packet.ICMPType) bool { return !t.V4 })
		has4 := slices.ContainsFunc(r.ICMPTypes, func(t packet.ICMPType) bool { return t.V4 })
		if !(six && has6) && !(four && has4) {
			b.errorf(s.field("icmp_types"), "no packet matches: icmpv6 goes with IPv6 addresses, icmp with IPv4 addresses")
		}
	}
}
