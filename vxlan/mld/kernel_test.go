package mld

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sixfold-router/sixfold/integration/netns"
)

// TestHosts has Linux hosts of both versions join and leave.
func TestHosts(t *testing.T) {
	h := cable(t, "lan0")
	l := linkOf(t, "lan0")
	l.Querier = true
	m := start(t, config(l))

	e := listenOn(t, h)
	e.join(t, "ff15::1")
	eventually(t, "join", groupOn(m, "lan0", "ff15::1", "EXCLUDE"))
	e.join(t, "ff35::1", "2001:db8::1", "2001:db8::2")
	eventually(t, "join of sources", groupOn(m, "lan0", "ff35::1", "INCLUDE 2001:db8::1 2001:db8::2"))
	e.join(t, "ff35::1", "2001:db8::2")
	eventually(t, "one source less", groupOn(m, "lan0", "ff35::1", "INCLUDE 2001:db8::2"))
	e.set(t, "ff15::1", filter{Exclude: true, Sources: addrs("2001:db8::9")})
	eventually(t, "excluded source", groupOn(m, "lan0", "ff15::1", "EXCLUDE -2001:db8::9"))
	e.leave(t, "ff15::1")
	eventually(t, "leave", groupOn(m, "lan0", "ff15::1", ""))
	e.leave(t, "ff35::1")
	eventually(t, "leave", groupOn(m, "lan0", "ff35::1", ""))

	t.Run("version 1", func(t *testing.T) {
		h.Sh(t, "sysctl -w net.ipv6.conf.eth0.force_mld_version=1")
		e.join(t, "ff15::2")
		eventually(t, "join", groupOn(m, "lan0", "ff15::2", "EXCLUDE"))
		if g := m.Groups(); !g[0].Old && !g[len(g)-1].Old {
			t.Errorf("no group is kept by version 1: %+v", g)
		}
		e.leave(t, "ff15::2")
		eventually(t, "leave", groupOn(m, "lan0", "ff15::2", ""))
	})
	s := m.Links()[0]
	if s.State != Asking || s.Received["report2"] == 0 || s.Received["report1"] == 0 || s.Received["done"] == 0 || s.Sent["general"] == 0 || s.Sent["group"] == 0 || s.Sent["source"] == 0 {
		t.Errorf("status %+v", s)
	}
	if len(s.Dropped) > 0 && s.Dropped[DropSource] == 0 {
		t.Errorf("dropped %v", s.Dropped)
	}
}

// proxyLab is a router with a source upstream and hosts on two LANs.
type proxyLab struct {
	up, h0, h1 *netns.Node
	conf       Config
}

func newProxyLab(t *testing.T) proxyLab {
	t.Helper()
	l := proxyLab{up: cable(t, "wan0"), h0: cable(t, "lan0"), h1: cable(t, "lan1")}
	for i, h := range []*netns.Node{l.up, l.h0, l.h1} {
		h.Sh(t, "ip addr add 2001:db8:%d::2/64 dev eth0", i)
	}
	for i, name := range []string{"wan0", "lan0", "lan1"} {
		sh(t, "ip addr add 2001:db8:%d::1/64 dev %s", i, name)
	}
	var links []Link
	for i, name := range []string{"wan0", "lan0", "lan1"} {
		link := linkOf(t, name)
		link.Querier = name != "wan0"
		link.Prefixes = []netip.Prefix{netip.MustParsePrefix(fmt.Sprintf("2001:db8:%d::/64", i))}
		links = append(links, link)
	}
	l.conf = config(links...)
	l.conf.Proxy = &Proxy{Upstream: "wan0", Downstream: []string{"lan0", "lan1"}}
	return l
}

// stream sends a packet each millisecond until stopped, and returns the number of the last.
func stream(t *testing.T, m *mouth) (stop func() uint32) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	last := make(chan uint32, 1)
	go func() {
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		var n uint32
		for {
			select {
			case <-ctx.Done():
				last <- n
				return
			case <-tick.C:
				n = m.say(t)
			}
		}
	}()
	return sync.OnceValue(func() uint32 { cancel(); return <-last })
}

