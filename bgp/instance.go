package bgp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/osrg/gobgp/v4/api"
	packet "github.com/osrg/gobgp/v4/pkg/packet/bgp"
	"github.com/osrg/gobgp/v4/pkg/server"
	"github.com/sixfold-router/sixfold/router/rib"
)

// instance is one running GoBGP server, for one AS number, router identifier, port and device. All fields but changes are guarded by
// Speaker.apply.
type instance struct {
	speaker *Speaker
	log     *slog.Logger
	srv     *server.BgpServer
	shut    *atomic.Bool // no more logs of GoBGP
	asn     uint32
	id      netip.Addr
	port    uint16
	device  string
	index   int // of device
	started time.Time

	restarted bool // a process before this one ended without a goodbye

	cancel  context.CancelFunc // ends the goroutines below
	loops   sync.WaitGroup
	changes *changes

	peers    map[netip.Addr]Neighbor // that GoBGP has
	policy   *policy
	announce *announcer
	ready    bool
}

func (i *instance) serves(c Config) bool {
	return i.asn == c.ASN && i.id == c.RouterID && i.port == listenPort(c) && i.device == c.Device && i.index == c.Index
}

func listenPort(c Config) uint16 {
	if c.Port == 0 {
		return 179
	}
	return c.Port
}

// start starts a server without neighbors, and the goroutines that move routes. It is called with apply held.
func (s *Speaker) start(ctx context.Context, c Config) (*instance, error) {
	log, shut := gobgpLogger(s.log)
	i := &instance{
		speaker: s,
		log:     s.log,
		srv:     server.NewBgpServer(server.LoggerOption(log, new(slog.LevelVar))),
		shut:    shut,
		asn:     c.ASN,
		id:      c.RouterID,
		port:    listenPort(c),
		device:  c.Device,
		index:   c.Index,
		started: time.Now(),
		changes: newChanges(),
		peers:   map[netip.Addr]Neighbor{},
	}
	i.loops.Go(i.srv.Serve)
	loopCtx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	i.cancel = cancel
	if err := i.setup(loopCtx); err != nil {
		s.stop(i, false)
		return nil, fmt.Errorf("start bgp: %w", err)
	}
	s.mu.Lock()
	s.inst = i
	i.restarted = !s.again && s.marker.left(i.started)
	s.again = true
	s.mu.Unlock()
	s.log.Info("bgp started", "asn", c.ASN, "router_id", c.RouterID, "port", i.port)
	return i, nil
}

func (i *instance) setup(ctx context.Context) error {
	err := i.srv.StartBgp(ctx, &api.StartBgpRequest{Global: &api.Global{
		Asn:          i.asn,
		RouterId:     i.id.String(),
		ListenPort:   int32(i.port),
		BindToDevice: i.device,
	}})
	if err != nil {
		return err
	}
	// The chain is there before any neighbor is: nothing passes until a filter lets it.
	if err := i.setPolicy(ctx, compile(Config{ASN: i.asn})); err != nil {
		return err
	}
	for _, a := range []struct {
		dir  api.PolicyDirection
		name string
	}{
		{api.PolicyDirection_POLICY_DIRECTION_IMPORT, importPolicy},
		{api.PolicyDirection_POLICY_DIRECTION_EXPORT, exportPolicy},
	} {
		err := i.srv.SetPolicyAssignment(ctx, &api.SetPolicyAssignmentRequest{Assignment: &api.PolicyAssignment{
			Name:          "global",
			Direction:     a.dir,
			Policies:      []*api.Policy{{Name: a.name}},
			DefaultAction: api.RouteAction_ROUTE_ACTION_REJECT,
		}})
		if err != nil {
			return fmt.Errorf("assign %s policy: %w", a.name, err)
		}
	}
	if err := i.watch(ctx); err != nil {
		return err
	}
	i.loops.Go(func() { i.writeRoutes(ctx) })
	i.announce = newAnnouncer(i.log, i.speaker.table, i.srv)
	i.loops.Go(func() { i.announce.run(ctx) })
	return nil
}

// stop ends an instance and all its goroutines. With graceful neighbors that agreed to graceful restart are not told. It is
// called with apply held.
func (s *Speaker) stop(i *instance, graceful bool) {
	s.mu.Lock()
	if s.inst == i {
		s.inst = nil
	}
	for addr, st := range s.sessions {
		if st.state == packet.BGP_FSM_ESTABLISHED {
			s.tell(SessionEvent{Neighbor: s.nameOf(addr), Address: addr, Reason: "BGP stops here"})
		}
	}
	clear(s.sessions)
	s.counts = counts{}
	s.mu.Unlock()
	// GoBGP wants its watchers gone before it stops. What it says of its last moments is not news.
	i.cancel()
	i.shut.Store(true)
	// StopBgp returns when all sessions are closed; its errors say that it was not started.
	_ = i.srv.StopBgp(context.Background(), &api.StopBgpRequest{AllowGracefulRestart: graceful})
	i.srv.Stop() // the rest of it, that StopBgp leaves running
	i.loops.Wait()
}

