package kernel

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"github.com/sixfold-router/sixfold/router/rib"
)

// How often a RouteWatch reads what it follows anew: it takes a small part of the time, however many routes the tables have.
const (
	minReread = time.Minute
	rereadPer = 200 // times as long as the last took
)

// RouteWatch knows the routes that the kernel has to a few IPv6 prefixes, whoever made them: above all ::/0, which may come from an
// advertisement that the kernel took in. It follows events of these prefix lengths alone, so that a full table costs it nothing.
// All methods may be called from any goroutine, before Run too.
type RouteWatch struct {
	// OnChange, if set before Run, is called after each change of what Routes returns. It must not block.
	OnChange func()

	log     *slog.Logger
	monitor *Monitor

	mu   sync.Mutex // guards what follows
	have map[rib.Key][]heldRoute
	cost time.Duration // of the last reading
	seen uint64        // events of what is followed
	look time.Time     // when a route may have run out; zero: none can

	rewant chan struct{} // the prefix lengths changed
	relook chan struct{} // look changed
}

// rtaNexthop is RTA_NH_ID of linux/rtnetlink.h.
const rtaNexthop = 30

// heldRoute is one next hop of a route that the kernel has.
type heldRoute struct {
	proto  uint8
	metric uint32
	kind   rib.Kind
	hop    hop
	object uint32 // nexthop object; 0: none
}

// NewRouteWatch returns a watch that follows nothing yet.
func NewRouteWatch(log *slog.Logger, monitor *Monitor) *RouteWatch {
	return &RouteWatch{log: log, monitor: monitor, have: map[rib.Key][]heldRoute{}, rewant: make(chan struct{}, 1), relook: make(chan struct{}, 1)}
}

// Want makes keys, of IPv6 prefixes, those that are followed. Those that are new are read at once.
func (w *RouteWatch) Want(ctx context.Context, keys []rib.Key) error {
	w.mu.Lock()
	before := w.lengths()
	fresh := map[rib.Key][]heldRoute{}
	keep := map[rib.Key][]heldRoute{}
	for _, k := range keys {
		if held, ok := w.have[k]; ok {
			keep[k] = held
		} else {
			fresh[k] = nil
			keep[k] = nil
		}
	}
	w.have = keep
	changed := !slices.Equal(before, w.lengths())
	w.mu.Unlock()
	if changed {
		notify(w.rewant) // Run reads all of them again when it listens to the right ones
	}
	if len(fresh) == 0 {
		return nil
	}
	if _, err := w.refresh(ctx, fresh); err != nil {
		w.mu.Lock()
		defer w.mu.Unlock()
		for k := range fresh {
			delete(w.have, k) // the next call tries again
		}
		return err
	}
	return nil
}

// refresh reads what is followed of keys, and reports whether it is other than it was thought to be. What events told meanwhile is
// newer than what was read: it reads again.
func (w *RouteWatch) refresh(ctx context.Context, keys map[rib.Key][]heldRoute) (differs bool, err error) {
	for range dumpTries {
		w.mu.Lock()
		seen := w.seen
		w.mu.Unlock()
		look, err := w.read(ctx, keys)
		if err != nil {
			return false, err
		}
		w.mu.Lock()
		w.expect(look)
		current := seen == w.seen
		for k, held := range keys {
			if before, wanted := w.have[k]; current && wanted && !slices.Equal(before, held) {
				w.have[k], differs = held, true
			}
		}
		w.mu.Unlock()
		if current {
			break
		}
	}
	return differs, nil
}

// Routes returns the routes to what is followed, by links that are up, best first. A key without routes has an empty entry.
func (w *RouteWatch) Routes() map[rib.Key][]Route {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.have) == 0 {
		return nil
	}
	return shown(w.have, w.monitor.Links().byIndex())
}

// Read is Routes for keys that need not be followed.
func (w *RouteWatch) Read(ctx context.Context, keys []rib.Key) (map[rib.Key][]Route, error) {
	all := map[rib.Key][]heldRoute{}
	for _, k := range keys {
		all[k] = nil
	}
	if _, err := w.read(ctx, all); err != nil {
		return nil, err
	}
	return shown(all, w.monitor.Links().byIndex()), nil
}

func shown(all map[rib.Key][]heldRoute, links map[int]LinkState) map[rib.Key][]Route {
	out := make(map[rib.Key][]Route, len(all))
	for k, held := range all {
		routes := []Route{}
		for _, h := range held {
			link, known := links[int(h.hop.link)]
			if h.hop.link != 0 && (!known || !link.Up || !link.Running) {
				continue
			}
			_, ours := protocolSource(h.proto)
			r := Route{Protocol: protocolName(h.proto), Ours: ours}
			r.Route = rib.Route{Prefix: k.Prefix, Table: k.Table, Kind: h.kind, Metric: h.metric, Via: h.hop.via, Link: link.Name}
			routes = append(routes, r)
		}
		slices.SortStableFunc(routes, func(a, b Route) int {
			return cmp.Or(cmp.Compare(a.Metric, b.Metric), cmp.Compare(a.Link, b.Link), a.Via.Compare(b.Via))
		})
		out[k] = routes
	}
	return out
}

