package ra

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/sixfold-router/sixfold/router/change"
)

const (
	forgetEvery  = 5 * time.Second
	rememberFor  = 30 * time.Minute // a router that is no default router, since it was last heard
	repeatAlarm  = 10 * time.Minute // of a router that should not be there, as long as it goes on
	repeatDiffer = time.Minute      // between two events about what one router says differently
	repeatFlood  = time.Minute
	yieldAfter   = time.Minute // a router that is not known and was not heard for so long makes room for another one, where there is none
	tellBurst    = 30          // events of one link at once
	tellRefill   = 10 * time.Second
)

// Standing is what we think of a router.
type Standing string

// What a router can be.
const (
	Foreign Standing = "foreign" // who may advertise is not said
	Welcome Standing = "known"   // it may
	Rogue   Standing = "rogue"   // it may not
)

// observedLink is what an Observer knows of one link.
type observedLink struct {
	name    string
	conf    Observed
	ours    *said // what conf.Ours says; nil: not needed yet
	routers map[netip.Addr]*otherRouter
	looks   meter // advertisements that are looked at
	tells   meter // events
	untold  int   // events since the last that was told

	contradicts meter // our advertisements against those in our name

	received, inconsistent, rogue, overflow uint64
	dropped                                 map[string]uint64
	floodTold, impostorTold                 time.Time
}

// otherRouter is a router of others.
type otherRouter struct {
	heard        Heard
	standing     Standing
	disagrees    []Disagreement
	inconsistent uint64
	alarmed      time.Time // when it was last told that it should not be there
	differed     time.Time // when it was last told that it does not agree
	told         string    // what of that
}

// take notes an advertisement of another router.
func (o *Observer) take(l *observedLink, r Received) {
	now := r.Time
	router := l.routers[r.Router]
	met := router == nil
	if met {
		if router = o.admit(l, r); router == nil {
			return
		}
	}
	was := router.heard.header.RouterLifetime
	router.heard.Take(r)
	state := router.heard.State()
	router.standing = l.standing(r.Router, state.MAC)
	switch {
	case router.standing == Rogue:
		l.rogue++
		if now.Sub(router.alarmed) >= repeatAlarm || met {
			router.alarmed = now
			o.tell(l, now, RouterEvent{Kind: RouterRogue, Router: r.Router, MAC: state.MAC, What: introduce(state)})
		}
	case met:
		o.tell(l, now, RouterEvent{Kind: RouterMet, Router: r.Router, MAC: state.MAC, What: introduce(state), Known: router.standing == Welcome})
	}
	switch {
	case met:
	case was > 0 && r.RouterLifetime == 0:
		o.tell(l, now, RouterEvent{Kind: RouterResigned, Router: r.Router, MAC: state.MAC})
	case was == 0 && r.RouterLifetime > 0:
		o.tell(l, now, RouterEvent{Kind: RouterTook, Router: r.Router, MAC: state.MAC, What: "for " + secondsText(uint32(r.RouterLifetime))})
	}
	o.compare(l, router, now)
}

// compare finds what a router says differently, and tells of it when that changed.
func (o *Observer) compare(l *observedLink, router *otherRouter, now time.Time) {
	if err := router.compare(l, now); err != nil {
		return // the Sender does not send it either, and says so
	}
	if len(router.disagrees) > 0 {
		router.inconsistent++
		l.inconsistent++
	}
	text := differences(router.disagrees)
	if text == router.told || now.Sub(router.differed) < repeatDiffer {
		return
	}
	kind := RouterDiffers
	if text == "" {
		kind = RouterAgrees
	}
	router.told, router.differed = text, now
	o.tell(l, now, RouterEvent{Kind: kind, Router: router.heard.header.Router, MAC: router.heard.State().MAC, What: text})
}

// compare updates what the router says differently.
func (t *otherRouter) compare(l *observedLink, now time.Time) error {
	if l.conf.Ours == nil {
		t.disagrees = nil
		return nil
	}
	if err := l.say(now); err != nil {
		t.disagrees = nil
		return err
	}
	since := map[string]time.Time{}
	for _, d := range t.disagrees {
		since[d.What] = d.Since
	}
	t.disagrees = disagreements(*l.ours, &t.heard)
	for n := range t.disagrees {
		d := &t.disagrees[n]
		d.Since = now
		if at, known := since[d.What]; known {
			d.Since = at
		}
	}
	return nil
}

// reconsider looks at what was heard after the link was configured anew.
func (l *observedLink) reconsider(now time.Time) error {
	var err error
	for address, t := range l.routers {
		t.standing = l.standing(address, t.heard.State().MAC)
		err = t.compare(l, now) // the same for all
	}
	return err
}

