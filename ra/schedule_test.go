package ra

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestSchedule(t *testing.T) {
	sec := func(s float64) time.Time { return epoch.Add(time.Duration(s * float64(time.Second))) }
	// Each step happens at some time; next is when the next advertisement is due after it, both in seconds.
	type step struct {
		at   float64
		do   func(s *schedule, now time.Time)
		next float64
	}
	changed := func(s *schedule, now time.Time) { s.changed(now) }
	failed := func(s *schedule, now time.Time) { s.failed(now) }
	sent := func(r float64) func(*schedule, time.Time) {
		return func(s *schedule, now time.Time) { s.sent(now, r) }
	}
	worked := func(r float64) func(*schedule, time.Time) {
		return func(s *schedule, now time.Time) { s.sent(now, r); s.worked() }
	}
	solicited := func(r float64) func(*schedule, time.Time) {
		return func(s *schedule, now time.Time) { s.solicited(now, r) }
	}
	retimed := func(low, high time.Duration) func(*schedule, time.Time) {
		return func(s *schedule, now time.Time) { s.retimed(&Interface{MinInterval: low, MaxInterval: high}, now) }
	}
	for _, tt := range []struct {
		name  string
		steps []step
	}{
		{"three at most 16 s apart, then random", []step{
			{0, changed, -1},
			{0, worked(0.5), 16}, {16, worked(0.5), 32}, {32, worked(0.5), 32 + 400}, {432, worked(0), 432 + 200}, {632, worked(0.999), 632 + 600},
		}},
		{"a change starts over, 3 s after the last", []step{
			{0, changed, -1}, {0, worked(0), 16}, {1, changed, 3}, {3, worked(0), 19}, {19, worked(0), 35}, {35, worked(0), 235}, {100, changed, 99},
		}},
		{"a solicitation is answered within half a second", []step{
			{0, changed, -1}, {0, worked(0), 16}, {10, solicited(0.5), 10.25}, {10.1, solicited(0), 10.1}, {10.1, solicited(0.9), 10.1},
		}},
		{"answers keep 3 s distance and are merged", []step{
			{0, changed, -1}, {0, worked(0), 16}, {1, solicited(0), 3}, {2, solicited(0), 3}, {2.9, solicited(0.5), 3}, {3, worked(0), 19},
		}},
		{"a solicitation does not delay", []step{{0, changed, -1}, {0, worked(0), 16}, {15.9, solicited(0.999), 16}}},
		{"failures back off and start over", []step{
			{0, changed, -1}, {0, sent(0), 16}, {0, failed, 1}, {1, sent(0), 17}, {1, failed, 3}, {3, sent(0), 19}, {3, failed, 7}, {7, sent(0), 23}, {7, failed, 15},
			{15, sent(0), 31}, {15, failed, 31}, {31, sent(0), 47}, {31, failed, 47}, {47, worked(0), 63}, {63, sent(0), 79}, {63, failed, 64},
			{64, worked(0), 80}, {80, worked(0), 96}, {96, worked(0), 296},
		}},
		{"shorter intervals count at once", []step{
			{0, changed, -1}, {0, worked(0), 16}, {16, worked(0), 32}, {32, worked(1), 632}, {33, retimed(3*time.Second, 4*time.Second), 37}, {37, worked(0), 40},
			{38, retimed(200*time.Second, 600*time.Second), 40},
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := schedule{grid: epoch}
			s.retimed(&Interface{MinInterval: 200 * time.Second, MaxInterval: 600 * time.Second}, epoch)
			for n, step := range tt.steps {
				step.do(&s, sec(step.at))
				if diff := s.next.Sub(sec(step.next)); diff.Abs() > time.Millisecond {
					t.Fatalf("step %d at %v: next at %v, want %v", n, step.at, s.next.Sub(epoch).Seconds(), step.next)
				}
			}
		})
	}
}

