package ra

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// FuzzRoundTrip encodes interfaces that chance makes and reads them again: nothing may get lost or become something else, in however
// many packets it goes out.
func FuzzRoundTrip(f *testing.F) {
	for seed := range uint64(50) {
		f.Add(seed, 3, "https://portal.example/api", []byte{1, 2, 3})
	}
	f.Add(uint64(7), 60, CaptivePortalNone, []byte{})
	f.Fuzz(func(t *testing.T, seed uint64, n int, portal string, data []byte) {
		i := chance(rand.New(rand.NewPCG(seed, 1)), n&63)
		i.CaptivePortal = portal
		i.Raw = []RawOption{{Type: 253, Data: data}}
		messages, err := Encode(i, epoch)
		if err != nil {
			return
		}
		var got Received
		for _, m := range messages {
			if len(m)+ipv6Header > i.packetSize() {
				t.Fatalf("a packet of %d bytes where %d are allowed", len(m)+ipv6Header, i.packetSize())
			}
			r, err := Decode(m)
			if err != nil || r.Truncated {
				t.Fatalf("Decode: %v of\n%x", err, m)
			}
			merge(&got, r)
			for _, p := range Dissect(m) {
				if len(p.Text) == 0 {
					t.Fatalf("nothing is said of %x", p.Bytes)
				}
			}
		}
		want := expected(i)
		// What portals and other options hold is the reader's business to judge.
		want.CaptivePortal, got.CaptivePortal, got.Malformed, got.Unknown = "", "", nil, nil
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty(), cmp.Comparer(func(a, b netip.Addr) bool { return a == b }),
			cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); diff != "" {
			t.Errorf("what was read differs (-configured +read):\n%s", diff)
		}
	})
}

// chance makes an interface with up to n options of each kind.
func chance(r *rand.Rand, n int) Interface {
	some := func() int { return r.IntN(n + 1) }
	address := func() netip.Addr {
		a := [16]byte{0x20, 0x01, 0x0d, 0xb8}
		for k := 4; k < 16; k++ {
			a[k] = byte(r.Uint32())
		}
		return netip.AddrFrom16(a)
	}
	prefix := func(bits int) netip.Prefix { return netip.PrefixFrom(address(), bits).Masked() }
	seconds := func() time.Duration {
		return []time.Duration{0, time.Second, Forever, time.Duration(r.Uint32()) * time.Second}[r.IntN(4)]
	}
	preference := func() uint8 { return []uint8{0, 1, 3}[r.IntN(3)] }
	i := Interface{
		HopLimit: uint8(r.Uint32()), Managed: r.IntN(2) == 0, OtherConfig: r.IntN(2) == 0, SNAC: r.IntN(2) == 0, Preference: preference(),
		RouterLifetime: time.Duration(r.IntN(65536)) * time.Second, ReachableTime: time.Duration(r.Uint32()) * time.Millisecond,
		RetransTimer: time.Duration(r.Uint32()) * time.Millisecond, LinkMTU: []int{0, 1280, 1500, 9000}[r.IntN(4)],
		MAC: net.HardwareAddr{2, 0, 0, 0, 0, byte(r.Uint32())}, DNSLifetime: seconds(), DNSSLLifetime: seconds(), Interval: r.IntN(2) == 0, MaxInterval: time.Minute,
	}
	for range some() {
		p := Prefix{Prefix: prefix(r.IntN(129)), OnLink: r.IntN(2) == 0, PDPreferred: r.IntN(2) == 0, Valid: seconds()}
		p.Preferred = min(p.Valid, seconds())
		if r.IntN(3) == 0 && p.Prefix.Bits() > 0 {
			p.RouterAddress = p.Prefix.Addr().Next()
			if !p.Prefix.Contains(p.RouterAddress) {
				p.RouterAddress = netip.Addr{}
			}
		}
		i.Prefixes = append(i.Prefixes, p)
	}
	for range some() {
		i.Routes = append(i.Routes, Route{Prefix: prefix(r.IntN(129)), Preference: preference(), Lifetime: seconds()})
		i.RDNSS = append(i.RDNSS, address())
		i.DNSSL = append(i.DNSSL, fmt.Sprintf("n%d.example", r.Uint64()))
		i.PREF64 = append(i.PREF64, PREF64{Prefix: prefix([]int{32, 40, 48, 56, 64, 96}[r.IntN(6)]), Lifetime: time.Duration(r.IntN(0x2000)) * 8 * time.Second})
		d := Resolver{Priority: uint16(1 + r.IntN(65535)), Lifetime: seconds(), Name: fmt.Sprintf("n%d.example", r.Uint64())}
		for range r.IntN(3) {
			d.Addresses = append(d.Addresses, address())
		}
		if len(d.Addresses) > 0 {
			d.Parameters = []SvcParam{{Key: 1, Value: []byte("\x02h2")}, {Key: uint16(8 + r.IntN(1000)), Value: make([]byte, r.IntN(9))}}
		}
		i.DNR = append(i.DNR, d)
	}
	if r.IntN(2) == 0 {
		i.HomeAgent = &HomeAgent{Preference: int16(r.Uint32()), Lifetime: time.Duration(1+r.IntN(65535)) * time.Second, MobileRouter: true}
	}
	return i
}