// lengths returns the prefix lengths of what is followed. w.mu is held.
func (w *RouteWatch) lengths() []int {
	var out []int
	for k := range w.have {
		if bits := k.Prefix.Bits(); !slices.Contains(out, bits) {
			out = append(out, bits)
		}
	}
	slices.Sort(out)
	return out
}

// read fills in the routes to the keys of into, with one dump of each table, and says when the first of them may run out.
func (w *RouteWatch) read(ctx context.Context, into map[rib.Key][]heldRoute) (look time.Time, err error) {
	tables := map[uint32]bool{}
	for k := range into {
		tables[k.Table] = true
	}
	c, err := dial()
	if err != nil {
		return look, err
	}
	defer c.close()
	began := time.Now()
	for table := range tables {
		req := nl.NewNetlinkRequest(unix.RTM_GETROUTE, 0)
		req.AddData(&nl.RtMsg{RtMsg: unix.RtMsg{Family: unix.AF_INET6}})
		req.AddData(nl.NewRtAttr(unix.RTA_TABLE, nl.Uint32Attr(table)))
		reset := func() {
			for k := range into {
				if k.Table == table {
					into[k] = nil
				}
			}
		}
		err := c.dump(ctx, req, reset, func(typ uint16, data []byte) {
			p, ok := parseRoute(data)
			if !ok || typ != unix.RTM_NEWROUTE || p.cloned || p.key.Table != table {
				return
			}
			held, wanted := into[p.key]
			if !wanted {
				return
			}
			at, used := lookAt(data, time.Now())
			if look = sooner(look, at); used {
				into[p.key] = withRoute(held, p, nexthopOf(data), true)
			}
		})
		if err != nil && !errors.Is(err, errInterrupted) && !errors.Is(err, unix.ENOENT) { // a table without routes is none
			return look, fmt.Errorf("list routes: %w", err)
		}
		// A table that changes all the time is never read in one piece. What changes meanwhile is told by events.
	}
	w.mu.Lock()
	w.cost = time.Since(began)
	w.mu.Unlock()
	return look, nil
}

// Run follows the kernel until ctx ends. It returns an error if events cannot be received.
func (w *RouteWatch) Run(ctx context.Context) error {
	links := make(chan struct{}, 1)
	defer w.monitor.Watch(func() { notify(links) })()
	for ctx.Err() == nil {
		if err := w.follow(ctx, links); err != nil {
			return err
		}
	}
	return nil
}

// follow is Run until the prefix lengths change.
func (w *RouteWatch) follow(ctx context.Context, links chan struct{}) error {
	w.mu.Lock()
	lengths := w.lengths()
	w.mu.Unlock()
	if len(lengths) == 0 {
		select {
		case <-ctx.Done():
		case <-w.rewant:
		}
		return nil
	}
	ev, err := listen(socketBuffer, eventsOfLengths(lengths), unix.RTNLGRP_IPV6_ROUTE)
	if err != nil {
		return err
	}
	failed := make(chan error, 1)
	lost := make(chan struct{}, 1)
	var receiving sync.WaitGroup
	receiving.Go(func() {
		for {
			overflow, err := ev.receive(w.event)
			if err != nil {
				failed <- err
				return
			}
			if overflow {
				notify(lost)
			}
		}
	})
	defer receiving.Wait()
	defer ev.close()
	// Subscribed first, read second: nothing falls in between.
	reread := time.NewTimer(0)
	defer reread.Stop()
	ends := time.NewTimer(minReread)
	defer ends.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-failed:
			if ctx.Err() != nil || errors.Is(err, os.ErrClosed) {
				return nil
			}
			return fmt.Errorf("receive route events: %w", err)
		case <-w.rewant:
			w.mu.Lock()
			same := slices.Equal(lengths, w.lengths())
			w.mu.Unlock()
			if !same {
				return nil
			}
		case <-links:
			w.relink()
		case <-lost:
			w.reread(ctx, reread)
		case <-reread.C:
			w.reread(ctx, reread)
		case <-w.relook:
			ends.Reset(w.untilLook())
		case <-ends.C:
			w.reread(ctx, reread)
		}
	}
}

// expect notes when a route may run out. w.mu is held.
func (w *RouteWatch) expect(at time.Time) {
	if first := sooner(w.look, at); first != w.look {
		w.look = first
		notify(w.relook)
	}
}

// untilLook is how long to wait until what is followed is read because of a route that may have run out by then.
func (w *RouteWatch) untilLook() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return max(time.Until(w.look), rereadPer*w.cost)
}

