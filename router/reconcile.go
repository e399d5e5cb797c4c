package router

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/sixfold-router/sixfold/router/change"
	"github.com/sixfold-router/sixfold/router/health"
	"github.com/sixfold-router/sixfold/router/kernel"
	"github.com/sixfold-router/sixfold/router/plan"
	"github.com/sixfold-router/sixfold/router/rib"
)

// Backoff of units whose Apply or Run failed.
const (
	minBackoff = 500 * time.Millisecond
	maxBackoff = 30 * time.Second
)

// settleRounds bounds how often one reconciliation plans again because what it applied changed the links: a VXLAN device
// appears, then gets its addresses, then is advertised on.
const settleRounds = 12

// unit is one subsystem as the reconciler sees it.
type unit struct {
	name  string
	apply func(context.Context, *plan.Plan) error
	part  func(*plan.Plan) any // what apply takes from the plan; nil: apply each time, it compares with the kernel itself
	// preview tells what apply would do if the links were as they would become. Nil: it changes the links, or that
	// the part changed is all there is to tell.
	preview func(*plan.Plan, kernel.Links) ([]change.Op, error)
	idle    func(*plan.Plan) bool // there is nothing to do; nil: it is not known

	// Guarded by Router.applying.
	done    any // the part that is in force
	applied bool
	tried   bool // it was applied since the start, with whatever result
	rested  bool // it was idle the last time
	retryAt time.Time
	backoff time.Duration

	// Guarded by Router.mu.
	problem string
	since   time.Time
}

// due reports whether the unit needs an Apply for the plan.
func (u *unit) due(want *plan.Plan, now time.Time) bool {
	if u.part == nil || !u.applied {
		return !now.Before(u.retryAt)
	}
	return !reflect.DeepEqual(u.done, u.part(want))
}

// reconcileLoop applies a plan at once, a fresh one whenever something woke it, and retries what failed.
func (r *Router) reconcileLoop(ctx context.Context) error {
	retry := time.NewTimer(time.Hour)
	defer retry.Stop()
	var logged string // so that each problem is logged when it comes, not at each look
	// A periodic look reads the links beside, so that what happens meanwhile does not wait for it.
	var looking chan looked
	defer func() {
		if looking != nil {
			<-looking
		}
	}()
	all, told := func() error { return r.follow(ctx, false) }, func() error { return r.follow(ctx, true) }
	for follow := all; ; {
		problem := ""
		if err := follow(); err != nil {
			problem = err.Error()
		}
		if ctx.Err() == nil && problem != logged {
			if logged = problem; problem != "" {
				r.log.Warn("not all of the configuration is in force", "error", problem)
			} else {
				r.log.Info("all of the configuration is in force")
			}
		}
		retry.Reset(r.nextLook(time.Now(), looking != nil))
		select {
		case <-ctx.Done():
			return nil
		case l := <-looking:
			looking, follow = nil, all
			if l.err == nil {
				follow = func() error { return r.examine(ctx, l.began) }
			}
			continue
		case <-r.wake:
			follow = told
		case <-retry.C:
			follow = all
		}
		if looking == nil && !r.lookAt().After(time.Now()) {
			looking = r.lookBeside(ctx)
		}
		if looking != nil {
			follow = told
		}
	}
}

// looked is how the reading of all links for a periodic look went.
type looked struct {
	began time.Time
	err   error
}

// lookBeside reads the links in the background.
func (r *Router) lookBeside(ctx context.Context) chan looked {
	done := make(chan looked, 1)
	go func() {
		began := time.Now()
		done <- looked{began, r.monitor.Look(ctx)}
	}()
	return done
}

// lookAt says when it is time for the periodic look.
func (r *Router) lookAt() time.Time {
	r.applying.Lock()
	defer r.applying.Unlock()
	return r.lookedAt.Add(lookAfter(r.lookCost))
}

// nextLook says when to look again without being woken: at a retry, at the end of a delegation, or when it is time for the periodic look.
func (r *Router) nextLook(now time.Time, looking bool) time.Duration {
	next := r.lookAt()
	if looking { // its end is waited for
		next = now.Add(maxLook)
	}
	r.applying.Lock()
	for _, u := range r.units {
		if u.retryAt.After(now) && u.retryAt.Before(next) {
			next = u.retryAt
		}
	}
	r.applying.Unlock()
	next = r.untilForgotten(now, next)
	for _, d := range r.pd.Delegations() {
		if d.ValidUntil.After(now) && d.ValidUntil.Before(next) {
			next = d.ValidUntil
		}
	}
	return max(next.Sub(now), 10*time.Millisecond)
}

// reconcile plans and applies until the plan stands still, and looks at all that is in the kernel.
func (r *Router) reconcile(ctx context.Context) error { return r.follow(ctx, false) }

// follow is reconcile, but if it was woken, by the kernel or a subsystem, what the kernel told of is enough after the first time.
func (r *Router) follow(ctx context.Context, woken bool) error {
	r.applying.Lock()
	defer r.applying.Unlock()
	if woken && !r.lookedAt.IsZero() {
		r.fresh.told = true
		defer func() { r.fresh.told = false }()
		if _, err := r.converge(ctx, nil); err != nil {
			return err
		}
		return r.unitProblems(ctx)
	}
	return r.lookOver(ctx, time.Now(), false)
}

