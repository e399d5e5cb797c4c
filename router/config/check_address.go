package config

import "net/netip"

// ownKey identifies an address of ours. A link-local address is another one on each link, and any in each instance.
type ownKey struct {
	delegation string
	auto       Slot
	addr       netip.Addr
	link       string
	vrf        string
}

func keyOf(e Expr, link string) ownKey {
	k := ownKey{delegation: e.Delegation, auto: e.Auto, addr: e.Prefix.Addr()}
	if k.delegation == "" && k.addr.Is6() && k.addr.IsLinkLocalUnicast() {
		k.link = link
	}
	return k
}

// checkAddresses reports an address that the configuration gives to the router twice.
func (b *builder) checkAddresses(cfg *Config) {
	seen := map[ownKey]*spot{}
	for _, i := range cfg.Interfaces {
		for n, e := range i.Addresses {
			if !e.IsValid() {
				continue
			}
			at := b.at(i.Name).field("addresses").item(n)
			key := keyOf(e, i.Name)
			key.vrf, _ = b.instanceOf(i.Name)
			if first, ok := seen[key]; ok {
				b.errorf(at, "%s is also %s", e, first.where())
				continue
			}
			seen[key] = at
		}
	}
}

// at is the spot of an interface.
func (b *builder) at(link string) *spot { return b.root.field("interfaces").entry(link) }

// subnets returns the IPv6 prefixes of the interface's addresses that leases can come from. It is not complete when an
// address could not be read.
func subnets(i Interface) (all []Expr, complete bool) {
	for _, e := range i.Addresses {
		switch {
		case !e.IsValid():
			return all, false
		case e.Prefix.Addr().Is6() && (e.Delegation != "" || !e.Prefix.Addr().IsLinkLocalUnicast()):
			all = append(all, e.Masked())
		}
	}
	return all, true
}

// holds tells whether one of the prefixes has both addresses; they are compared where they are of the same delegation, and of the
// same part of it.
func holds(prefixes []Expr, delegation string, auto Slot, first, last netip.Addr) bool {
	for _, p := range prefixes {
		if p.Delegation == delegation && p.Auto == auto && p.Prefix.Contains(first) && p.Prefix.Contains(last) {
			return true
		}
	}
	return false
}

// overlap tells whether two prefixes of the same origin have an address in common. Parts that the router chooses overlap with nothing
// else.
func overlap(a, b Expr) bool {
	return a.IsValid() && b.IsValid() && a.Delegation == b.Delegation && a.Auto == b.Auto && a.Prefix.Overlaps(b.Prefix)
}
