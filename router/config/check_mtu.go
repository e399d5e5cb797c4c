package config

// Octets that VXLAN adds to an inner IP packet: inner Ethernet, VXLAN, UDP and the outer header (RFC 7348 5).
const (
	overhead4 = 14 + 8 + 8 + 20
	overhead6 = 14 + 8 + 8 + 40
)

// minMTU6 is what IPv6 needs of a link (RFC 8200 5).
const minMTU6 = 1280

// checkMTU reports packets that would not fit: of a VXLAN into the interface below, of IPv6 into a small link, and an
// advertised MTU that the link does not have.
func (b *builder) checkMTU(cfg *Config) {
	byName := map[string]*Interface{}
	for n := range cfg.Interfaces {
		byName[cfg.Interfaces[n].Name] = &cfg.Interfaces[n]
	}
	for _, i := range cfg.Interfaces {
		s := b.at(i.Name)
		if room := below(byName, &i); room > 0 && i.MTU > room {
			v := i.VXLAN
			b.errorf(s.field("mtu"), "%d is more than fits into %s: its mtu is %d, and %s adds %d; accepted: up to %d",
				i.MTU, v.Link, room+overhead(v), v.kind(), overhead(v), room)
		}
		b.checkRoom(byName, &i)
		mtu := effectiveMTU(byName, &i, 0)
		if mtu == 0 {
			continue
		}
		if use := usesIPv6(&i); use != "" && mtu < minMTU6 {
			if i.MTU > 0 {
				b.errorf(s.field("mtu"), "%d is too small for IPv6 (%s), which needs %d", mtu, use, minMTU6)
			} else {
				b.errorf(s.field(i.Kind()).field("link"), "%s leaves %d bytes, too small for IPv6 (%s), which needs %d", i.Lower(), mtu, use, minMTU6)
			}
		}
		if i.Advertise != nil && i.Advertise.LinkMTU > mtu {
			b.errorf(s.field("advertise").field("link_mtu"), "%d is more than the mtu of the interface, %d", i.Advertise.LinkMTU, mtu)
		}
		if i.Advertise != nil && i.Advertise.PacketSize > mtu {
			b.errorf(s.field("advertise").field("ra_mtu"), "%d is more than the mtu of the interface, %d", i.Advertise.PacketSize, mtu)
		}
	}
}

// usesIPv6 names what needs IPv6 on an interface.
func usesIPv6(i *Interface) string {
	for _, e := range i.Addresses {
		if e.IsValid() && e.Prefix.Addr().Is6() {
			return e.String()
		}
	}
	return speaksIPv6(i)
}

// speaksIPv6 names the field of an interface, beside its addresses, that needs IPv6; empty: none.
func speaksIPv6(i *Interface) string {
	switch {
	case i.Advertise != nil:
		return "advertise"
	case i.DHCPv6 != nil:
		return "dhcpv6"
	case i.AcceptRA:
		return "accept_ra"
	case i.RequestAddress:
		return "request_address"
	case len(i.Delegations) > 0:
		return "delegations"
	}
	return ""
}

func overhead(v *VXLAN) int {
	if v.OverIPv6() {
		return overhead6 + v.InnerTags
	}
	return overhead4 + v.InnerTags
}

// kind names the end point in errors about its size.
func (v *VXLAN) kind() string {
	text := "VXLAN over IPv4"
	switch {
	case v.Group.IsValid():
		text = "VXLAN with group " + v.Group.String()
	case v.OverIPv6():
		text = "VXLAN over IPv6"
	}
	if v.InnerTags > 0 {
		text += " and VLANs in it"
	}
	return text
}

// below returns the largest MTU that the underlying interface leaves to a VXLAN, or 0 where it is not known.
func below(byName map[string]*Interface, i *Interface) int {
	if i.VXLAN == nil || len(i.VXLAN.hosts()) == 0 {
		return 0
	}
	lower, ok := byName[i.VXLAN.Link]
	if !ok {
		return 0
	}
	mtu := effectiveMTU(byName, lower, 1)
	if mtu == 0 {
		return 0
	}
	return max(mtu-overhead(i.VXLAN), 1)
}

// effectiveMTU returns the MTU an interface will have as far as the configuration tells, or 0. The depth ends it on a circle.
func effectiveMTU(byName map[string]*Interface, i *Interface, depth int) int {
	const deep = 8
	adds, lies := wraps(i)
	if i.MTU > 0 || !lies || depth > deep {
		return i.MTU
	}
	lower, ok := byName[i.Lower()]
	if !ok {
		return 0
	}
	mtu := effectiveMTU(byName, lower, depth+1)
	if mtu == 0 {
		return 0
	}
	return max(mtu-adds, 1)
}
