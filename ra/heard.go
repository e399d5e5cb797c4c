package ra

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/sixfold-router/sixfold/router/change"
)

const (
	// maxThings is how many options of one router are remembered: more than fit the largest packet that is looked at in earnest.
	maxThings = 256
	// together is how close advertisements follow each other that have the options of one router between them (RFC 4861 6.2.3).
	together = time.Second
	// rounding is what lifetimes that count down may be off.
	rounding = 2
	// tellable is how long it takes until lifetimes that stand still can be told from those that count down.
	tellable = 5 * time.Second
)

// Change is one thing that a router says otherwise than before. Was is empty if it is new, Now if it is not said any more.
type Change struct {
	What string `json:"what"`
	Was  string `json:"was,omitempty"`
	Now  string `json:"now,omitempty"`
}

// Heard is what one router advertised lately, put together from its advertisements: a router may have more options than fit one, and
// one that is absent is not withdrawn by that. Take adds advertisements of one router, in order; it is for one goroutine.
type Heard struct {
	First, Last time.Time
	Count       uint64

	header Received // of the last, without options
	things map[string]*heardThing
	order  int
	round  int
	split  bool // it sends its options in several advertisements
}

// heardThing is a thing that was said.
type heardThing struct {
	thing
	at       time.Time // when it was said last
	since    time.Time // when the lifetimes were as they are
	round    int
	order    int
	counting bool // its lifetimes count down
	stable   bool // it was said twice alike
}

// Take adds an advertisement and returns in what it differs from those before. Lifetimes that count down with time are no change. The
// first is no change at all.
func (h *Heard) Take(r Received) []Change {
	first := h.Count == 0
	if first {
		h.First, h.things = r.Time, map[string]*heardThing{}
	}
	header := bare(r)
	apart := first || r.Time.Sub(h.Last) > together || describeHeader(header) != describeHeader(h.header)
	if apart {
		h.round++
	}
	var changes []Change
	if !first {
		changes = headerChanges(h.header, header)
	}
	for _, t := range thingsOf(r) {
		old := h.things[t.key]
		switch {
		case old == nil && len(h.things) >= maxThings:
			continue
		case old == nil:
			h.order++
			h.things[t.key] = &heardThing{thing: t, at: r.Time, since: r.Time, round: h.round, order: h.order}
			h.split = h.split || !apart
			if !first && apart {
				changes = append(changes, Change{What: t.key, Now: t.String()})
			}
		default:
			if was := old.String(); old.again(t, r.Time) {
				changes = append(changes, Change{What: t.key, Was: was, Now: t.String()})
			}
			old.round = h.round
		}
	}
	if apart {
		changes = append(changes, h.forget()...)
	}
	h.header, h.Last = header, r.Time
	h.Count++
	return changes
}

// again takes what is said anew and reports whether it is a change.
func (h *heardThing) again(t thing, now time.Time) bool {
	passed := now.Sub(h.since)
	down := h.countsDown(t, passed)
	same := h.text == t.text && slices.Equal(h.lives, t.lives)
	h.at = now
	if same && passed < tellable {
		return false
	}
	h.counting, h.stable = down, same
	h.thing, h.since = t, now
	return !same && !down
}

// forget drops what was not said again. A router that spreads its options gets until the end of the next round.
func (h *Heard) forget() []Change {
	oldest := h.round
	if h.split {
		oldest--
	}
	var gone []*heardThing
	for _, t := range h.things {
		if t.round < oldest {
			gone = append(gone, t)
			delete(h.things, t.key)
		}
	}
	slices.SortFunc(gone, func(a, b *heardThing) int { return a.order - b.order })
	changes := make([]Change, 0, len(gone))
	for _, t := range gone {
		changes = append(changes, Change{What: t.key, Was: t.String()})
	}
	return changes
}

