package kernel

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/sixfold-router/sixfold/integration/netns"
	"github.com/sixfold-router/sixfold/router/rib"
)

func keyOf(table uint32, prefix string) rib.Key {
	return rib.Key{Table: table, Prefix: netip.MustParsePrefix(prefix)}
}

// told is what a watch knows of a key, one route a line.
func told(w *RouteWatch, key rib.Key) string {
	var lines []string
	for _, r := range w.Routes()[key] {
		lines = append(lines, r.String()+" "+r.Protocol)
	}
	return strings.Join(lines, "\n")
}

// TestRouteWatch follows what iproute2 and the kernel itself do to the default route.
func TestRouteWatch(t *testing.T) {
	m := NewMonitor(discard())
	background(t, m.Run)
	veth(t, "lan0", "lan1")
	veth(t, "wan0", "wan1")
	ip(t, "-6 route add default via fe80::9 dev lan0 metric 100")
	w := NewRouteWatch(discard(), m)
	var changes atomic.Int32
	w.OnChange = func() { changes.Add(1) }
	background(t, w.Run)
	all, site, vrf := keyOf(rib.MainTable, "::/0"), keyOf(rib.MainTable, "2001:db8::/48"), keyOf(1000, "::/0")
	eventually(t, "links", func() bool { return m.Links()["lan0"].Running && m.Links()["wan0"].Running })
	if err := w.Want(t.Context(), []rib.Key{all, site, vrf}); err != nil {
		t.Fatal(err)
	}
	// What was there is known at once.
	if got := told(w, all); got != "::/0 via fe80::9 dev lan0 metric 100 boot" {
		t.Errorf("default route %q", got)
	}
	becomes := func(key rib.Key, want string) {
		t.Helper()
		netns.Within(t, 10*time.Second, want, func() error {
			if diff := cmp.Diff(want, told(w, key)); diff != "" {
				return fmt.Errorf("%s (-want +got):\n%s", key.Prefix, diff)
			}
			return nil
		})
	}
	ip(t, "-6 route add default via fe80::8 dev wan0 metric 50 proto static")
	becomes(all, "::/0 via fe80::8 dev wan0 metric 50 static\n::/0 via fe80::9 dev lan0 metric 100 boot")
	ip(t, "-6 route replace default via fe80::7 dev wan0 metric 50 proto 168")
	becomes(all, "::/0 via fe80::7 dev wan0 metric 50 bgp\n::/0 via fe80::9 dev lan0 metric 100 boot")
	ip(t, "-6 route del default metric 50")
	becomes(all, "::/0 via fe80::9 dev lan0 metric 100 boot")
	ip(t, "-6 route append default via fe80::a dev lan0 metric 100")
	becomes(all, "::/0 via fe80::9 dev lan0 metric 100 boot\n::/0 via fe80::a dev lan0 metric 100 boot")
	ip(t, "-6 route del default via fe80::9 dev lan0 metric 100")
	becomes(all, "::/0 via fe80::a dev lan0 metric 100 boot")

	ip(t, "-6 route add unreachable 2001:db8::/48")
	becomes(site, "unreachable 2001:db8::/48 metric 1024 boot")
	ip(t, "-6 route add default via fe80::1 dev wan0 table 1000")
	becomes(vrf, "::/0 via fe80::1 dev wan0 table 1000 metric 1024 boot")

	// Routes by nexthop objects, such as ours are, go with the carrier without a word.
	ip(t, "nexthop add id 77 via fe80::5 dev wan0")
	ip(t, "-6 route add default nhid 77 proto 166 metric 10")
	becomes(all, "::/0 via fe80::5 dev wan0 metric 10 static\n::/0 via fe80::a dev lan0 metric 100 boot")
	ip(t, "link set wan1 down")
	becomes(all, "::/0 via fe80::a dev lan0 metric 100 boot")
	becomes(vrf, "")
	ip(t, "link set wan1 up")
	becomes(vrf, "::/0 via fe80::1 dev wan0 table 1000 metric 1024 boot")
	if got := told(w, all); got != "::/0 via fe80::a dev lan0 metric 100 boot" {
		t.Errorf("after the carrier came back: %q", got)
	}
	if changes.Load() == 0 {
		t.Error("nobody was told")
	}

	// Other keys, and then none.
	if err := w.Want(t.Context(), []rib.Key{site}); err != nil {
		t.Fatal(err)
	}
	ip(t, "-6 route del unreachable 2001:db8::/48")
	becomes(site, "")
	if routes, err := w.Read(t.Context(), []rib.Key{all}); err != nil || len(routes[all]) != 1 {
		t.Errorf("Read: %v, %v", routes, err)
	}
	if got := told(w, all); got != "" {
		t.Errorf("what is not wanted any more is shown: %q", got)
	}
}

