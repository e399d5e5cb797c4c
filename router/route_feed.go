package router

import (
	"context"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/sixfold-router/sixfold/router/plan"
	"github.com/sixfold-router/sixfold/router/rib"
)

// routeFeed keeps what selections of routes have, for the advertisements that follow the routing table. It tells of changes at a pace
// that hosts can bear, however fast neighbors change their minds. All methods may be called from any goroutine.
type routeFeed struct {
	table *rib.Table
	wake  func() // an offer changed

	mu      sync.Mutex // guards what follows
	wanted  map[string]plan.RouteSelection
	offers  map[string]plan.Offer // of those that are wanted
	changed chan struct{}         // wanted is another
}

func newRouteFeed(table *rib.Table, wake func()) *routeFeed {
	return &routeFeed{table: table, wake: wake, changed: make(chan struct{}, 1)}
}

// want makes selections those that are kept up to date. What is new has an offer at once.
func (f *routeFeed) want(selections map[string]plan.RouteSelection) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(selections) == len(f.wanted) && !slices.ContainsFunc(slices.Collect(maps.Keys(selections)), func(name string) bool {
		_, ok := f.wanted[name]
		return !ok
	}) {
		return
	}
	offers := map[string]plan.Offer{}
	for name, s := range selections {
		offer, known := f.offers[name]
		if !known {
			offer = f.look(s)
		}
		offers[name] = offer
	}
	f.wanted, f.offers = maps.Clone(selections), offers
	select {
	case f.changed <- struct{}{}:
	default:
	}
}

// now returns the offers of what is wanted.
func (f *routeFeed) now() map[string]plan.Offer {
	f.mu.Lock()
	defer f.mu.Unlock()
	return maps.Clone(f.offers)
}

// look makes the offer of a selection from the table.
func (f *routeFeed) look(s plan.RouteSelection) plan.Offer {
	all := map[netip.Prefix]struct{}{}
	for _, e := range f.table.Entries(s.HasSource) {
		if e.Route.Key().Table == s.Table && s.Has(e) {
			all[e.Route.Prefix] = struct{}{}
		}
	}
	return plan.OfferOf(all)
}

// run follows the table until ctx ends.
func (f *routeFeed) run(ctx context.Context) error {
	running := map[string]context.CancelFunc{}
	var followers sync.WaitGroup
	defer followers.Wait()
	for {
		f.mu.Lock()
		wanted := maps.Clone(f.wanted)
		f.mu.Unlock()
		for name, stop := range running {
			if _, ok := wanted[name]; !ok {
				stop()
				delete(running, name)
			}
		}
		for name, s := range wanted {
			if running[name] == nil {
				part, stop := context.WithCancel(ctx)
				running[name] = stop
				followers.Go(func() { f.follow(part, name, s) })
			}
		}
		select {
		case <-ctx.Done():
			for _, stop := range running {
				stop()
			}
			return nil
		case <-f.changed:
		}
	}
}

// follow keeps the offer of one selection.
func (f *routeFeed) follow(ctx context.Context, name string, s plan.RouteSelection) {
	watch := f.table.In(s.Table).Watch(s.HasSource)
	defer watch.Close()
	all := map[netip.Prefix]struct{}{}
	var pace pace
	timer := time.NewTimer(time.Hour)
	timer.Stop()
	defer timer.Stop()
	due := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-watch.C():
			differs := false
			for _, c := range watch.Take() {
				_, had := all[c.Key.Prefix]
				has := !c.Gone && s.Has(c.Best)
				if had == has {
					continue
				}
				differs = true
				if has {
					all[c.Key.Prefix] = struct{}{}
				} else {
					delete(all, c.Key.Prefix)
				}
			}
			if differs && !due {
				due = true
				timer.Reset(pace.wait(time.Now()))
			}
		case <-timer.C:
			due = false
			if f.publish(name, plan.OfferOf(all)) {
				pace.told(time.Now())
			}
		}
	}
}

// publish replaces an offer, and reports whether it is another one.
func (f *routeFeed) publish(name string, offer plan.Offer) bool {
	f.mu.Lock()
	before, wanted := f.offers[name]
	differs := wanted && (before.Total != offer.Total || !slices.Equal(before.Prefixes, offer.Prefixes))
	if differs {
		f.offers[name] = offer
	}
	f.mu.Unlock()
	if differs {
		f.wake()
	}
	return differs
}

// Each change of routes makes a link advertise anew three times: what changes all the time is told of less and less often.
const (
	paceSettle = 200 * time.Millisecond // what comes together is told together
	paceLeast  = 5 * time.Second        // between two changes
	paceMost   = time.Minute
)

// pace says when changes are told of. The zero value has told of none.
type pace struct {
	last time.Time
	gap  time.Duration
}

// wait says how long a change that came at now has to wait.
func (p *pace) wait(now time.Time) time.Duration {
	if p.last.IsZero() || now.Sub(p.last) > 2*paceMost {
		p.gap = 0
	}
	return max(paceSettle, p.last.Add(p.gap).Sub(now))
}

// told notes that one was told of.
func (p *pace) told(now time.Time) {
	p.last, p.gap = now, min(max(2*p.gap, paceLeast), paceMost)
}
