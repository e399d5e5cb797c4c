package kernel

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/sixfold-router/sixfold/router/rib"
	"golang.org/x/sys/unix"
)

const (
	auditInterval = time.Minute            // the slow comparison with the kernel
	auditSettle   = 50 * time.Millisecond  // after an event that may have taken routes
	auditRetry    = 2 * time.Second        // after a comparison that failed
	firstBackoff  = 100 * time.Millisecond // after the first failure of a route, doubled with each
	maxBackoff    = 30 * time.Second
)

// FIB mirrors the best routes of a rib.Table into the kernel, but for those of rib.Connected, which the kernel has by itself:
// a prefix that is connected gets no route of ours, whoever else has one for it.
//
// A next hop that no link is named for may be anywhere: it is resolved through other routes to a router on a link (nexthop.go),
// and again when these change.
//
// Routes from an earlier run are adopted: what is still wanted is not written again, the rest is removed source by source, when
// the table says that the source is ready. Routes stay in the kernel when Run ends. Routes of others are never touched.
//
// Run's goroutine owns the state; mu is for those who look.
type FIB struct {
	// OnDrift, if set before Run, is told what others did to our routes: the prefix, what was found, and why it could not be
	// mended. What could not is told again when it was tried again. It is called from Run's goroutine and must not block.
	OnDrift func(object, what string, problem error)

	log     *slog.Logger
	table   *rib.Table
	monitor *Monitor
	writes  atomic.Uint64
	syncs   chan chan struct{}
	fault   func(k rib.Key) error // for tests: an error stands for that of the kernel

	mu    sync.Mutex // guards state; written by Run's goroutine only
	state fibState
	stats fibStats
}

// fibStats are counters of a FIB.
type fibStats struct{ audits, repaired uint64 }

// NewFIB returns a writer for the routes of table.
func NewFIB(log *slog.Logger, table *rib.Table, monitor *Monitor) *FIB {
	return &FIB{log: log, table: table, monitor: monitor, syncs: make(chan chan struct{}), state: newFIBState(table.Best)}
}

// Writes counts the messages sent to the kernel to add, replace and remove routes.
func (f *FIB) Writes() uint64 { return f.writes.Load() }

// drift is what events told of routes that may have gone. It is shared by the goroutine that receives and Run's.
type drift struct {
	mu      sync.Mutex
	gone    map[rib.Key]goneRoute // our routes that were removed
	foreign []foreignEvent        // routes of others, in the order of events
	audit   bool                  // look at everything
	flushed bool                  // the kernel may have removed routes by itself, without a word
	wake    chan struct{}
}

// goneRoute is a route of ours that was removed.
type goneRoute struct {
	metric uint32
	byHand bool // somebody asked for it; otherwise the kernel did, with a link
}

const maxGone = 4096 // single events remembered; beyond, everything is compared

// Run writes until ctx ends. It returns an error if the kernel cannot be talked to; routes that it refuses are in Status.
func (f *FIB) Run(ctx context.Context) error {
	c, err := dial()
	if err != nil {
		return err
	}
	defer c.close()
	ev, err := listen(socketBuffer, routeEvents(c.portID),
		unix.RTNLGRP_IPV6_ROUTE, unix.RTNLGRP_IPV4_ROUTE, unix.RTNLGRP_LINK, unix.RTNLGRP_IPV4_IFADDR)
	if err != nil {
		return err
	}
	d := &drift{gone: map[rib.Key]goneRoute{}, wake: make(chan struct{}, 1)}
	failed := make(chan error, 1)
	go func() { failed <- d.receive(ev) }()
	defer func() {
		ev.close()
		<-failed
	}()

	links := make(chan struct{}, 1)
	defer f.monitor.Watch(func() { notify(links) })()
	if err := f.monitor.Refresh(ctx); err != nil {
		return endOf(ctx, err)
	}
	watch := f.table.Watch(nil)
	defer watch.Close()

	w := &fibRun{FIB: f, conn: c, watch: watch, drift: d, events: ev, links: links, receiving: failed, mending: map[rib.Key]string{}}
	w.resolver = newResolver(f.monitor.Links())
	f.mu.Lock()
	f.state = newFIBState(f.table.Best)
	f.state.tables = w.resolver.tables()
	f.mu.Unlock()
	if err := w.audit(ctx); err != nil {
		return endOf(ctx, err)
	}
	return endOf(ctx, w.loop(ctx))
}

// endOf returns nil if ctx ended, whatever err says.
func endOf(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// receive takes events until the socket is closed.
func (d *drift) receive(ev *events) error {
	for {
		overflow, err := ev.receive(d.event)
		if errors.Is(err, os.ErrClosed) {
			return nil
		}
		if err != nil {
			d.markFlushed()
			return err
		}
		if overflow {
			d.markFlushed()
		}
	}
}

// event notes one notification that came through the filter routeEvents.
func (d *drift) event(h syscall.NlMsghdr, data []byte) {
	switch h.Type {
	case unix.RTM_NEWROUTE, unix.RTM_DELROUTE:
		p, ok := parseRoute(data)
		removed := h.Type == unix.RTM_DELROUTE
		if _, ours := protocolSource(p.route.proto); !ours {
			if ok && !removed && h.Flags&unix.NLM_F_REPLACE != 0 {
				d.mark(&p, true) // it may be ours that it took the place of
			}
			d.markForeign(p, ok, removed)
		} else if ok && removed && p.hops == nil {
			d.mark(&p, h.Pid != 0)
		} else {
			d.mark(nil, false)
		}
	case unix.RTM_NEWLINK:
		if l, ok := parseLink(data); ok && !l.Up {
			d.markFlushed()
		}
	case unix.RTM_DELLINK, unix.RTM_DELADDR: // IPv4 routes over it went silently
		d.markFlushed()
	}
}

// markFlushed remembers that routes may have gone without anybody's doing.
func (d *drift) markFlushed() {
	d.mu.Lock()
	d.flushed = true
	d.mu.Unlock()
	d.mark(nil, false)
}

// mark remembers a removed route, and whether somebody asked for it, or with nil that everything is to be compared.
func (d *drift) mark(p *parsedRoute, byHand bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if p != nil && len(d.gone) < maxGone {
		d.gone[p.key] = goneRoute{p.route.metric, byHand}
	} else {
		d.audit = true
	}
	notify(d.wake)
}

// markForeign remembers that a route of others came or went, if it is of a kind that matters.
func (d *drift) markForeign(p parsedRoute, ok, gone bool) {
	r, matters := foreignRoute(p)
	if !ok || !matters {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(p.hops) == 0 && len(d.foreign) < maxGone {
		d.foreign = append(d.foreign, foreignEvent{p.key, r, gone})
	} else {
		d.audit = true
	}
	notify(d.wake)
}

// take returns what was noted since the last call.
func (d *drift) take() (gone map[rib.Key]goneRoute, foreign []foreignEvent, audit, flushed bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	gone, foreign, audit, flushed = d.gone, d.foreign, d.audit, d.flushed
	d.gone, d.foreign, d.audit, d.flushed = map[rib.Key]goneRoute{}, nil, false, false
	return gone, foreign, audit, flushed
}

// mayHaveFlushed reports whether the kernel removed routes by itself since the last take.
func (d *drift) mayHaveFlushed() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.flushed
}
