package router

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sixfold-router/sixfold/router/health"
)

const (
	maxDrift     = 500                    // entries remembered
	gather       = 100 * time.Millisecond // what one unit finds in this time is told together if it is much
	fewDrift     = 5                      // so many have an entry each
	maxGathered  = 16384                  // things told apart, in what is gathered and among what could not be mended
	namesInDrift = 3                      // in an entry for many
)

// driftKey names one thing that was found.
type driftKey struct{ unit, object, what string }

// driftList keeps what was found changed behind the router's back. Its memory is bounded however much is found: beyond
// maxGathered, things are only counted, and an entry counts as mended when all are that could be told apart.
type driftList struct {
	wake chan struct{} // something was gathered since the last flush

	mu       sync.Mutex     // guards all below
	entries  []health.Drift // oldest first
	next     uint64
	gathered map[string]*gathering // by unit
	open     map[driftKey]uint64   // what could not be mended, with its entry
	waiting  map[uint64]int        // how many of open each entry has
}

// gathering is what one unit found since the last flush.
type gathering struct {
	since    time.Time
	order    []driftKey
	problems map[driftKey]string
	more     int // beyond
}

func newDriftList() *driftList {
	return &driftList{
		wake: make(chan struct{}, 1), next: 1,
		gathered: map[string]*gathering{}, open: map[driftKey]uint64{}, waiting: map[uint64]int{},
	}
}

// add notes what a unit found, and whether it could be mended. It returns the entry that is mended with it, if one is.
func (l *driftList) add(unit, object, what string, problem error, now time.Time) (mended *health.Drift) {
	reason := ""
	if problem != nil {
		reason = problem.Error()
	}
	key := driftKey{unit, object, what}
	l.mu.Lock()
	defer l.mu.Unlock()
	if id, ok := l.open[key]; ok {
		return l.again(key, id, reason)
	}
	g := l.gathered[unit]
	if g == nil {
		g = &gathering{since: now, problems: map[driftKey]string{}}
		l.gathered[unit] = g
	}
	switch _, known := g.problems[key]; {
	case known:
		g.problems[key] = reason
	case len(g.order) < maxGathered:
		g.order = append(g.order, key)
		g.problems[key] = reason
	default:
		g.more++
	}
	select {
	case l.wake <- struct{}{}:
	default:
	}
	return nil
}

// again takes the next word on something that could not be mended. l.mu is held.
func (l *driftList) again(key driftKey, id uint64, reason string) (mended *health.Drift) {
	at, kept := slices.BinarySearchFunc(l.entries, id, func(d health.Drift, id uint64) int { return cmp.Compare(d.ID, id) })
	if reason != "" {
		if kept && l.waiting[id] == 1 {
			l.entries[at].Problem = reason
		}
		return nil
	}
	delete(l.open, key)
	if l.waiting[id]--; l.waiting[id] > 0 {
		return nil
	}
	delete(l.waiting, id)
	if !kept {
		return nil
	}
	l.entries[at].Problem = ""
	d := l.entries[at]
	return &d
}

// flush makes entries of what was gathered, and returns them.
func (l *driftList) flush() []health.Drift {
	l.mu.Lock()
	defer l.mu.Unlock()
	var fresh []health.Drift
	for _, unit := range slices.Sorted(maps.Keys(l.gathered)) {
		g := l.gathered[unit]
		if len(g.order) <= fewDrift {
			for _, k := range g.order {
				fresh = append(fresh, l.enter(health.Drift{Time: g.since, Unit: unit, Object: k.object, What: k.what, Problem: g.problems[k]}, g, k))
			}
		} else {
			fresh = append(fresh, l.enter(g.together(unit), g, g.order...))
		}
	}
	clear(l.gathered)
	return fresh
}

// enter adds an entry, and remembers which of its things are to be mended. l.mu is held.
func (l *driftList) enter(d health.Drift, g *gathering, keys ...driftKey) health.Drift {
	d.ID = l.next
	l.next++
	for _, k := range keys {
		if g.problems[k] != "" && len(l.open) < maxGathered {
			l.open[k] = d.ID
			l.waiting[d.ID]++
		}
	}
	l.entries = append(l.entries, d)
	if n := len(l.entries) - maxDrift; n > 0 {
		l.entries = slices.Delete(l.entries, 0, n)
	}
	return d
}

// together makes one entry of much.
func (g *gathering) together(unit string) health.Drift {
	d := health.Drift{Time: g.since, Unit: unit}
	var objects, whats, problems []string
	failed := 0
	seen := map[string]bool{}
	note := func(list *[]string, kind, text string) {
		if !seen[kind+text] && len(*list) <= namesInDrift {
			seen[kind+text] = true
			*list = append(*list, text)
		}
	}
	for _, k := range g.order {
		note(&objects, "object ", k.object)
		note(&whats, "what ", k.what)
		if p := g.problems[k]; p != "" {
			failed++
			note(&problems, "problem ", p)
		}
	}
	n := len(g.order) + g.more
	d.Object = strings.Join(objects[:min(len(objects), namesInDrift)], ", ")
	if len(objects) > namesInDrift {
		d.Object += " and more"
	}
	d.What = fmt.Sprintf("%d changes: %s", n, strings.Join(whats[:min(len(whats), namesInDrift)], "; "))
	if len(whats) > namesInDrift {
		d.What += "; and more"
	}
	if failed > 0 {
		d.Problem = fmt.Sprintf("%d of them: %s", failed, problems[0])
	}
	return d
}

// list returns the entries, oldest first.
func (l *driftList) list() []health.Drift {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.entries)
}

// Drift returns what was found changed behind the router's back, oldest first: at most the last 500.
func (r *Router) Drift(context.Context) ([]health.Drift, error) {
	r.tellDrift(r.drifts.flush())
	return r.drifts.list(), nil
}

// drifted returns the hook of a unit that finds drift.
func (r *Router) drifted(unit string) func(object, what string, problem error) {
	return func(object, what string, problem error) {
		if d := r.drifts.add(unit, object, what, problem, time.Now()); d != nil {
			r.tellMended(*d)
		}
	}
}

// Looks at what no event tells of, such as most sysctls.
const (
	minLook = 10 * time.Second
	maxLook = time.Minute
)

// lookAfter says how long to wait until the next look, after one that took so long: looking takes a hundredth of the time.
func lookAfter(cost time.Duration) time.Duration {
	return min(max(100*cost, minLook), maxLook)
}
