package router

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/sixfold-router/sixfold/bgp"
	"github.com/sixfold-router/sixfold/dhcpv6"
	"github.com/sixfold-router/sixfold/dhcpv6/lease"
	"github.com/sixfold-router/sixfold/dhcpv6/pd"
	"github.com/sixfold-router/sixfold/ra"
	"github.com/sixfold-router/sixfold/router/advertised"
	"github.com/sixfold-router/sixfold/router/change"
	"github.com/sixfold-router/sixfold/router/config"
	"github.com/sixfold-router/sixfold/router/device"
	"github.com/sixfold-router/sixfold/router/event"
	"github.com/sixfold-router/sixfold/router/firewall"
	"github.com/sixfold-router/sixfold/router/kernel"
	"github.com/sixfold-router/sixfold/router/notify"
	"github.com/sixfold-router/sixfold/router/plan"
	"github.com/sixfold-router/sixfold/router/revision"
	"github.com/sixfold-router/sixfold/router/rib"
	"github.com/sixfold-router/sixfold/router/vrf"
	"github.com/sixfold-router/sixfold/vxlan"
	"github.com/sixfold-router/sixfold/vxlan/mld"
)

// Router owns all subsystems and the edges between them. Make one with New, give it its first configuration with Boot, and Run it.
type Router struct {
	log      *slog.Logger
	stateDir string
	ula      netip.Prefix // that we keep

	table    *rib.Table
	monitor  *kernel.Monitor
	devices  *device.Manager
	links    *kernel.LinkWriter
	rules    *kernel.RuleWriter
	services *vrf.Services
	fib      *kernel.FIB
	vxlan    *vxlan.Manager
	firewall *firewall.Manager
	mld      *mld.Manager
	bgp      *bgp.Speaker
	pd       *pd.Client
	ra       *ra.Sender
	observer *ra.Observer
	routes   *kernel.RouteWatch // that advertisements depend on
	feed     *routeFeed         // routes that are advertised
	defaults map[string]string  // why links are no default routers, as was told; guarded by applying
	store    *lease.Store
	dhcp     *dhcpv6.Server
	main     *instance // bgp, store and dhcp
	vrfs     *instances
	notify   *notify.Manager

	wake     chan struct{}
	stirred  chan struct{} // delegations changed, for observe
	units    []*unit
	applying sync.Mutex    // held while a plan is applied
	progress progress      // of what holds it
	lookedAt time.Time     // when the last periodic look began; guarded by applying
	lookCost time.Duration // how long it took; guarded by applying
	fresh    fresh         // guarded by applying
	assigned assigned

	revisions  *revision.Store
	events     *event.Ring
	journal    *journal        // writes to events
	kept       *advertised.Log // guarded by applying
	drifts     *driftList
	committing chan struct{}   // holds an element while a commit is in progress
	confirming chan time.Time  // deadlines of revisions that wait to be confirmed, for confirmLoop
	ready      chan struct{}   // closed when a commit can be taken
	life       context.Context // ends with Run
	end        context.CancelFunc

	mu   sync.Mutex // guards all below, and the problems of units
	conf Source
	runs uint64 // the revision of conf; 0: none
	duid []byte
	plan *plan.Plan

	heard advertised.Set // what hosts may have from us
}

// remembered is how many events are kept.
const remembered = 4096

// Source is a configuration with the text it was read from.
type Source struct {
	Name   string // file name or where else it came from, for messages
	Text   string
	Config *config.Config
}

