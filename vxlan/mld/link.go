package mld

import (
	"container/heap"
	"net/netip"
	"slices"
	"time"
)

// link is the router side of MLD on one link. What it does follows from its arguments alone; what is to be sent and what changed is
// left in out until somebody takes it.
type link struct {
	name   string
	self   netip.Addr // our link-local address
	timers Timers
	groups map[netip.Addr]*group
	due    dueHeap // every group of groups

	other      netip.Addr // the querier, if it is not this router
	otherUntil time.Time  // when its silence ends its term
	older      netip.Addr // a router that asks by version 1 while we do by 2
	since      time.Time  // of the querier
	robustness int        // in use: ours, or the querier's
	interval   time.Duration
	startup    int // startup queries that are still to send
	nextQuery  time.Time
	silent     bool // the link has no carrier: nobody would hear us

	received, sent, dropped map[string]uint64
	sendError               string // of the last query; empty: it was sent
	out                     effects
}

// effects is what a link wants done.
type effects struct {
	queries []query
	changed []netip.Addr // groups whose listeners changed, in order; one may be there twice
	role    bool         // another router is the querier now
	events  []Event
}

func newLink(name string, self netip.Addr, t Timers, now time.Time) *link {
	l := &link{
		name: name, self: self, timers: t, groups: map[netip.Addr]*group{}, since: now,
		received: map[string]uint64{}, sent: map[string]uint64{}, dropped: map[string]uint64{},
	}
	l.robustness, l.interval = t.robustness(), t.QueryInterval
	l.begin(now)
	return l
}

// begin starts with the startup queries.
func (l *link) begin(now time.Time) {
	l.startup, l.nextQuery = l.timers.robustness(), now
	if l.timers.startupQueries > 0 {
		l.startup = l.timers.startupQueries
	}
}

// retime takes other variables, or another address of ours.
func (l *link) retime(self netip.Addr, t Timers, now time.Time) {
	if l.self == self && l.timers == t {
		return
	}
	moved := l.self != self
	l.self, l.timers = self, t
	if !l.asking() && (!moved || l.other.Less(self)) {
		return
	}
	l.robustness, l.interval = t.robustness(), t.QueryInterval
	l.other, l.otherUntil = netip.Addr{}, time.Time{}
	if moved {
		l.since, l.out.role = now, true
	}
	l.begin(now)
}

// carrier notes whether the link has one. With it, hosts are asked at once: others may be there.
func (l *link) carrier(running bool, now time.Time) {
	if running && l.silent {
		l.begin(now)
	}
	l.silent = !running
}

// failed notes how a query was sent.
func (l *link) failed(err error) {
	l.sendError = ""
	if err != nil {
		l.sendError = err.Error()
		l.sent["failed"]++
	}
}

// asking reports whether this router is the querier.
func (l *link) asking() bool { return !l.other.IsValid() }

// listening is the Multicast Address Listening Interval in use.
func (l *link) listening() time.Duration {
	return listenerInterval(l.robustness, l.interval, l.timers.QueryResponse)
}

// lastListener is the Last Listener Query Time (9.10).
func (l *link) lastListener() time.Duration {
	return time.Duration(l.timers.robustness()) * l.timers.LastListener
}

// next is when tick has something to do; zero: never.
func (l *link) next() time.Time {
	next := l.otherUntil
	if l.asking() && !l.silent {
		next = l.nextQuery
	}
	if len(l.due) > 0 {
		if t := l.due[0].at; next.IsZero() || t.Before(next) {
			next = t
		}
	}
	return next
}

// tick does what is due.
func (l *link) tick(now time.Time) {
	if !l.asking() && !l.otherUntil.After(now) {
		l.takeOver(now)
	}
	if l.asking() && !l.silent && !l.nextQuery.After(now) {
		l.askAll(now)
	}
	for len(l.due) > 0 {
		g := l.due[0]
		if g.at.After(now) {
			return
		}
		l.work(g, now)
	}
}

// askAll sends a general query.
func (l *link) askAll(now time.Time) {
	l.send(query{Response: l.timers.QueryResponse, Group: netip.IPv6Unspecified(), Destination: allNodes})
	pause := l.timers.QueryInterval
	if l.startup > 0 {
		if l.startup--; l.startup > 0 {
			if pause = l.timers.startupQueryPeriod; pause == 0 {
				pause = max(l.timers.QueryInterval/4, time.Second)
			}
		}
	}
	l.nextQuery = now.Add(pause)
}

// work does what is due of a group.
func (l *link) work(g *group, now time.Time) {
	changed, listened := g.expire(now)
	if changed {
		l.out.changed = append(l.out.changed, g.addr)
	}
	if !listened {
		l.forget(g)
		return
	}
	l.askGroup(g, now)
	l.replace(g)
}

// replace puts a group that changed into its place among those that are due.
func (l *link) replace(g *group) {
	g.at = g.deadline()
	heap.Fix(&l.due, g.position)
}

// forget removes a group without listeners.
func (l *link) forget(g *group) {
	delete(l.groups, g.addr)
	heap.Remove(&l.due, g.position)
	l.out.changed = append(l.out.changed, g.addr)
	l.tell(Event{Kind: Left, Group: g.addr})
}

// askGroup sends the queries of a group that are due (RFC 3810 7.6.3).
func (l *link) askGroup(g *group, now time.Time) {
	last := now.Add(l.lastListener())
	both := false
	if g.asks > 0 && !g.asksNext.After(now) {
		g.asks--
		g.asksNext = now.Add(l.timers.LastListener)
		both = len(g.asked) > 0 && !g.askedNext.After(now)
		l.send(query{Response: l.timers.LastListener, Group: g.addr, Suppress: g.exclude && g.timer.After(last), Destination: g.addr})
	}
	if len(g.asked) == 0 || g.askedNext.After(now) {
		return
	}
	g.askedNext = now.Add(l.timers.LastListener)
	var kept, doubted []netip.Addr
	for s, left := range g.asked {
		if t, ok := g.sources[s]; ok && t.After(last) {
			kept = append(kept, s)
		} else if ok && !t.IsZero() {
			doubted = append(doubted, s)
		}
		if left <= 1 {
			delete(g.asked, s)
		} else {
			g.asked[s] = left - 1
		}
	}
	if !both {
		l.askSources(g.addr, kept, true)
	}
	l.askSources(g.addr, doubted, false)
}

// askSources asks about sources of a group, in as many queries as they need.
func (l *link) askSources(group netip.Addr, list []netip.Addr, suppress bool) {
	slices.SortFunc(list, netip.Addr.Compare)
	for part := range slices.Chunk(list, querySources) {
		l.send(query{Response: l.timers.LastListener, Group: group, Suppress: suppress, Sources: part, Destination: group})
	}
}

// send queues a query.
func (l *link) send(q query) {
	q.Version, q.Robustness, q.Interval = l.timers.Version, l.timers.robustness(), l.timers.QueryInterval
	if q.Version == 1 && len(q.Sources) > 0 {
		q.Sources = nil // version 1 knows no sources
		if q.Suppress {
			return
		}
	}
	l.sent[q.kind()]++
	l.out.queries = append(l.out.queries, q)
}

func (l *link) drop(reason string) { l.dropped[reason]++ }

func (l *link) tell(e Event) {
	e.Link = l.name
	l.out.events = append(l.out.events, e)
}

// take returns what is to be done, and forgets it.
func (l *link) take() effects {
	out := l.out
	l.out = effects{}
	return out
}
