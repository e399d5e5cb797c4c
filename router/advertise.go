package router

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/sixfold-router/sixfold/ra"
	"github.com/sixfold-router/sixfold/router/advertised"
	"github.com/sixfold-router/sixfold/router/event"
	"github.com/sixfold-router/sixfold/router/plan"
)

// advertPart is what the unit "ra" takes from the plan. What is remembered of links follows from their advertisements.
type advertPart struct {
	RA        ra.Config
	Delegated advertised.Link
}

func advertPartOf(p *plan.Plan) any { return advertPart{p.RA, p.Advertised[""]} }

// openAdvertised reads what hosts may have from an earlier run.
func (r *Router) openAdvertised() error {
	log, damaged, err := advertised.Open(filepath.Join(r.stateDir, "advertised"), time.Now())
	if err != nil {
		return fmt.Errorf("read what was advertised: %w", err)
	}
	if damaged != nil {
		r.log.Warn("what was advertised is not wholly known", "error", damaged)
	}
	r.kept, r.heard = log, log.Set()
	return nil
}

// applyAdvertisements advertises what the plan has. What hosts will have from it is on disk before.
func (r *Router) applyAdvertisements(ctx context.Context, p *plan.Plan) error {
	r.mu.Lock()
	before := r.heard
	r.mu.Unlock()
	now := time.Now()
	next := before.Next(now, p.Advertised)
	if err := r.kept.Keep(next); err != nil {
		// That hosts get their prefixes matters more.
		r.log.Error("prefixes that change over a restart would not be withdrawn", "error", err)
	}
	r.mu.Lock()
	r.heard = next
	r.mu.Unlock()
	for _, e := range withdrawalEvents(before, p.Advertised) {
		r.journal.add(e, now)
	}
	return r.ra.Apply(ctx, p.RA)
}

// withdrawalEvents tells what is withdrawn that was not so before: one event for all that has the same reason.
func withdrawalEvents(before advertised.Set, links map[string]advertised.Link) []event.Event {
	fresh := map[string][]advertised.Entry{}
	for _, name := range slices.Sorted(maps.Keys(links)) {
		for _, e := range links[name].Withdrawn {
			known := slices.ContainsFunc(before.On(name), func(o advertised.Entry) bool { return o.Key == e.Key && !o.Since.IsZero() })
			if e.Kind != advertised.Aggregate && !known {
				fresh[e.Reason] = append(fresh[e.Reason], e)
			}
		}
	}
	var out []event.Event
	for _, reason := range slices.Sorted(maps.Keys(fresh)) {
		list := fresh[reason]
		const named = 4
		var parts []string
		for _, e := range list[:min(named, len(list))] {
			what := printed(e.Prefix)
			if e.Kind == advertised.Resolver {
				what = "resolver " + e.Name
			}
			parts = append(parts, fmt.Sprintf("%s on %s", what, e.Link))
		}
		if more := len(list) - named; more > 0 {
			parts = append(parts, fmt.Sprintf("%d more", more))
		}
		out = append(out, event.Event{
			Kind: event.RA, Subject: list[0].Link, Link: list[0].Link, Action: "withdrawn",
			Text: fmt.Sprintf("hosts are told to use no more: %s: %s", strings.Join(parts, ", "), reason),
		})
	}
	return out
}

// untilForgotten returns next, or when something is withdrawn no longer if that is earlier.
func (r *Router) untilForgotten(now, next time.Time) time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	if at := r.heard.Soonest(now); !at.IsZero() && at.Before(next) {
		return at
	}
	return next
}

// withdrawn returns the prefixes that a delegation had and that are kept unreachable.
func (r *Router) withdrawn(delegation string) []ra.Withdrawn {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	var out []ra.Withdrawn
	for _, e := range r.heard.On("") {
		if delegation != "" && e.Delegation == delegation && !e.Since.IsZero() && now.Before(e.Until) {
			out = append(out, plan.Withdrawn(e))
		}
	}
	return out
}
