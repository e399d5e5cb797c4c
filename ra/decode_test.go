package ra

import (
	"encoding/json"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/mdlayher/ndp"
)

var comparable = cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{})

func TestDecode(t *testing.T) {
	const header = "86 00 0000 40 c8 0708 00007530 000003e8"
	base := func(f func(*Received)) Received {
		r := Received{
			HopLimit: 64, Managed: true, OtherConfig: true, Preference: "high",
			RouterLifetime: 1800, ReachableTime: 30000, RetransTimer: 1000,
		}
		f(&r)
		return r
	}
	route := func(text, preference string) Received {
		return base(func(r *Received) {
			r.Routes = []ReceivedRoute{{Prefix: netip.MustParsePrefix(text), Preference: preference, Lifetime: 1800}}
		})
	}
	malformed := func(kind uint8, length int, reason string) Received {
		return base(func(r *Received) { r.Malformed = []MalformedOption{{kind, length, reason}} })
	}
	for _, tt := range []struct {
		name, message string
		want          Received
	}{
		{"header", header, base(func(*Received) {})},
		{"reserved preference is medium", "86 00 0000 00 10 0000 00000000 00000000", Received{Preference: "medium", Notes: []string{"the router preference is the reserved value, which counts as medium"}}},
		{"link-layer address and MTU", header + "0101020000000001 0501 0000 000005dc", base(func(r *Received) { r.MAC, r.MTU = "02:00:00:00:00:01", 1500 })},
		{"prefix", header + "03 04 40 c0 00000e10 00000708 00000000 20010db80001000000000000000000ff", base(func(r *Received) {
			r.Prefixes = []ReceivedPrefix{{Prefix: netip.MustParsePrefix("2001:db8:1::/64"), OnLink: true, Autonomous: true, Valid: 3600, Preferred: 1800}}
		})},
		{"prefix of 129 bits", header + "03 04 81 c0 00000e10 00000708 00000000 20010db80001000000000000000000ff", malformed(3, 32, "a prefix of 129 bits")},
		{"route not on a byte boundary", header + "18 02 3c 08 00000708 20010db800000010", route("2001:db8:0:10::/60", "high")},
		{"default route", header + "18 01 00 18 00000708", route("::/0", "low")},
		{"route longer than its option", header + "18 02 41 00 00000708 20010db800000010", malformed(24, 16, "a prefix of 65 bits in 8 bytes")},
		{"route with reserved preference", header + "18 01 00 10 00000708", malformed(24, 8, "the reserved preference")},
		{"servers", header + "19 05 0000 00000708 20010db8000000000000000000000053 20010db8000000000000000000000054", base(func(r *Received) {
			r.RDNSS = []ReceivedServers{{Lifetime: 1800, Servers: []netip.Addr{netip.MustParseAddr("2001:db8::53"), netip.MustParseAddr("2001:db8::54")}}}
		})},
		{"half a server", header + "19 02 0000 00000708 20010db800000000", malformed(25, 16, "8 bytes of addresses, which have 16 each")},
		{"no server", header + "19 01 0000 00000708", malformed(25, 8, "0 bytes of addresses, which have 16 each")},
		{"domains", header + "1f 04 0000 00000708 03 6c616e 07 6578616d706c65 00 02 1b2e 01 41 00 00 00 00 00 00", base(func(r *Received) {
			r.DNSSL = []ReceivedDomains{{Lifetime: 1800, Domains: []string{"lan.example", `\027\046.A`}}}
		})},
		{"no domain", header + "1f 02 0000 00000708 0000000000000000", malformed(31, 16, "no name")},
		{"compressed domain", header + "1f 02 0000 00000708 03 6c616e c000 0000", malformed(31, 16, "a compressed name, or one with a label of more than 63 bytes")},
		{"domain without end", header + "1f 02 0000 00000708 07 6578616d706c65", malformed(31, 16, "a name without end")},
		{"a bad option among good ones", header + "0102020000000001 0000000000000000 0501 0000 000005dc fd01aabbccddeeff", base(func(r *Received) {
			r.MTU, r.Malformed = 1500, []MalformedOption{{1, 16, "16 bytes long instead of 8"}}
			r.Unknown = []UnknownOption{{253, Hex("\xaa\xbb\xcc\xdd\xee\xff")}}
		})},
		{"a prefix with all flags", header + "03 04 40 f0 ffffffff 00000708 00000000 20010db80001000000000000000000ff", base(func(r *Received) {
			r.Prefixes = []ReceivedPrefix{{
				Prefix: netip.MustParsePrefix("2001:db8:1::/64"), OnLink: true, Autonomous: true, PDPreferred: true,
				RouterAddress: netip.MustParseAddr("2001:db8:1::ff"), Valid: 0xffffffff, Preferred: 1800,
			}}
		})},
		{"prefixes that hosts do not use", header +
			"03 04 40 40 00000001 00000002 00000000 20010db8000100000000000000000000" +
			"03 04 38 40 00000002 00000001 00000000 20010db8000100000000000000000000" +
			"03 04 40 c0 00000002 00000001 00000000 fe800000000000000000000000000000" +
			"03 04 08 c0 00000002 00000001 00000000 ff020000000000000000000000000000", base(func(r *Received) {
			r.Prefixes = []ReceivedPrefix{
				{Prefix: netip.MustParsePrefix("2001:db8:1::/64"), Autonomous: true, Valid: 1, Preferred: 2, Problem: "preferred for longer than valid: hosts make no address of it"},
				{Prefix: netip.MustParsePrefix("2001:db8:1::/56"), Autonomous: true, Valid: 2, Preferred: 1, Problem: "not a /64: hosts make no address of it"},
				{Prefix: netip.MustParsePrefix("fe80::/64"), OnLink: true, Autonomous: true, Valid: 2, Preferred: 1, Problem: "hosts ignore a link-local prefix"},
			}
			r.Malformed = []MalformedOption{{3, 32, "the multicast prefix ff00::/8"}}
		})},
		{"flags of the header", "86 00 0000 40 36 0708 00000000 00000000", Received{
			HopLimit: 64, HomeAgent: true, Proxy: true, SNAC: true, Preference: "medium", RouterLifetime: 1800,
			Notes: []string{"the router preference is the reserved value, which counts as medium"},
		}},
		{"MTU below what IPv6 needs", header + "0501 0000 000004ff", malformed(5, 8, "an MTU of 1279, below 1280")},
		{"NAT64 prefixes", header + "2602 0708 0064ff9b0000000000000000" + "2602 0709 20010db80000000000000001" + "260207080064ff9b", base(func(r *Received) {
			r.PREF64 = []ReceivedPREF64{{netip.MustParsePrefix("64:ff9b::/96"), 1800}, {netip.MustParsePrefix("2001:db8::/64"), 1800}}
			r.Truncated = true
		})},
		{"NAT64 prefix with a reserved length", header + "2602 070e 0064ff9b0000000000000000", malformed(38, 16, "the reserved prefix length code 6")},
		{"captive portal", header + "2503 68747470733a2f2f706f7274616c2f61 00000000 0000", base(func(r *Received) { r.CaptivePortal = "https://portal/a" })},
		{"captive portal with an escape sequence", header + "2501 68741b5b326d", malformed(37, 8, "a byte 0x1b in the URI")},
		{"encrypted resolver", header + "9006 0001 00000e10 0005 03646e7300 0010 20010db8000000000000000000000053 000d 0001 0003 026832 0003 0002 01bb", base(func(r *Received) {
			r.DNR = []ReceivedResolver{{
				Priority: 1, Lifetime: 3600, Name: "dns", Addresses: []netip.Addr{netip.MustParseAddr("2001:db8::53")}, Parameters: []string{"alpn=h2", "port=443"},
			}}
		})},
		{"encrypted resolver by its name only", header + "9003 0001 00000e10 0005 03646e7300 000000000000000000", base(func(r *Received) {
			r.DNR = []ReceivedResolver{{Priority: 1, Lifetime: 3600, Name: "dns"}}
		})},
		{"encrypted resolver with a name over the end", header + "9003 0001 00000e10 0035 03646e7300 000000000000000000", malformed(144, 24, "the name runs over the end")},
		{"encrypted resolver with half an address", header + "9004 0001 00000e10 0005 03646e7300 0008 20010db800000000 00000000000000", malformed(144, 32, "the addresses run over the end, or have not 16 bytes each")},
		{"mobility", header + "0701 0000 00000fa0 0801 8000 fffe 0708", base(func(r *Received) {
			r.Interval, r.HomeAgentInfo = 4000, &ReceivedHomeAgent{Preference: -2, Lifetime: 1800, MobileRouter: true}
		})},
		{"more flags and nonce", header + "1a01 800000000001 0e01 010203040506", base(func(r *Received) {
			r.MoreFlags, r.Nonce = Hex("\x80\x00\x00\x00\x00\x01"), Hex("\x01\x02\x03\x04\x05\x06")
		})},
		{"6LoWPAN", header + "2202 40 11 0000 000a 20010db800000000 2303 0002 0001 000a 20010db8000000000000000000000001", base(func(r *Received) {
			r.Contexts = []ReceivedContext{{ID: 1, Compress: true, Prefix: netip.MustParsePrefix("2001:db8::/64"), Minutes: 10}}
			r.BorderRouters = []ReceivedBorderRouter{{Address: netip.MustParseAddr("2001:db8::1"), Version: 0x10002, Minutes: 10}}
		})},
		{"256 bytes of an option that nobody knows", header + "fe20" + strings.Repeat("00", 254) + "0501 0000 000005dc", base(func(r *Received) {
			r.MTU, r.Unknown = 1500, []UnknownOption{{254, make(Hex, 254)}}
		})},
		{"length 0", header + "0501 0000 000005dc 0100020000000001 0501 0000 00000000", base(func(r *Received) { r.MTU, r.Truncated = 1500, true })},
		{"over the end", header + "0502 0000 000005dc", base(func(r *Received) { r.Truncated = true })},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Decode(bytesOf(t, tt.message))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got, comparable); diff != "" {
				t.Errorf("decoded (-want +got):\n%s", diff)
			}
		})
	}
	for _, bad := range []string{"", "86 00 0000 40 c8 0708 00007530 000003", "85" + header[2:], "86 01" + header[5:]} {
		if r, err := Decode(bytesOf(t, bad)); err == nil {
			t.Errorf("%q was decoded: %+v", bad, r)
		}
	}
}

