package bgp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"sync"
	"time"

	"github.com/sixfold-router/sixfold/router/rib"
)

// Timing of the speaker's own loop.
const (
	tick     = time.Second
	holdDown = 60 * time.Second // for neighbors to send what they have, before routes of an earlier run are given up
)

// Speaker is a BGP speaker. Make one with [New].
type Speaker struct {
	// OnSession, if set before Run, is called when a session comes up or goes down, from any goroutine. It must neither block nor
	// call the Speaker.
	OnSession func(SessionEvent)

	// Own, if set before Run, reports whether this router has an address where the speaker is: in its VRF. Without it, the
	// addresses of all links count.
	Own func(netip.Addr) bool

	log   *slog.Logger
	table *rib.Instance
	own   *ownAddresses
	wake  chan struct{} // there may be something to do at each tick

	// apply is held while the state changes, so that changes come one after the other. It guards the fields of instance that
	// say so. It is taken before mu.
	apply sync.Mutex

	mu       sync.Mutex // guards all below
	want     Config
	applied  bool // want is what someone wants
	running  bool
	keep     bool
	inst     *instance // nil: not started
	sessions map[netip.Addr]*sessionState
	counts   counts
	marker   marker
	again    bool // the next instance is not the first of this process
}

// New returns a speaker that writes best paths to table and originates what it finds there. It starts nothing.
func New(log *slog.Logger, table *rib.Instance) *Speaker {
	return &Speaker{
		log:      log,
		table:    table,
		own:      &ownAddresses{},
		wake:     make(chan struct{}, 1),
		sessions: map[netip.Addr]*sessionState{},
	}
}

// Run runs the speaker until ctx ends. Then it says goodbye to all neighbors and takes its routes out of the rib, unless
// KeepRoutes was called. It returns nil when ctx ends.
func (s *Speaker) Run(ctx context.Context) error {
	s.apply.Lock()
	s.mu.Lock()
	s.running = true
	want, applied := s.want, s.applied
	s.mu.Unlock()
	if applied {
		if err := s.reconcile(ctx, want); err != nil {
			// Apply could not tell. The loop tries again.
			s.log.Error("bgp does not run as configured", "error", err)
		}
	}
	s.apply.Unlock()

	t := time.NewTicker(tick)
	defer t.Stop()
	for {
		var due <-chan time.Time
		if s.wanted() {
			due = t.C // a ticker that nobody waits for wakes nobody
		}
		select {
		case <-ctx.Done():
			s.shutdown()
			return nil
		case <-s.wake:
		case now := <-due:
			s.step(ctx, now)
		}
	}
}

// Apply makes want the state of the speaker. Sessions of neighbors that did not change are left alone; a change of filters
// changes routes without touching the session; other changes restart the session of that neighbor only. A new AS number, router
// identifier, port or device restarts all. A neighbor whose interface does not exist yet is no error: it shows in Status, and is tried
// again until it works. Before Run, Apply only checks and remembers.
func (s *Speaker) Apply(ctx context.Context, want Config) error {
	if err := want.Validate(); err != nil {
		return err
	}
	want = want.clone()
	s.apply.Lock()
	defer s.apply.Unlock()
	s.mu.Lock()
	s.want, s.applied = want, true
	running := s.running
	s.mu.Unlock()
	select {
	case s.wake <- struct{}{}:
	default:
	}
	if !running {
		return nil
	}
	return s.reconcile(ctx, want)
}

// KeepRoutes makes the end of Run silent: no Cease is sent to neighbors that agreed to graceful restart (RFC 4724), so that
// they keep our routes, and ours stay in the rib.
func (s *Speaker) KeepRoutes() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keep = true
}

// Reset closes the session with the neighbor of that name, which then comes up again; or, if soft, evaluates the filters on
// all routes of the neighbor again, in both directions. It ends the shutdown of a neighbor that went over its import limit.
func (s *Speaker) Reset(ctx context.Context, neighbor string, soft bool) error {
	s.apply.Lock()
	defer s.apply.Unlock()
	s.mu.Lock()
	inst := s.inst
	n, ok := s.want.Neighbors[neighbor]
	s.mu.Unlock()
	switch {
	case !ok:
		return fmt.Errorf("reset %s: no such neighbor", neighbor)
	case inst == nil:
		return errors.New("reset: BGP does not run")
	}
	return inst.reset(ctx, n, soft)
}

// reconcile is called with apply held.
func (s *Speaker) reconcile(ctx context.Context, want Config) error {
	s.mu.Lock()
	inst := s.inst
	s.mu.Unlock()
	if inst != nil && !inst.serves(want) {
		s.stop(inst, false)
		s.table.Clear(rib.BGP)
		inst = nil
	}
	if want.ASN == 0 {
		s.forget()
		s.table.SetReady(rib.BGP)
		return nil
	}
	if inst == nil {
		var err error
		if inst, err = s.start(ctx, want); err != nil {
			return err
		}
	}
	s.remember(time.Now()) // before the first session can come up
	return inst.reconcile(ctx, want)
}

// step does what time brings: neighbors that could not be added are tried again, limits enforced, readiness checked.
func (s *Speaker) step(ctx context.Context, now time.Time) {
	s.apply.Lock()
	defer s.apply.Unlock()
	s.mu.Lock()
	inst, want := s.inst, s.want
	s.mu.Unlock()
	if inst == nil && want.ASN == 0 {
		return
	}
	if inst == nil || inst.unfinished(want) {
		if err := s.reconcile(ctx, want); err != nil {
			s.log.Debug("bgp still does not run as configured", "error", err)
			return
		}
		s.mu.Lock()
		inst = s.inst
		s.mu.Unlock()
	}
	inst.enforceLimits(ctx, now)
	inst.checkReady(now)
	s.remember(now)
}

// wanted reports whether anything runs here, or should.
func (s *Speaker) wanted() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.inst != nil || s.want.ASN != 0
}

func (s *Speaker) shutdown() {
	s.apply.Lock()
	defer s.apply.Unlock()
	s.mu.Lock()
	s.running = false
	inst, keep := s.inst, s.keep
	s.mu.Unlock()
	if inst != nil {
		s.stop(inst, keep)
	}
	if !keep {
		s.forget()
		s.table.Replace(rib.BGP, nil)
	}
}

// has reports whether an address is our own.
func (s *Speaker) has(a netip.Addr) bool {
	if s.Own != nil {
		return s.Own(a)
	}
	return s.own.has(a)
}

// clone copies what a caller might change later.
func (c Config) clone() Config {
	c.Neighbors = maps.Clone(c.Neighbors)
	c.Filters = maps.Clone(c.Filters)
	c.PrefixSets = maps.Clone(c.PrefixSets)
	c.Announce = append([]rib.Source(nil), c.Announce...)
	return c
}
