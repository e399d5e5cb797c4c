package kernel

import (
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sixfold-router/sixfold/router/rib"
)

// sharedLog is a driftLog for a writer that runs.
type sharedLog struct {
	mu  sync.Mutex
	log driftLog
}

func (l *sharedLog) add(object, what string, problem error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.log.add(object, what, problem)
}

func (l *sharedLog) take() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.log.take()
}

func (l *sharedLog) have() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Sorted(slices.Values(l.log))
}

func TestRouteDrift(t *testing.T) {
	veth(t, "lan0", "lan1")
	ip(t, "addr add 192.0.2.1/24 dev lan0")
	ip(t, "route add 2001:db8:99::/48 via fe80::9 dev lan0 proto 168 metric 512") // of an earlier run
	table := &rib.Table{}
	var log sharedLog
	f := startWith(t, table, func(f *FIB) { f.OnDrift = log.add })
	table.Update(rib.BGP, routes("2001:db8:1::/48 via fe80::1 dev lan0", "2001:db8:2::/48 via fe80::1 dev lan0",
		"198.51.100.0/24 via 192.0.2.9", "2001:db8:40::/48 via fe80::1 dev lan0 table 1000"), nil)
	table.Update(rib.Aggregate, routes("unreachable 2001:db8::/32"), nil)
	f.sync()
	healthy := f.kernel()
	for _, tt := range []struct {
		name, do string
		want     []string
	}{
		{"nothing", "true", nil},
		{"removed", "ip route del 2001:db8:1::/48 metric 512", []string{"2001:db8:1::/48: the route was missing"}},
		{"IPv4 removed", "ip route del 198.51.100.0/24", []string{"198.51.100.0/24: the route was missing"}},
		{"in another table", "ip -6 route del 2001:db8:40::/48 table 1000", []string{"2001:db8:40::/48 table 1000: the route was missing"}},
		{"unreachable removed", "ip route del unreachable 2001:db8::/32", []string{"2001:db8::/32: the route was missing"}},
		{"next hop changed", "ip route replace 2001:db8:1::/48 via fe80::66 dev lan0 proto 168 metric 512",
			[]string{"2001:db8:1::/48: the route was changed: via fe80::66 dev lan0 metric 512"}},
		{"with our mark", "ip route add 2001:db8:77::/48 via fe80::66 dev lan0 proto 168 metric 512",
			[]string{"2001:db8:77::/48: a route with our mark was added"}},
		{"with our mark and another metric", "ip route add 2001:db8:1::/48 via fe80::66 dev lan0 proto 168 metric 77",
			[]string{"2001:db8:1::/48: a route with our mark was added"}},
		{"several", "ip route del 2001:db8:1::/48; ip route del 2001:db8:2::/48", []string{"2001:db8:1::/48: the route was missing", "2001:db8:2::/48: the route was missing"}},
		{"foreign", "ip route add 2001:db8:66::/48 via fe80::66 dev lan0; ip route del 2001:db8:66::/48", nil},
		{"foreign with another metric", "ip route add 2001:db8:1::/48 via fe80::66 dev lan0 metric 5; ip route del 2001:db8:1::/48 metric 5", nil},
		{"flap", "ip link set lan0 down; ip link set lan0 up", nil},
		{"address", "ip addr del 192.0.2.1/24 dev lan0; ip addr add 192.0.2.1/24 dev lan0", nil},
		{"no IPv6", "ip link set lan0 mtu 1000; ip link set lan0 mtu 1500", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			sh(t, tt.do)
			eventually(t, "what was found", func() bool {
				f.sync()
				return slices.Equal(log.have(), tt.want) && slices.Equal(f.kernel(), healthy)
			})
			audits := f.Status().Audits
			ip(t, "link set lan1 down")
			ip(t, "link set lan1 up")
			eventually(t, "one more comparison", func() bool { f.sync(); return f.Status().Audits > audits && slices.Equal(f.kernel(), healthy) })
			if diff := cmp.Diff(tt.want, log.take()); diff != "" {
				t.Errorf("found (-want +got):\n%s", diff)
			}
		})
	}
	table.Update(rib.BGP, routes("2001:db8:1::/48 via fe80::2 dev lan0"), []rib.Key{key("2001:db8:2::/48")})
	f.sync()
	if got := log.take(); got != nil {
		t.Errorf("our own changes are taken for drift: %q", got)
	}
}

// A route that others put in place of ours is left alone and told of, until ours can be written again.
func TestRouteDriftThatStays(t *testing.T) {
	veth(t, "lan0", "lan1")
	table := &rib.Table{}
	var log sharedLog
	f := startWith(t, table, func(f *FIB) { f.OnDrift = log.add })
	table.Update(rib.BGP, routes("2001:db8:1::/48 via fe80::1 dev lan0"), nil)
	f.sync()
	ip(t, "route replace 2001:db8:1::/48 via fe80::66 dev lan0 metric 512")
	const problem = "2001:db8:1::/48: the route was missing: a route of somebody else has this prefix and metric 512"
	eventually(t, "the problem", func() bool { return slices.Contains(log.have(), problem) })
	ip(t, "route del 2001:db8:1::/48 via fe80::66 metric 512 proto boot")
	eventually(t, "the end of the problem", func() bool { return slices.Contains(log.have(), "2001:db8:1::/48: the route was missing") })
	f.want("2001:db8:1::/48 via fe80::1 dev lan0 metric 512 bgp")
}
