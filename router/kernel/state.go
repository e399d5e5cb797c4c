package kernel

import (
	"net"
	"net/netip"
	"time"

	"github.com/sixfold-router/sixfold/router/rib"
)

// Links is a snapshot of the links of the machine, by name. It is not changed after it was handed out.
type Links map[string]LinkState

// LinkState is one link as the kernel has it.
type LinkState struct {
	Name      string
	Index     int
	Kind      string // veth, bridge, vxlan, … ; empty for hardware
	MAC       net.HardwareAddr
	MTU       int
	Up        bool // administratively
	Running   bool // with carrier
	Loopback  bool
	Parent    int    // index of the lower link; 0: none
	Apart     bool   // the lower link is in another network namespace
	Master    int    // index of the bridge or VRF it belongs to; 0: none
	Group     uint32 // link group (IFLA_GROUP), by which those who make links tell theirs; 0: none
	Table     uint32 // of a VRF device: its routing table; 0 for others
	Addresses []AddressState
	Settings  Settings // what of its sysctls came with it
}

// LinkLocal returns the usable IPv6 link-local address that speaks for us on the link, without zone: one that is configured, or else
// the oldest. Linux lists the newest first; an address that somebody adds, as VRRP does, must not make us another router to hosts and
// another client to DHCPv6 servers.
func (l LinkState) LinkLocal() (netip.Addr, bool) {
	var best AddressState
	for _, a := range l.Addresses {
		if addr := a.Prefix.Addr(); addr.Is6() && addr.IsLinkLocalUnicast() && !a.Tentative && !a.Duplicate && (a.Ours || !best.Ours) {
			best = a
		}
	}
	return best.Prefix.Addr(), best.Prefix.IsValid()
}

// AddressState is an address as the kernel has it.
type AddressState struct {
	Prefix                    netip.Prefix
	Tentative, Duplicate      bool
	Deprecated, Dynamic, Ours bool // Dynamic: from an advertisement; Ours: added by us
	Valid, Preferred          time.Duration
}

// Neighbor is an entry of the neighbor table.
type Neighbor struct {
	Link    string
	VRF     string // that the link is in; empty: none
	Address netip.Addr
	MAC     net.HardwareAddr
	State   string // reachable, stale, delay, probe, failed, incomplete, permanent, noarp
	Router  bool
}

// Route is a route of the kernel.
type Route struct {
	rib.Route
	Protocol string // ours: the source in the rib; otherwise kernel, ra, boot, static, bird …
	Ours     bool
}
