package kernel

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/sixfold-router/sixfold/router/rib"
)

// fib is a FIB under test with what it needs.
type fib struct {
	*FIB
	t       testing.TB
	table   *rib.Table
	monitor *Monitor
	stop    func()
}

// start makes a FIB with a table in which all sources are ready, but those that are given.
func start(t testing.TB, table *rib.Table, notReady ...rib.Source) *fib {
	t.Helper()
	return startWith(t, table, func(*FIB) {}, notReady...)
}

// startWith is start with something to set before the FIB runs.
func startWith(t testing.TB, table *rib.Table, set func(*FIB), notReady ...rib.Source) *fib {
	t.Helper()
	m := NewMonitor(discard())
	f := &fib{FIB: NewFIB(discard(), table, m), t: t, table: table, monitor: m}
	set(f.FIB)
	for _, s := range rib.Sources {
		skip := false
		for _, n := range notReady {
			skip = skip || s == n
		}
		if !skip {
			table.SetReady(s)
		}
	}
	background(t, m.Run)
	f.stop = background(t, f.Run)
	t.Cleanup(func() {
		f.stop()
		if err := f.Flush(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return f
}

func (f *fib) sync() {
	f.t.Helper()
	if err := f.Sync(context.Background()); err != nil {
		f.t.Fatalf("Sync: %v", err)
	}
}

// kernel returns our routes, and others that match, as the kernel lists them.
func (f *fib) kernel() []string {
	f.t.Helper()
	if err := f.monitor.Refresh(context.Background()); err != nil {
		f.t.Fatal(err)
	}
	routes, err := f.monitor.Routes(context.Background(), 0)
	if err != nil {
		f.t.Fatal(err)
	}
	var out []string
	for _, r := range routes {
		if r.Ours {
			out = append(out, r.String()+" "+r.Protocol)
		}
	}
	return out
}

func (f *fib) want(routes ...string) {
	f.t.Helper()
	if diff := cmp.Diff(routes, f.kernel()); diff != "" {
		f.t.Errorf("routes in the kernel (-want +got):\n%s\nstatus: %+v", diff, f.Status())
	}
}

func route(s string) rib.Route {
	var r rib.Route
	fields := strings.Fields(s)
	switch fields[0] {
	case "unreachable":
		r.Kind, fields = rib.Unreachable, fields[1:]
	case "blackhole":
		r.Kind, fields = rib.Blackhole, fields[1:]
	}
	r.Prefix = netip.MustParsePrefix(fields[0])
	for i := 1; i < len(fields); i += 2 {
		switch v := fields[i+1]; fields[i] {
		case "via":
			r.Via = netip.MustParseAddr(v)
		case "dev":
			r.Link = v
		case "metric":
			if _, err := fmt.Sscan(v, &r.Metric); err != nil {
				panic(err)
			}
		case "table":
			if _, err := fmt.Sscan(v, &r.Table); err != nil {
				panic(err)
			}
		}
	}
	return r
}

func routes(list ...string) []rib.Route {
	var out []rib.Route
	for _, s := range list {
		out = append(out, route(s))
	}
	return out
}

func TestFIBMirrors(t *testing.T) {
	veth(t, "lan0", "lan1")
	ip(t, "addr add 192.0.2.1/24 dev lan0")
	ip(t, "addr add 2001:db8:0:1::1/64 dev lan0 nodad")
	table := &rib.Table{}
	f := start(t, table)
	table.Update(rib.Delegated, routes("2001:db8:10::/48 via fe80::10 dev lan0"), nil)
	table.Update(rib.Static, routes("198.51.100.0/24 via 192.0.2.9", "203.0.113.0/24 dev lan0", "2001:db8:20::/48 via 2001:db8:0:1::9 metric 77"), nil)
	table.Update(rib.Aggregate, routes("unreachable 2001:db8::/32"), nil)
	table.Update(rib.BGP, routes("2001:db8:30::/48 via fe80::1%lan0", "blackhole 10.0.0.0/8", "0.0.0.0/0 via fe80::1 dev lan0",
		"2001:db8:40::/48 via fe80::1 dev lan0 table 1000", "2001:db8:0:1::/64 via fe80::66 dev lan0"), nil)
	table.Update(rib.Connected, routes("2001:db8:0:1::/64 dev lan0"), nil)
	f.sync()
	f.want(
		"0.0.0.0/0 via fe80::1 dev lan0 metric 512 bgp",
		"blackhole 10.0.0.0/8 metric 512 bgp",
		"198.51.100.0/24 via 192.0.2.9 dev lan0 metric 512 static",
		"203.0.113.0/24 dev lan0 metric 512 static",
		"unreachable 2001:db8::/32 metric 512 aggregate",
		"2001:db8:10::/48 via fe80::10 dev lan0 metric 512 delegated",
		"2001:db8:20::/48 via 2001:db8:0:1::9 dev lan0 metric 77 static",
		"2001:db8:30::/48 via fe80::1 dev lan0 metric 512 bgp",
	)
	if got := ip(t, "-6 route show table 1000"); !strings.Contains(got, "2001:db8:40::/48 via fe80::1 dev lan0 proto 168") {
		t.Errorf("table 1000:\n%s", got)
	}
	if !f.Installed(key("2001:db8:10::/48")) || f.Installed(key("2001:db8:0:1::/64")) {
		t.Error("Installed is wrong")
	}
	if s := f.Status(); s.Installed[rib.BGP] != 4 || s.Installed[rib.Static] != 3 || s.Failed != 0 || s.Stale != 0 {
		t.Errorf("status: %+v", s)
	}
	// The same again is no write; another next hop, metric, kind and source are.
	before := f.Writes()
	table.Update(rib.Delegated, routes("2001:db8:10::/48 via fe80::10 dev lan0"), nil)
	f.sync()
	if n := f.Writes() - before; n != 0 {
		t.Errorf("%d writes for nothing", n)
	}
	table.Update(rib.Static, routes("2001:db8:20::/48 via 2001:db8:0:1::8 metric 78", "2001:db8:30::/48 via fe80::3 dev lan1", "10.0.0.0/8 via 192.0.2.8"),
		[]rib.Key{key("198.51.100.0/24"), key("203.0.113.0/24")})
	table.Update(rib.BGP, routes("0.0.0.0/0 via 192.0.2.7"), []rib.Key{{Table: 1000, Prefix: netip.MustParsePrefix("2001:db8:40::/48")}})
	table.Update(rib.Delegated, routes("unreachable 2001:db8:10::/48"), nil)
	table.Update(rib.Aggregate, nil, []rib.Key{key("2001:db8::/32")})
	f.sync()
	f.want(
		"0.0.0.0/0 via 192.0.2.7 dev lan0 metric 512 bgp",
		"10.0.0.0/8 via 192.0.2.8 dev lan0 metric 512 static",
		"unreachable 2001:db8:10::/48 metric 512 delegated",
		"2001:db8:20::/48 via 2001:db8:0:1::8 dev lan0 metric 78 static",
		"2001:db8:30::/48 via fe80::3 dev lan1 metric 512 static",
	)
	if got := ip(t, "-6 route show table all"); strings.Contains(got, "2001:db8:40::/48") {
		t.Errorf("left behind:\n%s", got)
	}
}

func TestFIBRestart(t *testing.T) {
	veth(t, "lan0", "lan1")
	table := &rib.Table{}
	first := start(t, table)
	table.Update(rib.Delegated, routes("2001:db8:1::/48 via fe80::1 dev lan0", "2001:db8:2::/48 via fe80::2 dev lan0"), nil)
	table.Update(rib.BGP, routes("2001:db8:3::/48 via fe80::3 dev lan0", "2001:db8:4::/48 via fe80::4 dev lan0", "2001:db8:5::/48 via fe80::5 dev lan0"), nil)
	first.sync()
	first.stop()
	all := first.kernel()
	if len(all) != 5 {
		t.Fatalf("routes did not stay: %v", all)
	}

	table = &rib.Table{}
	f := start(t, table, rib.Delegated, rib.BGP)
	f.sync()
	f.want(all...)
	if s := f.Status(); s.Stale != 5 || f.Installed(key("2001:db8:1::/48")) {
		t.Errorf("status before anything was confirmed: %+v", s)
	}
	table.Replace(rib.Delegated, routes("2001:db8:1::/48 via fe80::1 dev lan0"))
	table.Update(rib.BGP, routes("2001:db8:3::/48 via fe80::3 dev lan0", "2001:db8:4::/48 via fe80::44 dev lan0"), nil)
	f.sync()
	f.want(
		"2001:db8:1::/48 via fe80::1 dev lan0 metric 512 delegated",
		"2001:db8:3::/48 via fe80::3 dev lan0 metric 512 bgp",
		"2001:db8:4::/48 via fe80::44 dev lan0 metric 512 bgp",
		"2001:db8:5::/48 via fe80::5 dev lan0 metric 512 bgp",
	)
	if n := f.Writes(); n != 2 { // one removed, one replaced
		t.Errorf("%d writes, want 2", n)
	}
	table.SetReady(rib.BGP)
	f.sync()
	if got := f.kernel(); len(got) != 3 || f.Writes() != 3 || f.Status().Stale != 0 {
		t.Errorf("after BGP is ready: %v, %d writes, %+v", got, f.Writes(), f.Status())
	}
}

func TestFIBRepairs(t *testing.T) {
	veth(t, "lan0", "lan1")
	ip(t, "addr add 192.0.2.1/24 dev lan0")
	table := &rib.Table{}
	f := start(t, table)
	table.Update(rib.BGP, routes("2001:db8:1::/48 via fe80::1 dev lan0", "198.51.100.0/24 via 192.0.2.9", "203.0.113.0/24 via 192.0.2.9 dev lan0"), nil)
	f.sync()
	all := f.kernel()
	there := func() bool { return cmp.Equal(all, f.kernel()) }

	ip(t, "-6 route del 2001:db8:1::/48")
	eventually(t, "a removed IPv6 route back", there)
	ip(t, "route del 203.0.113.0/24")
	eventually(t, "a removed IPv4 route back", there)
	ip(t, "link set lan0 down")
	eventually(t, "routes gone with the link", func() bool { return len(f.kernel()) == 0 })
	eventually(t, "the reason", func() bool {
		for _, x := range f.Status().Failures {
			if x.Reason == "2001:db8:1::/48 via fe80::1 dev lan0: link is down" {
				return true
			}
		}
		return false
	})
	ip(t, "link set lan0 up")
	eventually(t, "routes back with the link", there)
	// So fast that nobody sees the link down.
	ip(t, "link set lan0 down")
	ip(t, "link set lan0 up")
	eventually(t, "routes back after a flap", there)
	// The link is another one with the same name.
	ip(t, "link del lan0")
	eventually(t, "routes gone with the link", func() bool { return len(f.kernel()) == 0 })
	veth(t, "lan0", "lan1")
	ip(t, "addr add 192.0.2.1/24 dev lan0")
	eventually(t, "routes back on the new link", there)
	f.sync()
	if s := f.Status(); s.Failed != 0 || s.Repaired == 0 {
		t.Errorf("status: %+v", s)
	}
}

func TestFIBAuditFindsWhatEventsDoNot(t *testing.T) {
	veth(t, "lan0", "lan1")
	table := &rib.Table{}
	f := start(t, table)
	table.Update(rib.BGP, routes("2001:db8:1::/48 via fe80::1 dev lan0"), nil)
	f.sync()
	all := f.kernel()
	// Replacing is no removal, and a stray route with our number neither. An event that asks for an audit is a link going down.
	ip(t, "-6 route replace 2001:db8:1::/48 via fe80::99 dev lan0 metric 512 proto 168")
	ip(t, "-6 route add 2001:db8:2::/48 via fe80::1 dev lan0 metric 512 proto 168")
	ip(t, "-6 route add 2001:db8:1::/48 via fe80::1 dev lan0 metric 700 proto 168")
	ip(t, "link set lan1 down")
	ip(t, "link set lan1 up")
	eventually(t, "the kernel as we want it", func() bool { return cmp.Equal(all, f.kernel()) })
}

func TestFIBLeavesOthersAlone(t *testing.T) {
	veth(t, "lan0", "lan1")
	for _, r := range []string{"-6 route add 2001:db8:1::/48 via fe80::99 dev lan0 metric 512 proto bird",
		"-6 route add 2001:db8:2::/48 via fe80::99 dev lan0 metric 100 proto static",
		"route add 198.51.100.0/24 dev lan0 metric 512 proto static"} {
		ip(t, r)
	}
	table := &rib.Table{}
	f := start(t, table)
	table.Update(rib.BGP, routes("2001:db8:1::/48 via fe80::1 dev lan0", "2001:db8:2::/48 via fe80::1 dev lan0", "unreachable 198.51.100.0/24"), nil)
	f.sync()
	f.want("2001:db8:2::/48 via fe80::1 dev lan0 metric 512 bgp")
	s := f.Status()
	var reasons []string
	for _, x := range s.Failures {
		reasons = append(reasons, x.Reason)
	}
	if diff := cmp.Diff([]string{
		"unreachable 198.51.100.0/24: a route of somebody else has this prefix and metric 512",
		"2001:db8:1::/48 via fe80::1 dev lan0: a route of somebody else has this prefix and metric 512",
	}, reasons); diff != "" {
		t.Errorf("failures (-want +got):\n%s", diff)
	}
	table.Replace(rib.BGP, nil)
	f.sync()
	if err := f.Flush(context.Background()); err != nil {
		t.Fatal(err)
	}
	got := ip(t, "-6 route show") + ip(t, "route show")
	for _, want := range []string{"2001:db8:1::/48 via fe80::99", "2001:db8:2::/48 via fe80::99", "198.51.100.0/24 dev lan0"} {
		if !strings.Contains(got, want) {
			t.Errorf("a route of somebody else is gone: %s\n%s", want, got)
		}
	}
	// When theirs goes, ours comes.
	table.Update(rib.BGP, routes("2001:db8:1::/48 via fe80::1 dev lan0"), nil)
	f.sync()
	ip(t, "-6 route del 2001:db8:1::/48 proto bird")
	eventually(t, "our route", func() bool { return f.Installed(key("2001:db8:1::/48")) })
}

func TestFIBWaitsForLink(t *testing.T) {
	table := &rib.Table{}
	f := start(t, table)
	table.Update(rib.Delegated, routes("2001:db8::/48 via fe80::1 dev lan0", "2001:db8:1::/48 via fe80::1", "2001:db8:2::/48 via 192.0.2.1",
		"2001:db8:3::/48"), nil)
	f.sync()
	var reasons []string
	for _, x := range f.Status().Failures {
		reasons = append(reasons, x.Reason)
	}
	if diff := cmp.Diff([]string{
		"2001:db8::/48 via fe80::1 dev lan0: no such link",
		"2001:db8:1::/48 via fe80::1: a link-local next hop needs a link",
		"2001:db8:2::/48 via 192.0.2.1: an IPv6 route cannot have an IPv4 next hop",
		"2001:db8:3::/48: neither next hop nor link",
	}, reasons); diff != "" {
		t.Errorf("failures (-want +got):\n%s", diff)
	}
	veth(t, "lan0", "lan1")
	eventually(t, "the route with its link", func() bool { return f.Installed(key("2001:db8::/48")) })
	f.want("2001:db8::/48 via fe80::1 dev lan0 metric 512 delegated")
}

// A prefix that moves to another link takes the routes with it.
func TestFIBFollowsNextHop(t *testing.T) {
	veth(t, "lan0", "lan1")
	ip(t, "addr add 2001:db8:0:1::1/64 dev lan0 nodad")
	table := &rib.Table{}
	f := start(t, table)
	table.Update(rib.BGP, routes("2001:db8:5::/48 via 2001:db8:0:1::9", "2001:db8:6::/48 via 2001:db8:0:9::9"), nil)
	f.sync()
	f.want("2001:db8:5::/48 via 2001:db8:0:1::9 dev lan0 metric 512 bgp")
	if s := f.Status(); s.Failed != 1 || s.Failures[0].Reason != "2001:db8:6::/48 via 2001:db8:0:9::9: next hop 2001:db8:0:9::9 is not reachable" {
		t.Errorf("status: %+v", s)
	}
	ip(t, "addr del 2001:db8:0:1::1/64 dev lan0")
	ip(t, "addr add 2001:db8:0:1::1/64 dev lan1 nodad")
	ip(t, "addr add 2001:db8:0:9::1/64 dev lan0 nodad")
	eventually(t, "both routes", func() bool {
		return cmp.Equal(f.kernel(), []string{"2001:db8:5::/48 via 2001:db8:0:1::9 dev lan1 metric 512 bgp",
			"2001:db8:6::/48 via 2001:db8:0:9::9 dev lan0 metric 512 bgp"})
	})
}

// Single routes that the kernel refuses are tried again, and keep none of their batch from being written.
func TestFIBRetries(t *testing.T) {
	table := &rib.Table{}
	m := NewMonitor(discard())
	f := &fib{FIB: NewFIB(discard(), table, m), t: t, table: table, monitor: m}
	var tries atomic.Int32
	f.fault = func(k rib.Key) error {
		if k == key("2001:db8:7::/48") {
			if tries.Add(1) < 4 {
				return errors.New("broken on purpose")
			}
		}
		return nil
	}
	t.Cleanup(func() { _ = f.Flush(context.Background()) }) // after Run
	background(t, f.Run)
	for i := range 20 {
		table.Update(rib.BGP, routes(fmt.Sprintf("unreachable 2001:db8:%d::/48", i)), nil)
	}
	eventually(t, "all routes", func() bool { return f.Status().Installed[rib.BGP] == 20 && f.Status().Failed == 0 })
	if n := tries.Load(); n != 4 {
		t.Errorf("%d tries, want 4", n)
	}
}

func BenchmarkFIB10000(b *testing.B) {
	veth(b, "lan0", "lan1")
	table := &rib.Table{}
	f := start(b, table)
	all := make([]rib.Route, 10000)
	for i := range all {
		a := [16]byte{0x20, 0x01, 0x0d, 0xb8}
		binary.BigEndian.PutUint32(a[4:], uint32(i))
		all[i] = rib.Route{Prefix: netip.PrefixFrom(netip.AddrFrom16(a), 64), Via: netip.MustParseAddr("fe80::1"), Link: "lan0"}
	}
	for b.Loop() {
		table.Replace(rib.BGP, all)
		f.sync()
		if n := f.Status().Installed[rib.BGP]; n != len(all) {
			b.Fatalf("%d routes installed: %+v", n, f.Status())
		}
		table.Replace(rib.BGP, nil)
		f.sync()
	}
}
