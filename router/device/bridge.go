package device

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/vishvananda/netlink/nl"

	"github.com/sixfold-router/sixfold/router/change"
)

// settings of a bridge. running says that it runs the spanning tree at this moment.
func (b Bridge) settings(running bool) []setting {
	stp := u32(nl.IFLA_BR_STP_STATE, 0, "stp off")
	if b.STP {
		stp = u32(nl.IFLA_BR_STP_STATE, 1, "stp on")
	} else {
		stp.alone = running // or the kernel would refuse a forward delay that is too short for it
	}
	delay := u32(nl.IFLA_BR_FORWARD_DELAY, uint32(b.ForwardDelay/tick), "forward_delay %s", change.Span(b.ForwardDelay))
	ageing := u32(nl.IFLA_BR_AGEING_TIME, uint32(b.AgeingTime/tick), "ageing_time %s", change.Span(b.AgeingTime))
	delay.ticks, ageing.ticks = true, true
	all := []setting{
		stp, delay, ageing,
		ticks32(nl.IFLA_BR_HELLO_TIME, b.HelloTime, 2*time.Second, "hello_time"),
		ticks32(nl.IFLA_BR_MAX_AGE, b.MaxAge, 20*time.Second, "max_age"),
		u16(nl.IFLA_BR_PRIORITY, b.Priority, "priority %d", b.Priority),
	}
	protocol := cmp.Or(b.VLANProtocol, Dot1Q)
	all = append(all, ofFeature("filtering of VLANs on bridges", !b.VLANFiltering,
		be16(nl.IFLA_BR_VLAN_PROTOCOL, uint16(protocol), "vlan_protocol %s", protocol),
		flag(nl.IFLA_BR_VLAN_FILTERING, b.VLANFiltering, "vlan_filtering"),
		u16(nl.IFLA_BR_VLAN_DEFAULT_PVID, b.PVID, "pvid %d", b.PVID),
	)...)
	all = append(all, ofFeature("multicast snooping on bridges", !b.MulticastSnooping && !b.MulticastQuerier,
		flag(nl.IFLA_BR_MCAST_SNOOPING, b.MulticastSnooping, "multicast snooping"),
		flag(nl.IFLA_BR_MCAST_QUERIER, b.MulticastQuerier, "multicast querier"),
		u8(nl.IFLA_BR_MCAST_MLD_VERSION, cmp.Or(b.MLDVersion, 1), "MLD version %d", cmp.Or(b.MLDVersion, 1)),
		ticks64(nl.IFLA_BR_MCAST_QUERY_INTVL, b.QueryInterval, 125*time.Second, "query interval"),
		ticks64(nl.IFLA_BR_MCAST_QUERY_RESPONSE_INTVL, b.QueryResponseInterval, 10*time.Second, "query response interval"),
		ticks64(nl.IFLA_BR_MCAST_LAST_MEMBER_INTVL, b.LastMemberInterval, time.Second, "last member interval"),
		u32(nl.IFLA_BR_MCAST_LAST_MEMBER_CNT, cmp.Or(b.LastMemberCount, 2), "last member count %d", cmp.Or(b.LastMemberCount, 2)),
		ticks64(nl.IFLA_BR_MCAST_STARTUP_QUERY_INTVL, b.StartupQueryInterval, 125*time.Second/4, "startup query interval"),
		u32(nl.IFLA_BR_MCAST_STARTUP_QUERY_CNT, cmp.Or(b.StartupQueryCount, 2), "startup query count %d", cmp.Or(b.StartupQueryCount, 2)),
		ticks64(nl.IFLA_BR_MCAST_MEMBERSHIP_INTVL, b.MembershipInterval, 260*time.Second, "membership interval"),
		ticks64(nl.IFLA_BR_MCAST_QUERIER_INTVL, b.QuerierInterval, 255*time.Second, "querier interval"),
	)...)
	return all
}

func (b Bridge) text() string {
	words := []string{"bridge"}
	if b.STP {
		words = append(words, fmt.Sprintf("with stp, priority %d", b.Priority))
	}
	if b.VLANFiltering {
		words = append(words, fmt.Sprintf("with vlan filtering, pvid %d", b.PVID))
	}
	if b.MulticastQuerier {
		words = append(words, "with a multicast querier")
	}
	return strings.Join(words, " ")
}

// vlans are those of the bridge itself.
func (b Bridge) vlans() vlanSet {
	return vlansOf(b.PVID, b.Tagged, nil)
}
