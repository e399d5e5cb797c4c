package router

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"
)

// Settled waits until the configuration of the start was applied once, as far as it could be: what failed or has to wait is in
// Units and Pending. It returns the error of ctx if that ends first.
func (r *Router) Settled(ctx context.Context) error {
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for {
		if r.applying.TryLock() {
			r.mu.Lock()
			done := r.plan != nil
			r.mu.Unlock()
			r.applying.Unlock()
			if done {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-look.C:
		}
	}
}

// Alive reports whether the router still gets at what it works on: a plan that is being applied, its own state, the routes and the
// kernel's writer. If ctx ends first the error says which of them is held, by a system call that does not return or by a mistake
// of ours. A plan that takes long is no error while units get their parts one after the other, or while a commit has time left.
func (r *Router) Alive(ctx context.Context) error {
	steps := [...]struct {
		name string
		take func()
	}{
		{"the plan", func() { r.applying.Lock(); defer r.applying.Unlock() }},
		{"the state", func() { r.mu.Lock(); defer r.mu.Unlock() }},
		{"the routing table", func() { r.table.Count() }},
		{"the links", func() { r.monitor.Links() }},
		{"the leases", func() {
			for _, n := range r.everywhere() {
				n.dhcp.Status()
			}
		}},
	}
	before := r.progress.steps.Load()
	var at atomic.Int32
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i, s := range steps {
			at.Store(int32(i))
			s.take()
		}
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		if at.Load() == 0 && r.progress.since(before, time.Now()) {
			return nil
		}
		return fmt.Errorf("%s is held for too long: %w", steps[at.Load()].name, ctx.Err())
	}
}