// FuzzDecode wants no panic, a JSON form, and what ndp can read read alike.
func FuzzDecode(f *testing.F) {
	for _, i := range []Interface{{}, many()} {
		messages, err := Encode(i, epoch)
		if err != nil {
			f.Fatal(err)
		}
		for _, m := range messages {
			f.Add(m)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := Decode(b)
		if err != nil {
			return
		}
		if _, err := json.Marshal(r); err != nil {
			t.Fatal(err)
		}
		m, err := ndp.ParseMessage(b)
		if err != nil {
			return
		}
		theirs := m.(*ndp.RouterAdvertisement)
		if got := time.Duration(r.RouterLifetime) * time.Second; got != theirs.RouterLifetime {
			t.Errorf("router lifetime %v, ndp has %v", got, theirs.RouterLifetime)
		}
		servers := 0
		for _, o := range theirs.Options {
			if s, ok := o.(*ndp.RecursiveDNSServer); ok {
				servers += len(s.Servers)
			}
		}
		for _, s := range r.RDNSS {
			servers -= len(s.Servers)
		}
		if servers != 0 {
			t.Errorf("%d servers more in what ndp reads", servers)
		}
	})
}

// FuzzSolicitation wants no panic and state that stays bounded, whatever comes in.
func FuzzSolicitation(f *testing.F) {
	f.Add([]byte{133, 0, 0, 0, 0, 0, 0, 0}, []byte("0123456789abcdef"), 1, 255)
	f.Fuzz(func(t *testing.T, b, source []byte, index, hops int) {
		a, _ := netip.AddrFromSlice(source)
		s := quiet(t)
		if err := s.Apply(t.Context(), one(basic)); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			s.solicited(b, packetInfo{index: index, source: a, hopLimit: hops}, epoch)
		}
		var dropped uint64
		for _, n := range s.Counters().Dropped {
			dropped += n
		}
		if st := s.Status()[0]; st.Solicited+dropped < 3 {
			t.Errorf("of three packets %d were counted and %d dropped", st.Solicited, dropped)
		}
	})
}