// expected is what a reader gets to know of i.
func expected(i Interface) Received {
	name := func(p uint8) string { return preference(p << 3) }
	r := Received{
		MAC: i.MAC.String(), HopLimit: i.HopLimit, Managed: i.Managed, OtherConfig: i.OtherConfig, SNAC: i.SNAC, HomeAgent: i.HomeAgent != nil,
		Preference: "medium", RouterLifetime: uint16(i.RouterLifetime / time.Second), ReachableTime: uint32(i.ReachableTime / time.Millisecond),
		RetransTimer: uint32(i.RetransTimer / time.Millisecond), MTU: uint32(i.LinkMTU),
	}
	if i.RouterLifetime > 0 {
		r.Preference = name(i.Preference)
	}
	for _, p := range i.Prefixes {
		r.Prefixes = append(r.Prefixes, ReceivedPrefix{
			Prefix: p.Prefix, OnLink: p.OnLink, PDPreferred: p.PDPreferred, RouterAddress: p.RouterAddress,
			Valid: seconds32(p.Valid), Preferred: seconds32(p.Preferred),
		})
	}
	for _, o := range i.Routes {
		r.Routes = append(r.Routes, ReceivedRoute{Prefix: o.Prefix, Preference: name(o.Preference), Lifetime: seconds32(o.Lifetime)})
	}
	for _, a := range i.RDNSS {
		r.addServer(a, seconds32(i.DNSLifetime))
	}
	for _, d := range i.DNSSL {
		r.addDomain(d, seconds32(i.DNSSLLifetime))
	}
	for _, p := range i.PREF64 {
		r.PREF64 = append(r.PREF64, ReceivedPREF64{Prefix: p.Prefix, Lifetime: seconds32(p.Lifetime)})
	}
	for _, d := range i.DNR {
		one := ReceivedResolver{Priority: d.Priority, Lifetime: seconds32(d.Lifetime), Name: d.Name, Addresses: d.Addresses}
		for _, p := range d.Parameters {
			one.Parameters = append(one.Parameters, p.String())
		}
		r.DNR = append(r.DNR, one)
	}
	if i.Interval {
		r.Interval = uint32(i.MaxInterval / time.Millisecond)
	}
	if h := i.HomeAgent; h != nil {
		r.HomeAgentInfo = &ReceivedHomeAgent{Preference: h.Preference, Lifetime: uint16(h.Lifetime / time.Second), MobileRouter: h.MobileRouter}
	}
	return r
}

// merge adds what one of several packets says.
func merge(all *Received, r Received) {
	options := *all
	*all = r
	if r.MAC == "" {
		all.MAC, all.MTU = options.MAC, options.MTU
	}
	all.Prefixes, all.Routes = append(options.Prefixes, r.Prefixes...), append(options.Routes, r.Routes...)
	all.PREF64, all.DNR = append(options.PREF64, r.PREF64...), append(options.DNR, r.DNR...)
	all.RDNSS, all.DNSSL = options.RDNSS, options.DNSSL
	for _, s := range r.RDNSS {
		for _, a := range s.Servers {
			all.addServer(a, s.Lifetime)
		}
	}
	for _, s := range r.DNSSL {
		for _, d := range s.Domains {
			all.addDomain(d, s.Lifetime)
		}
	}
	if r.Interval == 0 {
		all.Interval = options.Interval
	}
	if r.HomeAgentInfo == nil {
		all.HomeAgentInfo = options.HomeAgentInfo
	}
}
