package device

import (
	"github.com/vishvananda/netlink/nl"
)

func (p Port) settings() []setting {
	all := []setting{
		u16(nl.IFLA_BRPORT_PRIORITY, p.Priority, "priority %d", p.Priority),
		flag(nl.IFLA_BRPORT_MODE, p.Hairpin, "hairpin"),
		flag(nl.IFLA_BRPORT_GUARD, p.BPDUGuard, "bpdu_guard"),
		flag(nl.IFLA_BRPORT_PROTECT, p.RootGuard, "root_guard"),
		flag(nl.IFLA_BRPORT_FAST_LEAVE, p.FastLeave, "fast_leave"),
		flag(nl.IFLA_BRPORT_LEARNING, p.Learning, "learning"),
		flag(nl.IFLA_BRPORT_UNICAST_FLOOD, p.Flood, "flood"),
		flag(nl.IFLA_BRPORT_MCAST_FLOOD, p.MulticastFlood, "multicast_flood"),
		flag(nl.IFLA_BRPORT_BCAST_FLOOD, p.BroadcastFlood, "broadcast_flood"),
	}
	all = append(all, ofFeature("isolated ports of bridges", !p.Isolated, flag(nl.IFLA_BRPORT_ISOLATED, p.Isolated, "isolated"))...)
	if p.Cost != 0 {
		all = append(all, u32(nl.IFLA_BRPORT_COST, p.Cost, "cost %d", p.Cost))
	}
	return all
}

// vlans of a port of a bridge with that PVID.
func (p Port) vlans(bridge uint16) vlanSet {
	pvid := bridge
	if p.PVID != nil {
		pvid = *p.PVID
	}
	return vlansOf(pvid, p.Tagged, p.Untagged)
}
