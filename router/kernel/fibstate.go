package kernel

import (
	"errors"
	"fmt"
	"time"

	"github.com/sixfold-router/sixfold/router/rib"
	"golang.org/x/sys/unix"
)

// fibState is what a FIB knows of the kernel's routes that are ours, and decides by. It does no I/O and reads no clock.
type fibState struct {
	have      map[rib.Key]kroute
	surplus   map[rib.Key][]kroute     // further routes of ours with another metric, to be removed
	stale     map[rib.Key]struct{}     // from an earlier run, not yet confirmed
	failed    map[rib.Key]*failedRoute // wanted, and not in the kernel
	swept     map[rib.Source]bool      // sources whose unconfirmed routes may go
	nextRetry time.Time                // of the earliest of failed; zero: none

	best    func(rib.Key) (rib.Entry, bool) // what the table has
	tables  map[uint32]bool                 // that next hops are resolved in: the main one and those of VRFs
	others  map[rib.Key][]kroute            // routes of others in these tables, by metric
	lengths [2][129]bool                    // of prefixes that there are or were routes for, by family
	hops    nexthops
}

// failedRoute is a route that could not be written.
type failedRoute struct {
	route  rib.Entry
	err    error
	tries  int
	next   time.Time
	exists bool // another route of the same prefix and metric is there
}

func newFIBState(best func(rib.Key) (rib.Entry, bool)) fibState {
	return fibState{
		best: best, tables: map[uint32]bool{rib.MainTable: true}, others: map[rib.Key][]kroute{}, hops: newNexthops(),
		have: map[rib.Key]kroute{}, surplus: map[rib.Key][]kroute{}, stale: map[rib.Key]struct{}{},
		failed: map[rib.Key]*failedRoute{}, swept: map[rib.Source]bool{},
	}
}

// dump collects routes as the kernel lists them.
type dump struct {
	have    map[rib.Key]kroute
	surplus map[rib.Key][]kroute
	others  map[rib.Key][]kroute
	tables  map[uint32]bool // of which others are collected
}

func newDump(tables map[uint32]bool) dump {
	return dump{map[rib.Key]kroute{}, map[rib.Key][]kroute{}, map[rib.Key][]kroute{}, tables}
}

func (d dump) add(p parsedRoute) {
	if _, ours := protocolSource(p.route.proto); !ours {
		if r, ok := foreignRoute(p); ok && d.tables[p.key.Table] {
			d.others[p.key] = insertForeign(d.others[p.key], r)
		}
		return
	}
	if p.hops != nil {
		// Somebody added next hops to a route of ours. Never equal to what is wanted, it will be replaced.
		p.route.link = -1
	}
	if _, ok := d.have[p.key]; ok {
		d.surplus[p.key] = append(d.surplus[p.key], p.route)
		return
	}
	d.have[p.key] = p.route
}

func (d dump) merge(o dump) {
	for k, r := range o.have {
		d.have[k] = r
	}
	for k, r := range o.surplus {
		d.surplus[k] = r
	}
	for k, r := range o.others {
		d.others[k] = r
	}
}

// replace takes what the kernel was found to have and returns the keys where that is news. Routes that were not known are
// stale while their source is not ready.
func (s *fibState) replace(d dump) []rib.Key {
	var changed []rib.Key
	for k, r := range d.have {
		old, ok := s.have[k]
		if ok && old == r && s.failed[k] == nil && len(d.surplus[k]) == 0 {
			continue
		}
		if src, ours := protocolSource(r.proto); !ok && ours && !s.swept[src] {
			s.stale[k] = struct{}{}
		}
		changed = append(changed, k)
	}
	for k := range s.have {
		if _, ok := d.have[k]; !ok {
			delete(s.stale, k)
			changed = append(changed, k)
		}
	}
	for k := range s.stale {
		s.seen(k.Prefix)
	}
	for k := range d.others {
		s.seen(k.Prefix)
	}
	s.have, s.surplus, s.others = d.have, d.surplus, d.others
	return changed
}

// forget notes that our route went, and reports whether that is news.
func (s *fibState) forget(k rib.Key, metric uint32) bool {
	if r, ok := s.have[k]; !ok || r.metric != metric {
		return false
	}
	s.drop(k)
	delete(s.stale, k)
	return true
}

