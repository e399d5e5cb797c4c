package apitest

import (
	"context"
	"net/netip"
	"time"

	"github.com/sixfold-router/sixfold/vxlan/mld"
)

// Multicast is the multicast part of a Backend.
type Multicast struct {
	LinkList  []mld.LinkStatus
	GroupList []mld.GroupStatus
	RouteList []mld.RouteStatus
}

// MLDLinks returns Multicast.LinkList.
func (b *Backend) MLDLinks(ctx context.Context) ([]mld.LinkStatus, error) {
	return given(ctx, b, b.Multicast.LinkList)
}

// MLDGroups returns Multicast.GroupList.
func (b *Backend) MLDGroups(ctx context.Context) ([]mld.GroupStatus, error) {
	return given(ctx, b, b.Multicast.GroupList)
}

// MulticastRoutes returns Multicast.RouteList.
func (b *Backend) MulticastRoutes(ctx context.Context) ([]mld.RouteStatus, error) {
	return given(ctx, b, b.Multicast.RouteList)
}

// sampleMulticast is a proxy from wan0 to lan0 with listeners of both versions, and a link that another router asks on.
func sampleMulticast(now time.Time) Multicast {
	in := func(d time.Duration) time.Time { return now.Add(d + 59*time.Second) }
	past := func(d time.Duration) time.Time { return now.Add(-d) }
	addr, prefix := netip.MustParseAddr, netip.MustParsePrefix
	timers := mld.Timers{
		Version: 2, QueryInterval: time.Minute, QueryResponse: 10 * time.Second, LastListener: time.Second, Robustness: 2,
		MaxGroups: 1024, MaxSources: 64,
	}
	return Multicast{
		LinkList: []mld.LinkStatus{
			{Link: "br0", State: mld.Kernel, Timers: timers, Groups: 1},
			{
				Link: "lan0", State: mld.Asking, Querier: addr("fe80::3"), Since: past(3 * time.Hour), NextQuery: in(0), Timers: timers, Groups: 3, OldGroups: 1,
				Part: "downstream", Joins: []mld.Join{{Group: addr("ff05::1:3")}},
				Received: map[string]uint64{"report2": 412, "report1": 30, "done": 2}, Sent: map[string]uint64{"general": 181, "group": 4},
				Dropped: map[string]uint64{mld.DropAlert: 2, mld.DropGroupLimit: 17},
			},
			{
				Link: "lan1", State: mld.Hearing, Querier: addr("fe80::1"), Since: past(5 * time.Minute), QuerierUntil: in(2 * time.Minute), Timers: timers, Part: "downstream",
				Problem: "router fe80::1 asks by version 1: all routers of a link must, set version to 1 (RFC 3810 8.3.1)", Received: map[string]uint64{"query1": 5},
			},
			{Link: "wan0", State: mld.Off, Part: "upstream", Joins: []mld.Join{{Group: addr("ff3e::1"), Source: addr("2001:db8::5")}}},
		},
		GroupList: []mld.GroupStatus{
			{Link: "br0", Group: addr("ff15::101"), Exclude: true, Until: in(4 * time.Minute), Ports: []string{"tap0", "tap1"}},
			{Link: "lan0", Group: addr("ff05::1:3"), Exclude: true, Until: in(2 * time.Minute), Reporter: addr("fe80::3"), Since: past(3 * time.Hour), Joined: true},
			{
				Link: "lan0", Group: addr("ff1e::5"), Exclude: true, Until: in(3 * time.Minute), Old: true, Reporter: addr("fe80::5054:ff:fed6:c2a9"), Since: past(20 * time.Minute),
				Sources: []mld.Source{{Address: addr("2001:db8:f::2"), Until: in(time.Minute)}}, Excluded: []netip.Addr{addr("2001:db8:f::666")},
			},
			{
				Link: "lan0", Group: addr("ff3e::1"), Reporter: addr("fe80::99"), Since: past(time.Minute),
				Sources: []mld.Source{{Address: addr("2001:db8::5"), Until: in(3 * time.Minute)}, {Address: addr("2001:db8::6"), Until: in(2 * time.Minute)}},
			},
		},
		RouteList: []mld.RouteStatus{
			{
				Source: prefix("2001:db8:f::2/128"), Group: prefix("ff1e::5/128"), In: "wan0", Out: []string{"lan0"}, Reason: mld.ByProxy, Installed: true,
				Packets: 123456, Bytes: 167000000, Since: past(20 * time.Minute), Used: past(2 * time.Second),
			},
			{
				Source: prefix("2001:db8:f::2/128"), Group: prefix("ff1e::6/128"), In: "wan0", Reason: mld.NoListener, Installed: true, Packets: 4, Bytes: 208, Wrong: 1,
				Since: past(time.Minute), Used: past(time.Minute),
			},
			{Source: prefix("2001:db8:ca::/48"), Group: prefix("ff3e::/32"), In: "cam0", Out: []string{"lan0", "lan1"}, Reason: mld.ByRoute},
		},
	}
}
