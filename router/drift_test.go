package router

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sixfold-router/sixfold/router/health"
)

func driftTexts(all []health.Drift) []string {
	var out []string
	for _, d := range all {
		text := fmt.Sprintf("%d %s %s: %s", d.ID, d.Unit, d.Object, d.What)
		if d.Problem != "" {
			text += ": " + d.Problem
		}
		out = append(out, text)
	}
	return out
}

func wantDrift(t *testing.T, l *driftList, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, driftTexts(l.list())); diff != "" {
		t.Errorf("drift (-want +got):\n%s", diff)
	}
}

func TestDriftIsMendedLater(t *testing.T) {
	l, no := newDriftList(), errors.New("no")
	l.add("kernel", "lan0", "the link was down", nil, now)
	l.add("kernel", "lan0", "MTU was 1300, not 1400", no, now)
	l.flush()
	wantDrift(t, l, "1 kernel lan0: the link was down", "2 kernel lan0: MTU was 1300, not 1400: no")
	if d := l.add("kernel", "lan0", "MTU was 1300, not 1400", errors.New("still no"), now); d != nil {
		t.Errorf("mended although it is not: %+v", d)
	}
	l.flush()
	wantDrift(t, l, "1 kernel lan0: the link was down", "2 kernel lan0: MTU was 1300, not 1400: still no")
	if d := l.add("kernel", "lan0", "MTU was 1300, not 1400", nil, now); d == nil || d.ID != 2 || d.Problem != "" {
		t.Errorf("mended: %+v", d)
	}
	l.add("kernel", "lan0", "MTU was 1300, not 1400", nil, now) // and again
	l.flush()
	wantDrift(t, l, "1 kernel lan0: the link was down", "2 kernel lan0: MTU was 1300, not 1400", "3 kernel lan0: MTU was 1300, not 1400")
	if len(l.open)+len(l.waiting) != 0 {
		t.Errorf("left: %v %v", l.open, l.waiting)
	}
}

func TestMuchDriftIsOneEntry(t *testing.T) {
	l, no := newDriftList(), errors.New("no such link")
	prefix := func(n int) string { return fmt.Sprintf("2001:db8:%x::/48", n) }
	for round := range 3 { // a flush that runs until nothing is left
		for n := range 20000 {
			var problem error
			if n < 7 {
				problem = no
			}
			l.add("fib", prefix(n), "the route was missing", problem, now.Add(time.Duration(round)))
		}
	}
	l.add("vxlan", "vxlan1000", "the device was missing", nil, now)
	l.flush()
	const first = "1 fib 2001:db8:0::/48, 2001:db8:1::/48, 2001:db8:2::/48 and more: 27232 changes: the route was missing"
	wantDrift(t, l, first+": 7 of them: no such link", "2 vxlan vxlan1000: the device was missing")
	for n := range 7 {
		if d := l.add("fib", prefix(n), "the route was missing", nil, now); (d != nil) != (n == 6) {
			t.Errorf("after %d: %v", n, d)
		}
	}
	l.flush()
	wantDrift(t, l, first, "2 vxlan vxlan1000: the device was missing")
}

func TestDriftIsBounded(t *testing.T) {
	l := newDriftList()
	for n := range 40000 {
		l.add("kernel", fmt.Sprint("lan", n), "the link was down", errors.New("no"), now)
		l.flush()
	}
	if len(l.list()) != maxDrift || len(l.open) > maxGathered || len(l.waiting) > maxGathered {
		t.Errorf("%d entries, %d open, %d waiting", len(l.list()), len(l.open), len(l.waiting))
	}
	for n := range 40000 {
		l.add("kernel", fmt.Sprint("lan", n), "the link was down", nil, now)
	}
	if len(l.open)+len(l.waiting) != 0 {
		t.Errorf("left: %d %d", len(l.open), len(l.waiting))
	}
}

func TestLookAfter(t *testing.T) {
	for cost, want := range map[time.Duration]time.Duration{
		0: minLook, 5 * time.Millisecond: minLook, 300 * time.Millisecond: 30 * time.Second, time.Hour: maxLook,
	} {
		if got := lookAfter(cost); got != want {
			t.Errorf("after %v: %v, want %v", cost, got, want)
		}
	}
}
