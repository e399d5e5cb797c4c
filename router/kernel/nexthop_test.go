package kernel

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sixfold-router/sixfold/router/rib"
)

// lab0 has a global prefix on lan0 (7) and one on the loopback device; lan1 (9) is up without any, down0 is down.
var lab0 = newResolver(Links{
	"lo":    {Index: 1, Up: true, Loopback: true, Addresses: []AddressState{{Prefix: netip.MustParsePrefix("2001:db8:1000::1/64")}}},
	"lan0":  {Index: 7, Up: true, Addresses: []AddressState{{Prefix: netip.MustParsePrefix("2001:db8:0:1::1/64")}, {Prefix: netip.MustParsePrefix("192.0.2.1/24")}}},
	"lan1":  {Index: 9, Up: true},
	"down0": {Index: 8, Addresses: []AddressState{{Prefix: netip.MustParsePrefix("2001:db8:0:8::1/64")}}},
})

// stateOf makes a state of routes of the table, given as "bgp PREFIX …", and of others, "other LINK PREFIX …".
func stateOf(list ...string) (*fibState, *rib.Table) {
	table := &rib.Table{}
	s := newFIBState(table.Best)
	for _, text := range list {
		kind, rest, _ := strings.Cut(text, " ")
		if src, ok := rib.ParseSource(kind); ok {
			table.Update(src, routes(rest), nil)
			s.seen(route(rest).Prefix)
			continue
		}
		r := route(rest)
		k, err := lab0.route(rib.Entry{Source: rib.Static, Route: r})
		if err != nil {
			panic(err)
		}
		k.proto, k.metric = 4, max(r.Metric, 1024)
		s.foreign(foreignEvent{key: r.Key(), route: k})
	}
	return &s, table
}

func (w way) String() string {
	if w.reason != "" {
		return w.reason
	}
	s := fmt.Sprintf("%s on %d", w.via, w.link)
	if w.onlink {
		s += " onlink"
	}
	return s
}