// drop removes what is known of the kernel's route for k; another one of ours takes its place.
func (s *fibState) drop(k rib.Key) {
	rest := s.surplus[k]
	if len(rest) == 0 {
		delete(s.have, k)
		return
	}
	s.have[k] = rest[0]
	if rest = rest[1:]; len(rest) > 0 {
		s.surplus[k] = rest
	} else {
		delete(s.surplus, k)
	}
}

// sweep says that src is ready and returns the keys of its routes that were not confirmed.
func (s *fibState) sweep(src rib.Source) []rib.Key {
	s.swept[src] = true
	var keys []rib.Key
	for k := range s.stale {
		if have, ok := protocolSource(s.have[k].proto); ok && have == src {
			keys = append(keys, k)
		} else if s.failed[k] != nil {
			keys = append(keys, k) // it was kept for want of a next hop that this source might have known
		}
	}
	return keys
}

// allSwept reports whether every source has said what it has.
func (s *fibState) allSwept() bool {
	for _, src := range rib.Sources {
		if Protocol(src) != 0 && !s.swept[src] {
			return false
		}
	}
	return true
}

// relink returns the keys that a change of links or their prefixes may concern: routes on links that changed, those whose
// next hop is elsewhere now, and those that failed, which start over.
func (s *fibState) relink(old, r resolver) []rib.Key {
	var keys []rib.Key
	if links := r.changed(old); len(links) > 0 {
		for k, have := range s.have {
			if links[have.link] {
				keys = append(keys, k)
			}
		}
	}
	for k, f := range s.failed {
		f.tries = 0
		keys = append(keys, k)
	}
	return append(keys, s.move(s.hops.known, r)...)
}

// due returns the failed routes to try again now.
func (s *fibState) due(now time.Time) []rib.Key {
	if s.nextRetry.IsZero() || s.nextRetry.After(now) {
		return nil
	}
	s.nextRetry = time.Time{}
	var keys []rib.Key
	for k, f := range s.failed {
		if f.next.After(now) {
			s.nextRetry = earlier(s.nextRetry, f.next)
		} else {
			keys = append(keys, k)
		}
	}
	return keys
}

// routeOp is one write.
type routeOp struct {
	key    rib.Key
	route  kroute
	verb   routeVerb
	entry  rib.Entry // what is wanted, for routes to add
	seq    uint32
	err    error
	extras bool // a removal of a surplus route
}

type routeVerb uint8

const (
	addRoute     routeVerb = iota // fails if there is one with this metric
	replaceRoute                  // takes the place of ours with this metric
	removeRoute
)

func (o *routeOp) appendTo(b []byte) []byte {
	switch o.verb {
	case addRoute:
		return appendAdd(b, unix.NLM_F_EXCL, o.seq, o.key, o.route)
	case replaceRoute:
		return appendAdd(b, unix.NLM_F_REPLACE, o.seq, o.key, o.route)
	}
	return appendDelete(b, 0, o.seq, o.key, o.route)
}

// plan appends the operations for one change.
func (s *fibState) plan(ops []routeOp, c rib.Change, r resolver, now time.Time) []routeOp {
	k := c.Key
	have, ok := s.have[k]
	if _, stale := s.stale[k]; stale && ok {
		// The source that wrote it may still want it. Only a source that is preferred may take the prefix before.
		src, _ := protocolSource(have.proto)
		if !s.swept[src] && (c.Gone || c.Best.Source > src) {
			return ops
		}
	}
	remove := func() []routeOp {
		delete(s.stale, k)
		if ok {
			ops = append(ops, routeOp{key: k, route: have, verb: removeRoute})
		}
		return s.removeSurplus(ops, k)
	}
	if c.Gone || Protocol(c.Best.Source) == 0 {
		s.hops.release(k)
		if f := s.failed[k]; f != nil && (f.route.Source != 0 || !ok) {
			delete(s.failed, k) // but a removal that failed keeps its backoff
		}
		return remove()
	}
	want, err := r.route(c.Best)
	switch {
	case err != nil:
		s.hops.release(k)
	case want.kind != rib.Unicast || want.link != 0:
		s.hops.release(k)
	default:
		want, err = s.lead(k, want, r)
		if _, stale := s.stale[k]; stale && ok && err != nil && !s.allSwept() {
			// The route to its next hop may be among those that are not told yet.
			s.fail(k, c.Best, err, now)
			return ops
		}
	}
	if err != nil {
		s.fail(k, c.Best, err, now)
		return remove() // it is not what is wanted now
	}
	if ok && want.same(have) {
		delete(s.stale, k)
		delete(s.failed, k)
		return s.removeSurplus(ops, k)
	}
	for i, other := range s.surplus[k] {
		if other.samePlace(want) { // ours too: take that one, and remove the other
			s.surplus[k][i], s.have[k] = have, other
			have = other
			if want.same(other) {
				delete(s.stale, k)
				delete(s.failed, k)
				return s.removeSurplus(ops, k)
			}
			break
		}
	}
	verb := addRoute
	if ok && have.samePlace(want) {
		verb = replaceRoute
	}
	return append(ops, routeOp{key: k, route: want, verb: verb, entry: c.Best})
}