// reconcile brings the server from what it has to want.
func (i *instance) reconcile(ctx context.Context, want Config) error {
	var errs []error
	for _, n := range i.unwanted(want) {
		errs = append(errs, i.remove(ctx, n))
	}

	// The policy is there before a new neighbor's first route. What it changes for others is evaluated again after.
	old, next := i.policy, compile(want)
	if !next.equal(old) {
		if err := i.setPolicy(ctx, next); err != nil {
			return errors.Join(append(errs, err)...)
		}
	}
	i.announce.set(want.Announce)
	var fresh []netip.Addr
	for _, n := range byAddress(want) {
		if i.early(want, time.Now()) {
			break // the next step sees to them
		}
		changed, err := i.ensure(ctx, n)
		errs = append(errs, err)
		if changed {
			fresh = append(fresh, n.Address)
		}
	}
	errs = append(errs, i.refresh(ctx, old, fresh))
	i.checkReady(time.Now())
	return errors.Join(errs...)
}

// unwanted returns the neighbors to remove, by address.
func (i *instance) unwanted(want Config) []Neighbor {
	wanted := map[netip.Addr]bool{}
	for _, n := range want.Neighbors {
		wanted[n.Address] = true
	}
	var out []Neighbor
	for _, addr := range slices.SortedFunc(maps.Keys(i.peers), netip.Addr.Compare) {
		if !wanted[addr] {
			out = append(out, i.peers[addr])
		}
	}
	return out
}

// unfinished reports whether something of want is not in force for a reason that time may cure.
func (i *instance) unfinished(want Config) bool {
	for _, n := range want.Neighbors {
		if have, ok := i.peers[n.Address]; !ok || have != n {
			return true
		}
	}
	return false
}

func (i *instance) setPolicy(ctx context.Context, p *policy) error {
	if err := i.srv.SetPolicies(ctx, p.request()); err != nil {
		return fmt.Errorf("set policy: %w", err)
	}
	i.policy = p
	return nil
}

// refresh evaluates the routes again of neighbors whose part of the policy is another than in old. Sessions in fresh were just
// made and need it not.
func (i *instance) refresh(ctx context.Context, old *policy, fresh []netip.Addr) error {
	if old == nil || old == i.policy {
		return nil
	}
	isFresh := map[netip.Addr]bool{}
	for _, a := range fresh {
		isFresh[a] = true
	}
	in, out := i.touched(old, i.policy, func(addr netip.Addr) bool { return isFresh[addr] })
	var errs []error
	soft := func(addr netip.Addr, dir api.ResetPeerRequest_Direction) {
		err := i.srv.ResetPeer(ctx, &api.ResetPeerRequest{Address: addr.String(), Soft: true, Direction: dir})
		if err != nil {
			errs = append(errs, fmt.Errorf("evaluate routes of %s again: %w", addr, err))
		}
	}
	for _, addr := range in {
		if i.speaker.liftLimit(addr) {
			// With another filter the limit may hold.
			errs = append(errs, i.srv.EnablePeer(ctx, &api.EnablePeerRequest{Address: addr.String()}))
			continue
		}
		soft(addr, api.ResetPeerRequest_DIRECTION_IN)
	}
	for _, addr := range out {
		soft(addr, api.ResetPeerRequest_DIRECTION_OUT)
	}
	i.speaker.markUncounted()
	return errors.Join(errs...)
}

// touched returns the neighbors that have sessions whose part of the policy differs, by direction, without those to skip.
func (i *instance) touched(old, next *policy, skip func(netip.Addr) bool) (in, out []netip.Addr) {
	for _, addr := range slices.SortedFunc(maps.Keys(i.peers), netip.Addr.Compare) {
		if skip(addr) {
			continue
		}
		if old.inKeys[addr] != next.inKeys[addr] {
			in = append(in, addr)
		}
		if old.outKeys[addr] != next.outKeys[addr] {
			out = append(out, addr)
		}
	}
	return in, out
}

// writeRoutes moves best paths to the rib.
func (i *instance) writeRoutes(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-i.changes.wake:
		}
		best, ready := i.changes.take()
		if len(best) > 0 {
			add, del := i.speaker.routes(best)
			i.speaker.table.Update(rib.BGP, add, del)
		}
		if ready {
			i.speaker.table.SetReady(rib.BGP)
		}
	}
}