func TestResolve(t *testing.T) {
	chain := func(n int) (list []string) {
		for i := range n {
			list = append(list, fmt.Sprintf("bgp 2001:db8:a:%x::/64 via 2001:db8:a:%x::1", i, i+1))
		}
		return append(list, fmt.Sprintf("static 2001:db8:a:%x::/64 via fe80::1 dev lan0", n))
	}
	many := func() (list []string) {
		for i := range 40 { // each covers the next hops of all others
			list = append(list, fmt.Sprintf("bgp 2001:db8:c::/%d via 2001:db8:c::%x", 48+i, i+1))
		}
		return list
	}
	tests := []struct {
		name   string
		routes []string
		hop    string
		want   string
	}{
		{name: "on a link", hop: "2001:db8:0:1::9", want: "2001:db8:0:1::9 on 7"},
		{name: "on a link, IPv4", hop: "192.0.2.9", want: "192.0.2.9 on 7"},
		{name: "nowhere", hop: "2001:db8:f::1", want: "next hop 2001:db8:f::1 is not reachable"},
		{name: "on a link that is down", hop: "2001:db8:0:8::9", want: "next hop 2001:db8:0:8::9 is not reachable"},
		{name: "our own prefix on loopback", hop: "2001:db8:1000::9", routes: []string{"other 2001:db8:1000::/64 dev lo"},
			want: "next hop 2001:db8:1000::9 is not reachable: 2001:db8:1000::/64 is on a loopback device"},
		{name: "static route", routes: []string{"static 2001:db8:f::/48 via fe80::1 dev lan1"}, hop: "2001:db8:f::1", want: "fe80::1 on 9"},
		{name: "static route without gateway", routes: []string{"static 2001:db8:f::/48 dev lan1"}, hop: "2001:db8:f::1", want: "2001:db8:f::1 on 9"},
		{name: "static route without link", routes: []string{"static 2001:db8:f::/48 via 2001:db8:0:1::7"}, hop: "2001:db8:f::1", want: "2001:db8:0:1::7 on 7"},
		{name: "longest match", routes: []string{"static ::/0 via fe80::1 dev lan0", "bgp 2001:db8:f::/48 via fe80::2 dev lan1", "static 2001:db8::/32 via fe80::3 dev lan0"},
			hop: "2001:db8:f::1", want: "fe80::2 on 9"},
		{name: "two steps", routes: chain(2), hop: "2001:db8:a::1", want: "fe80::1 on 7"},
		{name: "as deep as allowed", routes: chain(maxRecursion), hop: "2001:db8:a::1", want: "fe80::1 on 7"},
		{name: "deeper", routes: chain(maxRecursion + 1), hop: "2001:db8:a::1", want: "next hop 2001:db8:a::1 is not reachable"},
		{name: "through itself", routes: []string{"bgp 2001:db8:f::/48 via 2001:db8:f::1"}, hop: "2001:db8:f::1", want: "next hop 2001:db8:f::1 is not reachable"},
		{name: "itself is passed over", routes: []string{"bgp 2001:db8:f::/48 via 2001:db8:f::1", "static 2001:db8::/32 via fe80::1 dev lan0"},
			hop: "2001:db8:f::1", want: "fe80::1 on 7"},
		{name: "a circle", routes: []string{"bgp 2001:db8:e::/48 via 2001:db8:f::1", "bgp 2001:db8:f::/48 via 2001:db8:e::1"}, hop: "2001:db8:f::1",
			want: "next hop 2001:db8:f::1 is not reachable"},
		{name: "a default route of BGP leads nowhere", routes: []string{"bgp ::/0 via fe80::1 dev lan0"}, hop: "2001:db8:f::1",
			want: "next hop 2001:db8:f::1 is not reachable"},
		{name: "a static default route", routes: []string{"static ::/0 via fe80::1 dev lan0"}, hop: "2001:db8:f::1", want: "fe80::1 on 7"},
		{name: "a default route of an advertisement", routes: []string{"other ::/0 via fe80::1 dev lan0"}, hop: "2001:db8:f::1", want: "fe80::1 on 7"},
		{name: "unreachable", routes: []string{"static ::/0 via fe80::1 dev lan0", "aggregate unreachable 2001:db8::/32"}, hop: "2001:db8:f::1",
			want: "next hop 2001:db8:f::1 is not reachable: 2001:db8::/32 is unreachable"},
		{name: "blackhole of somebody else", routes: []string{"other blackhole 2001:db8::/32"}, hop: "2001:db8:f::1",
			want: "next hop 2001:db8:f::1 is not reachable: 2001:db8::/32 is blackhole"},
		{name: "the link of the route is down", routes: []string{"static 2001:db8:f::/48 via fe80::2 dev down0", "static 2001:db8::/32 via fe80::1 dev lan0"},
			hop: "2001:db8:f::1", want: "fe80::1 on 7"},
		{name: "metric", routes: []string{"other 2001:db8:f::/48 via fe80::2 dev lan1 metric 2000", "static 2001:db8:f::/48 via fe80::1 dev lan0"},
			hop: "2001:db8:f::1", want: "fe80::1 on 7"},
		{name: "connected is no way but that of the kernel", routes: []string{"connected 2001:db8:f::/64 dev lan0"}, hop: "2001:db8:f::1",
			want: "next hop 2001:db8:f::1 is not reachable"},
		{name: "bounded", routes: many(), hop: "2001:db8:c::1", want: "next hop 2001:db8:c::1 is behind too many routes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, _ := stateOf(tt.routes...)
			if got := s.resolve(hopKey{rib.MainTable, netip.MustParseAddr(tt.hop)}, lab0).String(); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// Neighbors that announce next hops within each other's routes cannot keep us busy.
func TestResolveIsBounded(t *testing.T) {
	table := &rib.Table{}
	s := newFIBState(table.Best)
	for i := range 60 {
		p := netip.PrefixFrom(netip.MustParseAddr("2001:db8:c::"), 50+i)
		table.Update(rib.BGP, []rib.Route{{Prefix: p, Via: netip.MustParseAddr(fmt.Sprintf("2001:db8:c::%x", i+1))}}, nil)
		s.seen(p)
	}
	l := search{state: &s, resolver: lab0, table: rib.MainTable, steps: maxSteps}
	if w := l.find(netip.MustParseAddr("2001:db8:c::1")); w.reason == "" || l.steps > 0 {
		t.Errorf("got %v with %d steps left", w, l.steps)
	}
}

func TestNexthopIndex(t *testing.T) {
	n := newNexthops()
	addr := netip.MustParseAddr
	for i, a := range []string{"2001:db8::1", "2001:db8::2", "2001:db8:1::1", "192.0.2.1", "2001:db8::1"} {
		n.use(key(fmt.Sprintf("2001:db8:%d::/48", i)), addr(a))
	}
	within := func(list ...string) []string {
		var out []string
		var keys []rib.Key
		for _, p := range prefixes(list...) {
			keys = append(keys, rib.Key{Table: rib.MainTable, Prefix: p})
		}
		for a := range n.within(keys) {
			out = append(out, a.addr.String())
		}
		slices.Sort(out)
		return out
	}
	want := func(got []string, want ...string) {
		t.Helper()
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("next hops (-want +got):\n%s", diff)
		}
	}
	want(within("2001:db8::/64"), "2001:db8::1", "2001:db8::2")
	want(within("::/0"), "2001:db8:1::1", "2001:db8::1", "2001:db8::2")
	want(within("0.0.0.0/0", "2001:db8::2/128"), "192.0.2.1", "2001:db8::2")
	want(within("2001:db8:2::/48"))
	n.release(key("2001:db8:0::/48"))
	want(within("2001:db8::1/128"), "2001:db8::1") // another route has it still
	n.use(key("2001:db8:4::/48"), addr("2001:db8::2"))
	want(within("2001:db8::1/128"))
	for i := range 5 {
		n.release(key(fmt.Sprintf("2001:db8:%d::/48", i)))
	}
	if len(n.known)+len(n.of) != 0 {
		t.Errorf("left behind: %+v", n)
	}
}

// A next hop in the table of a VRF may be behind a route of others there, as one that an advertisement made; routes of others in
// other tables lead to none of its next hops.
func TestNextHopsBehindOthersInTheirTable(t *testing.T) {
	const blue = 1010
	s, _ := stateOf("other ::/0 via fe80::9 dev lan0")
	inBlue := rib.Key{Table: blue, Prefix: netip.MustParsePrefix("::/0")}
	hop := netip.MustParseAddr("2001:db8:ffff::1")
	lan1 := kroute{proto: 9, via: netip.MustParseAddr("fe80::1"), link: 9, metric: 1024}
	if s.foreign(foreignEvent{key: inBlue, route: lan1}); len(s.others[inBlue]) != 0 {
		t.Error("a table that is of no VRF is followed")
	}
	if got := s.resolve(hopKey{blue, hop}, lab0).String(); got != "next hop 2001:db8:ffff::1 is not reachable" {
		t.Errorf("got %s", got)
	}
	s.tables[blue] = true
	s.foreign(foreignEvent{key: inBlue, route: lan1})
	if got, want := s.resolve(hopKey{blue, hop}, lab0).String(), "fe80::1 on 9"; got != want {
		t.Errorf("in blue got %s, want %s", got, want)
	}
	if got := s.resolve(hopKey{rib.MainTable, hop}, lab0).String(); !strings.HasPrefix(got, "fe80::9 on ") {
		t.Errorf("in the main table got %s", got)
	}
}

// What is known of the routes of others after events is what the kernel has.
func TestForeignEvents(t *testing.T) {
	s, _ := stateOf("other 2001:db8::/32 via fe80::1 dev lan0")
	p := rib.Key{Table: rib.MainTable, Prefix: netip.MustParsePrefix("2001:db8::/32")}
	first := s.others[p][0]
	second, third := first, first
	second.metric, third.via = 700, netip.MustParseAddr("fe80::3")
	for _, step := range []struct {
		event foreignEvent
		doubt bool
		len   int
	}{
		{foreignEvent{p, first, false}, false, 1},
		{foreignEvent{p, second, false}, false, 2},
		{foreignEvent{p, third, false}, true, 3}, // replaced, or one more next hop
		{foreignEvent{p, third, true}, false, 2},
		{foreignEvent{p, third, true}, true, 2},
		{foreignEvent{p, second, true}, false, 1},
		{foreignEvent{p, first, true}, false, 0},
		{foreignEvent{p, first, true}, false, 0},
	} {
		if doubt := s.foreign(step.event); doubt != step.doubt || len(s.others[p]) != step.len {
			t.Errorf("%+v: doubt %v, want %v; %v", step.event, doubt, step.doubt, s.others[p])
		}
	}
}

// A stale route stays while the route that leads to its next hop may still be told, and next hops do not move meanwhile.
func TestPlanKeepsStaleRoutes(t *testing.T) {
	s, table := stateOf()
	via := func(proto uint8, prefix string) rib.Key {
		s.have[key(prefix)] = kroute{proto: proto, link: 7, metric: DefaultMetric, via: netip.MustParseAddr("fe80::1")}
		s.stale[key(prefix)] = struct{}{}
		s.seen(key(prefix).Prefix)
		return key(prefix)
	}
	learnt, static := via(ProtoBGP, "2001:db8:9::/48"), via(ProtoStatic, "2001:db8:f::/48")
	now := time.Unix(1000, 0)
	plan := func(k rib.Key) []routeOp {
		best, ok := table.Best(k)
		return s.plan(nil, rib.Change{Key: k, Best: best, Gone: !ok}, lab0, now)
	}
	table.Update(rib.BGP, routes("2001:db8:9::/48 via 2001:db8:f::1"), nil)
	if ops := plan(learnt); len(ops) != 0 || len(s.stale) != 1 {
		t.Fatalf("the stale static route leads there: %+v, stale %v", ops, s.stale)
	}
	delete(s.have, static)
	delete(s.stale, static)
	s.stale[learnt] = struct{}{}
	s.move(s.hops.known, lab0)
	if ops := plan(learnt); len(ops) != 0 || len(s.stale) != 1 || s.failed[learnt] == nil {
		t.Fatalf("static is not ready: %+v, stale %v", ops, s.stale)
	}
	var keys []rib.Key
	for _, src := range rib.Sources {
		keys = s.sweep(src)
	}
	if !slices.Contains(keys, learnt) {
		t.Errorf("when all are ready: %v", keys)
	}
	if ops := plan(learnt); len(ops) != 1 || ops[0].verb != removeRoute {
		t.Errorf("when all are ready: %+v", ops)
	}
}

func TestFIBRecursive(t *testing.T) {
	veth(t, "lan0", "lan1")
	ip(t, "addr add 2001:db8:0:1::1/64 dev lan0 nodad")
	ip(t, "addr add 192.0.2.1/24 dev lan0")
	table := &rib.Table{}
	f := start(t, table)
	reasons := func() string {
		var out []string
		for _, x := range f.Status().Failures {
			out = append(out, x.Reason)
		}
		return strings.Join(out, "\n")
	}
	learnt := routes("2001:db8:10::/48 via 2001:db8:ff::1", "2001:db8:11::/48 via 2001:db8:10::1", "203.0.113.0/24 via 2001:db8:ff::1",
		"198.51.100.0/24 via 10.0.0.1")
	table.Update(rib.BGP, learnt, nil)
	f.sync()
	f.want()
	if got := reasons(); !strings.Contains(got, "2001:db8:10::/48 via 2001:db8:ff::1: next hop 2001:db8:ff::1 is not reachable") || f.Status().Failed != 4 {
		t.Errorf("failures:\n%s", got)
	}

	if got := f.Reason(key("2001:db8:10::/48")); got != "next hop 2001:db8:ff::1 is not reachable" {
		t.Errorf("reason: %q", got)
	}

	table.Update(rib.Static, routes("2001:db8:ff::1/128 via 2001:db8:0:1::9", "10.0.0.0/8 via 192.0.2.9"), nil)
	f.sync()
	f.want(
		"10.0.0.0/8 via 192.0.2.9 dev lan0 metric 512 static",
		"198.51.100.0/24 via 192.0.2.9 dev lan0 metric 512 bgp",
		"203.0.113.0/24 via 2001:db8:0:1::9 dev lan0 metric 512 bgp",
		"2001:db8:10::/48 via 2001:db8:0:1::9 dev lan0 metric 512 bgp",
		"2001:db8:11::/48 via 2001:db8:0:1::9 dev lan0 metric 512 bgp",
		"2001:db8:ff::1/128 via 2001:db8:0:1::9 dev lan0 metric 512 static",
	)
	if !f.Installed(key("2001:db8:11::/48")) || f.Reason(key("2001:db8:11::/48")) != "" || f.Status().Failed != 0 {
		t.Errorf("status: %+v", f.Status())
	}

	// The next hop moves, and all that depends on it; the rest is not written again.
	before := f.Writes()
	table.Update(rib.Static, routes("2001:db8:ff::1/128 via fe80::7 dev lan1"), nil)
	f.sync()
	if got := ip(t, "-6 route show proto 168"); strings.Count(got, "via fe80::7 dev lan1") != 2 {
		t.Errorf("routes did not follow:\n%s", got)
	}
	if n := f.Writes() - before; n != 4 {
		t.Errorf("%d writes, want 4", n)
	}

	// Unreachable, and gone.
	table.Update(rib.Static, routes("unreachable 2001:db8:ff::1/128"), nil)
	f.sync()
	if got := reasons(); !strings.Contains(got, "next hop 2001:db8:ff::1 is not reachable: 2001:db8:ff::1/128 is unreachable") || f.Installed(key("2001:db8:11::/48")) {
		t.Errorf("failures:\n%s", got)
	}
	table.Update(rib.Static, nil, []rib.Key{key("2001:db8:ff::1/128")})
	f.sync()
	f.want("10.0.0.0/8 via 192.0.2.9 dev lan0 metric 512 static", "198.51.100.0/24 via 192.0.2.9 dev lan0 metric 512 bgp")

	// A route of somebody else will do, with a default route for the time between.
	ip(t, "-6 route add 2001:db8:ff::/48 via fe80::5 dev lan0 proto static")
	eventually(t, "routes through a route of somebody else", func() bool {
		return strings.Count(ip(t, "-6 route show proto 168"), "via fe80::5 dev lan0") == 2
	})
	ip(t, "-6 route replace default via fe80::6 dev lan1 proto ra")
	ip(t, "-6 route del 2001:db8:ff::/48 via fe80::5 dev lan0 proto static")
	eventually(t, "routes through the default route", func() bool {
		return strings.Count(ip(t, "-6 route show proto 168"), "via fe80::6 dev lan1") == 2
	})
	ip(t, "link set lan1 down")
	eventually(t, "routes gone with the link", func() bool { return ip(t, "-6 route show proto 168") == "" })
	ip(t, "link set lan1 up")
	ip(t, "-6 route replace default via fe80::6 dev lan1 proto ra")
	eventually(t, "and back", func() bool {
		return strings.Count(ip(t, "-6 route show proto 168"), "via fe80::6 dev lan1") == 2
	})

	// A new process takes the routes over, whatever is told first.
	f.sync()
	f.stop()
	table = &rib.Table{}
	again := start(t, table, rib.Static, rib.BGP)
	table.Update(rib.BGP, learnt, nil)
	again.sync()
	table.Replace(rib.Static, routes("10.0.0.0/8 via 192.0.2.9"))
	table.SetReady(rib.BGP)
	again.sync()
	if n := again.Writes(); n != 0 || again.Status().Stale != 0 || again.Status().Failed != 0 {
		t.Errorf("%d writes, status %+v", n, again.Status())
	}
}

// The gateway of a route that says so need not be in a prefix of its link.
func TestFIBRecursiveOnlink(t *testing.T) {
	veth(t, "lan0", "lan1")
	ip(t, "-6 route add default via 2001:db8:ffff::1 dev lan0 onlink")
	ip(t, "route add default via 203.0.113.1 dev lan0 onlink")
	table := &rib.Table{}
	f := start(t, table)
	table.Update(rib.BGP, routes("2001:db8:5::/48 via 2001:db8:9::1", "192.0.2.0/24 via 10.0.0.1"), nil)
	f.sync()
	f.want("192.0.2.0/24 via 203.0.113.1 dev lan0 metric 512 bgp", "2001:db8:5::/48 via 2001:db8:ffff::1 dev lan0 metric 512 bgp")
	f.stop()
	again := start(t, table)
	again.sync()
	if n := again.Writes(); n != 0 {
		t.Errorf("%d writes to adopt them", n)
	}
}

// BenchmarkFIBMove is a next hop of 100,000 routes that moves, and back.
func BenchmarkFIBMove(b *testing.B) {
	veth(b, "lan0", "lan1")
	table := &rib.Table{}
	f := start(b, table)
	all := make([]rib.Route, 100000)
	for i := range all {
		a := [16]byte{0x20, 0x01, 0x0d, 0xb8}
		binary.BigEndian.PutUint32(a[4:], uint32(i))
		all[i] = rib.Route{Prefix: netip.PrefixFrom(netip.AddrFrom16(a), 64), Via: netip.MustParseAddr("2001:db9::1")}
	}
	table.Update(rib.Static, routes("2001:db9::/48 via fe80::1 dev lan0"), nil)
	table.Update(rib.BGP, all, nil)
	f.sync()
	for i := 0; b.Loop(); i++ {
		table.Update(rib.Static, routes(fmt.Sprintf("2001:db9::/48 via fe80::%d dev lan0", 2+i%2)), nil)
		f.sync()
		if n := f.Status().Installed[rib.BGP]; n != len(all) {
			b.Fatalf("%d routes installed: %+v", n, f.Status())
		}
	}
}
