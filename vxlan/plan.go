package vxlan

import (
	"cmp"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
)

// Bytes that VXLAN adds to an inner IP packet: inner Ethernet 14, VXLAN 8, UDP 8, and the outer IP header.
const (
	overheadIPv4 = 50
	overheadIPv6 = 70
)

// usualMTU is taken for what carries a device that has no underlying link.
const usualMTU = 1500

// creation is a device to make. Its Device.MTU is final.
type creation struct {
	Device Device
	Link   int              // index of the underlying link; 0: none
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

// problems lists Problems in words, by name.
func (o operations) problems() []string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(o.Problems)) {
		all = append(all, fmt.Sprintf("vxlan device %s: %s", name, o.Problems[name]))
	}
	return all
}

// plan compares. rejoin says that the kernel moves a running device to another multicast group by itself (Linux 6.15 does);
// otherwise such a device is made anew.
func plan(want Config, have snapshot, rejoin bool) operations {
	ops := operations{Final: map[string]Device{}, Problems: map[string]string{}}
	names := have.byName()
	var others snapshot
	for _, p := range have {
		if p.Kind == "vxlan" && !p.ours() {
			others = append(others, p)
		}
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
		case others.with(d, link.Index) != "":
			ops.Problems[name] = fmt.Sprintf("%s, which is not ours, has VNI %d on port %d already", others.with(d, link.Index), d.VNI, d.Port)
		case !exists:
			ops.Create = append(ops.Create, creation{Device: d, Link: link.Index})
		case !p.ours():
			ops.Problems[name] = fmt.Sprintf("there is a link %s already, of kind %s, which is not ours", name, cmp.Or(p.Kind, "hardware"))
		case anew(d, p, link.Index, rejoin):
			ops.Remove = append(ops.Remove, p)
			ops.Create = append(ops.Create, creation{Device: d, Link: link.Index, MAC: p.MAC})
		default:
			if c := difference(d, p, link.Index); !c.empty() {
				ops.Modify = append(ops.Modify, modification{Device: d, Index: p.Index, Change: c})
			}
		}
	}
	return ops
}

// with names a device that has the VNI and port of d. For IPv6 only one per link counts where both ends are link-local.
func (s snapshot) with(d Device, link int) string {
	for _, p := range s {
		t := p.Vxlan
		if p.Name == d.Name || t.VNI != d.VNI || t.Port != d.Port || p.Family != d.family() {
			continue
		}
		if t.Local.IsLinkLocalUnicast() && t.Local.Is6() && d.Local.IsLinkLocalUnicast() && t.Link != link {
			continue
		}
		return p.Name
	}
	return ""
}

// underlying finds the link of d, or tells why d is impossible. Without a link its index is 0 and its MTU a usual one.
func underlying(d Device, names map[string]present) (present, string) {
	link, exists := names[d.Link]
	if d.Link == "" {
		link, exists = present{MTU: usualMTU}, true
	}
	if problem := wrong(d); problem != "" {
		return link, problem
	}
	switch {
	case !exists:
		return link, fmt.Sprintf("underlying link %s does not exist", d.Link)
	case d.Link != "" && d.MTU > link.MTU-d.Overhead():
		return link, fmt.Sprintf("MTU %d is above %d: that of %s, %d, less %d bytes of encapsulation",
			d.MTU, link.MTU-d.Overhead(), d.Link, link.MTU, d.Overhead())
	case mtu(d, link) < 68:
		return link, fmt.Sprintf("the MTU of %s, %d, leaves no room for encapsulation", d.Link, link.MTU)
	}
	return link, ""
}

// wrong tells what is wrong with d by itself.
func wrong(d Device) string {
	all := d.addresses()
	for _, a := range all {
		if familyOf(a) != d.family() || a.Is4In6() {
			return differentFamilies(d, all)
		}
	}
	for _, r := range d.Remotes {
		if r.IsMulticast() || r.IsUnspecified() {
			return fmt.Sprintf("remote %s is not the address of a machine", r)
		}
	}
	for _, s := range d.Static {
		if s.Remote.IsMulticast() || s.Remote.IsUnspecified() || s.MAC == (MAC{}) || s.MAC[0]&1 != 0 {
			return fmt.Sprintf("a forwarding entry for %s behind %s is not possible", s.MAC, s.Remote)
		}
	}
	switch {
	case d.Group.IsValid() && !d.Group.IsMulticast():
		return "no multicast group"
	case d.Group.IsValid() && len(d.Remotes) > 0:
		return "there are a group and remotes"
	case d.Group.IsValid() && d.Link == "":
		return "a group needs an underlying link"
	case d.VNI >= 1<<24:
		return fmt.Sprintf("VNI %d does not fit 24 bits", d.VNI)
	case d.Port == 0 || d.TTL == 0:
		return "no port or TTL"
	}
	return ""
}

func differentFamilies(d Device, all []netip.Addr) string {
	if d.Local.IsValid() && d.Group.IsValid() && d.Local.Is4() != d.Group.Is4() {
		return fmt.Sprintf("local address %s and group %s are of different families", d.Local, d.Group)
	}
	return fmt.Sprintf("addresses are of different families: %s", all)
}

func mtu(d Device, link present) int {
	return cmp.Or(d.MTU, link.MTU-d.Overhead())
}
