package router

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sixfold-router/sixfold/router/event"
)

// Each kind of events has a bucket of its own, so that a flood of one leaves the others in the ring: what is beyond is counted and
// told in summaries.
const (
	eventBurst    = 256
	eventRefill   = 500 * time.Millisecond // one more
	summaryEvery  = 10 * time.Second
	maxActions    = 16 // told apart in a summary
	solicitsEvery = 5 * time.Second
	maxSolicited  = 4096 // links
)

// journal publishes events within bounds. Its methods never wait for anything but each other. A nil one publishes nothing.
type journal struct {
	ring *event.Ring
	wake chan struct{} // there is something to settle later

	mu        sync.Mutex // guards all below
	kinds     map[string]*allowance
	solicited map[string]*asked // by link
}

// allowance is the token bucket of one kind, as the time at which it is full again.
type allowance struct {
	full    time.Time
	held    int            // events that were not published since the last summary
	actions map[string]int // of these
	told    time.Time      // of the last summary
}

// asked counts the solicitations of a link.
type asked struct {
	told time.Time
	more int
}

func newJournal(ring *event.Ring) *journal {
	return &journal{ring: ring, wake: make(chan struct{}, 1), kinds: map[string]*allowance{}, solicited: map[string]*asked{}}
}

// add publishes an event, or counts it. It reports whether it was published.
func (j *journal) add(e event.Event, now time.Time) bool {
	if j == nil {
		return false
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	a := j.kinds[e.Kind]
	if a == nil {
		a = &allowance{actions: map[string]int{}, told: now}
		j.kinds[e.Kind] = a
	}
	if a.full.Before(now) {
		a.full = now
	}
	if a.full.Sub(now) > (eventBurst-1)*eventRefill {
		if a.held == 0 {
			a.told = now
		}
		a.held++
		action := e.Action
		if _, known := a.actions[action]; !known && len(a.actions) >= maxActions {
			action = "other"
		}
		a.actions[action]++
		j.stir()
		return false
	}
	a.full = a.full.Add(eventRefill)
	e.Time = now
	j.ring.Publish(e)
	return true
}

// stir says that there is something to settle. j.mu is held.
func (j *journal) stir() {
	select {
	case j.wake <- struct{}{}:
	default:
	}
}

// busy reports whether there is something to settle later.
func (j *journal) busy() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, a := range j.kinds {
		if a.held > 0 {
			return true
		}
	}
	return len(j.solicited) > 0
}

// settle publishes the summaries that are due.
func (j *journal) settle(now time.Time) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, kind := range slices.Sorted(maps.Keys(j.kinds)) {
		a := j.kinds[kind]
		if a.held == 0 || now.Sub(a.told) < summaryEvery {
			continue
		}
		var parts []string
		for _, action := range slices.Sorted(maps.Keys(a.actions)) {
			parts = append(parts, fmt.Sprintf("%d %s", a.actions[action], action))
		}
		j.ring.Publish(event.Event{
			Time: now, Kind: kind, Action: "more",
			Text: fmt.Sprintf("… and %d more %s events: %s", a.held, kind, strings.Join(parts, ", ")),
		})
		a.held, a.told = 0, now
		clear(a.actions)
	}
	for link, s := range j.solicited {
		if now.Sub(s.told) >= solicitsEvery && s.more == 0 {
			delete(j.solicited, link)
		}
	}
}

// solicit counts a solicitation on a link and returns how many there were since the last that is told of, this one included; 0:
// this one is not told of.
func (j *journal) solicit(link string, now time.Time) int {
	j.mu.Lock()
	defer j.mu.Unlock()
	s := j.solicited[link]
	switch {
	case s == nil && len(j.solicited) >= maxSolicited:
		return 0
	case s == nil:
		j.solicited[link] = &asked{told: now}
		j.stir()
		return 1
	case now.Sub(s.told) < solicitsEvery:
		s.more++
		return 0
	}
	n := s.more + 1
	s.told, s.more = now, 0
	return n
}