// New opens the state in stateDir (leases, delegations, our DUID), which is made if it is missing. It starts nothing.
func New(log *slog.Logger, stateDir string) (*Router, error) {
	if err := os.MkdirAll(stateDir, 0o700); err != nil {
		return nil, err
	}
	revisions, damaged, err := revision.Open(filepath.Join(stateDir, "revisions"))
	if err != nil {
		return nil, fmt.Errorf("open the revisions: %w", err)
	}
	for _, d := range damaged {
		log.Error("a revision cannot be used any more", "reason", d)
	}
	r := &Router{
		log:      log,
		stateDir: stateDir,
		table:    &rib.Table{},
		wake:     make(chan struct{}, 1),
		stirred:  make(chan struct{}, 1),

		revisions:  revisions,
		events:     event.New(remembered),
		drifts:     newDriftList(),
		committing: make(chan struct{}, 1),
		confirming: make(chan time.Time, 1),
		ready:      make(chan struct{}),
	}
	r.life, r.end = context.WithCancel(context.Background())
	r.openAssigned()
	named := func(unit string) *slog.Logger { return log.With("unit", unit) }
	r.monitor = kernel.NewMonitor(named("kernel"))
	r.devices = device.New(named("device"))
	r.links = kernel.NewLinks(named("kernel"), r.monitor)
	r.links.RememberIn(filepath.Join(stateDir, "links"))
	r.services = vrf.NewServices(named("services"))
	r.rules = kernel.NewRules(named("device"), r.monitor)
	r.fib = kernel.NewFIB(named("fib"), r.table, r.monitor)
	r.vxlan = vxlan.New(named("vxlan"))
	r.firewall = firewall.New(named("firewall"))
	r.mld = mld.New(named("mld"))
	r.pd = pd.New(named("pd"), filepath.Join(stateDir, "delegations"), r.delegated)
	r.ra = ra.New(named("ra"))
	r.observer = ra.NewObserver(named("ra"))
	r.routes = kernel.NewRouteWatch(named("kernel"), r.monitor)
	r.feed = newRouteFeed(r.table, r.Wake)
	r.vrfs = newInstances(log, stateDir, r.table, r.hookInstance)
	if r.main, err = newInstance(log, "", stateDir, r.table.In(rib.MainTable)); err != nil {
		return nil, err
	}
	r.bgp, r.store, r.dhcp = r.main.bgp, r.main.store, r.main.dhcp
	if err := r.openAdvertised(); err != nil {
		return nil, err
	}
	if r.ula, err = loadULA(stateDir); err != nil {
		return nil, err
	}
	r.notify = notify.New(named("consumers"), filepath.Join(stateDir, "consumers.json"))
	r.hookConsumers()
	r.journal = newJournal(r.events)
	r.hook()
	// In the order of application: the filter before what it filters, links before what runs on them, and what speaks to others
	// after what they will use.
	r.units = []*unit{
		{name: "firewall", apply: func(ctx context.Context, p *plan.Plan) error { return r.firewall.Apply(ctx, p.Firewall) }},
		{name: "device", apply: func(ctx context.Context, p *plan.Plan) error {
			return errors.Join(r.keepRules(ctx, p), r.devices.Apply(ctx, p.Devices))
		}, idle: r.idleDevices},
		{name: "kernel", apply: r.applyLinks},
		{name: "vxlan", apply: func(ctx context.Context, p *plan.Plan) error { return r.vxlan.Apply(ctx, p.VXLAN) }, idle: r.idleVXLAN},
		{name: "mld", apply: func(ctx context.Context, p *plan.Plan) error { return r.mld.Apply(ctx, p.MLD) }, part: func(p *plan.Plan) any { return p.MLD }},
		{name: "fib", apply: r.dropRules},
		{name: "bgp", apply: r.applyBGP, part: bgpPartOf},
		{name: "pd", apply: func(ctx context.Context, p *plan.Plan) error { return r.pd.Apply(ctx, p.PD) }, part: func(p *plan.Plan) any { return p.PD }},
		{name: "ra", apply: r.applyAdvertise, part: advertisePartOf},
		{name: "dhcpv6", apply: r.applyDHCP, part: dhcpPartOf},
		{name: "services", apply: func(ctx context.Context, p *plan.Plan) error { return r.services.Apply(ctx, p.Services) }},
	}
	for _, u := range r.units {
		u.preview = r.previews()[u.name]
	}
	r.units = append(r.units, r.consumersUnit())
	return r, nil
}

// Close releases the state directory. Call it after Run returned, or if Run was never called.
func (r *Router) Close() error {
	return errors.Join(r.vrfs.close(), r.store.Close(), r.kept.Close())
}

// Wake makes the router look at its inputs again. It never blocks; a wake-up too many is harmless.
func (r *Router) Wake() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// delegated is told that delegations changed.
func (r *Router) delegated() {
	r.Wake()
	select {
	case r.stirred <- struct{}{}:
	default:
	}
}

// Extension is a unit that is not one of the router's own, such as the API.
type Extension struct {
	Name    string
	Part    func(*config.Config) any                    // what it takes from the configuration; Apply is called when this changes
	Apply   func(context.Context, *config.Config) error // makes it so; repeatable
	Preview func(*config.Config) ([]change.Op, error)   // what Apply would do; nil: that the part changed is all there is to tell
}

// Attach adds a unit, which is applied after those that are there. Units are attached before Run.
func (r *Router) Attach(e Extension) {
	u := &unit{
		name: e.Name,
		apply: func(ctx context.Context, p *plan.Plan) error {
			if p.Config == nil {
				return nil
			}
			return e.Apply(ctx, p.Config)
		},
		part: func(p *plan.Plan) any {
			if p.Config == nil {
				return nil
			}
			return e.Part(p.Config)
		},
	}
	if e.Preview != nil {
		u.preview = func(p *plan.Plan, _ kernel.Links) ([]change.Op, error) { return e.Preview(p.Config) }
	}
	r.units = append(r.units, u)
}

// Events is where what happens is published.
func (r *Router) Events() *event.Ring { return r.events }

// Submitted returns the running configuration as it was submitted.
func (r *Router) Submitted() Source {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.conf
}

