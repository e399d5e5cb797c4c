package router

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/sixfold-router/sixfold/router/rib"
)

// settleRoutes is how long routes that the kernel refuses may take to be taken after all: an address that they need as their
// source cannot be used before duplicate address detection is over.
const settleRoutes = 3 * time.Second

// install makes next the running configuration, or puts back the one before and says what failed.
func (r *Router) install(ctx context.Context, next Source) *CommitError {
	r.applying.Lock()
	defer r.applying.Unlock()
	defer r.progress.limit(ctx)()
	known := r.problems()
	refused := r.refused(ctx)
	before := r.replace(next)
	failure, err := r.converge(ctx, known)
	if failure == nil && err == nil {
		failure = r.routesTaken(ctx, refused)
	}
	if err != nil {
		failure = &CommitError{Unit: "router", Reason: err.Error()}
	}
	if failure == nil {
		r.Wake()
		return nil
	}
	if r.life.Err() != nil {
		return failure // the next start goes back
	}
	back, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitLimit)
	defer cancel()
	r.progress.limit(back)
	r.replace(before)
	_, err = r.converge(back, nil)
	failure.NotRestored = strings.Join(r.worse(known, err), "; ")
	r.Wake()
	return failure
}

// putBack makes an earlier configuration the running one as far as possible, and tells what of it is not in force.
func (r *Router) putBack(ctx context.Context, source Source) error {
	r.applying.Lock()
	defer r.applying.Unlock()
	defer r.progress.limit(ctx)()
	r.replace(source)
	_, err := r.converge(ctx, nil)
	r.Wake() // what failed is tried again
	if worse := r.worse(nil, err); len(worse) > 0 {
		return errors.New(strings.Join(worse, "; "))
	}
	return nil
}

// replace exchanges the running configuration. Units that failed get another chance at once. r.applying is held.
func (r *Router) replace(next Source) (before Source) {
	for _, u := range r.units {
		u.retryAt = time.Time{}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	before, r.conf = r.conf, next
	return before
}

// problems returns what is wrong with the units at this moment.
func (r *Router) problems() map[*unit]string {
	r.mu.Lock()
	defer r.mu.Unlock()
	known := map[*unit]string{}
	for _, u := range r.units {
		known[u] = u.problem
	}
	return known
}

// worse lists the problems that are not among the known ones.
func (r *Router) worse(known map[*unit]string, err error) []string {
	var out []string
	if err != nil {
		out = append(out, err.Error())
	}
	now := r.problems()
	for _, u := range r.units {
		if text := newLines(known[u], now[u]); text != "" {
			out = append(out, u.name+": "+text)
		}
	}
	return out
}

// routesTaken waits until the routes of the configuration are in the kernel, and fails if it refuses one that it did not refuse
// before.
func (r *Router) routesTaken(ctx context.Context, before map[rib.Key]string) *CommitError {
	limit := time.Now().Add(settleRoutes)
	for {
		refused := r.refused(ctx)
		var reasons []string
		for key, reason := range refused {
			if before[key] != reason {
				reasons = append(reasons, reason)
			}
		}
		switch {
		case len(reasons) == 0:
			return nil
		case time.Now().After(limit):
			slices.Sort(reasons)
			return &CommitError{Unit: "fib", Reason: strings.Join(reasons, "\n")}
		}
		select {
		case <-ctx.Done():
			return &CommitError{Unit: "fib", Reason: ctx.Err().Error()}
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// refused returns the routes of the configuration that the kernel does not take, with its reasons. Those that wait for a link or a
// next hop are not among them.
func (r *Router) refused(ctx context.Context) map[rib.Key]string {
	ctx, cancel := context.WithTimeout(ctx, settleRoutes)
	defer cancel()
	if r.fib.Sync(ctx) != nil {
		return nil // the writer is being started again: what fails is tried later, and shown
	}
	out := map[rib.Key]string{}
	for _, f := range r.fib.Refused(func(s rib.Source) bool { return s == rib.Static || s == rib.Local || s == rib.Aggregate }) {
		out[f.Key] = f.Reason
	}
	return out
}
