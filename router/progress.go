package router

import (
	"context"
	"sync/atomic"
	"time"
)

// progress tells a router that works for long from one that hangs: a commit of thousands of devices, or of services that are restarted
// one after the other, takes longer than the watchdog of systemd waits.
type progress struct {
	steps atomic.Uint64             // how many times a unit was given its part
	until atomic.Pointer[time.Time] // what is being applied is given up then; nil: it is no commit
}

// limit notes that what is being applied ends with ctx, by its deadline at the latest. r.applying is held until the result is called.
func (p *progress) limit(ctx context.Context) (end func()) {
	if deadline, ok := ctx.Deadline(); ok {
		p.until.Store(&deadline)
	}
	return func() { p.until.Store(nil) }
}

// since reports whether there was progress after there had been so many steps, or whether what is under way has time left.
func (p *progress) since(steps uint64, now time.Time) bool {
	until := p.until.Load()
	return p.steps.Load() != steps || until != nil && now.Before(*until)
}
