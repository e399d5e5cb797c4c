package apitest

import (
	"net"
	"net/netip"
	"time"

	"github.com/sixfold-router/sixfold/ra"
)

// fullAdvertisement has every option that there is.
func fullAdvertisement(past, in func(time.Duration) time.Time) ra.Status {
	prefix, addr := netip.MustParsePrefix, netip.MustParseAddr
	return ra.Status{
		Interface: ra.Interface{
			Link: "wlan0", Index: 7, LinkLocal: addr("fe80::7"), MAC: net.HardwareAddr{0x02, 0, 0, 0, 0, 7},
			MinInterval: 30 * time.Millisecond, MaxInterval: 70 * time.Millisecond, MinDelay: 30 * time.Millisecond,
			Managed: true, HopLimit: 64, LinkMTU: 1400, RouterLifetime: 9 * time.Second, Preference: 1,
			Prefixes: []ra.Prefix{
				{
					Prefix: prefix("2001:db8:7::/64"), OnLink: true, Autonomous: true, Valid: 2 * time.Hour, Preferred: time.Hour,
					RouterAddress: addr("2001:db8:7::1"), PDPreferred: true, Decrement: true, Since: past(30 * time.Minute), Deprecate: true,
				},
			},
			Routes: []ra.Route{
				{Prefix: prefix("::/0"), Preference: 3, Lifetime: ra.Forever, Keep: true},
				{Prefix: prefix("2001:db8:8000::/33"), Lifetime: 30 * time.Minute, Until: in(10 * time.Minute)},
			},
			PREF64:        []ra.PREF64{{Prefix: prefix("64:ff9b::/96"), Lifetime: 30 * time.Minute}},
			CaptivePortal: "https://portal.example.net/api",
			DNR: []ra.Resolver{
				{
					Priority: 1, Lifetime: 30 * time.Minute, Name: "dns.example.net", Addresses: []netip.Addr{addr("2001:db8::53")},
					Parameters: []ra.SvcParam{
						{Key: 1, Value: []byte("\x03dot\x02h2")}, {Key: 3, Value: []byte{3, 85}}, {Key: 7, Value: []byte("/dns-query{?dns}")},
					},
				},
				{Priority: 2, Lifetime: 30 * time.Minute, Name: "other.example.net"},
			},
			SNAC: true, Interval: true, HomeAgent: &ra.HomeAgent{Preference: -5, Lifetime: time.Hour, MobileRouter: true},
			Raw: []ra.RawOption{{Type: 253, Data: []byte{1, 2, 3}}}, PacketSize: 1280,
			Clients: []netip.Addr{addr("fe80::aa")}, Excluded: []netip.Addr{addr("fe80::bb")}, UnicastOnly: true, Keep: true, KeepDNS: true,
		},
		Sent: 2, Solicited: 2,
	}
}
