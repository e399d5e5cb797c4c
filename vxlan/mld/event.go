package mld

import (
	"net/netip"
	"time"
)

// EventKind says what happened.
type EventKind string

// What can happen.
const (
	QuerierChanged EventKind = "querier" // Address asks from now on
	Joined         EventKind = "joined"  // Group has a listener, Address
	Left           EventKind = "left"    // Group has none any more
	Failed         EventKind = "failed"  // something of a link does not work: Err
	Recovered      EventKind = "recovered"
)

// Event tells of a link.
type Event struct {
	Kind    EventKind
	Link    string
	Group   netip.Addr
	Address netip.Addr
	Ours    bool // of QuerierChanged: it is this router
	Err     string
	More    int // so many more of this kind on the link were not told of
}

// Hosts come and go; a hostile one does so as fast as it can. Of each link burst events are told at once, and one more each refill.
const (
	burst  = 50
	refill = 500 * time.Millisecond
)

// limiter is a token bucket, as the time at which it is full again.
type limiter struct {
	full    time.Time
	skipped map[EventKind]int
}

// pass reports whether an event is told, with those that were not.
func (l *limiter) pass(e *Event, now time.Time) bool {
	if e.Kind != Joined && e.Kind != Left {
		return true
	}
	if l.full.Before(now) {
		l.full = now
	}
	if l.full.Sub(now) > (burst-1)*refill {
		if l.skipped == nil {
			l.skipped = map[EventKind]int{}
		}
		l.skipped[e.Kind]++
		return false
	}
	l.full = l.full.Add(refill)
	e.More = l.skipped[e.Kind]
	delete(l.skipped, e.Kind)
	return true
}