func (l *observedLink) standing(router netip.Addr, mac string) Standing {
	switch {
	case l.conf.Known == nil:
		return Foreign
	case l.conf.Known.has(router, mac):
		return Welcome
	}
	return Rogue
}

// admit makes room for a router that was not heard before. Those that are known get it from those that are not; of these, one that is
// not heard any more leaves room for the next: invented routers must not hide another one for as long as their lifetimes claim.
func (o *Observer) admit(l *observedLink, r Received) *otherRouter {
	full := func() bool { return len(l.routers) >= maxRouters || o.routers >= maxRoutersInAll }
	if full() {
		o.forgetOn(l, r.Time)
	}
	if full() {
		welcome := l.standing(r.Router, r.MAC) == Welcome
		if address, silent := l.leastHeard(r.Time); address.IsValid() && (welcome || silent >= yieldAfter) {
			delete(l.routers, address)
			o.routers--
		}
	}
	if full() {
		l.overflow++
		if r.Time.Sub(l.floodTold) >= repeatFlood {
			l.floodTold = r.Time
			o.announce(l, RouterEvent{Kind: RouterFlood, Router: r.Router, MAC: r.MAC, Count: l.overflow})
		}
		return nil
	}
	router := &otherRouter{}
	l.routers[r.Router] = router
	o.routers++
	return router
}

// leastHeard returns the router that was not heard for the longest among those that are not known, and for how long. The address is
// invalid if there is none.
func (l *observedLink) leastHeard(now time.Time) (address netip.Addr, silent time.Duration) {
	for a, t := range l.routers {
		if s := now.Sub(t.heard.Last); t.standing != Welcome && (!address.IsValid() || s > silent) {
			address, silent = a, s
		}
	}
	return address, silent
}

// forget drops the routers of all links that are not heard any more, and says how many are left.
func (o *Observer) forget(now time.Time) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, l := range o.links {
		o.forgetOn(l, now)
	}
	return o.routers
}

func (o *Observer) forgetOn(l *observedLink, now time.Time) {
	for address, t := range l.routers {
		lifetime := time.Duration(t.heard.header.RouterLifetime) * time.Second
		if now.Sub(t.heard.Last) < cmp.Or(lifetime, rememberFor) {
			continue
		}
		delete(l.routers, address)
		o.routers--
		o.tell(l, now, RouterEvent{Kind: RouterLost, Router: address, MAC: t.heard.State().MAC, What: change.Span(now.Sub(t.heard.Last).Round(time.Second))})
	}
}

// introduce says in short what a router is.
func introduce(r Received) string {
	text := "no default router"
	if r.RouterLifetime > 0 {
		text = "default router for " + secondsText(uint32(r.RouterLifetime)) + ", preference " + r.Preference
	}
	var names []string
	for n, p := range r.Prefixes {
		if n == 3 {
			names = append(names, fmt.Sprintf("%d more", len(r.Prefixes)-n))
			break
		}
		names = append(names, p.Prefix.String())
	}
	if len(names) > 0 {
		text += ", prefixes " + strings.Join(names, ", ")
	}
	return text
}

func differences(list []Disagreement) string {
	var parts []string
	for _, d := range list {
		parts = append(parts, fmt.Sprintf("%s %s (ours %s)", d.What, d.Theirs, d.Ours))
	}
	return strings.Join(parts, ", ")
}

// RouterStatus is another router, as a copy.
type RouterStatus struct {
	Link          string
	Standing      Standing
	State         Received // all that it says, as one advertisement; Time is when it was last heard
	First         time.Time
	Received      uint64
	CountingDown  []netip.Prefix // prefixes whose lifetimes count down
	PrefixHeard   map[netip.Prefix]time.Time
	Disagreements []Disagreement
	Inconsistent  uint64 // advertisements that did not agree
}

// Routers returns the other routers, by link and address.
func (o *Observer) Routers() []RouterStatus {
	o.mu.Lock()
	defer o.mu.Unlock()
	var all []RouterStatus
	for name, l := range o.links {
		for _, t := range l.routers {
			s := RouterStatus{
				Link: name, Standing: t.standing, State: t.heard.State(), First: t.heard.First, Received: t.heard.Count,
				PrefixHeard: map[netip.Prefix]time.Time{}, Disagreements: slices.Clone(t.disagrees), Inconsistent: t.inconsistent,
			}
			for _, p := range s.State.Prefixes {
				if known := t.heard.prefix(p.Prefix); known != nil {
					s.PrefixHeard[p.Prefix] = known.at
					if known.counting {
						s.CountingDown = append(s.CountingDown, p.Prefix)
					}
				}
			}
			all = append(all, s)
		}
	}
	slices.SortFunc(all, func(a, b RouterStatus) int {
		return cmp.Or(strings.Compare(a.Link, b.Link), a.State.Router.Compare(b.State.Router))
	})
	return all
}
