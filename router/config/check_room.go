package config

// Octets that GRE adds to an inner IP packet: the outer header and that of GRE, and a key (RFC 2784 2, RFC 2890 2, RFC 7676 3).
const (
	greOverhead4 = 20 + 4
	greOverhead6 = 40 + 4
	greKey       = 4
)

// wraps returns how many octets an interface adds to what it hands to the one it lies on; ok is false for one that lies on none
// that is known. The room that hardware has for the tag of a VLAN is beyond its MTU.
func wraps(i *Interface) (octets int, ok bool) {
	switch {
	case i.VXLAN != nil && i.VXLAN.Link != "" && len(i.VXLAN.hosts()) > 0:
		return overhead(i.VXLAN), true
	case i.VLAN != nil:
		return 0, true
	case i.GRE != nil && i.GRE.Link != "" && i.GRE.Remote.IsValid():
		return i.GRE.overhead(), true
	}
	return 0, false
}

func (g *GRE) overhead() int {
	n := greOverhead6
	if g.Remote.Addr.Is4() {
		n = greOverhead4
	}
	if g.Key != nil {
		n += greKey
	}
	return n
}

// checkRoom reports packets of VLANs, tunnels and bridges that do not fit through the interface below.
func (b *builder) checkRoom(byName map[string]*Interface, i *Interface) {
	adds, _ := wraps(i)
	if lower := byName[i.Lower()]; lower != nil && i.VXLAN == nil && i.MTU > 0 {
		s := b.at(i.Name).field("mtu")
		switch mtu := effectiveMTU(byName, lower, 1); {
		case mtu == 0 || i.MTU <= mtu-adds:
		case i.VLAN != nil:
			b.errorf(s, "%d is more than fits into %s: its mtu is %d", i.MTU, lower.Name, mtu)
		default:
			b.errorf(s, "%d is more than fits into %s: its mtu is %d, and GRE adds %d; accepted: up to %d", i.MTU, lower.Name, mtu, adds, max(mtu-adds, 1))
		}
	}
	if bridge := byName[i.Master]; bridge != nil && bridge.Bridge != nil && bridge.MTU > 0 {
		if mtu := effectiveMTU(byName, i, 1); mtu > 0 && mtu < bridge.MTU {
			b.errorf(b.at(bridge.Name).field("mtu"), "%d is more than its port %s takes: its mtu is %d", bridge.MTU, i.Name, mtu)
		}
	}
}
