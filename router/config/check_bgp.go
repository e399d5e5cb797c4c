package config

import (
	"slices"
)

// checkBGP reports neighbors that are the same machine, or this one.
func (b *builder) checkBGP(cfg *Config) {
	own := map[Host]*spot{}
	for _, i := range cfg.Interfaces {
		for n, e := range i.Addresses {
			if e.IsValid() {
				a := e.Prefix.Addr()
				if e.Delegation == "" && linkLocal(a) {
					a = a.WithZone(i.Name)
				}
				own[Host{e.Delegation, a}] = b.at(i.Name).field("addresses").item(n)
			}
		}
	}
	s := b.root.field("bgp").field("neighbors")
	seen := map[Host]*spot{}
	for _, n := range inFile(cfg.BGP.Neighbors, func(n Neighbor) *spot { return s.entry(n.Name) }) {
		if !n.Address.IsValid() {
			continue
		}
		at := s.entry(n.Name).field("address")
		if o, ok := own[n.Address]; ok {
			b.errorf(at, "%s is our own address, %s", n.Address, o.where())
		}
		if o, ok := seen[n.Address]; ok {
			b.errorf(at, "%s is also %s", n.Address, o.where())
			continue
		}
		seen[n.Address] = at
		b.sameLinkLocal(cfg.BGP, n, at)
	}
}

// sameLinkLocal reports neighbors on different links that have the same link-local address and are treated differently: the
// policy of the speaker tells neighbors apart by their address alone, without the link.
func (b *builder) sameLinkLocal(g *BGP, n Neighbor, at *spot) {
	address := n.Address.Addr
	if address.Zone() == "" {
		return
	}
	for _, o := range g.Neighbors {
		if o.Name >= n.Name || o.Address.Addr.Zone() == address.Zone() || o.Address.Addr.WithZone("") != address.WithZone("") {
			continue
		}
		other := b.root.field("bgp").field("neighbors").entry(o.Name).where()
		switch {
		case o.Import != n.Import || o.Export != n.Export || o.NextHopSelf != n.NextHopSelf || (o.RemoteAS == g.ASN) != (n.RemoteAS == g.ASN):
			b.errorf(at, "%s is also the link-local address of %s: the two must have the same import, export and next_hop_self, or another address", address.WithZone(""), other)
		case learnedFrom(g, o.Name) || learnedFrom(g, n.Name):
			b.errorf(at, "%s is also the link-local address of %s: no filter can tell them apart by learned_from", address.WithZone(""), other)
		}
	}
}

// learnedFrom tells whether a filter asks for routes of a neighbor.
func learnedFrom(g *BGP, name string) bool {
	return slices.ContainsFunc(g.Filters, func(f Filter) bool {
		return slices.ContainsFunc(f.Rules, func(r Rule) bool { return r.LearnedFrom == name })
	})
}
