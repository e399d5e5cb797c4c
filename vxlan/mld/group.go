package mld

import (
	"net/netip"
	"slices"
	"time"
)

// group is what the listeners of a link want of one multicast address (RFC 3810 7.2).
type group struct {
	addr     netip.Addr
	since    time.Time  // of the first report
	reporter netip.Addr // of the last
	exclude  bool       // filter mode
	timer    time.Time  // in mode EXCLUDE: when the mode ends
	// sources has, in mode INCLUDE, who is wanted and until when. In mode EXCLUDE those with a time are the Requested List, those
	// with the zero time the Exclude List.
	sources map[netip.Addr]time.Time
	version time.Time // until when a listener of version 1 is taken to be there

	asks      int                // queries for the group that are still to send
	asksNext  time.Time          // the next of them
	asked     map[netip.Addr]int // queries for sources that are still to send
	askedNext time.Time

	at       time.Time // the deadline when the group was last put into its place in link.due
	position int       // there
}

// accepts reports whether a listener wants packets from source.
func (g *group) accepts(source netip.Addr) bool {
	until, listed := g.sources[source]
	if g.exclude {
		return !listed || !until.IsZero()
	}
	return listed
}

// old reports whether a listener of version 1 is there.
func (g *group) old(now time.Time) bool { return g.version.After(now) }

// deadline is when the group has something to do.
func (g *group) deadline() time.Time {
	var next time.Time
	sooner := func(t time.Time) {
		if !t.IsZero() && (next.IsZero() || t.Before(next)) {
			next = t
		}
	}
	if g.exclude {
		sooner(g.timer)
	}
	for _, t := range g.sources {
		sooner(t)
	}
	if g.asks > 0 {
		sooner(g.asksNext)
	}
	if len(g.asked) > 0 {
		sooner(g.askedNext)
	}
	sooner(g.version)
	return next
}

// put makes a source wanted until then, unless the group has as many as it may.
func (g *group) put(s netip.Addr, until time.Time, most int) bool {
	if _, known := g.sources[s]; !known && len(g.sources) >= most {
		return false
	}
	g.sources[s] = until
	return true
}

// questions are the follow-ups of a record: what the router must ask about before it believes that a listener left.
type questions struct {
	group   bool
	sources []netip.Addr
}

// report applies a record (RFC 3810 7.4.1 and 7.4.2). interval is the Multicast Address Listening Interval. It returns what must be
// asked, and how many sources were beyond the limit.
func (g *group) report(kind recordKind, list []netip.Addr, now time.Time, interval time.Duration, most int) (ask questions, refused int) {
	until := now.Add(interval)
	put := func(s netip.Addr, t time.Time) {
		if !g.put(s, t, most) {
			refused++
		}
	}
	requested := func(s netip.Addr) bool { t, ok := g.sources[s]; return ok && (!g.exclude || !t.IsZero()) }
	switch kind {
	case isInclude, allow, toInclude:
		if kind == toInclude {
			for s := range g.sources {
				if requested(s) && !slices.Contains(list, s) {
					ask.sources = append(ask.sources, s)
				}
			}
			ask.group = g.exclude
		}
		for _, s := range list {
			put(s, until)
		}
	case isExclude, toExclude:
		next := make(map[netip.Addr]time.Time, min(len(list), most))
		fresh := until // of sources that are not known in mode EXCLUDE
		if kind == toExclude {
			fresh = g.timer
		}
		for _, s := range list {
			t, known := g.sources[s]
			switch {
			case known:
			case g.exclude:
				t = fresh
			}
			if len(next) >= most {
				refused++ // an excluded source that is not known is forwarded: too much rather than too little
				continue
			}
			next[s] = t
			if kind == toExclude && !t.IsZero() {
				ask.sources = append(ask.sources, s)
			}
		}
		g.sources, g.exclude, g.timer = next, true, until
	case block:
		for _, s := range list {
			t, known := g.sources[s]
			switch {
			case g.exclude && !known:
				put(s, g.timer)
				ask.sources = append(ask.sources, s)
			case known && !(g.exclude && t.IsZero()):
				ask.sources = append(ask.sources, s)
			}
		}
	}
	return ask, refused
}

// expire ends what is over (RFC 3810 7.5), and reports whether anything was, and whether the group still has listeners.
func (g *group) expire(now time.Time) (changed, listened bool) {
	for s, t := range g.sources {
		if t.IsZero() || t.After(now) {
			continue
		}
		changed = true
		delete(g.asked, s)
		if g.exclude {
			g.sources[s] = time.Time{}
		} else {
			delete(g.sources, s)
		}
	}
	if g.exclude && !g.timer.After(now) {
		changed, g.exclude, g.asks = true, false, 0
		for s, t := range g.sources {
			if t.IsZero() {
				delete(g.sources, s)
			}
		}
	}
	if !g.version.IsZero() && !g.version.After(now) {
		g.version = time.Time{}
	}
	return changed, g.exclude || len(g.sources) > 0
}

// lower ends mode EXCLUDE at the latest then.
func (g *group) lower(then time.Time) {
	if g.exclude && g.timer.After(then) {
		g.timer = then
	}
}

// lowerSources ends sources at the latest then, and returns those that would have lasted longer.
func (g *group) lowerSources(list []netip.Addr, then time.Time) []netip.Addr {
	var lowered []netip.Addr
	for _, s := range list {
		if t, ok := g.sources[s]; ok && t.After(then) {
			g.sources[s] = then
			lowered = append(lowered, s)
		}
	}
	return lowered
}

// dueHeap orders groups by when they have something to do.
type dueHeap []*group

func (h dueHeap) Len() int           { return len(h) }
func (h dueHeap) Less(a, b int) bool { return h[a].at.Before(h[b].at) }
func (h dueHeap) Swap(a, b int) {
	h[a], h[b] = h[b], h[a]
	h[a].position, h[b].position = a, b
}
func (h *dueHeap) Push(x any) {
	g := x.(*group)
	g.position = len(*h)
	*h = append(*h, g)
}
func (h *dueHeap) Pop() any {
	old := *h
	g := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	return g
}
