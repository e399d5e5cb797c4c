package kernel

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sixfold-router/sixfold/router/rib"
	"golang.org/x/sys/unix"
)

var testLinks = resolver{links: map[string]linkRef{"lan0": {index: 7, up: true}, "down0": {index: 8}}}

func have(proto uint8, s string) (rib.Key, kroute) {
	r := route(s)
	k, err := testLinks.route(rib.Entry{Source: rib.Static, Route: r})
	if err != nil {
		panic(err)
	}
	k.proto = proto
	return r.Key(), k
}

func TestFIBPlan(t *testing.T) {
	type known struct {
		proto uint8
		route string
	}
	tests := []struct {
		name    string
		have    []known // the first is have, the others are surplus
		stale   bool
		swept   []rib.Source
		source  rib.Source // 0: gone
		want    string
		ops     []string
		failure string
	}{
		{name: "new", source: rib.BGP, want: "2001:db8::/48 via fe80::1 dev lan0", ops: []string{"add 168 512"}},
		{name: "same", have: []known{{168, "2001:db8::/48 via fe80::1 dev lan0"}}, source: rib.BGP, want: "2001:db8::/48 via fe80::1 dev lan0"},
		{name: "next hop", have: []known{{168, "2001:db8::/48 via fe80::1 dev lan0"}}, source: rib.BGP, want: "2001:db8::/48 via fe80::2 dev lan0",
			ops: []string{"replace 168 512"}},
		{name: "source", have: []known{{168, "2001:db8::/48 via fe80::1 dev lan0"}}, source: rib.Static, want: "unreachable 2001:db8::/48",
			ops: []string{"replace 166 512"}},
		{name: "metric", have: []known{{168, "2001:db8::/48 via fe80::1 dev lan0"}}, source: rib.BGP, want: "2001:db8::/48 via fe80::1 dev lan0 metric 9",
			ops: []string{"add 168 9", "remove 168 512"}},
		{name: "gone", have: []known{{168, "2001:db8::/48 via fe80::1 dev lan0"}}, ops: []string{"remove 168 512"}},
		{name: "gone, was not there"},
		{name: "connected now", have: []known{{168, "2001:db8::/48 via fe80::1 dev lan0"}}, source: rib.Connected, want: "2001:db8::/48 dev lan0",
			ops: []string{"remove 168 512"}},
		{name: "link gone", have: []known{{168, "2001:db8::/48 via fe80::1 dev lan0"}}, source: rib.BGP, want: "2001:db8::/48 via fe80::1 dev lan9",
			ops: []string{"remove 168 512"}, failure: "2001:db8::/48 via fe80::1 dev lan9: no such link"},
		{name: "link down", source: rib.BGP, want: "2001:db8::/48 via fe80::1 dev down0",
			failure: "2001:db8::/48 via fe80::1 dev down0: link is down"},
		{name: "stale, confirmed", have: []known{{168, "2001:db8::/48 via fe80::1 dev lan0"}}, stale: true, source: rib.BGP,
			want: "2001:db8::/48 via fe80::1 dev lan0"},
		{name: "stale, gone, not ready", have: []known{{168, "2001:db8::/48 via fe80::1 dev lan0"}}, stale: true},
		{name: "stale, gone, ready", have: []known{{168, "2001:db8::/48 via fe80::1 dev lan0"}}, stale: true, swept: []rib.Source{rib.BGP},
			ops: []string{"remove 168 512"}},
		{name: "stale static, BGP has one", have: []known{{166, "2001:db8::/48 via fe80::1 dev lan0"}}, stale: true, source: rib.BGP,
			want: "2001:db8::/48 via fe80::2 dev lan0"},
		{name: "stale BGP, static has one", have: []known{{168, "2001:db8::/48 via fe80::1 dev lan0"}}, stale: true, source: rib.Static,
			want: "2001:db8::/48 via fe80::2 dev lan0", ops: []string{"replace 166 512"}},
		{name: "surplus", have: []known{{168, "2001:db8::/48 via fe80::1 dev lan0"}, {166, "2001:db8::/48 via fe80::1 dev lan0 metric 9"}},
			source: rib.BGP, want: "2001:db8::/48 via fe80::1 dev lan0", ops: []string{"remove 166 9"}},
		{name: "surplus is what is wanted", have: []known{{166, "2001:db8::/48 via fe80::1 dev lan0 metric 9"}, {168, "2001:db8::/48 via fe80::1 dev lan0"}},
			source: rib.BGP, want: "2001:db8::/48 via fe80::1 dev lan0", ops: []string{"remove 166 9"}},
		{name: "surplus, all gone", have: []known{{168, "2001:db8::/48 via fe80::1 dev lan0"}, {166, "2001:db8::/48 via fe80::1 dev lan0 metric 9"}},
			ops: []string{"remove 168 512", "remove 166 9"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			now := time.Unix(1000, 0)
			s := newFIBState((&rib.Table{}).Best)
			for i, h := range tt.have {
				k, r := have(h.proto, h.route)
				if i == 0 {
					s.have[k] = r
				} else {
					s.surplus[k] = append(s.surplus[k], r)
				}
				if tt.stale {
					s.stale[k] = struct{}{}
				}
			}
			for _, src := range tt.swept {
				s.swept[src] = true
			}
			c := rib.Change{Key: key("2001:db8::/48"), Gone: tt.source == 0}
			if !c.Gone {
				c.Best = rib.Entry{Source: tt.source, Route: route(tt.want)}
			}
			var got []string
			for ops := s.plan(nil, c, testLinks, now); len(ops) > 0; ops, _ = s.done(ops, now) {
				for _, o := range ops {
					got = append(got, fmt.Sprintf("%s %d %d", [...]string{"add", "replace", "remove"}[o.verb], o.route.proto, o.route.metric))
				}
			}
			if diff := cmp.Diff(tt.ops, got); diff != "" {
				t.Errorf("operations (-want +got):\n%s", diff)
			}
			failure := ""
			if f := s.failed[c.Key]; f != nil {
				failure = f.reason(c.Key)
			}
			if failure != tt.failure {
				t.Errorf("failure %q, want %q", failure, tt.failure)
			}
			if ops := s.plan(nil, c, testLinks, now); len(ops) > 0 {
				t.Errorf("not stable: %+v", ops)
			}
		})
	}
}

