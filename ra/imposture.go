package ra

import (
	"container/heap"
	"strings"
	"time"
)

const (
	repeatImpostor = time.Minute // between two events about advertisements in our name on one link
	contradict     = 3           // of ours against them, at once, and one more each
	contradictEach = minDelay
)

// imposture looks at an advertisement that came in on a link from an address of ours: the kernel gives us none that we sent. What a
// switch or an access point sends back to us agrees with what we say. Anything else is somebody's who takes hosts away from us, or
// takes away from them what they have (atk6-kill_router6), and no list of known routers keeps it off. Callers hold mu.
func (o *Observer) imposture(l *observedLink, r Received) {
	what, harms := l.denied(r)
	if what == "" {
		return
	}
	l.dropped[DropImpostor]++
	if harms && o.OnImpostor != nil && l.contradicts.take(contradict, contradictEach, r.Time) {
		o.OnImpostor(l.name)
	}
	if r.Time.Sub(l.impostorTold) < repeatImpostor {
		return
	}
	l.impostorTold = r.Time
	o.announce(l, RouterEvent{Kind: RouterImpostor, Router: r.Router, MAC: r.MAC, What: what, Count: l.dropped[DropImpostor]})
}

// denied tells what an advertisement in our name says otherwise than we do, if anything, and whether it takes away from hosts what we
// give them. Only that is contradicted: two routers that share an address on purpose, and do not agree, would never come to an end.
func (l *observedLink) denied(r Received) (what string, harms bool) {
	if l.conf.Ours == nil {
		if r.RouterLifetime == 0 {
			return "", false
		}
		return introduce(r), false
	}
	if err := l.say(r.Time); err != nil {
		return "", false // the Sender does not send it either, and says so
	}
	var parts []string
	if r.RouterLifetime == 0 && l.ours.RouterLifetime > 0 {
		parts = append(parts, "no default router")
	}
	for _, p := range r.Prefixes {
		for _, ours := range l.ours.Prefixes {
			if p.Prefix == ours.Prefix && (p.Valid == 0 && ours.Valid > 0 || p.Preferred == 0 && ours.Preferred > 0) {
				parts = append(parts, p.Prefix.String()+" "+livesText(p))
			}
		}
	}
	harms = len(parts) > 0
	var h Heard
	h.Take(r)
	if text := differences(disagreements(*l.ours, &h)); text != "" {
		parts = append(parts, text)
	}
	return strings.Join(parts, ", "), harms
}

// say has l.ours made, if it is not there.
func (l *observedLink) say(now time.Time) error {
	if l.ours != nil {
		return nil
	}
	ours, err := saying(*l.conf.Ours, now)
	if err != nil {
		return err
	}
	l.ours = &ours
	return nil
}

// Repeat advertises on a link as soon as the distance between two advertisements allows, as if hosts had asked: somebody told them
// something else.
func (s *Sender) Repeat(link string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.links[link]
	if l == nil || l.position < 0 {
		return
	}
	l.schedule.solicited(time.Now(), 0)
	heap.Fix(&s.due, l.position)
	s.poke()
}
