package integration

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sixfold-router/sixfold/integration/netns"
)

// multicastHome is a router with listeners behind it. Its LAN asks as that of a Cisco with `ipv6 mld query-interval 60` does.
const multicastHome = `
interfaces:
  wan0: {addresses: ["2001:db8:1::2/64"]}
  lan0:
    addresses: ["2001:db8:2::1/64"]
    mld: {query_interval: 60s, joins: ["ff05::1:3"]}
multicast:
  proxy: {upstream: wan0, downstream: [lan0]}
`

// multicastCore is the router before it, with the sources.
const multicastCore = `
interfaces:
  net0: {addresses: ["2001:db8::1/64"]}
  edge0: {addresses: ["2001:db8:1::1/64"], mld: {query_interval: 10s, query_response_interval: 1s}}
multicast:
  proxy: {upstream: net0, downstream: [edge0]}
  boundaries: {edge0: {scope: site}}
`

// numbers hears numbered packets.
type numbers struct {
	conn *net.UDPConn

	mu    sync.Mutex
	heard map[uint32]time.Time
}

// hear listens to a group on eth0 of a host.
func hear(t *testing.T, n *netns.Node, group string) *numbers {
	t.Helper()
	h := &numbers{heard: map[uint32]time.Time{}}
	link, _ := n.Link(t, "eth0")
	must(t, n.Do(func() (err error) {
		h.conn, err = net.ListenMulticastUDP("udp6", link, &net.UDPAddr{IP: net.ParseIP(group), Port: 5005})
		return err
	}))
	t.Cleanup(func() { h.conn.Close() })
	go func() {
		b := make([]byte, 64)
		for {
			n, err := h.conn.Read(b)
			if err != nil {
				return
			}
			if n == 4 {
				h.mu.Lock()
				h.heard[binary.BigEndian.Uint32(b)] = time.Now()
				h.mu.Unlock()
			}
		}
	}()
	return h
}

// lost returns how many were not heard between the first that was and last, and the longest time between two that were.
func (h *numbers) lost(last uint32) (lost int, gap time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	var before time.Time
	for n := range last + 1 {
		at, ok := h.heard[n]
		switch {
		case ok && !before.IsZero():
			gap = max(gap, at.Sub(before))
		case !ok && !before.IsZero():
			lost++
		}
		if ok {
			before = at
		}
	}
	return lost, gap
}

func (h *numbers) count() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.heard)
}

// speak sends a numbered packet to a group each two milliseconds, until stopped; then it returns the last number.
func speak(t *testing.T, n *netns.Node, group string) (stop func() uint32) {
	t.Helper()
	var conn *net.UDPConn
	must(t, n.Do(func() (err error) {
		if conn, err = net.ListenUDP("udp6", nil); err != nil {
			return err
		}
		raw, err := conn.SyscallConn()
		if err != nil {
			return err
		}
		var serr error
		if err := raw.Control(func(fd uintptr) { serr = unix.SetsockoptInt(int(fd), unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_HOPS, 16) }); err != nil {
			return err
		}
		return serr
	}))
	ctx, cancel := context.WithCancel(context.Background())
	last := make(chan uint32, 1)
	go func() {
		defer conn.Close()
		tick := time.NewTicker(2 * time.Millisecond)
		defer tick.Stop()
		for number := uint32(1); ; number++ {
			if _, err := conn.WriteToUDP(binary.BigEndian.AppendUint32(nil, number), &net.UDPAddr{IP: net.ParseIP(group), Port: 5005}); err != nil {
				t.Error(err)
			}
			select {
			case <-ctx.Done():
				last <- number
				return
			case <-tick.C:
			}
		}
	}()
	stop = sync.OnceValue(func() uint32 { cancel(); return <-last })
	t.Cleanup(func() { stop() })
	return stop
}

// queryInterval hears the next general query on eth0 of a host, and returns the interval in it in seconds.
func queryInterval(t *testing.T, n *netns.Node) byte {
	t.Helper()
	var conn net.PacketConn
	must(t, n.Do(func() (err error) {
		conn, err = net.ListenPacket("ip6:ipv6-icmp", "::")
		return err
	}))
	defer conn.Close()
	must(t, conn.SetReadDeadline(time.Now().Add(soon)))
	b := make([]byte, 1500)
	for {
		size, _, err := conn.ReadFrom(b)
		must(t, err)
		if size >= 28 && b[0] == 130 {
			return b[25]
		}
	}
}