func TestFIBBackoff(t *testing.T) {
	s := newFIBState((&rib.Table{}).Best)
	now := time.Unix(1000, 0)
	c := rib.Change{Key: key("2001:db8::/48"), Best: rib.Entry{Source: rib.BGP, Route: route("2001:db8::/48 via fe80::1 dev lan0")}}
	var waits []time.Duration
	for range 11 {
		ops := s.plan(nil, c, testLinks, now)
		if len(ops) != 1 {
			t.Fatalf("operations: %+v", ops)
		}
		ops[0].err = unix.ENOMEM
		s.done(ops, now)
		waits = append(waits, s.nextRetry.Sub(now))
		if got := s.due(s.nextRetry.Add(-1)); got != nil {
			t.Errorf("due too early: %v", got)
		}
		now = s.nextRetry
		if got := s.due(now); len(got) != 1 || !s.nextRetry.IsZero() {
			t.Errorf("due: %v, then %v", got, s.nextRetry)
		}
	}
	ms := time.Millisecond
	want := []time.Duration{100 * ms, 200 * ms, 400 * ms, 800 * ms, 1600 * ms, 3200 * ms, 6400 * ms, 12800 * ms, 25600 * ms, maxBackoff, maxBackoff}
	if diff := cmp.Diff(want, waits); diff != "" {
		t.Errorf("waits (-want +got):\n%s", diff)
	}
	// It works at last.
	s.done(s.plan(nil, c, testLinks, now), now)
	if len(s.failed) != 0 || len(s.have) != 1 {
		t.Errorf("%d failed, %d in the kernel", len(s.failed), len(s.have))
	}
}

func TestFIBRemovalFails(t *testing.T) {
	s := newFIBState((&rib.Table{}).Best)
	now := time.Unix(1000, 0)
	k, r := have(ProtoBGP, "2001:db8::/48 via fe80::1 dev lan0")
	s.have[k] = r
	gone := rib.Change{Key: k, Gone: true}
	for i := range 3 {
		ops := s.plan(nil, gone, testLinks, now)
		ops[0].err = unix.ENOMEM
		s.done(ops, now)
		if f := s.failed[k]; f == nil || f.tries != i+1 || f.reason(k) != "2001:db8::/48: remove: cannot allocate memory" {
			t.Fatalf("failure: %+v", f)
		}
	}
	ops := s.plan(nil, gone, testLinks, now)
	ops[0].err = unix.ESRCH // somebody else did
	s.done(ops, now)
	if len(s.failed) != 0 || len(s.have) != 0 {
		t.Errorf("%d failed, %d in the kernel", len(s.failed), len(s.have))
	}
}

// When the kernel had no room for its answers, nothing is taken for done.
func TestFIBLostAnswers(t *testing.T) {
	f := NewFIB(discard(), &rib.Table{}, NewMonitor(discard()))
	c, err := dial()
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	if err := unix.SetsockoptInt(c.fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 1); err != nil {
		t.Fatal(err)
	}
	w := &fibRun{FIB: f, conn: c}
	ops := make([]routeOp, 100)
	for i := range ops {
		ops[i] = routeOp{key: key(fmt.Sprintf("2001:db8:%d::/48", i)), route: kroute{proto: ProtoBGP, metric: 512}, verb: removeRoute}
	}
	if err := w.send(ops); err != nil {
		t.Fatal(err)
	}
	for _, o := range ops {
		if o.err != unix.ENOBUFS {
			t.Fatalf("%s: %v, want ENOBUFS", o.key.Prefix, o.err)
		}
	}
	if w.auditAt.IsZero() {
		t.Error("no comparison with the kernel is planned")
	}
	// Answers to the lost batch are not taken for those of the next.
	if err := w.send(ops[:1]); err != nil || ops[0].err == unix.ENOBUFS {
		t.Errorf("next batch: %v, %v", err, ops[0].err)
	}
}
