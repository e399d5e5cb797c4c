package kernel

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sixfold-router/sixfold/integration/netns"
)

// listening returns a monitor that learns of changes by Update alone.
func listening(t *testing.T) *Monitor {
	t.Helper()
	ev, err := listen(socketBuffer, nil, groupLink, groupAddr4, groupAddr6, groupConf4, groupConf6, unix.RTNLGRP_IPV4_RULE, unix.RTNLGRP_IPV6_RULE)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(ev.close)
	m := NewMonitor(discard())
	m.listenTo(ev)
	if err := m.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	return m
}

// comparable returns links without the lifetimes of addresses, and without the group of those that are down, which the kernel tells of
// when they come up; and if it is to be so at once, without what the kernel does later: the
// carrier, and with that link-local addresses, and word of IPv6 addresses that are tentative for no time.
func comparable(links Links, atOnce bool) Links {
	out := maps.Clone(links)
	for name, l := range out {
		l.Addresses = slices.Clone(l.Addresses)
		for i := range l.Addresses {
			a := &l.Addresses[i]
			a.Valid, a.Preferred = 0, 0
		}
		if !l.Up {
			l.Group = 0
		}
		if atOnce {
			l.Running = false
			l.Addresses = slices.DeleteFunc(l.Addresses, func(a AddressState) bool { return a.Prefix.Addr().Is6() })
		}
		if len(l.Addresses) == 0 {
			l.Addresses = nil
		}
		out[name] = l
	}
	return out
}

// differences names what differs between links.
func differences(got, want Links) string {
	var out []string
	for name := range got {
		if _, ok := want[name]; !ok {
			out = append(out, name+" does not exist")
		}
	}
	for name, w := range want {
		if g, ok := got[name]; !ok || !reflect.DeepEqual(g, w) {
			out = append(out, fmt.Sprintf("%s is\n%+v, not\n%+v", name, w, g))
		}
	}
	return strings.Join(out, "\n")
}

// What is read of links that events told of is what reading all of them shows, whatever happens to links and addresses.
func TestUpdateIsRefresh(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	for i := range 20 {
		veth(t, fmt.Sprintf("still%d", i), fmt.Sprintf("quiet%d", i))
	}
	m := listening(t)
	fresh := NewMonitor(discard())
	other := netns.Host(t, "other")
	names := []string{"a0", "a1", "a2", "a3", "b0", "b1", "c0"}
	t.Cleanup(func() {
		for _, name := range names {
			_, _ = netns.Own().Run("ip", "link", "del", name)
		}
	})
	pick := func(of ...string) string { return of[random.IntN(len(of))] }
	link := func() string { return pick(names...) }
	address := func() string {
		return pick(fmt.Sprintf("2001:db8:%d::1/64", random.IntN(4)), fmt.Sprintf("192.0.2.%d/24", 1+random.IntN(4)), "fe80::99/64", "2001:db8:9::1/128")
	}
	operations := []func() string{
		func() string { return "link add a0 type veth peer name a1" },
		func() string { return "link add a2 type veth peer name a3" },
		func() string { return "link add " + pick("b0", "b1") + " type bridge" },
		func() string { return "link add c0 link " + link() + " type macvlan" },
		func() string { return "link del " + link() },
		func() string { return "link set " + link() + " up" },
		func() string { return "link set " + link() + " up" },
		func() string { return "link set " + link() + " down" },
		func() string { return "link set " + link() + " name " + link() },
		func() string { return "link set " + link() + " mtu " + pick("1000", "1280", "1400", "1500") },
		func() string { return "link set " + link() + " address 02:00:00:00:00:0" + pick("1", "2", "3") },
		func() string { return "link set " + link() + " group " + pick("0", "7") },
		func() string { return "link set " + link() + " master " + pick("b0", "b1") },
		func() string { return "link set " + link() + " nomaster" },
		func() string { return "link set " + link() + " netns " + other.NetFile() },
		func() string { return "link set " + link() + " netns " + netns.Own().NetFile() }, // back
		func() string { return "addr add " + address() + " dev " + link() + " nodad" },
		func() string { return "addr add " + address() + " dev " + link() + " nodad" },
		func() string {
			return "addr add " + address() + " dev " + link() + " nodad valid_lft 1000 preferred_lft 500"
		},
		func() string { return "addr change " + address() + " dev " + link() + " preferred_lft 0" },
		func() string { return "addr del " + address() + " dev " + link() },
		func() string { return "addr flush dev " + link() },
	}
	var done []string
	for range 200 {
		for range 1 + random.IntN(3) {
			op, node := operations[random.IntN(len(operations))](), netns.Own()
			if strings.HasSuffix(op, netns.Own().NetFile()) {
				node = other
			}
			if _, err := node.Run("ip", strings.Fields(op)...); err == nil {
				done = append(done, op)
			}
		}
		read := func(atOnce bool) string {
			if err := errors.Join(m.Update(t.Context()), fresh.Refresh(t.Context())); err != nil {
				t.Fatal(err)
			}
			return differences(comparable(m.Links(), atOnce), comparable(fresh.Links(), atOnce))
		}
		if d := read(true); d != "" {
			t.Fatalf("after\n%s\n%s", strings.Join(done, "\n"), d)
		}
		eventually(t, "the same in the end", func() bool { return read(false) == "" })
	}
	if len(done) < 50 {
		t.Errorf("only %d operations could be done", len(done))
	}
}