// examine is reconcile for links that were all read since then.
func (r *Router) examine(ctx context.Context, since time.Time) error {
	r.applying.Lock()
	defer r.applying.Unlock()
	return r.lookOver(ctx, since, true)
}

// lookOver is a periodic look that began then; known says that the links were all read since. r.applying is held.
func (r *Router) lookOver(ctx context.Context, began time.Time, known bool) error {
	defer r.look(began, known)()
	if err := r.readLinks(ctx); err != nil {
		return fmt.Errorf("read the links: %w", err)
	}
	if _, err := r.converge(ctx, nil); err != nil {
		return err
	}
	r.lookedAt, r.lookCost = began, time.Since(began)
	return r.unitProblems(ctx)
}

// unitProblems returns what is wrong with the units.
func (r *Router) unitProblems(ctx context.Context) error {
	units, err := r.Units(ctx)
	errs := []error{err}
	for _, u := range units {
		if u.Problem != "" {
			errs = append(errs, fmt.Errorf("%s: %s", u.Name, u.Problem))
		}
	}
	return errors.Join(errs...)
}

// converge plans and applies until the plan stands still. With known problems it is strict: it stops at the first unit that has
// another one, and returns it. r.applying is held.
func (r *Router) converge(ctx context.Context, known map[*unit]string) (*CommitError, error) {
	var last *plan.Plan
	var from plan.Inputs // what last was made of
	for range settleRounds {
		in := r.inputs()
		if last != nil && in.Equal(from) {
			break // what time alone changes has a time of its own to be looked at
		}
		from = in
		want := r.decide(in)
		if last != nil && reflect.DeepEqual(last, want) {
			break
		}
		if failure := r.applyPlan(ctx, want, known); failure != nil {
			return failure, nil
		}
		last = want
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err := r.readLinks(ctx); err != nil {
			return nil, fmt.Errorf("read the links: %w", err)
		}
	}
	return nil, nil
}

// applyPlan gives every unit its part. One that fails does not keep the rest from theirs, and is tried again later; but if problems
// are known, the first that is not among them ends it.
func (r *Router) applyPlan(ctx context.Context, want *plan.Plan, known map[*unit]string) *CommitError {
	r.mu.Lock()
	r.plan = want
	r.mu.Unlock()
	r.withdraw(ctx, want)
	r.publishAggregates(want)
	for _, u := range r.units {
		now := time.Now()
		if u.apply == nil || !u.due(want, now) || r.idle(u, want) {
			continue
		}
		err := u.apply(ctx, want)
		r.progress.steps.Add(1)
		if ctx.Err() != nil {
			return nil
		}
		r.settle(u, want, err, now)
		if u.part != nil {
			r.log.Debug("applied", "unit", u.name, "took", time.Since(now), "error", err)
		}
		if known == nil || err == nil {
			continue
		}
		if reason := newLines(known[u], err.Error()); reason != "" {
			return &CommitError{Unit: u.name, Reason: reason}
		}
	}
	r.publish(want)
	return nil
}

// newLines returns the lines of now that before does not have.
func newLines(before, now string) string {
	old := strings.Split(before, "\n")
	var out []string
	for _, line := range strings.Split(now, "\n") {
		if !slices.Contains(old, line) {
			out = append(out, line)
		}
	}
	return strings.Join(out, "\n")
}

// publishAggregates writes the routes that keep what nothing uses of a prefix from going back to where it came from. They need no link,
// and come before all that uses the prefix.
func (r *Router) publishAggregates(want *plan.Plan) {
	r.table.Replace(rib.Aggregate, want.Aggregate)
	r.table.Replace(rib.Withdrawn, want.Withdrawn)
}

// publish writes the other routes that follow from the plan itself.
func (r *Router) publish(want *plan.Plan) {
	r.table.Replace(rib.Connected, want.Connected)
	r.table.Replace(rib.Local, want.Local)
	r.table.Replace(rib.Static, want.Static)
}

// settle records how an Apply went. r.applying is held.
func (r *Router) settle(u *unit, want *plan.Plan, err error, now time.Time) {
	u.applied, u.tried = err == nil, true
	u.rested = err == nil && u.idle != nil && u.idle(want)
	if err == nil {
		u.backoff, u.retryAt = 0, time.Time{}
		if u.part != nil {
			u.done = u.part(want)
		}
		r.setProblem(u, "")
		return
	}
	u.backoff = min(max(2*u.backoff, minBackoff), maxBackoff)
	u.retryAt = now.Add(u.backoff)
	r.setProblem(u, err.Error())
}

// again makes the reconciler apply a unit anew, after its Run was restarted.
func (r *Router) again(u *unit) {
	r.applying.Lock()
	u.applied = false
	r.applying.Unlock()
	r.Wake()
}

func (r *Router) setProblem(u *unit, problem string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if u.problem != problem {
		u.problem, u.since = problem, time.Now()
		r.tellUnit(u.name, problem)
	}
}

// Units returns the health of every subsystem, in the order they are applied.
func (r *Router) Units(context.Context) ([]health.Unit, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := make([]health.Unit, 0, len(r.units))
	for _, u := range r.units {
		out = append(out, health.Unit{Name: u.name, Problem: u.problem, Since: u.since})
	}
	return out, nil
}

// Pending returns what is configured and cannot run yet. It plans anew, so that the reasons are those of this moment.
func (r *Router) Pending(context.Context) ([]plan.Pending, error) {
	return r.planAside(r.inputs()).Pending, nil
}
