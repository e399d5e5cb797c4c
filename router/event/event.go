// Package event keeps what happened lately, for operators who watch. It is never used for control: writers do not wait for
// readers, and a reader that is too slow is told so.
package event

import (
	"context"
	"errors"
	"sync"
	"time"
)

// Kinds of events.
const (
	Lease      = "lease"
	Delegation = "delegation"
	Neighbor   = "neighbor"
	RA         = "ra"
	BGP        = "bgp"
	Link       = "link"
	Config     = "config"
	Drift      = "drift"
	Unit       = "unit"
	Multicast  = "multicast"
)

// Event is something that happened. ID and Time are set by Publish.
type Event struct {
	ID      uint64 // rising by one
	Time    time.Time
	Kind    string
	Subject string // what it happened to
	Link    string // link that it happened on; empty: none
	Action  string // bound, released, up, down …
	Text    string // the same in a sentence
}

// ErrLagged says that events were overwritten before the reader took them.
var ErrLagged = errors.New("the reader is too slow: events were lost")

// Ring holds the newest events. Its memory is bounded by its size, whatever happens and whoever reads. Make one with New.
type Ring struct {
	mu      sync.Mutex // guards all below
	buf     []Event    // the event with number n is at n%len
	next    uint64     // number of the next event, from 1
	changed chan struct{}
}

// New returns a ring that remembers size events.
func New(size int) *Ring {
	return &Ring{buf: make([]Event, size), next: 1, changed: make(chan struct{})}
}

// Publish adds an event, in place of the oldest if the ring is full. It never waits.
func (r *Ring) Publish(e Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e.ID = r.next
	if e.Time.IsZero() {
		e.Time = time.Now()
	}
	r.buf[r.next%uint64(len(r.buf))] = e
	r.next++
	close(r.changed)
	r.changed = make(chan struct{})
}

// oldest is the number of the oldest event that is remembered, or that of the next if there is none. r.mu is held.
func (r *Ring) oldest() uint64 {
	if n := uint64(len(r.buf)); r.next > n {
		return r.next - n
	}
	return 1
}

// Reader reads a ring at its own pace. It serves one goroutine.
type Reader struct {
	ring *Ring
	next uint64
}

// Reader returns a reader that begins with the past newest events, as far as they are remembered, and goes on with what happens.
func (r *Ring) Reader(past int) *Reader {
	r.mu.Lock()
	defer r.mu.Unlock()
	from := r.oldest()
	if p := uint64(max(past, 0)); p < r.next-from {
		from = r.next - p
	}
	return &Reader{ring: r, next: from}
}

// Next returns the next events, at least one, in order. It waits for one; when ctx ends it returns the error of ctx. ErrLagged means
// that the reader was too slow; it may go on, with the oldest event that is left.
func (r *Reader) Next(ctx context.Context) ([]Event, error) {
	for {
		r.ring.mu.Lock()
		from, to, changed := r.ring.oldest(), r.ring.next, r.ring.changed
		if r.next < from {
			r.next = from
			r.ring.mu.Unlock()
			return nil, ErrLagged
		}
		var out []Event
		for ; r.next < to; r.next++ {
			out = append(out, r.ring.buf[r.next%uint64(len(r.ring.buf))])
		}
		r.ring.mu.Unlock()
		if len(out) > 0 {
			return out, nil
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-changed:
		}
	}
}