// heardAll is a check that an ear heard all from a packet on.
func heardAll(e *ear, first, last uint32) func() error {
	return func() error {
		if lost := e.missing(first, last); len(lost) > 0 {
			return fmt.Errorf("%d of %d are lost: %v …", len(lost), last-first+1, lost[:min(len(lost), 10)])
		}
		return nil
	}
}

// TestProxy forwards a stream from upstream to who listens downstream: soon after the join, and with nothing lost after the first
// packet; and no longer after the leave.
func TestProxy(t *testing.T) {
	lab := newProxyLab(t)
	m := start(t, lab.conf)
	const group = "ff1e::5"
	e0, e1 := listenOn(t, lab.h0), listenOn(t, lab.h1)
	s := speakOn(t, lab.up, "2001:db8:0::2", group)

	stop := stream(t, s)
	t.Cleanup(func() { stop() })
	eventually(t, "packets without a listener", func() error { return routeOn(m, "2001:db8::2", group, "nowhere: nobody listens") })
	began := time.Now()
	e0.join(t, group)
	<-e0.first
	n, when := e0.earliest()
	if took := when.Sub(began); took > 50*time.Millisecond {
		t.Errorf("the first packet came %v after the join", took)
	} else {
		t.Logf("join to forward: %v", took)
	}
	if err := routeOn(m, "2001:db8::2", group, "lan0"); err != nil {
		t.Error(err)
	}
	// Another link joins and leaves: the first loses nothing.
	e1.join(t, group)
	<-e1.first
	n1, _ := e1.earliest()
	e1.leave(t, group)
	eventually(t, "leave", groupOn(m, "lan1", group, ""))
	heard := e1.count()
	eventually(t, "the entry follows", func() error { return routeOn(m, "2001:db8::2", group, "lan0") })
	last := stop()
	eventually(t, "all packets", heardAll(e0, n, last))
	if err := heardAll(e1, n1, n1+uint32(heard)-1)(); err != nil {
		t.Error(err)
	}
	if after := e1.count(); after > heard+20 {
		t.Errorf("%d packets came after the leave", after-heard)
	}
	if r := m.Routes()[0]; r.Packets < uint64(last)-10 || r.Bytes == 0 || r.Used.IsZero() {
		t.Errorf("counters %+v", r)
	}
	e0.leave(t, group)
	eventually(t, "nobody upstream is told that we listen", upstreamJoins("wan0", group, false))
}

// routeOn compares the entry of a flow, as decision.text has it.
func routeOn(m *Manager, source, group, want string) error {
	for _, r := range m.Routes() {
		if r.Source.Addr() == addr(source) && r.Group.Addr() == addr(group) {
			if got := (decision{r.Out, r.Reason}).text(); got != want {
				return fmt.Errorf("%s@%s goes to %s, not %s", source, group, got, want)
			}
			return nil
		}
	}
	return fmt.Errorf("no entry for %s@%s", source, group)
}

// upstreamJoins is a check of what this machine listens to on a link.
func upstreamJoins(link, group string, want bool) func() error {
	return func() error {
		out, err := netns.Own().Run("ip", "-6", "maddr", "show", "dev", link)
		if err == nil && strings.Contains(out, " "+group+"\n") != want {
			err = fmt.Errorf("joined is not %v:\n%s", want, out)
		}
		return err
	}
}

