package ra

import (
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/mdlayher/ndp"
)

// TestOptions holds each option against the figure of its RFC, written out by hand.
func TestOptions(t *testing.T) {
	gone := func(r Resolver) RawOption {
		o, err := r.Gone()
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
	prefix, addr := netip.MustParsePrefix, netip.MustParseAddr
	nat64 := func(text string) []PREF64 { return []PREF64{{Prefix: prefix(text), Lifetime: 1800 * time.Second}} }
	for _, tt := range []struct {
		name string
		i    Interface
		want string // behind the header
	}{
		{"prefix with all flags, RFC 4861 4.6.2, RFC 6275 7.2, RFC 9762 3", Interface{Prefixes: []Prefix{{
			Prefix: prefix("2001:db8:1::/64"), OnLink: true, Autonomous: true, RouterAddress: addr("2001:db8:1::1"), PDPreferred: true,
			Valid: time.Hour, Preferred: time.Minute,
		}}}, "03 04 40 f0 00000e10 0000003c 00000000 20010db8 00010000 00000000 00000001"},
		{"prefix with P alone", Interface{Prefixes: []Prefix{{Prefix: prefix("2001:db8:1::/64"), PDPreferred: true}}},
			"03 04 40 10 00000000 00000000 00000000 20010db8 00010000 00000000 00000000"},
		{"prefix with R alone", Interface{Prefixes: []Prefix{{Prefix: prefix("2001:db8:1::/64"), RouterAddress: addr("2001:db8:1::ff")}}},
			"03 04 40 20 00000000 00000000 00000000 20010db8 00010000 00000000 000000ff"},
		{"prefix that counts down since then", Interface{Prefixes: []Prefix{{
			Prefix: prefix("2001:db8:1::/64"), Valid: time.Hour, Preferred: time.Minute, Decrement: true, Since: epoch.Add(-10 * time.Second),
		}}}, "03 04 40 00 00000e06 00000032 00000000 20010db8 00010000 00000000 00000000"},
		{"prefix that counted down", Interface{Prefixes: []Prefix{{
			Prefix: prefix("2001:db8:1::/64"), Valid: Forever, Preferred: time.Minute, Decrement: true, Since: epoch.Add(-time.Hour),
		}}}, "03 04 40 00 ffffffff 00000000 00000000 20010db8 00010000 00000000 00000000"},
		{"default route, RFC 4191 2.3", Interface{Routes: []Route{{Prefix: prefix("::/0"), Lifetime: 1800 * time.Second}}}, "18 01 00 00 00000708"},
		{"routes of all lengths", Interface{Routes: []Route{
			{Prefix: prefix("2001:db8::/32"), Preference: 1, Lifetime: Forever},
			{Prefix: prefix("2001:db8:0:10::/60"), Preference: 3, Lifetime: time.Minute},
			{Prefix: prefix("2001:db8:0:1::/64"), Lifetime: 0},
			{Prefix: prefix("2001:db8::8000:0:0:0/65"), Lifetime: time.Hour, Until: epoch.Add(30 * time.Second)},
			{Prefix: prefix("2001:db8::1/128"), Lifetime: time.Hour, Until: epoch.Add(-time.Second)},
		}}, `18 02 20 08 ffffffff 20010db8 00000000
			18 02 3c 18 0000003c 20010db8 00000010
			18 02 40 00 00000000 20010db8 00000001
			18 03 41 00 0000001e 20010db8 00000000 80000000 00000000
			18 03 80 00 00000000 20010db8 00000000 00000000 00000001`},
		{"PREF64 /96, RFC 8781 4", Interface{PREF64: nat64("64:ff9b::/96")}, "26 02 0708 0064ff9b 00000000 00000000"},
		{"PREF64 /64", Interface{PREF64: nat64("2001:db8:0:64::/64")}, "26 02 0709 20010db8 00000064 00000000"},
		{"PREF64 /56", Interface{PREF64: nat64("2001:db8:0:6400::/56")}, "26 02 070a 20010db8 00006400 00000000"},
		{"PREF64 /48", Interface{PREF64: nat64("2001:db8:64::/48")}, "26 02 070b 20010db8 00640000 00000000"},
		{"PREF64 /40", Interface{PREF64: nat64("2001:db8:6400::/40")}, "26 02 070c 20010db8 64000000 00000000"},
		{"PREF64 /32", Interface{PREF64: nat64("2001:db8::/32")}, "26 02 070d 20010db8 00000000 00000000"},
		{"PREF64 is rounded up", Interface{PREF64: []PREF64{
			{Prefix: prefix("64:ff9b::/96"), Lifetime: 9 * time.Second},
			{Prefix: prefix("64:ff9b::/96"), Lifetime: MaxPREF64Lifetime},
			{Prefix: prefix("64:ff9b::/96")},
		}}, "26 02 0010 0064ff9b 00000000 00000000  26 02 fff8 0064ff9b 00000000 00000000  26 02 0000 0064ff9b 00000000 00000000"},
		{"captive portal, RFC 8910 2.3", Interface{CaptivePortal: "https://p.example/api"},
			"25 03 68747470733a2f2f702e6578616d706c652f617069 00"},
		{"captive portal that fills its option", Interface{CaptivePortal: "https://p.example/apis"},
			"25 03 68747470733a2f2f702e6578616d706c652f61706973"},
		{"no captive portal", Interface{CaptivePortal: CaptivePortalNone},
			"25 05 75726e3a696574663a706172616d733a636170706f72743a756e72657374726963746564 00 00"},
		{"resolver, RFC 9463 6.1", Interface{DNR: []Resolver{{
			Priority: 1, Lifetime: 1800 * time.Second, Name: "dns.example.", Addresses: []netip.Addr{addr("2001:db8::53"), addr("fe80::1")},
			Parameters: []SvcParam{
				{Key: 1, Value: []byte("\x03dot\x02h2")}, {Key: 3, Value: []byte{0x21, 0x95}}, {Key: 7, Value: []byte("/q{?dns}")},
			},
		}}}, `90 0b 0001 00000708
			000d 03 646e73 07 6578616d706c65 00
			0020 20010db8000000000000000000000053 fe800000000000000000000000000001
			001d 0001 0007 03 646f74 02 6832  0003 0002 2195  0007 0008 2f717b3f646e737d`},
		{"resolver by name only, RFC 9463 3.1.6", Interface{DNR: []Resolver{{Priority: 0xffff, Lifetime: Forever, Name: "dns.example"}}},
			"90 03 ffff ffffffff 000d 03 646e73 07 6578616d706c65 00 00"},
		{"interval, RFC 6275 7.3", Interface{Interval: true, MaxInterval: 600 * time.Second}, "07 01 0000 000927c0"},
		{"short interval, RFC 6275 7.5", Interface{Interval: true, MaxInterval: 70 * time.Millisecond}, "07 01 0000 0000005a"},
		{"option of another type", Interface{Raw: []RawOption{{Type: 253, Data: []byte{1, 2, 3}}, {Type: 254}, {Type: 255, Data: make([]byte, 7)}}},
			"fd 01 010203 000000  fe 01 000000000000  ff 02 00000000000000 00000000000000"},
		{"name servers that are gone", Interface{RDNSS: []netip.Addr{addr("2001:db8::1")}, GoneRDNSS: []netip.Addr{addr("2001:db8::2")}, DNSLifetime: time.Minute},
			"19 03 0000 0000003c 20010db8000000000000000000000001  19 03 0000 00000000 20010db8000000000000000000000002"},
		{"lifetimes of their own, RFC 8106 5.1, 5.2", Interface{RDNSS: []netip.Addr{addr("2001:db8::1")}, DNSLifetime: time.Minute, DNSSL: []string{"a.example"}, DNSSLLifetime: time.Hour},
			"19 03 0000 0000003c 20010db8000000000000000000000001  1f 03 0000 00000e10 0161 07 6578616d706c65 00 0000000000"},
		{"a NAT64 prefix that is gone", Interface{PREF64: []PREF64{{Prefix: netip.MustParsePrefix("64:ff9b::/96")}}}, "26 02 0000 0064ff9b0000000000000000"},
		{"a resolver that is gone from an address, before it at another", Interface{
			GoneDNR: []RawOption{gone(Resolver{Priority: 1, Lifetime: time.Hour, Name: "dns.example", Addresses: []netip.Addr{addr("2001:db8:1::53")}})},
			DNR:     []Resolver{{Priority: 1, Lifetime: time.Hour, Name: "dns.example", Addresses: []netip.Addr{addr("2001:db8:2::53")}}},
		}, `90 06 0001 00000000 000d 03 646e73 07 6578616d706c65 00 0010 20010db8000100000000000000000053 0000 00000000 00
			90 06 0001 00000e10 000d 03 646e73 07 6578616d706c65 00 0010 20010db8000200000000000000000053 0000 00000000 00`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Encode(tt.i, epoch)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([][]byte{bytesOf(t, "86 00 0000 00 00 0000 00000000 00000000"+tt.want)}, got); diff != "" {
				t.Errorf("messages (-want +got):\n%s", diff)
			}
		})
	}
}

