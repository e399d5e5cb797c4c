package kernel

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestNeighborNews(t *testing.T) {
	const one, two = "\x02\x00\x00\x00\x00\x01", "\x02\x00\x00\x00\x00\x02"
	m := neighborMemory{}
	addr := netip.MustParseAddr("2001:db8::5")
	for n, step := range []struct {
		mac, state string
		gone       bool
		want       string
	}{
		{"", "failed", false, ""}, // a scan
		{one, "reachable", false, NeighborNew},
		{one, "stale", false, ""},
		{"", "failed", false, NeighborFailed},
		{"", "failed", false, ""},
		{one, "reachable", false, NeighborBack},
		{one, "failed", false, NeighborFailed},
		{two, "reachable", false, NeighborMoved},
		{two, "stale", true, ""},
		{two, "reachable", false, ""},
		{"", "failed", true, ""},
		{one, "reachable", false, NeighborMoved},
	} {
		got, _ := m.see(3, Neighbor{Address: addr, MAC: net.HardwareAddr(step.mac), State: step.state}, step.gone)
		if got != step.want {
			t.Errorf("step %d, %+v: %q", n, step, got)
		}
	}
}

func TestNeighborMemoryIsBounded(t *testing.T) {
	m := neighborMemory{}
	addr := netip.MustParseAddr("2001:db8::")
	for range 3 * maxNeighbors {
		addr = addr.Next()
		m.see(3, Neighbor{Address: addr, MAC: net.HardwareAddr{2, 0, 0, 0, 0, 1}, State: "reachable"}, false)
	}
	if len(m) > maxNeighbors {
		t.Errorf("%d neighbors are remembered", len(m))
	}
}

func TestMonitorTellsOfNeighbors(t *testing.T) {
	veth(t, "lan0", "lan1")
	ip(t, "neigh add 2001:db8::9 lladdr 02:00:00:00:00:09 dev lan0 nud stale") // before
	m := NewMonitor(discard())
	var mu sync.Mutex
	var got []string
	m.OnNeighbor = func(e NeighborEvent) {
		mu.Lock()
		defer mu.Unlock()
		if e.Address.Is4() || !e.Address.IsLinkLocalUnicast() {
			got = append(got, strings.TrimSpace(fmt.Sprintf("%s %s %s on %s %s", e.Action, e.Address, e.MAC, e.Link, e.Was)))
		}
	}
	has := func(want string) func() bool {
		return func() bool {
			mu.Lock()
			defer mu.Unlock()
			return strings.Contains(strings.Join(got, "\n"), want)
		}
	}
	background(t, m.Run)
	eventually(t, "the first words", func() bool { // Run listens when it tells of one of these
		ip(t, "neigh replace 192.0.2.7 lladdr 02:00:00:00:00:07 dev lan0 nud stale")
		ip(t, "neigh del 192.0.2.7 dev lan0")
		ip(t, "neigh replace 192.0.2.7 lladdr 02:00:00:00:00:08 dev lan0 nud stale")
		return has("moved 192.0.2.7")()
	})
	mu.Lock()
	got = nil
	mu.Unlock()
	ip(t, "neigh replace 2001:db8::9 lladdr 02:00:00:00:00:09 dev lan0 nud reachable")
	ip(t, "neigh add 2001:db8::5 lladdr 02:00:00:00:00:05 dev lan0 nud reachable")
	ip(t, "neigh replace 2001:db8::5 lladdr 02:00:00:00:00:06 dev lan0 nud reachable")
	eventually(t, "the last", has("moved 2001:db8::5"))
	want := []string{"new 2001:db8::5 02:00:00:00:00:05 on lan0", "moved 2001:db8::5 02:00:00:00:00:06 on lan0 02:00:00:00:00:05"}
	mu.Lock()
	defer mu.Unlock()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}
