package metrics

import (
	"context"

	"github.com/sixfold-router/sixfold/ra"
)

func collectRouters(ctx context.Context, b Backend, s *set) error {
	routers, links, err := b.Routers(ctx)
	if err != nil {
		return err
	}
	// One series a router would let whoever sends make as many as they like.
	there := s.gauge("sixfold_ra_other_routers", "Other routers that advertise on the link, by whether they are in known_routers.", "interface", "standing")
	differ := s.gauge("sixfold_ra_other_routers_disagreeing", "Other routers that do not agree with what we advertise.", "interface")
	received := s.counter("sixfold_ra_received_total", "Valid router advertisements of others.", "interface")
	inconsistent := s.counter("sixfold_ra_inconsistent_total", "Router advertisements of others that did not agree with ours.", "interface")
	rogue := s.counter("sixfold_ra_rogue_total", "Router advertisements of routers that are not in known_routers.", "interface")
	overflow := s.counter("sixfold_ra_overflow_total", "Router advertisements of more routers than are remembered.", "interface")
	dropped := s.counter("sixfold_ra_received_dropped_total", "Router advertisements of others that were not looked at, by reason.", "interface", "reason")
	count := map[string]map[ra.Standing]int{}
	disagree := map[string]int{}
	for _, r := range routers {
		if count[r.Link] == nil {
			count[r.Link] = map[ra.Standing]int{}
		}
		count[r.Link][r.Standing]++
		if len(r.Disagreements) > 0 {
			disagree[r.Link]++
		}
	}
	for _, l := range links {
		for _, standing := range []ra.Standing{ra.Foreign, ra.Welcome, ra.Rogue} {
			there.add(float64(count[l.Link][standing]), l.Link, string(standing))
		}
		received.add(float64(l.Received), l.Link)
		if l.Compared {
			differ.add(float64(disagree[l.Link]), l.Link)
			inconsistent.add(float64(l.Inconsistent), l.Link)
		}
		if l.Known != nil {
			rogue.add(float64(l.Rogue), l.Link)
		}
		overflow.add(float64(l.Overflow), l.Link)
		for reason, n := range l.Dropped {
			dropped.add(float64(n), l.Link, reason)
		}
	}
	return nil
}