// TestHeaderFlags holds the flags against RFC 4861 4.2, RFC 6275 7.1, RFC 4191 2.2 and the SNAC router flag.
func TestHeaderFlags(t *testing.T) {
	agent := &HomeAgent{Lifetime: 1800 * time.Second}
	for _, tt := range []struct {
		name string
		i    Interface
		want string
	}{
		{"M", Interface{Managed: true}, "86 00 0000 00 80 0000 00000000 00000000"},
		{"O", Interface{OtherConfig: true}, "86 00 0000 00 40 0000 00000000 00000000"},
		{"SNAC", Interface{SNAC: true}, "86 00 0000 00 02 0000 00000000 00000000"},
		{"H, without an option that says nothing new", Interface{HomeAgent: agent, RouterLifetime: 1800 * time.Second},
			"86 00 0000 00 20 0708 00000000 00000000"},
		{"H, RFC 6275 7.4", Interface{HomeAgent: &HomeAgent{Preference: -2, Lifetime: time.Hour}, RouterLifetime: 1800 * time.Second},
			"86 00 0000 00 20 0708 00000000 00000000  08 01 0000 fffe 0e10"},
		{"mobile router, RFC 3963 5.1", Interface{HomeAgent: &HomeAgent{Preference: 1, Lifetime: 65520 * time.Second, MobileRouter: true}},
			"86 00 0000 00 20 0000 00000000 00000000  08 01 8000 0001 fff0"},
		{"all", Interface{Managed: true, OtherConfig: true, SNAC: true, HomeAgent: agent, Preference: 3, RouterLifetime: 1800 * time.Second, HopLimit: 255},
			"86 00 0000 ff fa 0708 00000000 00000000"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Encode(tt.i, epoch)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([][]byte{bytesOf(t, tt.want)}, got); diff != "" {
				t.Errorf("messages (-want +got):\n%s", diff)
			}
		})
	}
}