// TestProxySources has listeners that want some sources only: routers upstream hear the union.
func TestProxySources(t *testing.T) {
	lab := newProxyLab(t)
	m := start(t, lab.conf)
	// The source is a router with a querier, and shows what reaches it.
	lab.up.Sh(t, "ip addr add 2001:db8:0::3/64 dev eth0")
	e0, e1 := listenOn(t, lab.h0), listenOn(t, lab.h1)
	const group = "ff3e::7"
	e0.join(t, group, "2001:db8:0::2")
	e1.join(t, group, "2001:db8:0::3")
	eventually(t, "the union upstream", func() error {
		out := sh(t, "cat /proc/net/mcfilter6")
		for _, s := range []string{"20010db8000000000000000000000002", "20010db8000000000000000000000003"} {
			if !strings.Contains(out, "ff3e0000000000000000000000000007 "+s) {
				return fmt.Errorf("no %s in\n%s", s, out)
			}
		}
		return nil
	})
	s2, s3 := speakOn(t, lab.up, "2001:db8:0::2", group), speakOn(t, lab.up, "2001:db8:0::3", group)
	s3.next = 1000
	s2.sayAll(t, 20)
	s3.sayAll(t, 20)
	eventually(t, "the first source", heardAll(e0, 1, 20))
	eventually(t, "the second source", heardAll(e1, 1000, 1019))
	if e0.count() != 20 || e1.count() != 20 {
		t.Errorf("heard %d and %d packets, want 20 each", e0.count(), e1.count())
	}
	if err := routeOn(m, "2001:db8::3", group, "lan1"); err != nil {
		t.Error(err)
	}
}

// TestProxyUpwards has a source downstream: upstream and other links hear it, and nobody is fooled by its address.
func TestProxyUpwards(t *testing.T) {
	lab := newProxyLab(t)
	lab.conf.Boundaries = map[string]Boundary{"wan0": {Scope: 5, Groups: []netip.Prefix{netip.MustParsePrefix("ff1e:bad::/32")}}}
	m := start(t, lab.conf)
	up, e1 := listenOn(t, lab.up), listenOn(t, lab.h1)
	for _, g := range []string{"ff18::1", "ff15::1", "ff1e:bad::1", "ff18::2"} {
		up.join(t, g)
		e1.join(t, g)
	}
	eventually(t, "join", groupOn(m, "lan1", "ff18::2", "EXCLUDE"))
	say := func(group, source string, number uint32) {
		s := speakOn(t, lab.h0, source, group)
		s.next = number
		s.say(t)
		s.conn.Close()
	}
	lab.h0.Sh(t, "ip addr add 2001:db8:2::99/64 dev eth0 nodad")
	say("ff18::1", "2001:db8:1::2", 1)     // a larger scope crosses the boundary
	say("ff15::1", "2001:db8:1::2", 2)     // that of the site does not
	say("ff1e:bad::1", "2001:db8:1::2", 3) // nor does this
	say("ff18::2", "2001:db8:2::99", 4)    // an address of lan1 has no business on lan0
	eventually(t, "downstream", heardAll(e1, 1, 3))
	eventually(t, "upstream", heardAll(up, 1, 1))
	eventually(t, "decision", func() error { return routeOn(m, "2001:db8:2::99", "ff18::2", "nowhere: "+NoSourceHere) })
	if up.count() != 1 || e1.count() != 3 {
		t.Errorf("upstream heard %d packets, downstream %d", up.count(), e1.count())
	}
	if err := routeOn(m, "2001:db8:1::2", "ff15::1", "lan1"); err != nil {
		t.Error(err)
	}
	if err := upstreamJoins("wan0", "ff15::1", false)(); err != nil {
		t.Error(err)
	}
}

