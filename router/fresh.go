package router

import (
	"context"
	"time"

	"github.com/sixfold-router/sixfold/router/plan"
)

// fresh says how old what was read of the links may be. A commit looks at them several times: for what it foresees, for what it
// applies, and for what follows from that. What was read since it began is as good as what would be read again, unless something
// changed meanwhile, by us or by others.
type fresh struct {
	since  time.Time // when the commit in progress began; zero: there is none
	writes uint64    // what had been written to links when they were read
	read   bool      // all links were read since then
	known  bool      // they were all read a moment ago, for this look: what was told of since is all there is to read
	told   bool      // what the kernel told of is enough: this is no periodic look
}

// linkWrites counts what we wrote to links and their addresses.
func (r *Router) linkWrites() uint64 {
	return r.monitor.Writes() + r.devices.Writes() + r.vxlan.Writes()
}

// freshSince returns the time after which the links have to be read. r.applying is held.
func (r *Router) freshSince() time.Time {
	if r.fresh.since.IsZero() || r.fresh.writes != r.linkWrites() {
		return time.Now()
	}
	return r.fresh.since
}

// readLinks reads the links if what is known of them is not fresh. r.applying is held.
func (r *Router) readLinks(ctx context.Context) error {
	since, writes := r.freshSince(), r.linkWrites()
	read := func() error { return r.monitor.RefreshSince(ctx, since) }
	if r.fresh.told || r.fresh.known {
		read = func() error { return r.monitor.Update(ctx) }
	}
	if err := read(); err != nil {
		return err
	}
	r.fresh.writes = writes
	r.fresh.read = r.fresh.read || !r.fresh.told
	return nil
}

// applyLinks applies the part of the kernel unit.
func (r *Router) applyLinks(ctx context.Context, p *plan.Plan) error {
	apply := func() error { return r.links.ApplySince(ctx, p.Kernel, r.freshSince()) }
	switch {
	case r.fresh.known:
		apply = func() error { return r.links.ApplyKnown(ctx, p.Kernel) }
	case r.fresh.told:
		apply = func() error { return r.links.ApplyChanges(ctx, p.Kernel) }
	}
	err := apply()
	r.fresh.writes = r.linkWrites() // it has read them after its last write
	return err
}

// look has what was read of the links since then count until the returned function is called: a periodic look reads them once, unless
// something is written. known says that all were read since. r.applying is held.
func (r *Router) look(since time.Time, known bool) (ended func()) {
	before := r.fresh
	r.fresh = fresh{since: since, known: known}
	return func() {
		before.writes = r.fresh.writes
		r.fresh = before
	}
}

// began notes that a commit began now, until the returned function is called.
func (r *Router) began() (ended func()) {
	set := func(t time.Time) {
		r.applying.Lock()
		defer r.applying.Unlock()
		r.fresh = fresh{since: t}
	}
	set(time.Now())
	return func() { set(time.Time{}) }
}