// State is all that the router says, as one advertisement.
func (h *Heard) State() Received {
	all := make([]*heardThing, 0, len(h.things))
	for _, t := range h.things {
		all = append(all, t)
	}
	slices.SortFunc(all, func(a, b *heardThing) int { return a.order - b.order })
	r := h.header
	for _, t := range all {
		t.add(&r)
	}
	return r
}

// prefix returns what is known of how a prefix is said.
func (h *Heard) prefix(p netip.Prefix) *heardThing { return h.things["prefix "+p.String()] }

// thing is one thing that an advertisement says.
type thing struct {
	key   string
	text  string          // all but its lifetimes
	lives []uint32        // in seconds
	add   func(*Received) // says it in another one
}

// String is what is said, without the key.
func (t thing) String() string {
	var parts []string
	if t.text != "" {
		parts = append(parts, t.text)
	}
	switch len(t.lives) {
	case 1:
		parts = append(parts, "for "+secondsText(t.lives[0]))
	case 2:
		parts = append(parts, "valid "+secondsText(t.lives[0]), "preferred "+secondsText(t.lives[1]))
	}
	if len(parts) == 0 {
		return "there"
	}
	return strings.Join(parts, ", ")
}

// countsDown reports whether now differs from t only by the time that passed.
func (t thing) countsDown(now thing, passed time.Duration) bool {
	if t.text != now.text || len(t.lives) != len(now.lives) || slices.Equal(t.lives, now.lives) {
		return false
	}
	for n, was := range t.lives {
		is, want := int64(now.lives[n]), max(0, int64(was)-int64(passed.Round(time.Second)/time.Second))
		if is != int64(was) && (is > int64(was) || is < want-rounding || is > want+rounding) {
			return false
		}
	}
	return true
}

// bare is r without options.
func bare(r Received) Received {
	return Received{
		Time: r.Time, Index: r.Index, Router: r.Router,
		HopLimit: r.HopLimit, Managed: r.Managed, OtherConfig: r.OtherConfig, HomeAgent: r.HomeAgent, Proxy: r.Proxy, SNAC: r.SNAC,
		Preference: r.Preference, RouterLifetime: r.RouterLifetime, ReachableTime: r.ReachableTime, RetransTimer: r.RetransTimer,
		Malformed: r.Malformed, Truncated: r.Truncated, Notes: r.Notes,
	}
}

// describeHeader is what two advertisements that belong together have in common.
func describeHeader(r Received) string {
	var b strings.Builder
	for _, f := range headerFields(r) {
		b.WriteString(f.text + "\x00")
	}
	return b.String()
}

type field struct{ what, text string }

func headerFields(r Received) []field {
	return []field{
		{"router lifetime", secondsText(uint32(r.RouterLifetime))},
		{"preference", r.Preference},
		{"flags", flagsText(r)},
		{"hop limit", fmt.Sprint(r.HopLimit)},
		{"reachable time", millisText(r.ReachableTime)},
		{"retransmission timer", millisText(r.RetransTimer)},
	}
}

func headerChanges(old, now Received) []Change {
	var out []Change
	after := headerFields(now)
	for n, f := range headerFields(old) {
		if f.text != after[n].text {
			out = append(out, Change{What: f.what, Was: f.text, Now: after[n].text})
		}
	}
	return out
}

func flagsText(r Received) string {
	var on []string
	for _, f := range []struct {
		set  bool
		name string
	}{{r.Managed, "M"}, {r.OtherConfig, "O"}, {r.HomeAgent, "H"}, {r.Proxy, "P"}, {r.SNAC, "SNAC"}} {
		if f.set {
			on = append(on, f.name)
		}
	}
	if len(on) == 0 {
		return "none"
	}
	return strings.Join(on, " ")
}

func secondsText(seconds uint32) string {
	if seconds == 0xffffffff {
		return "forever"
	}
	return change.Span(time.Duration(seconds) * time.Second)
}

func millisText(n uint32) string {
	if n == 0 {
		return "unspecified"
	}
	return change.Span(time.Duration(n) * time.Millisecond)
}