// Run runs all subsystems until ctx ends, and then stops them in the reverse order: neighbors and hosts are told that we go,
// the routes learnt from them leave the kernel; addresses, devices and the routes of our clients stay.
func (r *Router) Run(ctx context.Context) error {
	if err := r.monitor.Refresh(ctx); err != nil {
		return fmt.Errorf("read the links: %w", err)
	}
	duid, err := loadDUID(r.stateDir, r.monitor.Links())
	if err != nil {
		return err
	}
	r.mu.Lock()
	r.duid = duid
	r.mu.Unlock()
	r.monitor.Watch(r.Wake)
	defer context.AfterFunc(ctx, r.end)()
	defer r.end()

	// The ground stays up while what stands on it stops.
	groundCtx, stopGround := context.WithCancel(context.WithoutCancel(ctx))
	defer stopGround()
	var ground, peers errgroup.Group
	r.supervise(&ground, groundCtx, "kernel", r.monitor.Run)
	r.supervise(&ground, groundCtx, "fib", r.fib.Run)
	r.supervise(&ground, groundCtx, "firewall", r.firewall.Run)
	ground.Go(func() error { return r.observe(groundCtx) })
	peersCtx, stopPeers := context.WithCancel(ctx)
	defer stopPeers()
	ground.Go(func() error {
		// Leases that cannot be kept on disk end the process: what is in memory is no longer true, and the next start replays.
		defer stopPeers()
		if err := r.store.Run(groundCtx); err != nil {
			return fmt.Errorf("keep leases: %w", err)
		}
		return nil
	})
	r.supervise(&peers, peersCtx, "ra", r.ra.Run) // hosts wait for it
	r.supervise(&peers, peersCtx, "vxlan", r.vxlan.Run)
	r.supervise(&peers, peersCtx, "mld", r.mld.Run)
	r.supervise(&peers, peersCtx, "bgp", r.bgp.Run)
	r.supervise(&peers, peersCtx, "pd", r.pd.Run)
	r.supervise(&peers, peersCtx, "ra", r.observer.Run)
	r.supervise(&peers, peersCtx, "ra", r.routes.Run)
	peers.Go(func() error { return r.feed.run(peersCtx) })
	r.supervise(&peers, peersCtx, "dhcpv6", r.dhcp.Run)
	r.supervise(&peers, peersCtx, "consumers", r.notify.Run)
	peers.Go(func() error {
		defer stopPeers()
		return r.vrfs.run(peersCtx, r.supervise)
	})
	peers.Go(func() error { return r.confirmLoop(peersCtx) })
	close(r.ready)
	// What is started last runs first: the others have time.
	peers.Go(func() error { return r.reconcileLoop(peersCtx) })

	err = peers.Wait()
	drain, cancel := context.WithTimeout(groundCtx, 2*time.Second)
	r.fib.Sync(drain)
	cancel()
	stopGround()
	return errors.Join(err, ground.Wait())
}

// supervise runs a subsystem until ctx ends. One that fails is started again with backoff, and gets its desired state anew.
func (r *Router) supervise(g *errgroup.Group, ctx context.Context, name string, run func(context.Context) error) {
	g.Go(func() error {
		backoff := minBackoff
		for {
			started := time.Now()
			err := run(ctx)
			if ctx.Err() != nil {
				return nil
			}
			if time.Since(started) > maxBackoff {
				backoff = minBackoff
			}
			r.log.Error("subsystem stopped; starting it again", "unit", name, "error", err, "in", backoff)
			for _, u := range r.units {
				if u.name == name {
					r.setProblem(u, fmt.Sprintf("stopped: %v", err))
				}
			}
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(backoff):
			}
			backoff = min(2*backoff, maxBackoff)
			for _, u := range r.units {
				if u.name == name {
					r.again(u)
				}
			}
		}
	})
}

// inputs collects what the plan follows from.
func (r *Router) inputs() plan.Inputs {
	r.mu.Lock()
	defer r.mu.Unlock()
	in := plan.Inputs{
		Config: r.conf.Config, Links: r.monitor.Links(), Delegations: r.pd.Delegations(), Resolvers: r.pd.Resolvers(), DUID: r.duid, Now: time.Now(),
		Assigned:   r.assigned.table,
		Advertised: r.heard, ULA: r.ula,
		Routes: r.routes.Routes(), Offered: r.feed.now(), NotForwarding: r.notForwarding(),
	}
	for _, s := range r.pd.Status() {
		if s.Name != "" && s.Problem != "" {
			if in.Problems == nil {
				in.Problems = map[string]string{}
			}
			in.Problems[s.Name] = s.Problem
		}
	}
	if in.Config != nil && in.Config.DUID != nil {
		in.DUID = in.Config.DUID
	}
	return in
}
