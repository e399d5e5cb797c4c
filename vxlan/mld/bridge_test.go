package mld

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/sixfold-router/sixfold/integration/netns"
)

// bridgeQuerier makes a bridge on a host whose kernel asks every two seconds, with the router on its port p0, and returns its
// link-local address.
func bridgeQuerier(t *testing.T, h *netns.Node, local string) netip.Addr {
	t.Helper()
	h.Sh(t, `ip link add br0 type bridge mcast_snooping 1 mcast_querier 0 mcast_mld_version 2 mcast_query_interval 200 mcast_startup_query_interval 100 \
		mcast_query_response_interval 100 mcast_querier_interval 500
		ip link set br0 addrgenmode none; ip link set eth0 addrgenmode none; ip -6 addr flush dev eth0
		ip link set eth0 master br0; ip link set br0 up; ip addr add %s/64 dev br0 nodad; ip link set br0 type bridge mcast_querier 1`, local)
	return addr(local)
}

// TestElectionWithTheKernel has the kernel's bridge querier as the other router: the lower address asks, the other takes over when
// that falls silent.
func TestElectionWithTheKernel(t *testing.T) {
	quick := usual
	quick.QueryInterval, quick.QueryResponse = 2*time.Second, time.Second
	for _, tt := range []struct {
		name, theirs string
		ours         bool
	}{
		{"ours is lower", "fe80::ffff:ffff:ffff:1", true},
		{"theirs is lower", "fe80::1", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := cable(t, "lan0")
			l := linkOf(t, "lan0")
			l.Querier, l.Timers = true, quick
			theirs := bridgeQuerier(t, h, tt.theirs)
			m := start(t, config(l))
			state := func() LinkStatus { return m.Links()[0] }
			if tt.ours {
				eventually(t, "the kernel steps back", func() error {
					if s := state(); s.State != Asking || s.Querier != l.LinkLocal {
						return fmt.Errorf("we see %s of %v", s.State, s.Querier)
					}
					return quiet(t, m)
				})
				// We fall silent: the kernel asks again, and when we are back it stops.
				apply(t, m, Config{})
				watch := linkOf(t, "lan0")
				watch.Querier, watch.Timers, watch.LinkLocal = true, quick, addr("fe80::ffff:ffff:ffff:ffff")
				sh(t, "ip addr add fe80::ffff:ffff:ffff:ffff/64 dev lan0 nodad")
				apply(t, m, config(watch))
				eventually(t, "the kernel asks", func() error {
					if s := state(); s.State != Hearing || s.Querier != theirs {
						return fmt.Errorf("we see %s of %v", s.State, s.Querier)
					}
					return nil
				})
				apply(t, m, config(l))
				eventually(t, "the kernel steps back", func() error {
					if s := state(); s.State != Asking {
						return fmt.Errorf("we see %s of %v", s.State, s.Querier)
					}
					return quiet(t, m)
				})
				return
			}
			eventually(t, "we step back", func() error {
				if s := state(); s.State != Hearing || s.Querier != theirs || s.Timers.QueryInterval != 2*time.Second {
					return fmt.Errorf("we see %s of %v every %v", s.State, s.Querier, s.Timers.QueryInterval)
				}
				return nil
			})
			h.Sh(t, "ip link set br0 type bridge mcast_querier 0")
			eventually(t, "we take over", func() error {
				if s := state(); s.State != Asking {
					return fmt.Errorf("we see %s of %v", s.State, s.Querier)
				}
				return nil
			})
			if sent := state().Sent["general"]; sent == 0 {
				t.Error("no general query")
			}
		})
	}
}

// quiet waits for the time of two queries of another router, and fails if one came.
func quiet(t *testing.T, m *Manager) error {
	t.Helper()
	before := m.Links()[0].Received["query2"]
	deadline := time.Now().Add(4500 * time.Millisecond)
	err := netns.Eventually(5*time.Second, func() error {
		if n := m.Links()[0].Received["query2"]; n != before {
			before = n
			deadline = time.Now().Add(4500 * time.Millisecond)
		}
		if left := time.Until(deadline); left > 0 {
			return fmt.Errorf("queries still come")
		}
		return nil
	})
	return err
}