// TestStaticRoutes forwards without being asked for, by exact flows and by prefixes.
func TestStaticRoutes(t *testing.T) {
	lab := newProxyLab(t)
	c := lab.conf
	c.Proxy = nil
	any := netip.MustParsePrefix("::/0")
	c.Routes = []Route{
		{Group: netip.MustParsePrefix("ff1e::1/128"), Source: netip.MustParsePrefix("2001:db8::2/128"), In: "wan0", Out: []string{"lan0", "lan1"}},
		{Group: netip.MustParsePrefix("ff1e::/32"), Source: any, In: "wan0", Out: []string{"lan1"}},
		{Group: netip.MustParsePrefix("ff1e::2/128"), Source: any, In: "wan0"},
	}
	m := start(t, c)
	eventually(t, "the exact one needs no packet", func() error { return routeOn(m, "2001:db8::2", "ff1e::1", "lan0, lan1") })
	e0, e1 := listenOn(t, lab.h0), listenOn(t, lab.h1)
	for i, g := range []string{"ff1e::1", "ff1e::2", "ff1e::3"} {
		e0.join(t, g)
		e1.join(t, g)
		s := speakOn(t, lab.up, "2001:db8::2", g)
		s.next = uint32(100 * (i + 1))
		s.sayAll(t, 20)
	}
	eventually(t, "exact", heardAll(e0, 100, 119))
	eventually(t, "exact", heardAll(e1, 100, 119))
	eventually(t, "prefix", heardAll(e1, 300, 319))
	if e0.count() != 20 || e1.count() != 40 {
		t.Errorf("heard %d and %d packets", e0.count(), e1.count())
	}
	before := m.Writes()
	apply(t, m, c)
	if n := m.Writes() - before; n != 0 {
		t.Errorf("%d writes at the second Apply", n)
	}
	if ops, err := m.Preview(c); len(ops) > 0 || err != nil {
		t.Errorf("preview of the same: %v, %v", ops, err)
	}
	c.Routes = c.Routes[1:]
	apply(t, m, c)
	eventually(t, "the exact one is gone", func() error {
		if len(m.Routes()) == 0 || routeOn(m, "2001:db8::2", "ff1e::1", "lan0, lan1") == nil {
			return fmt.Errorf("%+v", m.Routes())
		}
		return nil
	})
}

// TestJoins has the router itself listen, over flaps and a link that is made anew.
func TestJoins(t *testing.T) {
	cable(t, "lan0")
	l := linkOf(t, "lan0")
	l.Joins = []Join{{Group: addr("ff05::1:3")}, {Group: addr("ff3e::1"), Source: addr("2001:db8::5")}}
	m := start(t, config(l))
	joined := func(want bool) func() error {
		return func() error {
			for _, g := range []string{"ff05::1:3", "ff3e::1"} {
				if err := upstreamJoins("lan0", g, want)(); err != nil {
					return err
				}
			}
			return nil
		}
	}
	eventually(t, "join", joined(true))
	sh(t, "ip link set lan0 down; ip link set lan0 up")
	eventually(t, "after a flap", joined(true))
	sh(t, "ip link del lan0; ip link add lan0 type veth peer name lan9; ip link set lan0 up; ip link set lan9 up")
	t.Cleanup(func() { sh(t, "ip link del lan0") })
	next := linkOf(t, "lan0")
	next.Joins = l.Joins
	apply(t, m, config(next))
	eventually(t, "on the new link", joined(true))
	next.Joins = nil
	apply(t, m, config(next))
	eventually(t, "leave", joined(false))
}

// TestRestart stops the manager while a stream flows, and starts another: what was lost is what came while none ran.
func TestRestart(t *testing.T) {
	lab := newProxyLab(t)
	m := New(slog.New(slog.DiscardHandler))
	halt := run(t, m)
	apply(t, m, lab.conf)
	const group = "ff1e::5"
	e0 := listenOn(t, lab.h0)
	s := speakOn(t, lab.up, "2001:db8::2", group)
	e0.join(t, group)
	eventually(t, "join", groupOn(m, "lan0", group, "EXCLUDE"))
	stop := stream(t, s)
	t.Cleanup(func() { stop() })
	<-e0.first
	first, _ := e0.earliest()
	halt()
	gone := time.Now()
	next := New(slog.New(slog.DiscardHandler))
	again := run(t, next)
	t.Cleanup(func() {
		apply(t, next, Config{})
		again()
	})
	apply(t, next, lab.conf)
	back := time.Now()
	eventually(t, "it flows", func() error {
		if e0.since(back) < 100 {
			return fmt.Errorf("%d packets since", e0.since(back))
		}
		return nil
	})
	last := stop()
	lost := e0.missing(first, last-50)
	t.Logf("restart took %v, %d packets of %d are lost", back.Sub(gone), len(lost), last-first)
	// A packet a millisecond is sent.
	if limit := int(back.Sub(gone).Milliseconds()) + 50; len(lost) > limit {
		t.Errorf("%d packets are lost, more than %d", len(lost), limit)
	}
	if err := upstreamJoins("wan0", group, true)(); err != nil {
		t.Error(err)
	}
}

