package mld

import (
	"fmt"
	"net/netip"
	"strings"
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

// kernelQuerier is whom the kernel's bridge takes for the querier.
func kernelQuerier(t *testing.T, h *netns.Node) string {
	t.Helper()
	out := h.Sh(t, "ip -d link show br0")
	_, rest, ok := strings.Cut(out, "mcast_querier ")
	if !ok {
		return out
	}
	return strings.Fields(rest)[0]
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