func TestLimiter(t *testing.T) {
	host := netip.MustParseAddr("fe80::1")
	var l limiter
	welcome := func() bool { return true }
	count := func(now time.Time) (n int) {
		for l.take(host, now, 1, welcome) == allowed {
			n++
		}
		return n
	}
	var got []int
	for _, after := range []time.Duration{0, 0, time.Second, 3 * time.Second, time.Hour} {
		got = append(got, count(epoch.Add(after)))
	}
	if diff := cmp.Diff([]int{10, 0, 1, 2, 10}, got); diff != "" {
		t.Errorf("answers allowed (-want +got):\n%s", diff)
	}

	now := epoch.Add(2 * time.Hour)
	for n := range maxHosts {
		if v := l.take(netip.MustParseAddr(fmt.Sprintf("fe80::1:%x", n)), now, 1, welcome); v != allowed {
			t.Fatalf("host %d: %v", n, v)
		}
	}
	for n := range 10000 {
		if v := l.take(netip.MustParseAddr(fmt.Sprintf("fe80::2:%x", n)), now, 1, welcome); v != crowded {
			t.Fatalf("host %d too many: %v", n, v)
		}
	}
	if len(l.full) > maxHosts {
		t.Errorf("%d hosts are remembered", len(l.full))
	}
	if v := l.take(netip.MustParseAddr("fe80::3"), now.Add(2*time.Second), 1, welcome); v != allowed {
		t.Errorf("after the others are gone: %v", v)
	}
}

func TestCheckSolicitation(t *testing.T) {
	host := packetInfo{index: 1, source: netip.MustParseAddr("fe80::1"), hopLimit: 255}
	with := func(f func(*packetInfo)) packetInfo {
		i := host
		f(&i)
		return i
	}
	none := with(func(i *packetInfo) { i.source = netip.IPv6Unspecified() })
	for _, tt := range []struct {
		name, message string
		info          packetInfo
		want          string
	}{
		{"plain", "85 00 0000 00000000", host, ""},
		{"with link-layer address", "85 00 0000 00000000 0101020000000001", host, ""},
		{"from a global address", "85 00 0000 00000000", with(func(i *packetInfo) { i.source = netip.MustParseAddr("2001:db8::1") }), ""},
		{"from nowhere", "85 00 0000 00000000", none, ""},
		{"from nowhere with an unknown option", "85 00 0000 00000000 0e01020000000001", none, ""},
		{"unknown option of 264 bytes", "85 00 0000 00000000 0e21" + strings264(), host, ""},
		{"empty", "", host, DropType},
		{"advertisement", "86 00 0000 00000000", host, DropType},
		{"routed", "85 00 0000 00000000", with(func(i *packetInfo) { i.hopLimit = 254 }), DropHopLimit},
		{"hop limit not told", "85 00 0000 00000000", with(func(i *packetInfo) { i.hopLimit = -1 }), DropHopLimit},
		{"code", "85 01 0000 00000000", host, DropCode},
		{"short", "85 00 0000 000000", host, DropShort},
		{"option of length 0", "85 00 0000 00000000 0100020000000001", host, DropOption},
		{"option over the end", "85 00 0000 00000000 0102020000000001", host, DropOption},
		{"half an option", "85 00 0000 00000000 01", host, DropOption},
		{"link-layer address from nowhere", "85 00 0000 00000000 0101020000000001", none, DropLinkLayer},
		{"multicast source", "85 00 0000 00000000", with(func(i *packetInfo) { i.source = netip.MustParseAddr("ff02::1") }), DropSource},
		{"no source", "85 00 0000 00000000", with(func(i *packetInfo) { i.source = netip.Addr{} }), DropSource},
		{"truncated", "85 00 0000 00000000", with(func(i *packetInfo) { i.truncated = true }), DropTruncated},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := checkSolicitation(bytesOf(t, tt.message), tt.info); got != tt.want {
				t.Errorf("dropped for %q, want %q", got, tt.want)
			}
		})
	}
}

func strings264() string { return fmt.Sprintf("%0524d", 0) }