// TestMulticast has a host behind two proxies hear a source: soon after it asks, with nothing lost, and over a restart of the router.
func TestMulticast(t *testing.T) {
	t.Parallel()
	source, core, home, pc := host(t, "source"), host(t, "core"), host(t, "home"), host(t, "pc")
	cable(t, end(source, "eth0"), end(core, "net0"))
	cable(t, end(core, "edge0"), end(home, "wan0"))
	cable(t, end(home, "lan0"), end(pc, "eth0"))
	must(t, source.IP("addr add 2001:db8::99/64 dev eth0"))
	run(t, core, multicastCore)

	d := run(t, home, multicastHome)
	if got := queryInterval(t, pc); got != 60 {
		t.Errorf("queries tell of an interval of %d s", got)
	}
	eventually(t, "queriers", func() error {
		if out := d.cli("show", "mld", "interfaces"); !strings.Contains(out, "lan0  querier") {
			return fmt.Errorf("%s", out)
		}
		return nil
	})
	const group = "ff1e::5"
	stop := speak(t, source, group)
	joined := time.Now()
	h := hear(t, pc, group)
	eventually(t, "packets", func() error {
		if h.count() < 100 {
			return fmt.Errorf("%d were heard", h.count())
		}
		return nil
	})
	h.mu.Lock()
	var first time.Time
	for _, at := range h.heard {
		if first.IsZero() || at.Before(first) {
			first = at
		}
	}
	h.mu.Unlock()
	t.Logf("first packet %v after the join, through two proxies", first.Sub(joined))

	for want, args := range map[string][]string{
		"lan0  ff1e::5 ":            {"show", "mld", "groups", "lan0"},
		"joined here":               {"show", "mld", "groups"},
		"wan0      lan0      proxy": {"show", "mroute"},
		"ff1e::5 is a multicast group of global scope, with listeners on lan0": {"explain", "ff1e::5"},
		"the proxy listens to it on the upstream link wan0":                    {"explain", "ff1e::5"},
	} {
		eventually(t, want, func() error {
			if out := d.cli(args...); !strings.Contains(out, want) {
				return fmt.Errorf("no %q in\n%s", want, out)
			}
			return nil
		})
	}
	if lost, _ := h.lost(uint32(h.count())); lost > 0 {
		t.Errorf("%d packets were lost after the first", lost)
	}

	t.Run("restart", func(t *testing.T) {
		began := time.Now()
		d.kill()
		d.start()
		took := time.Since(began)
		before := h.count()
		eventually(t, "packets after the restart", func() error {
			if n := h.count() - before; n < 500 {
				return fmt.Errorf("%d were heard", n)
			}
			return nil
		})
		lost, gap := h.lost(stop() - 100)
		t.Logf("kill -9 and start took %v; %d packets were lost, the longest silence was %v", took, lost, gap)
		if gap > took+time.Second {
			t.Errorf("the longest silence was %v, a restart took %v", gap, took)
		}
	})

	t.Run("leave", func(t *testing.T) {
		h.conn.Close()
		eventually(t, "nobody listens", func() error {
			if out := d.cli("show", "mld", "groups"); strings.Contains(out, group) {
				return fmt.Errorf("%s", out)
			}
			return nil
		})
	})

	t.Run("change", func(t *testing.T) {
		d.write(multicastHome)
		if out := d.cli("config", "plan", "/run/sixfold.yaml"); strings.Contains(out, "mld") {
			t.Errorf("a plan of the same has\n%s", out)
		}
		d.write(strings.Replace(multicastHome, "query_interval: 60s", "query_interval: 30s", 1))
		if out := d.cli("config", "plan", "/run/sixfold.yaml"); !strings.Contains(out, "change query interval to 30s") {
			t.Errorf("the plan has\n%s", out)
		}
		d.cli("config", "apply", "/run/sixfold.yaml")
		if got := queryInterval(t, pc); got != 30 {
			t.Errorf("queries tell of an interval of %d s", got)
		}
	})
}

// TestMulticastBridge has a switch of ours ask with the kernel's own querier, and a proxied one with ours.
func TestMulticastBridge(t *testing.T) {
	t.Parallel()
	router, pc := host(t, "switch"), host(t, "vm")
	cable(t, end(router, "p0"), end(pc, "eth0"))
	cable(t, end(router, "wan0"), end(host(t, "isp"), "eth0"))
	d := run(t, router, `
interfaces:
  p0: {master: br0}
  wan0: {}
  br0:
    bridge: {forward_delay: 0s}
    mld: {query_interval: 60s, robustness: 3}
`)
	eventually(t, "the querier of the kernel", router.Expect("ip -d link show br0",
		"mcast_snooping 1", "mcast_querier 1", "mcast_mld_version 2", "mcast_query_interval 6000", "mcast_last_member_count 3"))
	if got := queryInterval(t, pc); got != 60 {
		t.Errorf("queries tell of an interval of %d s", got)
	}
	h := hear(t, pc, "ff15::101")
	defer h.conn.Close()
	shown := func(want ...string) func() error {
		return func() error {
			out := d.cli("show", "mld", "groups", "br0")
			for _, w := range want {
				if !strings.Contains(out, w) {
					return fmt.Errorf("no %q in\n%s", w, out)
				}
			}
			return nil
		}
	}
	eventually(t, "the port of the listener", shown("ff15::101", "on p0"))
	d.apply(`
interfaces:
  p0: {master: br0}
  wan0: {}
  br0: {bridge: {forward_delay: 0s}}
multicast:
  proxy: {upstream: wan0, downstream: [br0]}
`)
	eventually(t, "the querier of the kernel is off", router.Expect("ip -d link show br0", "mcast_snooping 1", "mcast_querier 0"))
	eventually(t, "our own group", shown("ff15::101", "exclude", "fe80::"))
	eventually(t, "our querier", func() error {
		if out := d.cli("show", "mld", "interfaces"); !strings.Contains(out, "br0   querier  fe80::") || !strings.Contains(out, "wan0  off") {
			return fmt.Errorf("%s", out)
		}
		return nil
	})
}