// TestBridgeDownstream serves a bridge that snoops: our querier on it is heard by the bridge, the reports of its hosts reach us, and
// only ports with listeners get packets.
func TestBridgeDownstream(t *testing.T) {
	up, h0, h1 := cable(t, "wan0"), cable(t, "p0"), cable(t, "p1")
	up.Sh(t, "ip addr add 2001:db8:0::2/64 dev eth0")
	h1.Sh(t, "ip addr add 2001:db8:1::3/64 dev eth0")
	sh(t, `ip addr add 2001:db8:0::1/64 dev wan0; ip link add br0 type bridge mcast_snooping 1 forward_delay 0
		ip link set br0 up; ip link set p0 master br0; ip link set p1 master br0; ip addr add 2001:db8:1::1/64 dev br0`)
	t.Cleanup(func() { sh(t, "ip link del br0") })
	br := linkOf(t, "br0")
	br.Querier = true
	br.Timers.QueryInterval, br.Timers.QueryResponse = 2*time.Second, 500*time.Millisecond
	c := config(linkOf(t, "wan0"), br)
	c.Proxy = &Proxy{Upstream: "wan0", Downstream: []string{"br0"}}
	m := start(t, c)
	const group = "ff1e::5"
	e0, e1, eup := listenOn(t, h0), listenOn(t, h1), listenOn(t, up)
	s := speakOn(t, up, "2001:db8::2", group)
	e0.join(t, group)
	eventually(t, "join", groupOn(m, "br0", group, "EXCLUDE"))
	// Until the bridge has believed in a querier for a while, it floods.
	eventually(t, "the bridge knows who listens", func() error {
		before := e1.frames(t)
		for range 5 {
			s.sayAll(t, 1)
		}
		if n := e1.frames(t) - before; n >= 5 {
			return fmt.Errorf("a port without listeners got %d packets", n)
		}
		return nil
	})
	eventually(t, "packets", heardAll(e0, 1, s.next-1))
	// The other way: a host that sends needs no listener on the bridge for the router to hear it.
	eup.join(t, "ff1e::6")
	speakOn(t, h1, "2001:db8:1::3", "ff1e::6").sayAll(t, 20)
	eventually(t, "upwards", heardAll(eup, 1, 20))
}

// TestBridgeGroups shows what a bridge knows that the kernel asks on.
func TestBridgeGroups(t *testing.T) {
	h0, h1 := cable(t, "p0"), cable(t, "p1")
	sh(t, `ip link add br0 type bridge mcast_snooping 1 mcast_querier 1 mcast_mld_version 2 forward_delay 0
		ip link set br0 up; ip link set p0 master br0; ip link set p1 master br0`)
	t.Cleanup(func() { sh(t, "ip link del br0") })
	l := linkOf(t, "br0")
	l.Kernel, l.Joins = true, []Join{{Group: addr("ff05::1:3")}}
	m := start(t, config(l))
	e0, e1 := listenOn(t, h0), listenOn(t, h1)
	e0.join(t, "ff1e::5")
	e1.join(t, "ff1e::5")
	e1.join(t, "ff3e::1", "2001:db8::5")
	shown := func(group, want string) func() error {
		return func() error {
			for _, g := range m.Groups() {
				if g.Group == addr(group) {
					if got := fmt.Sprintf("%s %s %v %v", g.Link, groupText(g), g.Ports, g.Joined); got != want {
						return fmt.Errorf("%q, want %q", got, want)
					}
					return nil
				}
			}
			return fmt.Errorf("no %s in %+v", group, m.Groups())
		}
	}
	eventually(t, "both ports", shown("ff1e::5", "br0 EXCLUDE [p0 p1] false"))
	eventually(t, "a source", shown("ff3e::1", "br0 INCLUDE 2001:db8::5 [p1] false"))
	eventually(t, "our own", shown("ff05::1:3", "br0 EXCLUDE [] true"))
	if s := m.Links()[0]; s.State != Kernel || s.Groups < 3 {
		t.Errorf("%+v", s)
	}
}
