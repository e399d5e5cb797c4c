package kernel

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/sixfold-router/sixfold/router/rib"
)

const routeMissing = "the route was missing"

// compare adds to out what a dump shows that others did to our routes. What the kernel does by itself when a link goes is none of
// that, nor is what becomes of routes of an earlier run that are not confirmed yet.
func (s *fibState) compare(d dump, r resolver, out map[rib.Key]string) {
	for k, was := range s.have {
		if _, stale := s.stale[k]; stale {
			continue
		}
		is, ok := d.have[k]
		switch {
		case !ok && was.link != 0 && !r.byIndex[was.link].up:
		case !ok:
			out[k] = routeMissing
		case is.metric != was.metric && len(d.surplus[k]) > 0: // both are there, in another order
			out[k] = "a route with our mark was added"
		case !was.same(is):
			out[k] = "the route was changed: " + is.words(r)
		}
	}
	for k := range d.surplus {
		if len(s.surplus[k]) == 0 {
			out[k] = "a route with our mark was added"
		}
	}
	for k := range d.have {
		if _, ok := s.have[k]; !ok {
			out[k] = "a route with our mark was added"
		}
	}
}

// words tells of a route what somebody may have changed.
func (want kroute) words(r resolver) string {
	if want.kind != rib.Unicast {
		return want.kind.String()
	}
	if want.link < 0 {
		return "several next hops"
	}
	text := fmt.Sprintf("metric %d", want.metric)
	for name, l := range r.links {
		if l.index == want.link {
			text = "dev " + name + " " + text
		}
	}
	if want.via.IsValid() {
		text = fmt.Sprintf("via %s %s", want.via, text)
	}
	return text
}

// report tells of drift among changes that were written just now. A route whose source is not ready yet waits.
func (w *fibRun) report(changes []rib.Change) {
	if len(w.mending) == 0 {
		return
	}
	type told struct {
		key     rib.Key
		what    string
		problem error
	}
	var all []told
	w.mu.Lock()
	for _, c := range changes {
		what, ok := w.mending[c.Key]
		if _, stale := w.state.stale[c.Key]; !ok || stale {
			continue
		}
		t := told{c.Key, what, nil}
		if f := w.state.failed[c.Key]; f != nil {
			t.problem = errors.New(f.why())
		} else {
			delete(w.mending, c.Key)
		}
		all = append(all, t)
	}
	w.mu.Unlock()
	if w.OnDrift == nil {
		return
	}
	for _, t := range all {
		object := t.key.Prefix.String()
		if table := cmp.Or(t.key.Table, rib.MainTable); table != rib.MainTable {
			object = fmt.Sprintf("%s table %d", object, table)
		}
		w.OnDrift(object, t.what, t.problem)
	}
}
