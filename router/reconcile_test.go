package router

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/sixfold-router/sixfold/router/plan"
)

func testRouter(units ...*unit) *Router {
	return &Router{log: slog.New(slog.NewTextHandler(io.Discard, nil)), wake: make(chan struct{}, 1), units: units}
}

func TestUnitIsAppliedAgainOnlyWhenItsPartChanged(t *testing.T) {
	u := &unit{name: "static", part: func(p *plan.Plan) any { return p.Uses }}
	r := testRouter(u)
	one, two := &plan.Plan{Uses: map[string][]plan.PrefixUse{"isp": {{Where: "a"}}}}, &plan.Plan{Uses: map[string][]plan.PrefixUse{"isp": {{Where: "b"}}}}
	if !u.due(one, now) {
		t.Error("not due before the first Apply")
	}
	r.settle(u, one, nil, now)
	same := &plan.Plan{Uses: map[string][]plan.PrefixUse{"isp": {{Where: "a"}}}, Pending: []plan.Pending{{What: "else"}}}
	if u.due(same, now) {
		t.Error("due although its part is the same")
	}
	if !u.due(two, now) {
		t.Error("not due although its part changed")
	}
	r.again(u)
	if !u.due(one, now) {
		t.Error("not due after its Run was restarted")
	}
}

func TestUnitThatComparesItselfIsAlwaysApplied(t *testing.T) {
	u := &unit{name: "kernel"}
	r := testRouter(u)
	r.settle(u, &plan.Plan{}, nil, now)
	if !u.due(&plan.Plan{}, now) {
		t.Error("not due")
	}
}

func TestUnitThatFailsBacksOff(t *testing.T) {
	u := &unit{name: "bgp", part: func(p *plan.Plan) any { return p.BGP }}
	r := testRouter(u)
	at := now
	var waits []time.Duration
	for range 9 {
		r.settle(u, &plan.Plan{}, errors.New("no"), at)
		if u.due(&plan.Plan{}, at) {
			t.Fatal("due at once after a failure")
		}
		waits = append(waits, u.retryAt.Sub(at))
		at = u.retryAt
		if !u.due(&plan.Plan{}, at) {
			t.Fatal("not due when the wait is over")
		}
	}
	if waits[0] != minBackoff || waits[1] != 2*minBackoff || waits[8] != maxBackoff {
		t.Errorf("waits %v", waits)
	}
	units, _ := r.Units(t.Context())
	if units[0].Problem != "no" {
		t.Errorf("health %+v", units)
	}
	since := units[0].Since
	r.settle(u, &plan.Plan{}, errors.New("no"), at)
	if units, _ = r.Units(t.Context()); units[0].Since != since {
		t.Error("the same problem began anew")
	}
	r.settle(u, &plan.Plan{}, nil, at)
	if units, _ = r.Units(t.Context()); units[0].Problem != "" || u.backoff != 0 {
		t.Errorf("after a success: %+v, backoff %v", units, u.backoff)
	}
}

func TestOneUnitThatFailsDoesNotKeepTheRest(t *testing.T) {
	var applied []string
	apply := func(name string, err error) *unit {
		return &unit{name: name, apply: func(context.Context, *plan.Plan) error { applied = append(applied, name); return err }}
	}
	r, err := New(slog.New(slog.NewTextHandler(io.Discard, nil)), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	r.units = []*unit{apply("kernel", nil), apply("bgp", errors.New("port in use")), {name: "fib"}, apply("ra", nil)}
	r.applyPlan(t.Context(), &plan.Plan{}, nil)
	if got := strings.Join(applied, " "); got != "kernel bgp ra" {
		t.Errorf("applied %s", got)
	}
	units, _ := r.Units(t.Context())
	if units[1].Problem != "port in use" || units[0].Problem != "" || units[3].Problem != "" {
		t.Errorf("health %+v", units)
	}
}

func TestSuperviseStartsAgainWithBackoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := &unit{name: "ra", applied: true}
		r := testRouter(u)
		ctx, cancel := context.WithCancel(t.Context())
		var starts []time.Duration
		began := time.Now()
		var g errgroup.Group
		r.supervise(&g, ctx, "ra", func(ctx context.Context) error {
			starts = append(starts, time.Since(began))
			if len(starts) < 4 {
				return errors.New("no socket")
			}
			<-ctx.Done()
			return nil
		})
		<-time.After(time.Minute) // of the bubble's clock
		synctest.Wait()
		if len(starts) != 4 || starts[1] != minBackoff || starts[3] != 7*minBackoff {
			t.Errorf("starts at %v", starts)
		}
		if u.applied {
			t.Error("it does not get its desired state anew")
		}
		select {
		case <-r.wake:
		default:
			t.Error("nobody is woken to apply it")
		}
		cancel()
		if err := g.Wait(); err != nil {
			t.Error(err)
		}
	})
}