// TestOptionErrors: what has no encoding is refused, and never cut.
func TestOptionErrors(t *testing.T) {
	prefix, addr := netip.MustParsePrefix, netip.MustParseAddr
	for _, tt := range []struct {
		name string
		i    Interface
		want string
	}{
		{"route preference", Interface{Routes: []Route{{Prefix: prefix("::/0"), Preference: 2}}}, "preference 2"},
		{"route lifetime", Interface{Routes: []Route{{Prefix: prefix("::/0"), Lifetime: -1}}}, "lifetime -1ns"},
		{"route with host bits", Interface{Routes: []Route{{Prefix: prefix("2001:db8::1/64")}}}, "2001:db8::1/64"},
		{"IPv4 route", Interface{Routes: []Route{{Prefix: prefix("10.0.0.0/8")}}}, "10.0.0.0/8"},
		{"PREF64 length", Interface{PREF64: []PREF64{{Prefix: prefix("64:ff9b::/95")}}}, "64:ff9b::/95"},
		{"IPv4 PREF64", Interface{PREF64: []PREF64{{Prefix: prefix("10.0.0.0/32")}}}, "10.0.0.0/32"},
		{"PREF64 lifetime", Interface{PREF64: []PREF64{{Prefix: prefix("64:ff9b::/96"), Lifetime: MaxPREF64Lifetime + 1}}}, "lifetime"},
		{"router address elsewhere", Interface{Prefixes: []Prefix{{Prefix: prefix("2001:db8::/64"), RouterAddress: addr("2001:db9::1")}}}, "2001:db9::1"},
		{"resolver as alias", Interface{DNR: []Resolver{{Name: "dns.example"}}}, "priority 0"},
		{"resolver without name", Interface{DNR: []Resolver{{Priority: 1}}}, `resolver ""`},
		{"parameters without address", Interface{DNR: []Resolver{{Priority: 1, Name: "a", Parameters: []SvcParam{{Key: 3}}}}}, "without an address"},
		{"parameters in disorder", Interface{DNR: []Resolver{{
			Priority: 1, Name: "a", Addresses: []netip.Addr{addr("::1")}, Parameters: []SvcParam{{Key: 3}, {Key: 3}},
		}}}, "ascending"},
		{"IPv4 resolver", Interface{DNR: []Resolver{{Priority: 1, Name: "a", Addresses: []netip.Addr{addr("10.0.0.1")}}}}, "10.0.0.1"},
		{"huge resolver", Interface{DNR: []Resolver{{
			Priority: 1, Name: "a", Addresses: []netip.Addr{addr("::1")}, Parameters: []SvcParam{{Key: 9, Value: make([]byte, 2100)}},
		}}}, "more than an option can hold"},
		{"home agent lifetime", Interface{HomeAgent: &HomeAgent{}}, "home agent lifetime"},
		{"type 0", Interface{Raw: []RawOption{{}}}, "type 0"},
		{"long option", Interface{Raw: []RawOption{{Type: 253, Data: make([]byte, 2039)}}}, "2039 bytes"},
		{"option that fits no packet", Interface{Raw: []RawOption{{Type: 253, Data: make([]byte, 1223)}}}, "1224 fit"},
		{"portal that fits no packet", Interface{CaptivePortal: strings.Repeat("x", 1500), PacketSize: 1500}, "1444 fit"},
		{"small packets", Interface{PacketSize: 1279}, "1279 bytes"},
		{"interval", Interface{Interval: true, MaxInterval: 1200 * time.Hour}, "interval"},
		{"zone", Interface{RDNSS: []netip.Addr{addr("fe80::1%eth0")}}, "fe80::1%eth0"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b, err := Encode(tt.i, epoch)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %x, error %v, want one about %s", b, err, tt.want)
			}
		})
	}
}

