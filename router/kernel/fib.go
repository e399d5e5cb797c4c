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
	gone    map[rib.Key]uint32 // metric of our route that was removed
	foreign []foreignEvent     // routes of others, in the order of events
	audit   bool               // look at everything
	wake    chan struct{}
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
	d := &drift{gone: map[rib.Key]uint32{}, wake: make(chan struct{}, 1)}
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

	w := &fibRun{FIB: f, conn: c, watch: watch, drift: d, links: links, receiving: failed}
	w.resolver = newResolver(f.monitor.Links())
	f.mu.Lock()
	f.state = newFIBState(f.table.Best)
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
			d.mark(nil)
			return err
		}
		if overflow {
			d.mark(nil)
		}
	}
}

// event notes one notification that came through the filter routeEvents.
func (d *drift) event(h syscall.NlMsghdr, data []byte) {
	switch h.Type {
	case unix.RTM_NEWROUTE, unix.RTM_DELROUTE:
		p, ok := parseRoute(data)
		if _, ours := protocolSource(p.route.proto); !ours {
			d.markForeign(p, ok, h.Type == unix.RTM_DELROUTE)
		} else if ok && p.hops == nil {
			d.mark(&p)
		} else {
			d.mark(nil)
		}
	case unix.RTM_NEWLINK:
		if l, ok := parseLink(data); ok && !l.Up {
			d.mark(nil)
		}
	case unix.RTM_DELLINK, unix.RTM_DELADDR: // IPv4 routes over it went silently
		d.mark(nil)
	}
}

// mark remembers a removed route, or with nil that everything is to be compared.
func (d *drift) mark(p *parsedRoute) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if p != nil && len(d.gone) < maxGone {
		d.gone[p.key] = p.route.metric
	} else {
		d.audit = true
	}
	notify(d.wake)
}

// markForeign remembers that a route of others came or went, if it is of a kind that matters.
func (d *drift) markForeign(p parsedRoute, ok, gone bool) {
	prefix, r, matters := foreignRoute(p)
	if !ok || !matters {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(p.hops) == 0 && len(d.foreign) < maxGone {
		d.foreign = append(d.foreign, foreignEvent{prefix, r, gone})
	} else {
		d.audit = true
	}
	notify(d.wake)
}

// take returns what was noted since the last call.
func (d *drift) take() (gone map[rib.Key]uint32, foreign []foreignEvent, audit bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	gone, foreign, audit = d.gone, d.foreign, d.audit
	d.gone, d.foreign, d.audit = map[rib.Key]uint32{}, nil, false
	return gone, foreign, audit
}