// reread reads all that is followed, and says when to do so again.
func (w *RouteWatch) reread(ctx context.Context, next *time.Timer) {
	w.mu.Lock()
	now := map[rib.Key][]heldRoute{}
	for k := range w.have {
		now[k] = nil
	}
	w.look = time.Time{}
	w.mu.Unlock()
	differs, err := w.refresh(ctx, now)
	if err != nil {
		if ctx.Err() == nil {
			w.log.Warn("read the routes that advertisements depend on", "error", err)
		}
		next.Reset(retryRead)
		return
	}
	w.mu.Lock()
	next.Reset(max(minReread, rereadPer*w.cost))
	w.mu.Unlock()
	if differs {
		w.changed()
	}
}

// relink forgets the routes by nexthop objects on links that are down: the kernel drops these without a word.
func (w *RouteWatch) relink() {
	links := w.monitor.Links().byIndex()
	w.mu.Lock()
	defer w.mu.Unlock()
	for k, held := range w.have {
		w.have[k] = slices.DeleteFunc(slices.Clone(held), func(h heldRoute) bool {
			link, known := links[int(h.hop.link)]
			return h.object != 0 && h.hop.link != 0 && (!known || !link.Up || !link.Running)
		})
	}
}

// event takes notice of a route that came or went.
func (w *RouteWatch) event(h syscall.NlMsghdr, data []byte) {
	if h.Type != unix.RTM_NEWROUTE && h.Type != unix.RTM_DELROUTE {
		return
	}
	p, ok := parseRoute(data)
	if !ok || p.cloned {
		return
	}
	w.mu.Lock()
	held, wanted := w.have[p.key]
	if !wanted {
		w.mu.Unlock()
		return
	}
	w.seen++
	now := slices.Clone(held)
	if h.Type == unix.RTM_NEWROUTE {
		at, _ := lookAt(data, time.Now())
		w.expect(at)
		now = withRoute(now, p, nexthopOf(data), h.Flags&unix.NLM_F_REPLACE == 0)
	} else {
		now = withoutRoute(now, p, nexthopOf(data))
	}
	differs := !slices.Equal(held, now)
	w.have[p.key] = now
	w.mu.Unlock()
	if differs {
		w.changed()
	}
}

func (w *RouteWatch) changed() {
	if w.OnChange != nil {
		w.OnChange()
	}
}

// withRoute adds a route to those of one prefix. Unless it is one more, it replaces those of the same metric; with several next hops,
// it is told with all of them.
func withRoute(held []heldRoute, p parsedRoute, object uint32, more bool) []heldRoute {
	if !more || p.hops != nil {
		held = slices.DeleteFunc(held, func(h heldRoute) bool {
			return h.metric == p.route.metric && (!more || h.proto == p.route.proto)
		})
	}
	for _, h := range hopsOf(p) {
		one := heldRoute{proto: p.route.proto, metric: p.route.metric, kind: p.route.kind, hop: h, object: object}
		if !slices.Contains(held, one) {
			held = append(held, one)
		}
	}
	return held
}

// withoutRoute removes a route from those of one prefix.
func withoutRoute(held []heldRoute, p parsedRoute, object uint32) []heldRoute {
	hops := hopsOf(p)
	return slices.DeleteFunc(held, func(h heldRoute) bool {
		if h.metric != p.route.metric || h.proto != p.route.proto || h.kind != p.route.kind {
			return false
		}
		return object != 0 && h.object == object || slices.Contains(hops, h.hop)
	})
}

func hopsOf(p parsedRoute) []hop {
	if p.hops != nil {
		return p.hops
	}
	return []hop{{p.route.link, p.route.via}}
}

// nexthopOf returns the nexthop object of a route, or 0.
func nexthopOf(data []byte) (object uint32) {
	eachAttr(data[unix.SizeofRtMsg:], func(typ uint16, val []byte) {
		if typ == rtaNexthop {
			object = attrUint32(val)
		}
	})
	return object
}

// eventsOfLengths is a socket filter that lets through IPv6 routes to prefixes of some lengths.
func eventsOfLengths(lengths []int) []unix.SockFilter {
	const (
		ldb = unix.BPF_LD | unix.BPF_B | unix.BPF_ABS
		jeq = unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K
		ret = unix.BPF_RET | unix.BPF_K
	)
	filter := []unix.SockFilter{
		{Code: ldb, K: unix.NLMSG_HDRLEN}, // rtm_family
		{Code: jeq, K: unix.AF_INET6, Jt: 1},
		{Code: ret, K: 0},
		{Code: ldb, K: unix.NLMSG_HDRLEN + 1}, // rtm_dst_len
	}
	for n, bits := range lengths {
		filter = append(filter, unix.SockFilter{Code: jeq, K: uint32(bits), Jt: uint8(len(lengths) - n)})
	}
	return append(filter, unix.SockFilter{Code: ret, K: 0}, unix.SockFilter{Code: ret, K: 0xffffffff})
}
