package mld

import (
	"fmt"
	"testing"
	"time"
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

// TestProxy forwards from upstream to who listens downstream.
func TestProxy(t *testing.T) {
	up, h0, h1 := cable(t, "wan0"), cable(t, "lan0"), cable(t, "lan1")
	up.Sh(t, "ip addr add 2001:db8:f::2/64 dev eth0")
	sh(t, "ip addr add 2001:db8:f::1/64 dev wan0; ip addr add 2001:db8:0::1/64 dev lan0; ip addr add 2001:db8:1::1/64 dev lan1")
	h0.Sh(t, "ip addr add 2001:db8:0::2/64 dev eth0")
	lan0, lan1 := linkOf(t, "lan0"), linkOf(t, "lan1")
	lan0.Querier, lan1.Querier = true, true
	c := config(linkOf(t, "wan0"), lan0, lan1)
	c.Proxy = &Proxy{Upstream: "wan0", Downstream: []string{"lan0", "lan1"}}
	m := start(t, c)

	const group = "ff1e::5"
	e0, e1 := listenOn(t, h0), listenOn(t, h1)
	s := speakOn(t, up, "2001:db8:f::2", group)
	began := time.Now()
	e0.join(t, group)
	eventually(t, "join upstream", func() error {
		s.say(t)
		if e0.count() == 0 {
			return fmt.Errorf("nothing heard")
		}
		return nil
	})
	n, when := e0.earliest()
	t.Logf("packet %d heard %v after the join", n, when.Sub(began))
	for range 100 {
		s.say(t)
	}
	eventually(t, "all packets", func() error {
		if lost := e0.missing(n, s.next-1); len(lost) > 0 {
			return fmt.Errorf("%d lost: %v", len(lost), lost)
		}
		return nil
	})
	if e1.count() != 0 {
		t.Errorf("lan1 heard %d packets", e1.count())
	}
	t.Logf("%+v", m.Routes())
}
