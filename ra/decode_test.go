package ra

import (
	"encoding/json"
	"net/netip"
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
	malformed := func(types ...uint8) Received { return base(func(r *Received) { r.Malformed = types }) }
	for _, tt := range []struct {
		name, message string
		want          Received
	}{
		{"header", header, base(func(*Received) {})},
		{"reserved preference is medium", "86 00 0000 00 10 0000 00000000 00000000", Received{Preference: "medium"}},
		{"link-layer address and MTU", header + "0101020000000001 0501 0000 000005dc", base(func(r *Received) { r.MAC, r.MTU = "02:00:00:00:00:01", 1500 })},
		{"prefix", header + "03 04 40 c0 00000e10 00000708 00000000 20010db80001000000000000000000ff", base(func(r *Received) {
			r.Prefixes = []ReceivedPrefix{{Prefix: netip.MustParsePrefix("2001:db8:1::/64"), OnLink: true, Autonomous: true, Valid: 3600, Preferred: 1800}}
		})},
		{"prefix of 129 bits", header + "03 04 81 c0 00000e10 00000708 00000000 20010db80001000000000000000000ff", malformed(3)},
		{"route not on a byte boundary", header + "18 02 3c 08 00000708 20010db800000010", route("2001:db8:0:10::/60", "high")},
		{"default route", header + "18 01 00 18 00000708", route("::/0", "low")},
		{"route longer than its option", header + "18 02 41 00 00000708 20010db800000010", malformed(24)},
		{"route with reserved preference", header + "18 01 00 10 00000708", malformed(24)},
		{"servers", header + "19 05 0000 00000708 20010db8000000000000000000000053 20010db8000000000000000000000054", base(func(r *Received) {
			r.RDNSS = []ReceivedServers{{Lifetime: 1800, Servers: []netip.Addr{netip.MustParseAddr("2001:db8::53"), netip.MustParseAddr("2001:db8::54")}}}
		})},
		{"half a server", header + "19 02 0000 00000708 20010db800000000", malformed(25)},
		{"no server", header + "19 01 0000 00000708", malformed(25)},
		{"domains", header + "1f 04 0000 00000708 03 6c616e 07 6578616d706c65 00 02 1b2e 01 41 00 00 00 00 00 00", base(func(r *Received) {
			r.DNSSL = []ReceivedDomains{{Lifetime: 1800, Domains: []string{"lan.example", `\027\046.A`}}}
		})},
		{"no domain", header + "1f 02 0000 00000708 0000000000000000", malformed(31)},
		{"compressed domain", header + "1f 02 0000 00000708 03 6c616e c000 0000", malformed(31)},
		{"domain without end", header + "1f 02 0000 00000708 07 6578616d706c65", malformed(31)},
		{"a bad option among good ones", header + "0102020000000001 0000000000000000 0501 0000 000005dc 2601aabbccddeeff", base(func(r *Received) {
			r.MTU, r.Malformed, r.Unknown = 1500, []uint8{1}, []uint8{38}
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
