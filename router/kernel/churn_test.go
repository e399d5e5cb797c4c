package kernel

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/sixfold-router/sixfold/router/rib"
)

// Routes that change all the time, as those of a neighbor that flaps, do not keep links and lost routes from being seen to: here
// one changes with every write of it.
func TestFIBUnderChurn(t *testing.T) {
	veth(t, "lan0", "lan1")
	ip(t, "addr add 2001:db8:0:1::1/64 dev lan0 nodad")
	table := &rib.Table{}
	m := NewMonitor(discard())
	f := &fib{FIB: NewFIB(discard(), table, m), t: t, table: table, monitor: m}
	flap := routes("2001:db8:f::/48 via fe80::1 dev lan0", "2001:db8:f::/48 via fe80::2 dev lan0")
	var writes atomic.Int64
	f.fault = func(k rib.Key) error {
		if k == flap[0].Key() {
			table.Update(rib.BGP, flap[writes.Add(1)%2:][:1], nil)
		}
		return nil
	}
	table.Update(rib.Static, routes("2001:db8:5::/48 via 2001:db8:0:1::9", "2001:db8:6::/48 via fe80::1 dev lan0"), nil)
	t.Cleanup(func() { _ = f.Flush(context.Background()) }) // after Run
	background(t, m.Run)
	background(t, f.Run)
	shows := func(prefix, text string) func() bool {
		return func() bool { return strings.Contains(ip(t, "-6 route show "+prefix), text) }
	}
	eventually(t, "routes", shows("2001:db8:5::/48", "dev lan0"))
	table.Update(rib.BGP, flap[:1], nil)
	eventually(t, "churn", func() bool { return writes.Load() > 100 })
	ip(t, "addr del 2001:db8:0:1::1/64 dev lan0")
	ip(t, "addr add 2001:db8:0:1::1/64 dev lan1 nodad")
	eventually(t, "the route follows its next hop", shows("2001:db8:5::/48", "dev lan1"))
	ip(t, "-6 route del 2001:db8:6::/48")
	eventually(t, "a removed route back", shows("2001:db8:6::/48", "dev lan0"))
}
