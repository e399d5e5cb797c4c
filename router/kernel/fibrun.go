package kernel

import (
	"context"
	"fmt"
	"maps"
	"time"

	"github.com/sixfold-router/sixfold/router/rib"
	"golang.org/x/sys/unix"
)

// fibRun is one run of a FIB: what lives as long as its sockets.
type fibRun struct {
	*FIB
	conn      *conn
	watch     *rib.Watch
	drift     *drift
	events    *events
	links     chan struct{}
	receiving chan error
	resolver  resolver
	auditAt   time.Time
	auditCost time.Duration      // how long the last one took
	innocent  bool               // the next comparison cannot tell what others did
	mending   map[rib.Key]string // what others did to routes that are to be as they should before it is told
	ops       []routeOp
	buf       []byte
}

// loop waits for something to do and does it.
func (w *fibRun) loop(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		var waiting chan struct{}
		select {
		case <-ctx.Done():
			return nil
		case err := <-w.receiving:
			w.receiving <- err
			return fmt.Errorf("receive route events: %w", err)
		case <-w.watch.C():
		case <-w.links:
		case <-w.drift.wake:
		case <-timer.C:
		case waiting = <-w.syncs:
		}
		if err := w.step(ctx, time.Now()); err != nil {
			return err
		}
		if waiting != nil {
			close(waiting)
		}
		timer.Reset(max(time.Until(w.next()), 10*time.Millisecond))
	}
}

// step does all that is due.
func (w *fibRun) step(ctx context.Context, now time.Time) error {
	w.observe(ctx, now)
	for ctx.Err() == nil {
		w.sweep()
		changes := w.watch.Take()
		if len(changes) == 0 {
			return nil
		}
		conflict, err := w.write(ctx, changes)
		if err != nil {
			return err
		}
		w.follow(changes)
		if conflict {
			// The kernel has a route where we know of none: find out whether it is ours before calling it a failure.
			if err := w.audit(ctx); err != nil {
				w.auditAt = now.Add(auditRetry)
			}
			w.retry(time.Now())
		}
		// A table that never comes to rest must not keep us from looking up.
		select {
		case <-w.links:
			w.observe(ctx, time.Now())
		case <-w.drift.wake:
			w.observe(ctx, time.Now())
		default:
			if now := time.Now(); !w.next().After(now) {
				w.observe(ctx, now)
			}
		}
	}
	return nil
}

// observe takes notice of what happened elsewhere, and of the time.
func (w *fibRun) observe(ctx context.Context, now time.Time) {
	w.relink()
	gone, foreign, audit, flushed := w.drift.take()
	w.innocent = w.innocent || flushed
	w.lost(gone)
	if w.foreign(foreign) || audit {
		// A link that flaps all the time must not make us read a full table all the time.
		w.auditAt = earlier(w.auditAt, now.Add(max(auditSettle, 10*w.auditCost)))
	}
	if !w.auditAt.After(now) {
		if err := w.audit(ctx); err != nil {
			if ctx.Err() != nil {
				return
			}
			w.log.Warn("compare routes with the kernel", "error", err)
			w.auditAt = now.Add(auditRetry)
		}
	}
	w.retry(now)
}

// retry has the failed routes looked at again whose time has come.
func (w *fibRun) retry(now time.Time) {
	w.mu.Lock()
	due := w.state.due(now)
	w.mu.Unlock()
	w.watch.Redo(due...)
}

// next returns when step is due without any news.
func (w *fibRun) next() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return earlier(w.auditAt, w.state.nextRetry)
}

// earlier returns the earlier time, where zero is never.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// relink looks at everything again if links or connected prefixes changed in a way that matters to routes.
func (w *fibRun) relink() {
	links := w.monitor.Links()
	if w.resolver.stands(links) {
		return
	}
	r := newResolver(links)
	if r.equal(w.resolver) {
		w.resolver.from = links
		return
	}
	w.mu.Lock()
	keys := w.state.relink(w.resolver, r)
	w.resolver = r
	if tables := r.tables(); !maps.Equal(tables, w.state.tables) {
		// What others have in the tables of new VRFs is not known yet.
		w.state.tables, w.auditAt = tables, time.Now()
	}
	w.mu.Unlock()
	w.watch.Redo(keys...)
}

// lost takes notice of routes that others removed, and has them written again if they are still wanted.
func (w *fibRun) lost(gone map[rib.Key]goneRoute) {
	var redo []rib.Key
	w.mu.Lock()
	for k, r := range gone {
		_, stale := w.state.stale[k]
		if w.state.forget(k, r.metric) {
			redo = append(redo, k)
			if r.byHand && !stale {
				w.mending[k] = routeMissing
			}
			w.stats.repaired++
		}
	}
	w.mu.Unlock()
	w.watch.Redo(redo...)
}

// foreign takes notice of routes of others, and has those written again whose next hop they move. It reports whether only a
// comparison can tell what the kernel has now.
func (w *fibRun) foreign(events []foreignEvent) (doubt bool) {
	prefixes := make([]rib.Key, 0, len(events))
	w.mu.Lock()
	for _, e := range events {
		doubt = w.state.foreign(e) || doubt
		prefixes = append(prefixes, e.key)
	}
	keys := w.state.move(w.state.hops.within(prefixes), w.resolver)
	w.mu.Unlock()
	w.watch.Redo(keys...)
	return doubt
}

