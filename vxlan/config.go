package vxlan

import (
	"cmp"
	"fmt"
	"math"
	"net"
	"net/netip"
	"time"
)

// Config is the whole desired state: all VXLAN devices of this router, by name.
type Config struct {
	Devices map[string]Device
}

// Device is one VXLAN tunnel end point with one VNI. Addresses on it are not its business. All its addresses are of one family. The
// zero value of an option is what a plain `ip link add … type vxlan` has.
type Device struct {
	Name    string
	VNI     uint32
	Group   netip.Addr    // multicast group, IPv4 or IPv6; invalid: none
	Remotes []netip.Addr  // each gets a copy of broadcast, unknown unicast and multicast; not together with Group
	Static  []StaticEntry // forwarding entries that are not learnt
	IPv6    bool          // the outer header is IPv6 though no address here says so
	Link    string        // underlying interface, needed with Group; empty: packets go where the routes say
	Local   netip.Addr    // outer source address; invalid: the kernel chooses
	TTL     uint8
	Port    uint16
	MTU     int // 0: that of the underlying interface, or 1500 without one, less the overhead (50 bytes over IPv4, 70 over IPv6)

	InnerTags         int // octets of VLAN tags that inner frames may have; they count as overhead
	NoLearning        bool
	Ageing            time.Duration // of learnt entries, in whole seconds, at most Forever; 0: DefaultAgeing
	MaxAddresses      uint32        // hardware addresses in the forwarding table, the one for flooding and static ones included; 0: any number
	NoChecksum        bool          // in the outer UDP header; over IPv6 also take packets that have none
	TOS               uint8         // outer traffic class octet; TOSInherit: that of the inner packet
	DF                DF
	PortLow, PortHigh uint16 // outer source ports, both included; both 0: as the kernel chooses
}

// StaticEntry says behind which remote a hardware address is.
type StaticEntry struct {
	MAC    MAC
	Remote netip.Addr
}

// MAC is an Ethernet address. The zero MAC in a forwarding table stands for all that is flooded.
type MAC [6]byte

// String returns the address as 52:54:00:00:00:01.
func (m MAC) String() string { return net.HardwareAddr(m[:]).String() }

// Values of fields of Device.
const (
	DefaultAgeing = 300 * time.Second
	// Forever is an Ageing: learnt entries stay. The kernel has no value for that; this is 136 years.
	Forever    = math.MaxUint32 * time.Second
	TOSInherit = 1
)

// DF is the don't-fragment bit of the outer IPv4 header.
type DF uint8

// The values of the kernel.
const (
	DFUnset DF = iota
	DFSet
	DFInherit // that of the inner packet
)

// String returns unset, set or inherit.
func (d DF) String() string {
	switch d {
	case DFUnset:
		return "unset"
	case DFSet:
		return "set"
	case DFInherit:
		return "inherit"
	}
	return fmt.Sprintf("DF(%d)", uint8(d))
}

// addresses lists all outer addresses that are configured.
func (d Device) addresses() []netip.Addr {
	var all []netip.Addr
	for _, a := range []netip.Addr{d.Group, d.Local} {
		if a.IsValid() {
			all = append(all, a)
		}
	}
	all = append(all, d.Remotes...)
	for _, s := range d.Static {
		all = append(all, s.Remote)
	}
	return all
}

// OverIPv6 reports the family of the outer header.
func (d Device) OverIPv6() bool {
	all := d.addresses()
	return d.IPv6 || len(all) > 0 && all[0].Is6()
}

// Overhead is how many bytes the device adds to an inner IP packet.
func (d Device) Overhead() int {
	if d.OverIPv6() {
		return overheadIPv6 + d.InnerTags
	}
	return overheadIPv4 + d.InnerTags
}

// ageing is the time in seconds.
func (d Device) ageing() uint32 {
	return uint32(cmp.Or(d.Ageing, DefaultAgeing) / time.Second)
}