// TestDrift takes a link out of forwarding behind the manager's back, and an entry.
func TestDrift(t *testing.T) {
	lab := newProxyLab(t)
	m := New(slog.New(slog.DiscardHandler))
	var mu sync.Mutex
	var found []string
	m.OnDrift = func(object, what string, problem error) {
		mu.Lock()
		defer mu.Unlock()
		found = append(found, fmt.Sprintf("%s: %s (%v)", object, what, problem))
	}
	halt := run(t, m)
	t.Cleanup(func() {
		apply(t, m, Config{})
		halt()
	})
	apply(t, m, lab.conf)
	e0 := listenOn(t, lab.h0)
	e0.join(t, "ff1e::5")
	eventually(t, "join", groupOn(m, "lan0", "ff1e::5", "EXCLUDE"))
	speakOn(t, lab.up, "2001:db8::2", "ff1e::5").say(t)
	<-e0.first
	w, err := openRaw()
	if err != nil {
		t.Fatal(err)
	}
	defer w.close()
	m.mu.Lock()
	err = errors.Join(w.delMIF(m.mifs["lan0"]), w.delEntry(flow{addr("2001:db8::2"), addr("ff1e::5")}))
	m.look(time.Now())
	m.look(time.Now())
	m.mu.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	want := []string{"lan0: it took no part in multicast forwarding (<nil>)", "2001:db8::2@ff1e::5: the forwarding entry to lan0 was missing (<nil>)"}
	if diff := cmp.Diff(want, found); diff != "" {
		t.Error(diff)
	}
	s := speakOn(t, lab.up, "2001:db8::2", "ff1e::5")
	s.next = 100
	s.say(t)
	eventually(t, "it is forwarded again", heardAll(e0, 100, 100))
}

// TestBusy tells who is in the way.
func TestBusy(t *testing.T) {
	lab := newProxyLab(t)
	s, err := openRouting()
	if err != nil {
		t.Fatal(err)
	}
	m := New(slog.New(slog.DiscardHandler))
	halt := run(t, m)
	t.Cleanup(func() {
		apply(t, m, Config{})
		halt()
	})
	if err := m.Apply(t.Context(), lab.conf); !strings.Contains(fmt.Sprint(err), "another program routes multicast") {
		t.Errorf("error %v", err)
	}
	if p := m.Links()[0].Problem; !strings.Contains(p, "another program") {
		t.Errorf("problem %q", p)
	}
	if err := s.close(); err != nil {
		t.Fatal(err)
	}
	apply(t, m, lab.conf)
}

// TestManySources listens to more sources than a socket may name: if that cannot be raised, to all.
func TestManySources(t *testing.T) {
	cable(t, "lan0")
	index := linkOf(t, "lan0").Index
	l := newListener()
	t.Cleanup(func() { l.close() })
	f := filter{}
	for i := range 200 {
		f.Sources = append(f.Sources, addr(fmt.Sprintf("2001:db8::%x", i+1)))
	}
	m := membership{index, addr("ff3e::1")}
	for range 2 {
		if err := l.set(m, f); err != nil {
			t.Fatal(err)
		}
	}
	if err := upstreamJoins("lan0", "ff3e::1", true)(); err != nil {
		t.Error(err)
	}
	if got := l.members[m].filter; !got.Exclude && len(got.Sources) != 200 {
		t.Errorf("listens to %d sources", len(got.Sources))
	}
	if err := l.set(m, filter{}); err != nil {
		t.Error(err)
	}
	if err := upstreamJoins("lan0", "ff3e::1", false)(); err != nil {
		t.Error(err)
	}
	// More groups than one socket takes.
	for i := range 3 * perSocket {
		if err := l.set(membership{index, addr(fmt.Sprintf("ff1e::%x", i+1))}, filter{Exclude: true}); err != nil {
			t.Fatal(err)
		}
	}
	if len(l.sockets) < 3 {
		t.Errorf("%d sockets", len(l.sockets))
	}
}