// follow has the routes written again whose next hops moved with changes. These may move others in turn.
func (w *fibRun) follow(changes []rib.Change) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.state.hops.known) == 0 {
		return
	}
	prefixes := make([]rib.Key, 0, len(changes))
	for _, c := range changes {
		prefixes = append(prefixes, c.Key)
	}
	w.watch.Redo(w.state.move(w.state.hops.within(prefixes), w.resolver)...)
}

// sweep has the routes of an earlier run looked at whose source became ready. That is before the changes are taken, so that
// what the source reported until then is among them.
func (w *fibRun) sweep() {
	for _, src := range rib.Sources {
		if Protocol(src) == 0 || w.state.swept[src] || !w.table.Ready(src) {
			continue
		}
		w.mu.Lock()
		keys := w.state.sweep(src)
		w.mu.Unlock()
		w.watch.Redo(keys...)
	}
}

// audit reads all routes of ours from the kernel and has those looked at that are not as known.
func (w *fibRun) audit(ctx context.Context) error {
	began, fresh := time.Now(), newDump(w.state.tables)
	for _, family := range families(0) {
		var part dump
		err := dumpRoutes(ctx, w.conn, family, 0, func() { part = newDump(w.state.tables) }, func(p parsedRoute) {
			part.add(p)
		})
		if err != nil {
			return err
		}
		fresh.merge(part)
	}
	// What the kernel removed by itself may be gone from the routes before its word about the link was heard.
	if w.events.catchUp(w.drift.event) {
		w.drift.markFlushed()
	}
	w.mu.Lock()
	if w.stats.audits > 0 && !w.innocent && !w.drift.mayHaveFlushed() {
		w.state.compare(fresh, w.resolver, w.mending)
	}
	w.innocent = false
	changed := w.state.replace(fresh)
	moved := w.state.move(w.state.hops.known, w.resolver)
	w.stats.audits++
	if w.stats.audits > 1 {
		w.stats.repaired += uint64(len(changed))
	}
	w.mu.Unlock()
	w.watch.Redo(changed...)
	w.watch.Redo(moved...)
	now := time.Now()
	w.auditAt, w.auditCost = now.Add(auditInterval), now.Sub(began)
	return nil
}

const batch = 512 // messages a send: some 40 kB, well below any socket buffer

// write brings the kernel in line with changes. It reports whether a route that we wanted to add exists already.
func (w *fibRun) write(ctx context.Context, changes []rib.Change) (conflict bool, err error) {
	for len(changes) > 0 && ctx.Err() == nil {
		n := min(len(changes), batch)
		w.ops = w.ops[:0]
		now := time.Now()
		w.mu.Lock()
		for _, c := range changes[:n] {
			w.state.seen(c.Key.Prefix)
			w.ops = w.state.plan(w.ops, c, w.resolver, now)
		}
		w.mu.Unlock()
		// What takes the place of another route of the same prefix comes first; what it replaces leaves when it stands.
		for len(w.ops) > 0 {
			if err := w.send(w.ops); err != nil {
				return conflict, err
			}
			w.mu.Lock()
			more, exists := w.state.done(w.ops, time.Now())
			w.mu.Unlock()
			conflict = conflict || exists
			w.ops = append(w.ops[:0], more...)
		}
		w.report(changes[:n])
		changes = changes[n:]
	}
	return conflict, nil
}

// send writes operations in batches and fills in their errors.
func (w *fibRun) send(ops []routeOp) error {
	for len(ops) > 0 {
		n := min(len(ops), batch)
		w.buf = w.buf[:0]
		last := 0
		for i := range ops[:n] {
			if w.fault != nil {
				if ops[i].err = w.fault(ops[i].key); ops[i].err != nil {
					continue
				}
			}
			last = len(w.buf)
			ops[i].seq = w.conn.nextSeq()
			w.buf = ops[i].appendTo(w.buf)
		}
		if len(w.buf) > 0 {
			setAck(w.buf, last)
			if err := w.exchange(ops[:n], last); err != nil {
				return err
			}
		}
		w.writes.Add(uint64(n))
		w.monitor.writes.Add(uint64(n))
		ops = ops[n:]
	}
	return nil
}

func (w *fibRun) exchange(ops []routeOp, last int) error {
	bySeq := func(seq uint32) *routeOp {
		for i := range ops {
			if ops[i].seq == seq {
				return &ops[i]
			}
		}
		return nil
	}
	err := w.conn.exchange(w.buf, native.Uint32(w.buf[last+8:]), func(seq uint32, err error) {
		if op := bySeq(seq); op != nil {
			op.err = err
		}
	})
	if err == unix.ENOBUFS {
		// Acknowledgements were lost: nothing is known of this batch until the kernel was asked.
		w.conn.forget()
		for i := range ops {
			ops[i].err = err
		}
		w.auditAt, w.innocent = time.Now(), true
		return nil
	}
	if err != nil {
		return fmt.Errorf("write routes: %w", err)
	}
	return nil
}