// Only the links that something happened to are read.
func TestUpdateReadsFew(t *testing.T) {
	veth(t, "lan0", "lan1")
	settled := NewMonitor(discard())
	background(t, settled.Run)
	linkLocals(t, settled, "lan0", "lan1") // nothing else will happen to them
	m := listening(t)
	before, at := m.Links(), m.readAt
	ip(t, "addr add 192.0.2.1/24 dev lan0")
	var calls int
	defer m.Watch(func() { calls++ })()
	for range 2 {
		if err := m.Update(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(m.Links()["lan0"].Addresses); n != len(before["lan0"].Addresses)+1 || calls != 1 || m.readAt != at {
		t.Errorf("%d addresses, those who watch were called %d times, all links were read: %v", n, calls, m.readAt != at)
	}
	if n := len(before["lan0"].Addresses); n == len(m.Links()["lan0"].Addresses) {
		t.Error("a snapshot changed after it was handed out")
	}
	ip(t, "-6 rule add from 2001:db8::/32 table 7")
	ip(t, "-6 rule del from 2001:db8::/32 table 7")
	if err := m.Update(t.Context()); err != nil || calls != 2 {
		t.Errorf("policy rules changed, and those who watch were called %d times, %v", calls-1, err)
	}
}

// The forwarding of a link that others switch is told, and comes with the link; so does what a writer writes.
func TestUpdateSettings(t *testing.T) {
	veth(t, "lan0", "lan1")
	m := listening(t)
	w := NewLinks(discard(), m)
	apply(t, w, Config{Forwarding: true, Links: map[string]Link{"lan0": {Name: "lan0"}}})
	setting := func(key, want string) {
		t.Helper()
		if err := m.Update(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got, _ := m.Links()["lan0"].Settings.value("net/ipv6/conf/lan0/" + key); got != want {
			t.Errorf("%s is %q, not %s", key, got, want)
		}
	}
	setting("forwarding", "1")
	sh(t, "echo 0 > /proc/sys/net/ipv6/conf/lan0/forwarding")
	setting("forwarding", "0")
	setting("accept_ra", "0")
	if err := w.ApplyChanges(t.Context(), Config{Forwarding: true, Links: map[string]Link{"lan0": {Name: "lan0", AcceptRA: true}}}); err != nil {
		t.Fatal(err)
	}
	setting("accept_ra", "2")
	setting("forwarding", "1")
}

// What is not understood, or lost, has all links read.
func TestUpdateReadsAll(t *testing.T) {
	for name, event := range map[string]func(*Monitor){
		"a message of an unknown type": func(m *Monitor) { m.note(syscall.NlMsghdr{Type: 9999}, make([]byte, 16)) },
		"a message that is cut off":    func(m *Monitor) { m.note(syscall.NlMsghdr{Type: unix.RTM_NEWLINK}, make([]byte, 7)) },
		"sysctls of all links":         func(m *Monitor) { m.note(syscall.NlMsghdr{Type: unix.RTM_NEWNETCONF}, make([]byte, 4)) },
		"events that were lost": func(m *Monitor) {
			m.events.mu.Lock()
			defer m.events.mu.Unlock()
			m.events.dropped = true
		},
		"more links than it is worth": func(m *Monitor) {
			for i := range 1000 {
				m.touch(1 + i)
			}
		},
		"the end of Run": func(m *Monitor) { m.listenTo(nil) },
	} {
		t.Run(name, func(t *testing.T) {
			m := listening(t)
			at := m.readAt
			event(m)
			if err := m.Update(t.Context()); err != nil || m.readAt == at {
				t.Errorf("%v; all links were read: %v", err, m.readAt != at)
			}
		})
	}
}

// A reading that failed is made up for by the next.
func TestUpdateAgain(t *testing.T) {
	m := listening(t)
	veth(t, "lan0", "lan1")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := m.Update(ctx); err == nil {
		t.Fatal("no error")
	}
	if err := m.Update(t.Context()); err != nil || !m.Links()["lan0"].Up {
		t.Errorf("%v, %+v", err, m.Links()["lan0"])
	}
}
