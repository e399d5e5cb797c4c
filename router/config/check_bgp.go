package config

import (
	"slices"
)

// checkSpeakers checks the BGP of each instance.
func (b *builder) checkSpeakers(cfg *Config) {
	if cfg.BGP != nil {
		b.checkBGP(cfg, cfg.BGP, "", b.root.field("bgp"))
	}
	for _, v := range cfg.VRFs {
		if v.BGP != nil {
			b.checkBGP(cfg, v.BGP, v.Name, b.root.field("vrfs").entry(v.Name).field("bgp"))
		}
	}
}

// checkBGP reports neighbors of an instance that are the same machine, this one, or on a link of another instance.
func (b *builder) checkBGP(cfg *Config, g *BGP, vrf string, at *spot) {
	own := map[Host]*spot{}
	for _, i := range cfg.Interfaces {
		if in, _ := b.instanceOf(i.Name); in != vrf {
			continue
		}
		for n, e := range i.Addresses {
			if e.IsValid() {
				a := e.Prefix.Addr()
				if e.Delegation == "" && linkLocal(a) {
					a = a.WithZone(i.Name)
				}
				own[Host{Delegation: e.Delegation, Auto: e.Auto, Addr: a}] = b.at(i.Name).field("addresses").item(n)
			}
		}
	}
	s := at.field("neighbors")
	seen := map[Host]*spot{}
	for _, n := range inFile(g.Neighbors, func(n Neighbor) *spot { return s.entry(n.Name) }) {
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
		b.sameLinkLocal(g, n, s, at)
		if zone := n.Address.Addr.Zone(); zone != "" {
			b.neighborInstance(zone, vrf, at)
		}
	}
}

// neighborInstance reports a neighbor on a link of another instance than its speaker is in.
func (b *builder) neighborInstance(link, vrf string, at *spot) {
	switch in, said := b.instanceOf(link); {
	case in == vrf:
	case in == "":
		b.errorf(at, "%s is in the default instance, and this speaker in VRF %s; add it to the interfaces of %[2]s, or configure the neighbor under bgp", link, vrf)
	case vrf == "":
		b.errorf(at, "%s belongs to VRF %s, %s; configure the neighbor under vrfs.%[2]s.bgp", link, in, said.where())
	default:
		b.errorf(at, "%s belongs to VRF %s, %s, and this speaker is in VRF %s", link, in, said.where(), vrf)
	}
}

// sameLinkLocal reports neighbors on different links that have the same link-local address and are treated differently: the
// policy of the speaker tells neighbors apart by their address alone, without the link.
func (b *builder) sameLinkLocal(g *BGP, n Neighbor, all, at *spot) {
	address := n.Address.Addr
	if address.Zone() == "" {
		return
	}
	for _, o := range g.Neighbors {
		if o.Name >= n.Name || o.Address.Addr.Zone() == address.Zone() || o.Address.Addr.WithZone("") != address.WithZone("") {
			continue
		}
		other := all.entry(o.Name).where()
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
