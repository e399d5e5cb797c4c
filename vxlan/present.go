package vxlan

import (
	"net"
	"net/netip"
)

// Link group numbers (IFLA_GROUP) that mark devices. A link is in one group only, and these are numbers that nobody types.
const (
	groupOurs   = 0x53495846 // "SIXF": made by us
	groupDoomed = 0x53495858 // "SIXX": made by us, about to be deleted together
)

// present is one link that exists.
type present struct {
	Name    string
	Index   int
	MTU     int
	Group   uint32 // link group
	Up      bool
	MAC     net.HardwareAddr
	Kind    string
	Vxlan   tunnel  // if Kind is "vxlan"
	Family  family  // of the outer header, if Kind is "vxlan"
	Entries []entry // of its forwarding table, those that do not age, sorted; if it is ours
}

// tunnel is what the kernel knows of a VXLAN device.
type tunnel struct {
	VNI               uint32
	Group             netip.Addr // multicast group or unicast remote; invalid: none
	Link              int        // index of the underlying link; 0: none
	Local             netip.Addr // invalid: none
	TTL, TOS          uint8
	Port              uint16
	Learning          bool
	Ageing            uint32 // seconds
	Limit             uint32
	DF                DF
	PortLow, PortHigh uint16
	Checksum          bool // over IPv4
	ZeroTx, ZeroRx    bool // over IPv6: send none, take packets without one
	// Odd says that it has an option that this package never sets and that cannot be taken away: a group policy (GBP), the
	// generic protocol extension, metadata, a proxy …
	Odd bool
}

// family is an address family; the kernel tells it only by addresses.
type family uint8

const (
	unknown family = 0
	ipv4    family = 4
	ipv6    family = 6
)

func familyOf(a netip.Addr) family {
	switch {
	case !a.IsValid():
		return unknown
	case a.Is4():
		return ipv4
	}
	return ipv6
}

func (d Device) family() family {
	if d.OverIPv6() {
		return ipv6
	}
	return ipv4
}

// tell finds the family of the outer header.
func (p *present) tell() {
	p.Family = max(familyOf(p.Vxlan.Group), familyOf(p.Vxlan.Local))
	for _, e := range p.Entries {
		p.Family = max(p.Family, familyOf(e.Remote))
	}
}

// ours reports whether a link was made by this package, in this process or an earlier one.
func (p present) ours() bool {
	return p.Kind == "vxlan" && (p.Group == groupOurs || p.Group == groupDoomed)
}

// snapshot is all links that exist.
type snapshot []present

func (s snapshot) byName() map[string]present {
	m := make(map[string]present, len(s))
	for _, p := range s {
		m[p.Name] = p
	}
	return m
}