// TestRouteWatchAdvertised: the default route that the kernel took from an advertisement goes with it.
func TestRouteWatchAdvertised(t *testing.T) {
	m := NewMonitor(discard())
	background(t, m.Run)
	veth(t, "lan0", "lan1")
	w := NewRouteWatch(discard(), m)
	background(t, w.Run)
	key := keyOf(rib.MainTable, "::/0")
	if err := w.Want(context.Background(), []rib.Key{key}); err != nil {
		t.Fatal(err)
	}
	ip(t, "-6 route add default via fe80::9 dev lan0 proto ra metric 1024 expires 1000")
	eventually(t, "the route", func() bool { return told(w, key) == "::/0 via fe80::9 dev lan0 metric 1024 ra" })
	ip(t, "-6 route flush proto ra")
	eventually(t, "no route", func() bool { return told(w, key) == "" })
}

// TestRouteWatchRunsOut: a route whose lifetime ends is none from then on. The kernel says so only when it cleans up, which is far away
// here, and says nothing of one that is used again.
func TestRouteWatchRunsOut(t *testing.T) {
	sh(t, "echo 3600 > /proc/sys/net/ipv6/route/gc_interval")
	t.Cleanup(func() { sh(t, "echo 30 > /proc/sys/net/ipv6/route/gc_interval") })
	for _, name := range []string{"before", "while followed"} {
		t.Run(name, func(t *testing.T) {
			m := NewMonitor(discard())
			background(t, m.Run)
			veth(t, "lan0", "lan1")
			eventually(t, "links", func() bool { return m.Links()["lan0"].Running })
			w := NewRouteWatch(discard(), m)
			background(t, w.Run)
			key := keyOf(rib.MainTable, "::/0")
			add := func() {
				ip(t, "-6 route add default via fe80::9 dev lan0 proto ra metric 1024 expires 3")
				t.Cleanup(func() { ip(t, "-6 route flush proto ra") })
			}
			if name == "before" {
				add()
			}
			if err := w.Want(context.Background(), []rib.Key{key}); err != nil {
				t.Fatal(err)
			}
			if name != "before" {
				add()
			}
			eventually(t, "the route", func() bool { return told(w, key) == "::/0 via fe80::9 dev lan0 metric 1024 ra" })
			eventually(t, "no route", func() bool { return told(w, key) == "" })
			ip(t, "-6 route change default via fe80::9 dev lan0 proto ra metric 1024 expires 1000")
			eventually(t, "the route again", func() bool { return told(w, key) != "" })
		})
	}
}

func TestRouteWatchFilter(t *testing.T) {
	filter := eventsOfLengths([]int{0, 48})
	accept := func(family, bits uint8) bool {
		message := make([]byte, unix.NLMSG_HDRLEN+unix.SizeofRtMsg)
		message[unix.NLMSG_HDRLEN], message[unix.NLMSG_HDRLEN+1] = family, bits
		var a uint32
		for pc := 0; ; pc++ {
			switch in := filter[pc]; in.Code {
			case unix.BPF_LD | unix.BPF_B | unix.BPF_ABS:
				a = uint32(message[in.K])
			case unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K:
				if a == in.K {
					pc += int(in.Jt)
				} else {
					pc += int(in.Jf)
				}
			case unix.BPF_RET | unix.BPF_K:
				return in.K != 0
			}
		}
	}
	for _, tt := range []struct {
		family, bits uint8
		want         bool
	}{{unix.AF_INET6, 0, true}, {unix.AF_INET6, 48, true}, {unix.AF_INET6, 64, false}, {unix.AF_INET, 0, false}} {
		if got := accept(tt.family, tt.bits); got != tt.want {
			t.Errorf("family %d, length %d: %v", tt.family, tt.bits, got)
		}
	}
}