// lead gives a route the gateway and link that lead to its next hop.
func (s *fibState) lead(k rib.Key, want kroute, r resolver) (kroute, error) {
	h, isNew := s.hops.use(k, want.via)
	if isNew {
		h.way = s.resolve(h.hopKey, r)
	}
	if h.way.reason != "" {
		return want, errors.New(h.way.reason)
	}
	want.via, want.link, want.onlink = h.way.via, h.way.link, h.way.onlink
	return want, nil
}

func (s *fibState) removeSurplus(ops []routeOp, k rib.Key) []routeOp {
	for _, r := range s.surplus[k] {
		ops = append(ops, routeOp{key: k, route: r, verb: removeRoute, extras: true})
	}
	delete(s.surplus, k)
	return ops
}

// done takes the results of operations and returns those that follow from them. exists says that a route could not be added
// because there is one, for the first time.
func (s *fibState) done(ops []routeOp, now time.Time) (more []routeOp, exists bool) {
	for i := range ops {
		o := &ops[i]
		if o.verb == removeRoute {
			s.removed(o, now)
			continue
		}
		old, had := s.have[o.key]
		if o.err != nil {
			f := s.fail(o.key, o.entry, o.err, now)
			if errors.Is(o.err, unix.EEXIST) {
				f.exists = true
				if f.tries == 1 {
					exists = true
					f.next, s.nextRetry = now, now
				}
			}
			if had { // it is not what is wanted now
				delete(s.stale, o.key)
				more = append(more, routeOp{key: o.key, route: old, verb: removeRoute})
			}
			more = s.removeSurplus(more, o.key)
			continue
		}
		if had && !old.samePlace(o.route) {
			more = append(more, routeOp{key: o.key, route: old, verb: removeRoute, extras: true})
		}
		s.have[o.key] = o.route
		delete(s.stale, o.key)
		delete(s.failed, o.key)
		more = s.removeSurplus(more, o.key)
	}
	return more, exists
}

// removed takes the result of a removal. A route that is not there is as good as removed.
func (s *fibState) removed(o *routeOp, now time.Time) {
	if o.err == nil || errors.Is(o.err, unix.ESRCH) || errors.Is(o.err, unix.ENODEV) {
		if !o.extras {
			s.drop(o.key)
		}
		if f := s.failed[o.key]; f != nil && f.route.Source == 0 {
			delete(s.failed, o.key)
		}
		return
	}
	if o.extras {
		s.surplus[o.key] = append(s.surplus[o.key], o.route)
	}
	if f := s.failed[o.key]; f == nil || f.route.Source == 0 {
		s.fail(o.key, rib.Entry{}, fmt.Errorf("remove: %w", o.err), now)
	}
}

// fail notes a failure and when to try again.
func (s *fibState) fail(k rib.Key, e rib.Entry, err error, now time.Time) *failedRoute {
	f := s.failed[k]
	if f == nil || f.route != e {
		f = &failedRoute{route: e}
		s.failed[k] = f
	}
	f.err, f.exists = err, false
	f.tries++
	f.next = now.Add(min(firstBackoff<<min(f.tries-1, 16), maxBackoff))
	s.nextRetry = earlier(s.nextRetry, f.next)
	return f
}
