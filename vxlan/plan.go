package vxlan

import (
	"cmp"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
)

// Link group numbers (IFLA_GROUP) that mark devices. A link is in one group only, and these are numbers that nobody types.
const (
	groupOurs   = 0x53495846 // "SIXF": made by us
	groupDoomed = 0x53495858 // "SIXX": made by us, about to be deleted together
)

// Bytes that VXLAN adds to an inner IP packet: inner Ethernet 14, VXLAN 8, UDP 8, and the outer IP header.
const (
	overheadIPv4 = 50
	overheadIPv6 = 70
)

// present is one link that exists.
type present struct {
	Name  string
	Index int
	MTU   int
	Group uint32 // link group
	Up    bool
	MAC   net.HardwareAddr
	Kind  string
	Vxlan tunnel // if Kind is "vxlan"
}

// tunnel is what the kernel knows of a VXLAN device.
type tunnel struct {
	VNI      uint32
	Group    netip.Addr // multicast group or unicast remote; invalid: none
	Link     int        // index of the underlying link; 0: none
	Local    netip.Addr // invalid: none
	TTL      uint8
	Port     uint16
	Learning bool
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

// change is what to write to a device that stays. Zero values leave things alone.
type change struct {
	Mark     bool       // put it back into our link group
	MTU      int        // 0: unchanged
	Link     int        // 0: unchanged
	Group    netip.Addr // invalid: unchanged
	Local    netip.Addr // invalid: unchanged; unspecified: none any more
	TTL      uint8      // 0: unchanged
	Learning bool       // switch learning on
	Up       bool       // bring it up
}

func (c change) tunnel() bool {
	return c.Link != 0 || c.Group.IsValid() || c.Local.IsValid() || c.TTL != 0 || c.Learning
}

// creation is a device to make. Its Device.MTU is final.
type creation struct {
	Device Device
	Link   int              // index of the underlying link
	MAC    net.HardwareAddr // nil: the kernel chooses
}

// modification is a change of one device.
type modification struct {
	Device Device
	Index  int
	Change change
}

// operations are carried out in the order of the fields: VNIs and names get free before they are used.
type operations struct {
	Remove []present
	Modify []modification
	Create []creation
	// Final is each device of the configuration, by name, as it will be: with its MTU.
	Final map[string]Device
	// Problems says by name why a wanted device can be neither made nor changed.
	Problems map[string]string
}

// plan compares. rejoin says that the kernel moves a running device to another multicast group by itself (Linux 6.15 does);
// otherwise such a device is made anew.
func plan(want Config, have snapshot, rejoin bool) operations {
	ops := operations{Final: map[string]Device{}, Problems: map[string]string{}}
	names := have.byName()
	for _, p := range have {
		if _, wanted := want.Devices[p.Name]; p.ours() && !wanted {
			ops.Remove = append(ops.Remove, p)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(want.Devices)) {
		d := want.Devices[name]
		d.Name = name
		ops.Final[name] = d
		link, problem := underlying(d, names)
		if problem != "" {
			ops.Problems[name] = problem
			continue
		}
		d.MTU = mtu(d, link)
		ops.Final[name] = d
		p, exists := names[name]
		switch {
		case !exists:
			ops.Create = append(ops.Create, creation{Device: d, Link: link.Index})
		case !p.ours():
			ops.Problems[name] = fmt.Sprintf("there is a link %s already, of kind %s, which is not ours", name, cmp.Or(p.Kind, "hardware"))
		case anew(d, p.Vxlan, link.Index, rejoin):
			ops.Remove = append(ops.Remove, p)
			ops.Create = append(ops.Create, creation{Device: d, Link: link.Index, MAC: p.MAC})
		default:
			if c := difference(d, p, link.Index); c != (change{}) {
				ops.Modify = append(ops.Modify, modification{Device: d, Index: p.Index, Change: c})
			}
		}
	}
	return ops
}

// underlying finds the link of d, or tells why d is impossible.
func underlying(d Device, names map[string]present) (present, string) {
	link, exists := names[d.Link]
	switch {
	case !d.Group.IsValid() || !d.Group.IsMulticast() || d.Group.Is4In6():
		return link, "no multicast group"
	case d.Local.IsValid() && d.Local.Is4() != d.Group.Is4():
		return link, fmt.Sprintf("local address %s and group %s are of different families", d.Local, d.Group)
	case d.VNI >= 1<<24:
		return link, fmt.Sprintf("VNI %d does not fit 24 bits", d.VNI)
	case d.Port == 0 || d.TTL == 0:
		return link, "no port or TTL"
	case !exists:
		return link, fmt.Sprintf("underlying link %s does not exist", d.Link)
	case d.MTU > link.MTU-overhead(d):
		return link, fmt.Sprintf("MTU %d is above %d: that of %s, %d, less %d bytes of encapsulation",
			d.MTU, link.MTU-overhead(d), d.Link, link.MTU, overhead(d))
	case mtu(d, link) < 68:
		return link, fmt.Sprintf("the MTU of %s, %d, leaves no room for encapsulation", d.Link, link.MTU)
	}
	return link, ""
}

func overhead(d Device) int {
	if d.Group.Is4() {
		return overheadIPv4
	}
	return overheadIPv6
}

func mtu(d Device, link present) int {
	return cmp.Or(d.MTU, link.MTU-overhead(d))
}

// anew reports whether d differs from t in something that the kernel does not change in an existing device.
func anew(d Device, t tunnel, link int, rejoin bool) bool {
	return t.VNI != d.VNI || t.Port != d.Port ||
		!t.Group.IsValid() || t.Group.Is4() != d.Group.Is4() ||
		!rejoin && (t.Group != d.Group || t.Link != link)
}

// difference is what to write to make the device p what d says.
func difference(d Device, p present, link int) change {
	c := change{Mark: p.Group != groupOurs, Learning: !p.Vxlan.Learning, Up: !p.Up}
	if p.MTU != d.MTU {
		c.MTU = d.MTU
	}
	if p.Vxlan.Link != link {
		c.Link = link
	}
	if p.Vxlan.Group != d.Group {
		c.Group = d.Group
	}
	if p.Vxlan.TTL != d.TTL {
		c.TTL = d.TTL
	}
	switch {
	case p.Vxlan.Local == d.Local:
	case d.Local.IsValid():
		c.Local = d.Local
	case d.Group.Is4():
		c.Local = netip.IPv4Unspecified()
	default:
		c.Local = netip.IPv6Unspecified()
	}
	return c
}

// memberships is how many multicast groups the UDP socket of the kernel has to join for IPv4 devices, at most: those of have that
// stay and those of want. Devices with the same group on the same link share a membership.
func memberships(want Config, have snapshot) int {
	type membership struct {
		group netip.Addr
		link  string
	}
	joined := map[membership]bool{}
	link := make(map[int]string, len(have))
	for _, p := range have {
		link[p.Index] = p.Name
	}
	for _, p := range have {
		if p.Kind == "vxlan" && !p.ours() && p.Vxlan.Group.Is4() && p.Vxlan.Group.IsMulticast() {
			joined[membership{p.Vxlan.Group, link[p.Vxlan.Link]}] = true
		}
	}
	for _, d := range want.Devices {
		if d.Group.Is4() {
			joined[membership{d.Group, d.Link}] = true
		}
	}
	return len(joined)
}
