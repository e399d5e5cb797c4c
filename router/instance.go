package router

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/sixfold-router/sixfold/bgp"
	"github.com/sixfold-router/sixfold/dhcpv6"
	"github.com/sixfold-router/sixfold/dhcpv6/lease"
	"github.com/sixfold-router/sixfold/router/plan"
	"github.com/sixfold-router/sixfold/router/rib"
)

// instance is a routing instance, the default one or a VRF: a BGP speaker and a DHCPv6 server of its own, whose routes are in its
// table, and whose leases are in its own store. So that two instances may have the same addresses, prefixes and neighbors.
type instance struct {
	name   string // of the VRF device; empty: the default instance
	routes *rib.Instance
	bgp    *bgp.Speaker
	dhcp   *dhcpv6.Server
	store  *lease.Store

	cancel context.CancelFunc // ends what runs; nil: nothing does
	ended  chan struct{}      // closed when it ended
}

// newInstance opens the state of an instance in dir, which is made if it is missing. It starts nothing.
func newInstance(log *slog.Logger, name, dir string, routes *rib.Instance) (*instance, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	named := func(unit string) *slog.Logger {
		if l := log.With("unit", unit); name == "" {
			return l
		}
		return log.With("unit", unit, "vrf", name)
	}
	store, err := lease.Open(filepath.Join(dir, "leases"), named("leases"))
	if err != nil {
		return nil, fmt.Errorf("open the lease store: %w", err)
	}
	n := &instance{
		name: name, routes: routes, store: store,
		bgp:  bgp.New(named("bgp"), routes),
		dhcp: dhcpv6.New(named("dhcpv6"), store, routes),
	}
	n.bgp.RememberIn(filepath.Join(dir, "bgp"))
	return n, nil
}

// in words an error of the instance.
func (n *instance) in(err error) error {
	if err == nil || n.name == "" {
		return err
	}
	return fmt.Errorf("VRF %s: %w", n.name, err)
}

// keeper says how the parts of an instance are kept running.
type keeper func(g *errgroup.Group, ctx context.Context, unit string, run func(context.Context) error)

// start runs the instance until ctx ends or stop is called. Leases that cannot be kept on disk are what failed is called with: what is
// in memory is no longer true.
func (n *instance) start(ctx context.Context, keep keeper, failed func(error)) {
	ctx, n.cancel = context.WithCancel(ctx)
	n.ended = make(chan struct{})
	go func() {
		defer close(n.ended)
		// The ground stays up while what stands on it stops.
		groundCtx, stopGround := context.WithCancel(context.WithoutCancel(ctx))
		var ground, parts errgroup.Group
		ground.Go(func() error {
			if err := n.store.Run(groundCtx); err != nil {
				failed(n.in(fmt.Errorf("keep leases: %w", err)))
			}
			return nil
		})
		keep(&parts, ctx, "bgp", n.bgp.Run)
		keep(&parts, ctx, "dhcpv6", n.dhcp.Run)
		_ = parts.Wait() // a keeper has no errors of its own
		stopGround()
		_ = ground.Wait()
	}()
}

// stop ends the instance and waits for it.
func (n *instance) stop() {
	if n.cancel != nil {
		n.cancel()
		<-n.ended
		n.cancel = nil
	}
}

// remove ends the instance, and takes its routes away. Its leases stay on disk: should it come back, its clients have what they had.
func (n *instance) remove() error {
	n.stop()
	n.routes.Clear(rib.BGP)
	n.routes.Clear(rib.Delegated)
	return n.store.Close()
}

// instances are the routing instances beside the default one.
type instances struct {
	log   *slog.Logger
	dir   string
	table *rib.Table
	hook  func(*instance) // called for each new instance before anything of it runs

	mu     sync.Mutex // guards all below
	vrfs   map[string]*instance
	life   context.Context // of Run; nil: it does not run
	keep   keeper
	failed chan error
}

func newInstances(log *slog.Logger, dir string, table *rib.Table, hook func(*instance)) *instances {
	// Routes of an earlier run stay until it is known which instances there are, and each has reported.
	table.Expect(rib.BGP)
	table.Expect(rib.Delegated)
	return &instances{log: log, dir: dir, table: table, hook: hook, vrfs: map[string]*instance{}, failed: make(chan error, 1)}
}

// apply makes the instances those of the plan. One that gets another table is another instance.
func (s *instances) apply(want map[string]plan.Instance) error {
	var errs []error
	for _, n := range s.unwanted(want) {
		errs = append(errs, n.in(n.remove()))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	tables := []uint32{rib.MainTable}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		tables = append(tables, want[name].Table)
	}
	s.table.Expect(rib.BGP, tables...)
	s.table.Expect(rib.Delegated, tables...)
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if s.vrfs[name] != nil {
			continue
		}
		n, err := newInstance(s.log, name, filepath.Join(s.dir, "vrfs", name), s.table.In(want[name].Table))
		if err != nil {
			errs = append(errs, fmt.Errorf("VRF %s: %w", name, err))
			continue
		}
		s.hook(n)
		s.vrfs[name] = n
		if s.life != nil {
			n.start(s.life, s.keep, s.fail)
		}
	}
	return errors.Join(errs...)
}

// unwanted takes the instances away that the plan has not. They may take some time to say goodbye.
func (s *instances) unwanted(want map[string]plan.Instance) []*instance {
	s.mu.Lock()
	defer s.mu.Unlock()
	var gone []*instance
	for _, name := range slices.Sorted(maps.Keys(s.vrfs)) {
		n := s.vrfs[name]
		if p, ok := want[name]; !ok || n.routes.Number() != p.Table {
			delete(s.vrfs, name)
			gone = append(gone, n)
		}
	}
	return gone
}

// run keeps the instances running until ctx ends, or one cannot keep its leases.
func (s *instances) run(ctx context.Context, keep keeper) error {
	ctx, cancel := context.WithCancel(ctx)
	s.mu.Lock()
	s.life, s.keep = ctx, keep
	for _, n := range s.vrfs {
		n.start(ctx, keep, s.fail)
	}
	s.mu.Unlock()
	var err error
	select {
	case <-ctx.Done():
	case err = <-s.failed:
	}
	cancel()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.life = nil
	var all sync.WaitGroup
	for _, n := range s.vrfs {
		all.Go(n.stop)
	}
	all.Wait()
	return err
}

func (s *instances) fail(err error) {
	select {
	case s.failed <- err:
	default:
	}
}

// get returns a VRF, nil if there is none of that name.
func (s *instances) get(name string) *instance {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.vrfs[name]
}

// all returns the VRFs by name.
func (s *instances) all() []*instance {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]*instance, 0, len(s.vrfs))
	for _, name := range slices.Sorted(maps.Keys(s.vrfs)) {
		out = append(out, s.vrfs[name])
	}
	return out
}

// close releases the state of all.
func (s *instances) close() error {
	var errs []error
	for _, n := range s.all() {
		errs = append(errs, n.in(n.store.Close()))
	}
	return errors.Join(errs...)
}
