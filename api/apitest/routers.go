package apitest

import (
	"context"
	"maps"
	"net/netip"
	"time"

	"github.com/sixfold-router/sixfold/ra"
	"github.com/sixfold-router/sixfold/router"
)

// Routers returns RouterList and ObservedList.
func (b *Backend) Routers(ctx context.Context) ([]ra.RouterStatus, []ra.Observation, error) {
	routers, err := given(ctx, b, b.RouterList)
	if err != nil {
		return nil, nil, err
	}
	links, err := given(ctx, b, b.ObservedList)
	return routers, links, err
}

// Advertising returns AdvertisingMap.
func (b *Backend) Advertising(ctx context.Context) (map[string]router.AdvertiseStatus, error) {
	return maps.Clone(b.AdvertisingMap), b.ready(ctx)
}

// sampleRouters are a second router that agrees, one that does not, and one that should not be there.
func sampleRouters(past func(time.Duration) time.Time) ([]ra.RouterStatus, []ra.Observation) {
	prefix, addr := netip.MustParsePrefix, netip.MustParseAddr
	lan := prefix("2001:db8:1:101::/64")
	routers := []ra.RouterStatus{
		{
			Link: "lan0", Standing: ra.Welcome, First: past(30 * time.Hour), Received: 4711,
			State: ra.Received{
				Time: past(20 * time.Second), Router: addr("fe80::2"), MAC: "02:00:00:00:01:02", HopLimit: 64, Preference: "low", RouterLifetime: 1800,
				MTU: 1500, Prefixes: []ra.ReceivedPrefix{{Prefix: lan, OnLink: true, Autonomous: true, Valid: 7200, Preferred: 3600}},
				Routes:        []ra.ReceivedRoute{{Prefix: prefix("2001:db8:40::/44"), Preference: "high", Lifetime: 0xffffffff}},
				RDNSS:         []ra.ReceivedServers{{Lifetime: 1800, Servers: []netip.Addr{addr("2001:db8::53")}}},
				DNSSL:         []ra.ReceivedDomains{{Lifetime: 1800, Domains: []string{"lan.example"}}},
				PREF64:        []ra.ReceivedPREF64{{Prefix: prefix("64:ff9b::/96"), Lifetime: 1800}},
				CaptivePortal: "https://portal.example/api",
			},
			CountingDown: []netip.Prefix{lan}, PrefixHeard: map[netip.Prefix]time.Time{lan: past(20 * time.Second)},
		},
		{
			Link: "lan0", Standing: ra.Rogue, First: past(time.Minute), Received: 12, Inconsistent: 12,
			State: ra.Received{
				Time: past(time.Second), Router: addr("fe80::bad"), HopLimit: 32, Managed: true, Preference: "high", RouterLifetime: 9000,
				Prefixes:  []ra.ReceivedPrefix{{Prefix: prefix("2001:db8:bad::/64"), OnLink: true, Autonomous: true, Valid: 0xffffffff, Preferred: 0xffffffff}},
				Malformed: []ra.MalformedOption{{Type: 24, Length: 8, Reason: "a prefix of 129 bits"}},
			},
			PrefixHeard: map[netip.Prefix]time.Time{prefix("2001:db8:bad::/64"): past(time.Second)},
			Disagreements: []ra.Disagreement{
				{What: "hop limit", Ours: "64", Theirs: "32", Since: past(time.Minute)},
				{What: "managed flag", Ours: "clear", Theirs: "set", Since: past(time.Minute)},
			},
		},
		{
			Link: "wan0", Standing: ra.Foreign, First: past(50 * time.Hour), Received: 99,
			State: ra.Received{Time: past(3 * time.Minute), Router: addr("fe80::1"), Preference: "medium", RouterLifetime: 0},
		},
	}
	return routers, []ra.Observation{
		{Link: "lan0", Compared: true, Known: []string{"fe80::2"}, Routers: 2, Received: 4723, Inconsistent: 12, Rogue: 12, Overflow: 3, Dropped: map[string]uint64{"hop limit": 2}},
		{Link: "lan1", Compared: true, Known: []string{}},
		{Link: "wan0", Routers: 1, Received: 99},
	}
}
