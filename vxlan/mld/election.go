package mld

import (
	"container/heap"
	"net/netip"
	"time"
)

// receive handles a message that came from a link-local address.
func (l *link) receive(from netip.Addr, m message, now time.Time) {
	if m.Type == typeQuery && from == l.self {
		return // the kernel gives us our own
	}
	l.received[m.kind()]++
	for _, reason := range m.Dropped {
		l.drop(reason)
	}
	switch m.Type {
	case typeQuery:
		l.queried(from, m.Query, now)
	case typeReport1:
		// RFC 3810 8.3.2: the same as to listen to all sources, and the rules of version 1 hold for a while.
		l.report(from, record{Kind: isExclude, Group: m.Group}, true, now)
	case typeDone:
		l.report(from, record{Kind: toInclude, Group: m.Group}, false, now)
	case typeReport2:
		for _, r := range m.Records {
			l.report(from, r, false, now)
		}
	}
}

// queried handles the query of another router (RFC 3810 7.6.2 and 9).
func (l *link) queried(from netip.Addr, q query, now time.Time) {
	if q.Version < l.timers.Version {
		l.older = from
	} else if l.older == from {
		l.older = netip.Addr{}
	}
	if from.Less(l.self) {
		if l.other != from {
			l.other, l.since, l.out.role = from, now, true
			l.tell(Event{Kind: QuerierChanged, Address: from})
		}
		l.robustness, l.interval = l.timers.robustness(), l.timers.QueryInterval
		if q.Robustness > 0 {
			l.robustness = q.Robustness
		}
		if q.Interval > 0 {
			l.interval = q.Interval
		}
		response := l.timers.QueryResponse
		if q.general() {
			response = q.Response
		}
		l.otherUntil = now.Add(otherQuerier(l.robustness, l.interval, response))
	}
	if l.asking() || q.general() || q.Suppress {
		return
	}
	// 7.6.1: what the querier is about to forget, every router is.
	g := l.groups[q.Group]
	if g == nil {
		return
	}
	then := now.Add(time.Duration(l.robustness) * q.Response)
	if len(q.Sources) == 0 {
		g.lower(then)
	} else {
		g.lowerSources(q.Sources, then)
	}
	l.replace(g)
}

// takeOver makes this router the querier after the other one fell silent.
func (l *link) takeOver(now time.Time) {
	l.other, l.otherUntil, l.since, l.out.role = netip.Addr{}, time.Time{}, now, true
	l.robustness, l.interval = l.timers.robustness(), l.timers.QueryInterval
	l.nextQuery = now
	l.tell(Event{Kind: QuerierChanged, Address: l.self})
}

// report handles one record. old says that it came by version 1.
func (l *link) report(from netip.Addr, r record, old bool, now time.Time) {
	if solicited(r.Group) {
		return // each host has several, no router forwards them, and neighbors are listed elsewhere
	}
	g := l.groups[r.Group]
	if ssm(r.Group) && (old || r.Kind == isExclude || r.Kind == toExclude) {
		l.drop(DropAnySource)
		return
	}
	if g != nil && g.old(now) { // 8.3.2
		switch r.Kind {
		case block:
			return
		case toExclude:
			r.Sources = nil
		}
	}
	fresh := g == nil
	if fresh {
		if r.Kind == block || (r.Kind == isInclude || r.Kind == allow || r.Kind == toInclude) && len(r.Sources) == 0 {
			return
		}
		if len(l.groups) >= l.timers.MaxGroups {
			l.drop(DropGroupLimit)
			return
		}
		g = &group{addr: r.Group, since: now, sources: map[netip.Addr]time.Time{}}
		l.groups[r.Group] = g
		heap.Push(&l.due, g)
		l.tell(Event{Kind: Joined, Group: r.Group, Address: from})
	}
	g.reporter = from
	ask, refused := g.report(r.Kind, r.Sources, now, l.listening(), l.timers.MaxSources)
	for range refused {
		l.drop(DropSourceLimit)
	}
	if old {
		g.version = now.Add(l.listening())
	}
	l.doubt(g, ask, now)
	l.out.changed = append(l.out.changed, g.addr)
	if !g.exclude && len(g.sources) == 0 {
		l.forget(g)
		return
	}
	l.replace(g)
}

// doubt asks whether others still listen to what one left. Only the querier does; the others hear its questions.
func (l *link) doubt(g *group, ask questions, now time.Time) {
	if !l.asking() {
		return
	}
	if l.timers.FastLeave {
		if ask.group {
			g.lower(now)
		}
		g.lowerSources(ask.sources, now)
		g.expire(now)
		return
	}
	last := now.Add(l.lastListener())
	if ask.group {
		g.lower(last)
		if g.asks == 0 {
			g.asks, g.asksNext = l.timers.robustness(), now
		}
	}
	for _, s := range g.lowerSources(ask.sources, last) {
		if len(g.asked) == 0 {
			g.asked, g.askedNext = map[netip.Addr]int{}, now
		}
		if g.asked[s] == 0 {
			g.asked[s] = l.timers.robustness()
		}
	}
	l.askGroup(g, now)
}

// assume takes a group to have listeners until then: those that a router had which is started again. Without sources they listen to
// all.
func (l *link) assume(addr netip.Addr, list []netip.Addr, until, now time.Time) {
	g := l.groups[addr]
	if g == nil {
		if len(l.groups) >= l.timers.MaxGroups {
			return
		}
		g = &group{addr: addr, since: now, sources: map[netip.Addr]time.Time{}}
		l.groups[addr] = g
		heap.Push(&l.due, g)
	}
	if len(list) == 0 {
		g.exclude = true
		if g.timer.Before(until) {
			g.timer = until
		}
	}
	for _, s := range list {
		if t, known := g.sources[s]; !known || t.Before(until) {
			g.put(s, until, l.timers.MaxSources)
		}
	}
	l.out.changed = append(l.out.changed, addr)
	l.replace(g)
}