// TestAsNDP: where ndp encodes right, both say the same. An option that ndp does not know is not here.
func TestAsNDP(t *testing.T) {
	prefix, addr := netip.MustParsePrefix, netip.MustParseAddr
	i := Interface{
		HopLimit: 64, Managed: true, RouterLifetime: 1800 * time.Second, Preference: 1, ReachableTime: time.Second, RetransTimer: time.Second,
		MAC: net.HardwareAddr{2, 0, 0, 0, 0, 1}, LinkMTU: 1500, DNSLifetime: 1800 * time.Second, DNSSLLifetime: 1800 * time.Second,
		Prefixes:      []Prefix{{Prefix: prefix("2001:db8:1::/64"), OnLink: true, Autonomous: true, Valid: time.Hour, Preferred: time.Minute}},
		Routes:        []Route{{Prefix: prefix("2001:db8::/56"), Preference: 1, Lifetime: time.Hour}, {Prefix: prefix("2001:db8::/128"), Lifetime: Forever}},
		RDNSS:         []netip.Addr{addr("2001:db8::53"), addr("fe80::1")},
		DNSSL:         []string{"lan.example"},
		PREF64:        []PREF64{{Prefix: prefix("64:ff9b::/96"), Lifetime: 1800 * time.Second}},
		CaptivePortal: "https://portal.example/api",
	}
	want, err := ndp.MarshalMessage(&ndp.RouterAdvertisement{
		CurrentHopLimit: 64, ManagedConfiguration: true, RouterLifetime: 1800 * time.Second, RouterSelectionPreference: ndp.High,
		ReachableTime: time.Second, RetransmitTimer: time.Second,
		Options: []ndp.Option{
			&ndp.LinkLayerAddress{Direction: ndp.Source, Addr: i.MAC},
			ndp.NewMTU(1500),
			&ndp.PrefixInformation{
				PrefixLength: 64, OnLink: true, AutonomousAddressConfiguration: true, ValidLifetime: time.Hour, PreferredLifetime: time.Minute,
				Prefix: addr("2001:db8:1::"),
			},
			&ndp.RouteInformation{PrefixLength: 56, Preference: ndp.High, RouteLifetime: time.Hour, Prefix: addr("2001:db8::")},
			&ndp.RouteInformation{PrefixLength: 128, RouteLifetime: Forever, Prefix: addr("2001:db8::")},
			&ndp.RecursiveDNSServer{Lifetime: 1800 * time.Second, Servers: i.RDNSS},
			&ndp.DNSSearchList{Lifetime: 1800 * time.Second, DomainNames: i.DNSSL},
			&ndp.PREF64{Lifetime: 1800 * time.Second, Prefix: prefix("64:ff9b::/96")},
			&ndp.CaptivePortal{URI: i.CaptivePortal},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	got, err := Encode(i, epoch)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([][]byte{want}, got); diff != "" {
		t.Errorf("messages (-ndp +got):\n%s", diff)
	}
}

// TestSplitAtPacketSize: any number of options leaves in packets that fit, in order, none lost.
func TestSplitAtPacketSize(t *testing.T) {
	for _, size := range []int{0, 1280, 1500, 9000} {
		i := Interface{RouterLifetime: time.Hour, PacketSize: size, DNSLifetime: time.Hour, DNSSLLifetime: time.Hour}
		for n := range 40 {
			a := netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, 15: byte(n)})
			i.RDNSS = append(i.RDNSS, a)
			i.Routes = append(i.Routes, Route{Prefix: netip.PrefixFrom(a, 128), Lifetime: time.Hour})
			i.Prefixes = append(i.Prefixes, Prefix{Prefix: netip.PrefixFrom(a, 128), Valid: time.Hour})
		}
		messages, err := Encode(i, epoch)
		if err != nil {
			t.Fatal(err)
		}
		limit := max(size, 1280)
		var routes, servers, prefixes int
		for _, m := range messages {
			if len(m)+40 > limit {
				t.Errorf("a packet of %d bytes where %d are allowed", len(m)+40, limit)
			}
			r, err := Decode(m)
			if err != nil {
				t.Fatal(err)
			}
			routes, prefixes = routes+len(r.Routes), prefixes+len(r.Prefixes)
			for _, s := range r.RDNSS {
				servers += len(s.Servers)
			}
		}
		if routes != 40 || servers != 40 || prefixes != 40 {
			t.Errorf("size %d: %d routes, %d servers, %d prefixes of 40", size, routes, servers, prefixes)
		}
		if size == 9000 && len(messages) != 1 {
			t.Errorf("%d packets where one of 9000 bytes would do", len(messages))
		}
	}
}
