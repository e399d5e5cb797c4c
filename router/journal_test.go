package router

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sixfold-router/sixfold/router/event"
)

// published returns what is in a ring.
func published(t *testing.T, ring *event.Ring) []event.Event {
	t.Helper()
	ring.Publish(event.Event{Kind: "end"}) // so that Next does not wait
	all, err := ring.Reader(remembered).Next(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return all[:len(all)-1]
}

func TestJournalKeepsAFloodWithinBounds(t *testing.T) {
	ring := event.New(remembered)
	j := newJournal(ring)
	j.add(event.Event{Kind: event.BGP, Action: "up"}, now)
	for n := range 1000 {
		action := "bound"
		if n%10 == 0 {
			action = "expired"
		}
		j.add(event.Event{Kind: event.Lease, Action: action}, now)
	}
	j.add(event.Event{Kind: event.BGP, Action: "down"}, now)
	j.settle(now.Add(time.Second))
	j.settle(now.Add(summaryEvery))
	j.settle(now.Add(2 * summaryEvery))
	j.add(event.Event{Kind: event.Lease, Action: "again"}, now.Add(2*summaryEvery))
	count, last := map[string]int{}, ""
	for _, e := range published(t, ring) {
		count[e.Kind]++
		if e.Action == "more" {
			last = e.Text
		}
	}
	if diff := cmp.Diff(map[string]int{event.BGP: 2, event.Lease: eventBurst + 2}, count); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	if want := "… and 744 more lease events: 670 bound, 74 expired"; last != want {
		t.Errorf("summary %q, want %q", last, want)
	}
}

// A flood of one kind does not soon push what came before it out of the ring.
func TestFloodLeavesTheRest(t *testing.T) {
	ring := event.New(remembered)
	j := newJournal(ring)
	j.add(event.Event{Kind: event.Link, Action: "gone"}, now)
	at := now
	for range 20 * 60 {
		for n := range 50 {
			j.add(event.Event{Kind: event.RA, Action: fmt.Sprint(n)}, at)
		}
		at = at.Add(time.Second)
		j.settle(at)
	}
	if all := published(t, ring); all[0].Kind != event.Link {
		t.Errorf("after twenty minutes the oldest of %d events is %+v", len(all), all[0])
	}
	if n := len(j.kinds[event.RA].actions); n > maxActions+1 {
		t.Errorf("%d actions are told apart", n)
	}
}

func TestJournalCountsSolicitations(t *testing.T) {
	j := newJournal(event.New(4))
	var got []int
	for n := range 12 {
		got = append(got, j.solicit("lan0", now.Add(time.Duration(n)*time.Second)))
	}
	if diff := cmp.Diff([]int{1, 0, 0, 0, 0, 5, 0, 0, 0, 0, 5, 0}, got); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
	for n := range 2 * maxSolicited {
		j.solicit(fmt.Sprint("lan", n), now)
	}
	if len(j.solicited) > maxSolicited {
		t.Errorf("%d links", len(j.solicited))
	}
	j.settle(now.Add(time.Hour))
	if len(j.solicited) > 1 {
		t.Errorf("%d links are left", len(j.solicited))
	}
}
