package kernel

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

func TestMonitorFollows(t *testing.T) {
	m := NewMonitor(discard())
	var wakes atomic.Int32
	stop := m.Watch(func() { wakes.Add(1) })
	background(t, m.Run)
	veth(t, "lan0", "lan1")
	eventually(t, "lan0 up with a link-local address", func() bool {
		l := m.Links()["lan0"]
		_, ok := l.LinkLocal()
		return ok && l.Up && l.Running && l.Kind == "veth" && l.MTU == 1500 && len(l.MAC) == 6 && l.Parent == 0
	})
	ip(t, "link add br0 type bridge")
	t.Cleanup(func() { ip(t, "link del br0") })
	ip(t, "link set lan1 master br0")
	ip(t, "link add mac0 link lan0 type macvlan")
	eventually(t, "the bridge as master and lan0 as parent", func() bool {
		l := m.Links()
		return l["lan1"].Master != 0 && l["lan1"].Master == l["br0"].Index && l["mac0"].Parent == l["lan0"].Index
	})
	ip(t, "addr add 2001:db8::1/64 dev lan0 valid_lft 1000 preferred_lft 0")
	eventually(t, "an address with lifetimes", func() bool {
		for _, a := range m.Links()["lan0"].Addresses {
			if a.Prefix == netip.MustParsePrefix("2001:db8::1/64") {
				return a.Deprecated && a.Dynamic && !a.Ours && a.Valid > 0 && a.Valid < 1001e9 && a.Preferred == 0
			}
		}
		return false
	})
	if wakes.Load() == 0 {
		t.Error("nobody was woken")
	}
	stop()
	before := wakes.Load()
	ip(t, "link del lan0")
	eventually(t, "lan0 gone", func() bool { _, ok := m.Links()["lan0"]; return !ok })
	if n := wakes.Load() - before; n != 0 {
		t.Errorf("woken %d times after stop", n)
	}
}

func TestMonitorSeesDAD(t *testing.T) {
	veth(t, "lan0", "lan1")
	for _, l := range []string{"lan0", "lan1"} {
		if err := os.WriteFile("/proc/sys/net/ipv6/conf/"+l+"/accept_dad", []byte("1"), 0); err != nil {
			t.Fatal(err)
		}
	}
	m := NewMonitor(discard())
	background(t, m.Run)
	ip(t, "addr add 2001:db8::1/64 dev lan0 nodad")
	ip(t, "addr add 2001:db8::1/64 dev lan1")
	p := netip.MustParsePrefix("2001:db8::1/64")
	eventually(t, "the address of lan1 to be a duplicate", func() bool {
		for _, a := range m.Links()["lan1"].Addresses {
			if a.Prefix == p {
				return a.Duplicate
			}
		}
		return false
	})
}

// Events that the kernel dropped must not leave the snapshot old.
func TestMonitorAfterOverflow(t *testing.T) {
	ev, err := listen(1, nil, groupLink)
	if err != nil {
		t.Fatal(err)
	}
	veth(t, "lan0", "lan1")
	for range 50 {
		ip(t, "link set lan0 down")
		ip(t, "link set lan0 up")
	}
	m := NewMonitor(discard())
	news, failed := make(chan struct{}, 1), make(chan error, 1)
	var overflows atomic.Int32
	background(t, func(ctx context.Context) error { return m.follow(ctx, news, failed) })
	go func() {
		failed <- m.receive(func(fn func(syscall.NlMsghdr, []byte)) (bool, error) {
			for {
				overflow, err := ev.receive(fn)
				if overflow || err != nil { // all others are kept from the monitor
					overflows.Add(1)
					return overflow, err
				}
			}
		}, news)
	}()
	eventually(t, "a snapshot", func() bool { return m.Links()["lan0"].Up })
	if overflows.Load() == 0 {
		t.Error("the socket never overflowed")
	}
	ev.close()
}

func TestMonitorFails(t *testing.T) {
	m := NewMonitor(discard())
	failed := make(chan error, 1)
	failed <- unix.EIO
	if err := m.follow(context.Background(), make(chan struct{}), failed); !errors.Is(err, unix.EIO) {
		t.Errorf("follow returned %v, want EIO", err)
	}
}

func TestNeighborsAndRoutes(t *testing.T) {
	veth(t, "lan0", "lan1")
	m := NewMonitor(discard())
	ctx := context.Background()
	for _, cmd := range []string{
		"addr add 192.0.2.1/24 dev lan0",
		"neigh add 2001:db8::5 lladdr 02:00:00:00:00:05 dev lan0 router nud permanent",
		"neigh add 192.0.2.5 lladdr 02:00:00:00:00:06 dev lan0 nud stale",
		"-6 route add 2001:db8:7::/48 via fe80::7 dev lan0 proto bird metric 32",
		"-6 route add 2001:db8:8::/48 nexthop via fe80::8 dev lan0 nexthop via fe80::9 dev lan1",
		"-6 route add 2001:db8:9::/48 dev lan0 table 1000",
		"-6 route add unreachable 2001:db8::/32",
		"route add 198.51.100.0/24 via inet6 fe80::1 dev lan0 proto 168",
	} {
		ip(t, cmd)
	}
	t.Cleanup(func() { ip(t, "-6 route del unreachable 2001:db8::/32") })
	if err := m.Refresh(ctx); err != nil {
		t.Fatal(err)
	}
	neighbors, err := m.Neighbors(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, n := range neighbors {
		s := n.Link + " " + n.Address.String() + " " + n.MAC.String() + " " + n.State
		if n.Router {
			s += " router"
		}
		got = append(got, s)
	}
	for _, want := range []string{"lan0 2001:db8::5 02:00:00:00:00:05 permanent router", "lan0 192.0.2.5 02:00:00:00:00:06 stale"} {
		if !strings.Contains(strings.Join(got, "\n"), want) {
			t.Errorf("no neighbor %q among\n%s", want, strings.Join(got, "\n"))
		}
	}
	routes, err := m.Routes(ctx, 0)
	if err != nil {
		t.Fatal(err)
	}
	got = nil
	for _, r := range routes {
		s := r.String() + " " + r.Protocol
		if r.Ours {
			s += " ours"
		}
		got = append(got, s)
	}
	all := strings.Join(got, "\n")
	for _, want := range []string{
		"2001:db8:7::/48 via fe80::7 dev lan0 metric 32 bird",
		"2001:db8:8::/48 via fe80::8 dev lan0 metric 1024 boot",
		"2001:db8:8::/48 via fe80::9 dev lan1 metric 1024 boot",
		"unreachable 2001:db8::/32 metric 1024 boot",
		"192.0.2.0/24 dev lan0 kernel",
		"198.51.100.0/24 via fe80::1 dev lan0 bgp ours",
	} {
		if !strings.Contains(all, want) {
			t.Errorf("no route %q among\n%s", want, all)
		}
	}
	if strings.Contains(all, "2001:db8:9::/48") {
		t.Errorf("a route of another table is listed:\n%s", all)
	}
	if only4, err := m.Routes(ctx, 4); err != nil || len(only4) != 2 {
		t.Errorf("IPv4: %v, %v; want 2 routes", only4, err)
	}
}
