package config

import (
	"maps"
	"net/netip"
	"slices"
	"time"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"

	"github.com/sixfold-router/sixfold/router/rib"
)

// bgp converts the BGP speaker.
func (b *builder) bgp(m *sixfoldv1.Bgp, s *spot, routerID netip.Addr) *BGP {
	g := &BGP{ASN: m.GetAsn(), RouterID: b.routerID(m.GetRouterId(), s.field("router_id")), Port: 179}
	if m.Port != nil {
		g.Port = uint16(m.GetPort())
	}
	if m.GetRouterId() == "" {
		g.RouterID = routerID
		if !routerID.IsValid() && !b.root.field("system").field("router_id").bad {
			b.errorf(s.field("router_id"), "is missing: BGP needs bgp.router_id or system.router_id, as 192.0.2.1")
		}
	}
	at := s.field("prefix_sets")
	for _, name := range inOrder(m.GetPrefixSets(), at) {
		set := PrefixSet{Name: name}
		for i, text := range m.GetPrefixSets()[name].GetPrefixes() {
			set.Patterns = append(set.Patterns, b.pattern(text, at.entry(name).field("prefixes").item(i)))
		}
		g.PrefixSets = append(g.PrefixSets, set)
	}
	at = s.field("filters")
	for _, name := range inOrder(m.GetFilters(), at) {
		g.Filters = append(g.Filters, b.filter(name, m, at.entry(name).field("rules")))
	}
	at = s.field("neighbors")
	for _, name := range inOrder(m.GetNeighbors(), at) {
		g.Neighbors = append(g.Neighbors, b.neighbor(name, m, at.entry(name)))
	}
	for _, name := range m.GetAnnounce() {
		if source, ok := rib.ParseSource(name); ok {
			g.Announce = append(g.Announce, source)
		}
	}
	at = s.field("aggregates")
	seen := map[Expr]*spot{}
	for _, text := range inOrder(m.GetAggregates(), at) {
		g.Aggregates = append(g.Aggregates, b.once(b.prefix(text, keySpot(at.entry(text))), text, at.entry(text), seen))
	}
	slices.Sort(g.Announce)
	sortByName(g.PrefixSets, func(p PrefixSet) string { return p.Name })
	sortByName(g.Filters, func(f Filter) string { return f.Name })
	sortByName(g.Neighbors, func(n Neighbor) string { return n.Name })
	sortByName(g.Aggregates, Expr.String)
	return g
}

func (b *builder) filter(name string, m *sixfoldv1.Bgp, s *spot) Filter {
	f := Filter{Name: name}
	for i, rule := range m.GetFilters()[name].GetRules() {
		at := s.item(i)
		known(b, rule.GetPrefix(), m.GetPrefixSets(), "prefix set", at.field("prefix"))
		known(b, rule.GetLearnedFrom(), m.GetNeighbors(), "neighbor", at.field("learned_from"))
		r := Rule{PrefixSet: rule.GetPrefix(), LearnedFrom: rule.GetLearnedFrom(), LocalPref: rule.LocalPref, MED: rule.Med}
		r.Source, _ = rib.ParseSource(rule.GetSource())
		switch {
		case rule.GetAccept() != nil && rule.GetReject() != nil:
			b.errorf(at, "a rule cannot both accept and reject")
		case rule.GetAccept() != nil:
			r.Action = Accept
		case rule.GetReject() != nil:
			r.Action = Reject
		}
		if p := rule.GetPrepend(); p != nil {
			r.PrependCount, r.PrependASN = int(p.GetCount()), m.GetAsn()
			if p.Asn != nil {
				r.PrependASN = p.GetAsn()
			}
		}
		f.Rules = append(f.Rules, r)
	}
	return f
}

func (b *builder) neighbor(name string, m *sixfoldv1.Bgp, s *spot) Neighbor {
	from := m.GetNeighbors()[name]
	external := from.GetRemoteAs() != m.GetAsn()
	n := Neighbor{
		Name: name, Address: b.neighborAddress(from.GetAddress(), s.field("address")), RemoteAS: from.GetRemoteAs(),
		Description: from.GetDescription(), NextHopSelf: from.GetNextHopSelf() || external,
		Import: from.GetImport(), Export: from.GetExport(), ImportLimit: int(from.GetImportLimit()),
		Password: from.GetPassword(), Passive: from.GetPassive(), Multihop: uint8(from.GetMultihop()), Shutdown: from.GetShutdown(),
	}
	known(b, n.Import, m.GetFilters(), "filter", s.field("import"))
	known(b, n.Export, m.GetFilters(), "filter", s.field("export"))
	if n.Multihop > 0 && !external {
		b.errorf(s.field("multihop"), "multihop is for external neighbors; an internal one (remote_as %d is our own) may be any number of hops away", n.RemoteAS)
	}
	n.HoldTime = b.duration(from.GetHoldTime(), s.field("hold_time"), time.Second, 3*time.Second, maxRouterLifetime, 90*time.Second)
	if text := from.GetLocalAddress(); text != "" {
		at := s.field("local_address")
		n.LocalAddress = b.local(text, at)
		if n.LocalAddress.IsValid() && n.Address.IsValid() && n.LocalAddress.Addr.Is4() != n.Address.Addr.Is4() {
			b.errorf(at, "%s and the neighbor's address %s are not of the same family", n.LocalAddress, n.Address)
		}
	}
	return n
}

// neighborAddress reads the address of a neighbor, the one place where an address has a zone.
func (b *builder) neighborAddress(text string, s *spot) Host {
	if text == "" {
		return Host{} // the schema's rules have said it
	}
	if h, ok := b.relative(text, s); ok {
		return h
	}
	a, err := netip.ParseAddr(text)
	if err != nil {
		b.errorf(s, "%q is not an IPv6 or IPv4 address", excerpt(text))
		return Host{}
	}
	linkLocal := a.Is6() && a.IsLinkLocalUnicast()
	switch {
	case a.Is4In6():
		b.errorf(s, "%s is an IPv4 address written as IPv6: write %s", a, a.Unmap())
	case a.IsUnspecified() || a.IsMulticast():
		b.errorf(s, "%s cannot be the address of a neighbor", a)
	case linkLocal && a.Zone() == "":
		b.errorf(s, "%s is link-local, and needs its interface: %s%%INTERFACE", a, a)
	case !linkLocal && a.Zone() != "":
		b.errorf(s, "%s is not link-local; leave out %%%s", a.WithZone(""), a.Zone())
	case linkLocal && !b.link(a.Zone(), s):
	default:
		return Host{Addr: a}
	}
	return Host{}
}

// known checks a name that must be a key of a map.
func known[V any](b *builder, name string, m map[string]V, kind string, s *spot) {
	if _, ok := m[name]; ok || name == "" {
		return
	}
	names := slices.Collect(maps.Keys(m))
	if len(names) == 0 {
		b.errorf(s, "unknown %s %s: none is configured", kind, excerpt(name))
		return
	}
	b.accepted(s, some(names), "unknown %s %s%s", kind, excerpt(name), suggest(name, names))
}
