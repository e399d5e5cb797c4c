package config

import sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"

// locals converts the prefixes of which every address is ours.
func (b *builder) locals(m *sixfoldv1.Config, s *spot, cfg *Config) {
	for n, text := range m.GetLocal() {
		e, at := b.prefix(text, s.item(n)), s.item(n)
		if !e.IsValid() {
			cfg.Local = append(cfg.Local, Expr{})
			continue
		}
		a := e.Prefix.Addr()
		switch {
		case e.Delegation == "" && (a.IsMulticast() || linkLocal(a) || a.IsLoopback()):
			b.errorf(at, "%s cannot be routed to a machine", e)
		case e.Delegation == "" && e.Prefix.Bits() == 0:
			b.errorf(at, "%s would make every address ours, those of all others too", e)
		}
		for o, before := range cfg.Local {
			if overlap(before, e) {
				b.errorf(at, "%s overlaps with %s, %s", e, before, s.item(o).where())
				break
			}
		}
		cfg.Local = append(cfg.Local, e)
	}
}

// checkLocals reports prefixes that nobody could be reached in any more: a local route takes what it covers from all others.
func (b *builder) checkLocals(cfg *Config) {
	s := b.root.field("local")
	onLinks := b.onLinks(cfg)
	for n, e := range cfg.Local {
		if !e.IsValid() {
			continue
		}
		at := s.item(n)
		for _, c := range onLinks {
			if overlap(e, c.prefix) && e.Prefix.Bits() <= c.prefix.Prefix.Bits() && !c.prefix.Prefix.IsSingleIP() {
				b.errorf(at, "%s would take all of %s, the address %s: no neighbor on that link could be reached", e, c.prefix, c.spot.where())
				break
			}
		}
		for _, i := range cfg.Interfaces {
			if i.DHCPv6 == nil {
				continue
			}
			pools := b.at(i.Name).field("dhcpv6").field("delegate")
			for _, p := range i.DHCPv6.Delegate {
				if overlap(e, p.Pool) {
					b.errorf(at, "%s overlaps with %s, the pool %s: its clients would not be reached", e, p.Pool, pools.entry(p.Name).where())
				}
			}
		}
		if bgp := cfg.BGP; bgp != nil {
			for _, nb := range bgp.Neighbors {
				if h := nb.Address; h.IsValid() && h.Delegation == e.Delegation && h.Auto == e.Auto && e.Prefix.Contains(h.Addr.WithZone("")) {
					b.errorf(at, "%s has %s in it, the address of %s", e, h, b.root.field("bgp").field("neighbors").entry(nb.Name).where())
				}
			}
		}
	}
}
