package apitest

import (
	"net"
	"net/netip"
	"time"

	"github.com/sixfold-router/sixfold/bgp"
	"github.com/sixfold-router/sixfold/dhcpv6"
	"github.com/sixfold-router/sixfold/dhcpv6/lease"
	"github.com/sixfold-router/sixfold/dhcpv6/pd"
	"github.com/sixfold-router/sixfold/ra"
	"github.com/sixfold-router/sixfold/router"
	"github.com/sixfold-router/sixfold/router/health"
	"github.com/sixfold-router/sixfold/router/kernel"
	"github.com/sixfold-router/sixfold/router/plan"
	"github.com/sixfold-router/sixfold/router/rib"
	"github.com/sixfold-router/sixfold/vxlan"
)

// Sample returns a backend with a small but complete network: an uplink with a delegated prefix, a LAN with leases, BGP and a
// VXLAN. All times are relative to now, a little past a round figure, so that what is left of them reads the same for
// most of a minute.
func Sample(now time.Time) *Backend {
	in := func(d time.Duration) time.Time { return now.Add(d + 59*time.Second) }
	past := func(d time.Duration) time.Time { return now.Add(-d) }
	prefix, addr := netip.MustParsePrefix, netip.MustParseAddr
	mac := func(s string) net.HardwareAddr { m, _ := net.ParseMAC(s); return m }
	const day = 24 * time.Hour

	wan := kernel.LinkState{Name: "wan0", Index: 2, MAC: mac("02:00:00:00:00:02"), MTU: 1500, Up: true, Running: true, Addresses: []kernel.AddressState{
		{Prefix: prefix("2001:db8:ffff::2/64"), Dynamic: true, Valid: 30*day - time.Minute, Preferred: 7 * day},
		{Prefix: prefix("fe80::2/64")},
	}}
	lan := kernel.LinkState{Name: "lan0", Index: 3, Kind: "veth", MAC: mac("02:00:00:00:00:03"), MTU: 1500, Up: true, Running: true, Parent: 99, Addresses: []kernel.AddressState{
		{Prefix: prefix("2001:db8:1::1/64"), Ours: true},
		{Prefix: prefix("192.168.5.1/24"), Ours: true},
		{Prefix: prefix("fe80::3/64"), Tentative: true},
	}}
	lo := kernel.LinkState{Name: "lo", Index: 1, MTU: 65536, Up: true, Running: true, Loopback: true, Addresses: []kernel.AddressState{{Prefix: prefix("::1/128")}}}
	vx := kernel.LinkState{Name: "vxlan1000", Index: 4, Kind: "vxlan", MAC: mac("02:00:00:00:00:04"), MTU: 1430, Up: true, Parent: 2}

	tap := kernel.LinkState{Name: "tap0", Index: 5, Kind: "tun", MAC: mac("02:00:00:00:00:05"), MTU: 1500, Up: true, Running: true, Addresses: []kernel.AddressState{
		{Prefix: prefix("fe80::1/64"), Ours: true},
	}}

	key := func(duid string, kind lease.Kind, link string) lease.Key {
		return lease.Key{DUID: duid, Kind: kind, IAID: 1, Link: link}
	}
	duid := "\x00\x01\x00\x01\x2a\x5e\x00\x01\x52\x54\x00\xd6\xc2\xa9"

	routers, observed := sampleRouters(past)
	return &Backend{
		Multicast:  sampleMulticast(now),
		RouterList: routers, ObservedList: observed,
		AdvertisingMap: map[string]router.AdvertiseStatus{
			"lan0":  {Default: plan.DefaultRouter{Reason: "there is no default route (RFC 7084 G-4)"}},
			"wlan0": {Offer: plan.LinkOffer{Matched: 23, Advertised: 17}},
		},
		InterfaceList: []router.InterfaceStatus{
			{Name: "wan0", Description: "uplink to the ISP", Configured: true, Link: wan},
			{Name: "lan0", Configured: true, Link: lan},
			{Name: "lo", Link: lo},
			{Name: "vxlan1000", Configured: true, Link: vx},
			{Name: "eth9", Configured: true},
			{Name: "tap0", Configured: true, Pattern: "tap*", Link: tap},
		},
		VRFList:        sampleVRFs(),
		FirewallStatus: sampleFirewall(),
		Fates:          sampleFates(),
		Resolutions:    sampleNames(),
		RouteList: []router.RouteStatus{
			{Route: rib.Route{Prefix: prefix("::/0"), Via: addr("fe80::1"), Link: "wan0", Metric: 1024}, Source: "ra", Best: true, InKernel: true},
			{Route: rib.Route{Prefix: prefix("2001:db8:1::/48"), Kind: rib.Unreachable}, Source: "aggregate", Best: true, InKernel: true},
			{Route: rib.Route{Prefix: prefix("2001:db8:1::/64"), Link: "lan0"}, Source: "connected", Best: true, InKernel: true},
			{Route: rib.Route{Prefix: prefix("2001:db8:1:100::/60"), Via: addr("fe80::5054:ff:fed6:c2a9"), Link: "lan0"}, Source: "delegated", Best: true, InKernel: true},
			{Route: rib.Route{Prefix: prefix("2001:db8:2::/48"), Via: addr("fe80::9"), Link: "wan0"}, Source: "bgp", Best: true, Reason: "next hop fe80::9 is not reachable"},
			{Route: rib.Route{Prefix: prefix("2001:db8:1::/48"), Via: addr("fe80::9"), Link: "wan0"}, Source: "bgp"},
			{Route: rib.Route{Prefix: prefix("192.168.5.0/24"), Link: "lan0"}, Source: "connected", Best: true, InKernel: true},
		},
		PrefixList: []plan.Delegated{
			{
				Status: pd.Status{
					Link: "wan0", Name: "isp", IAID: 7, State: "bound", Since: past(2 * time.Hour),
					Kind: "prefix", DUID: []byte{0, 3, 0, 1, 0x52, 0x54, 0, 1, 2, 3}, Hint: "a /48", Reconfigurable: true, Next: in(12 * time.Hour),
					Delegation: &pd.Delegation{
						Name: "isp", Link: "wan0", Prefix: prefix("2001:db8:1::/48"),
						PreferredUntil: in(7 * day), ValidUntil: in(30 * day), T1: in(12 * time.Hour), T2: in(20 * time.Hour),
						Server: addr("fe80::1"), ServerDUID: []byte{0, 3, 0, 1, 2, 0, 0, 0, 0, 1},
						DNS: []netip.Addr{addr("2001:db8::53")}, Domains: []string{"example.net"},
						Exclude: prefix("2001:db8:1:ffff::/64"), Options: []pd.Option{{Code: 64, Data: []byte("\x04aftr\x00")}},
						Spare: []pd.Former{{Prefix: prefix("2001:db8:7::/48"), PreferredUntil: in(day), ValidUntil: in(2 * day)}},
					},
				},
				Uses: []plan.PrefixUse{
					{Where: "interfaces.lan0.addresses", Expr: "isp ::1/64", Prefix: "2001:db8:1::1/64"},
					{Where: "interfaces.lan0.dhcpv6.delegate.customers", Expr: "isp 0:0:0:100::/56", Prefix: "2001:db8:1:100::/56"},
				},
				Parts: []plan.Part{
					{Name: "lan1", Bits: 64, Subnet: prefix("0:0:0:1::/64"), Prefix: prefix("2001:db8:1:1::/64"), State: "active", Reason: "the first of the smallest free blocks"},
					{Bits: 80, Subnet: prefix("0:0:0:2::/80"), Prefix: prefix("2001:db8:1:2::/80"), State: "active", Reason: "moved here: 0:0:0:7::/80 belongs to routes"},
					{Name: "lan2", Bits: 47, State: "pending", Reason: "isp is a /48, too small for a /47"},
					{Name: "lan9", Bits: 64, Subnet: prefix("0:0:0:9::/64"), State: "kept", Reason: "nothing uses it now"},
				},
			},
			{
				Status: pd.Status{Link: "wan1", Name: "backup", IAID: 8, State: "soliciting", Since: past(90 * time.Second), Problem: "NoPrefixAvail: pool is empty",
					Kind: "prefix", DUID: []byte{0, 3, 0, 1, 0x52, 0x54, 0, 1, 2, 3}, Message: "Solicit", Attempts: 6, Next: in(30 * time.Second)},
				Uses: []plan.PrefixUse{{Where: "interfaces.lan0.addresses", Expr: "backup ::1/64"}},
			},
		},
		ConsumerList: sampleConsumers(past, in),
		LeaseList: []router.LeaseStatus{
			{Lease: lease.Lease{
				Key: key(duid, lease.Address, "lan0"), Prefix: prefix("2001:db8:1::5054/128"), MAC: mac("52:54:00:d6:c2:a9"), Client: addr("fe80::5054:ff:fed6:c2a9"),
				Pool: "web1", Reserved: true, Preferred: in(30 * time.Minute), Valid: in(time.Hour), Updated: past(time.Minute),
			}},
			{Routed: true, Lease: lease.Lease{
				Key: key(duid, lease.Prefix, "lan0"), Prefix: prefix("2001:db8:1:100::/60"), MAC: mac("52:54:00:d6:c2:a9"), Client: addr("fe80::5054:ff:fed6:c2a9"),
				Pool: "customers", Preferred: in(30 * time.Minute), Valid: in(time.Hour), Updated: past(time.Minute),
			}},
			{Lease: lease.Lease{Key: key("\x00\x03", lease.Address, "lan1"), Prefix: prefix("2001:db8:1:1::7/128"), State: lease.Declined, Pool: "guests", Updated: past(time.Minute)}},
		},
		NeighborList: []kernel.Neighbor{
			{Link: "wan0", Address: addr("fe80::1"), MAC: mac("02:00:00:00:00:01"), State: "reachable", Router: true},
			{Link: "lan0", Address: addr("fe80::5054:ff:fed6:c2a9"), MAC: mac("52:54:00:d6:c2:a9"), State: "stale"},
			{Link: "lan0", Address: addr("2001:db8:1::7"), State: "failed"},
		},
		Speaker: bgp.Status{ASN: 65004, RouterID: addr("172.16.4.1"), Running: true, Neighbors: []bgp.NeighborStatus{
			{
				Neighbor: bgp.Neighbor{Name: "isp", Description: "transit", Address: addr("fe80::1%wan0"), RemoteAS: 65001, Import: "all", Export: "ours", ImportLimit: 100, HoldTime: 90 * time.Second, Password: "secret"},
				State:    "established", Since: past(26 * time.Hour), Received: 12, Accepted: 10, Advertised: 2, Flaps: 1,
			},
			{
				Neighbor: bgp.Neighbor{Name: "lab", Address: addr("2001:db8:9::2"), RemoteAS: 65009, HoldTime: 90 * time.Second, Passive: true},
				State:    "active", Since: past(3 * time.Minute), LastError: "connection refused",
			},
		}},
		PathList: []bgp.Path{
			{Prefix: prefix("2001:db8:2::/48"), Best: true, Neighbor: "isp", NextHop: addr("fe80::1"), Link: "wan0", ASPath: "65001 65002", Origin: "igp", LocalPref: 100, Age: past(time.Hour), Source: "bgp"},
			{Prefix: prefix("2001:db8:2::/48"), Neighbor: "lab", NextHop: addr("2001:db8:9::2"), ASPath: "65009 65001 65002", Origin: "incomplete", LocalPref: 100, MED: 5, Age: past(2 * time.Hour), Source: "bgp"},
			{Prefix: prefix("2001:db8:1::/48"), Best: true, NextHop: addr("::"), Origin: "igp", Age: past(time.Hour), Source: "aggregate"},
			{Prefix: prefix("2001:db8:3::/48"), Best: true, Neighbor: "isp", NextHop: addr("::1"), ASPath: "65001", Origin: "igp", LocalPref: 100, Age: past(time.Hour), Source: "bgp", Unusable: "next hop is our own", Community: []string{"65001:1"}},
		},
		AdvertisementList: []ra.Status{{
			Interface: ra.Interface{
				Link: "lan0", Index: 3, LinkLocal: addr("fe80::3"), MinInterval: 200 * time.Second, MaxInterval: 600 * time.Second,
				OtherConfig: true, HopLimit: 64, LinkMTU: 1500, RouterLifetime: 30 * time.Minute,
				Prefixes: []ra.Prefix{
					{Prefix: prefix("2001:db8:1::/64"), OnLink: true, Autonomous: true, Valid: 30 * day, Preferred: 7 * day, ValidUntil: in(10 * day), PreferredUntil: in(9 * day)},
					{Prefix: prefix("fd00:1::/64"), OnLink: true, Valid: ra.Forever, Preferred: ra.Forever},
				},
				RDNSS: []netip.Addr{addr("2001:db8::53")}, DNSSL: []string{"example.net"}, DNSLifetime: 30 * time.Minute, DNSSLLifetime: 20 * time.Minute,
			},
			Sent: 17, Solicited: 3, Last: past(time.Minute), Next: in(5 * time.Minute),
		}, fullAdvertisement(past, in)},
		VXLANList: []router.VXLANStatus{{Sources: []netip.Prefix{prefix("192.0.2.0/24")}, Status: vxlan.Status{
			Device: vxlan.Device{Name: "vxlan1000", VNI: 1000, Group: addr("239.0.3.232"), Link: "wan0", TTL: 5, Port: 4789, MTU: 1450},
			Index:  4, Up: true, MAC: "02:00:00:00:00:04", RxBytes: 123456, TxBytes: 7, RxPackets: 12, TxPackets: 1, TxErrors: 1,
			Forwarding: []vxlan.ForwardingEntry{
				{MAC: "00:00:00:00:00:00", Remote: "239.0.3.232", State: "permanent", Configured: true},
				{MAC: "02:00:00:00:00:99", Remote: "192.0.2.9", State: "reachable", Learnt: true, Age: 12 * time.Second, Since: 3 * time.Hour},
			},
		}}},
		DHCPv6Status: dhcpv6.Status{
			Interfaces: []dhcpv6.InterfaceStatus{{
				Link: "lan0", Received: map[string]uint64{"SOLICIT": 4, "REQUEST": 2}, Sent: map[string]uint64{"ADVERTISE": 4, "REPLY": 2},
				Pools: []dhcpv6.PoolStatus{
					{Name: "guests", Kind: "address", Range: "2001:db8:1::100-2001:db8:1::1ff", Leased: 3, Declined: 1, Size: 256},
					{Name: "customers", Kind: "prefix", Range: "2001:db8:1:100::/56", Leased: 1, Size: 16},
				},
			}},
			Dropped: map[string]uint64{"too large": 2},
			Reconfigures: []dhcpv6.Reconfiguring{{
				Link: "lan0", Client: addr("fe80::5054:ff:fed6:c2a9"), DUID: []byte(duid), Reason: "no longer right: 2001:db8:1::5054, now 2001:db8:7::5054", Sent: 2, Next: in(4 * time.Second),
			}},
			Reconfigured: 12, ReconfigureFailed: 1,
		},
		PendingList:  []plan.Pending{{What: `interfaces.lan0.addresses "backup ::1/64"`, Reason: "nothing is delegated under the name backup yet"}},
		Explanations: explanations(),
		UnitList: []health.Unit{
			{Name: "kernel", Since: past(26 * time.Hour)},
			{Name: "bgp", Problem: "listen on port 179: address already in use", Since: past(5 * time.Minute)},
		},
	}
}
