package bgp

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"time"

	"github.com/osrg/gobgp/v4/api"
	"github.com/osrg/gobgp/v4/pkg/apiutil"
	packet "github.com/osrg/gobgp/v4/pkg/packet/bgp"
)

// counts are numbers of routes by neighbor. GoBGP finds them by walking its tables, which takes half a second for a full
// table, so they are kept for a while.
type counts struct {
	stale                bool
	at                   time.Time
	cost                 time.Duration
	accepted, advertised map[netip.Addr]uint64
	received             map[netip.Addr]uint64 // when accepted was counted
}

// due reports whether it is time to count again: never more than a twentieth of the time is spent on counting.
func (c *counts) due(now time.Time) bool {
	return c.at.IsZero() || now.Sub(c.at) > 20*c.cost && (c.stale || now.Sub(c.at) > time.Second)
}

func (s *Speaker) markUncounted() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counts.stale = true
}

// countAccepted counts the routes of each neighbor that its import filter let pass: all paths in the table have.
func (i *instance) countAccepted() (map[netip.Addr]uint64, error) {
	n := map[netip.Addr]uint64{}
	for _, f := range []packet.Family{packet.RF_IPv6_UC, packet.RF_IPv4_UC} {
		req := apiutil.ListPathRequest{TableType: api.TableType_TABLE_TYPE_GLOBAL, Family: f}
		err := i.srv.ListPath(req, func(_ packet.NLRI, paths []*apiutil.Path) {
			for _, p := range paths {
				if !isLocal(p) {
					n[p.PeerAddress]++
				}
			}
		})
		if err != nil {
			return nil, fmt.Errorf("count routes: %w", err)
		}
	}
	return n, nil
}

// enforceLimits shuts neighbors down that have more accepted routes than their limit. It is called with apply held.
func (i *instance) enforceLimits(ctx context.Context, now time.Time) {
	limits := map[netip.Addr]Neighbor{}
	for addr, n := range i.peers {
		if n.ImportLimit > 0 {
			limits[addr] = n
		}
	}
	if len(limits) == 0 {
		return
	}
	if err := i.recountForLimits(ctx, now); err != nil {
		i.log.Error("import limits not checked", "error", err)
		return
	}
	s := i.speaker
	over := map[netip.Addr]uint64{}
	s.mu.Lock()
	for addr, n := range limits {
		st := s.session(addr)
		switch {
		case st.limited:
			over[addr] = 0 // once more, in case GoBGP was too busy to listen
		case st.state == packet.BGP_FSM_ESTABLISHED && s.counts.accepted[addr] > uint64(n.ImportLimit):
			over[addr] = s.counts.accepted[addr]
		}
	}
	s.mu.Unlock()
	for addr, accepted := range over {
		i.limit(ctx, limits[addr], accepted)
	}
}

// recountForLimits counts again if routes were received or lost since the last time.
func (i *instance) recountForLimits(ctx context.Context, now time.Time) error {
	s := i.speaker
	s.mu.Lock()
	have, due := s.counts, s.counts.due(now)
	s.mu.Unlock()
	if !due {
		return nil
	}
	received := map[netip.Addr]uint64{}
	err := i.srv.ListPeer(ctx, &api.ListPeerRequest{}, func(p *api.Peer) {
		received[parseAddr(p.GetState().GetNeighborAddress())], _ = sum(p)
	})
	if err != nil {
		return err
	}
	if have.accepted != nil && !have.stale && maps.Equal(have.received, received) {
		return nil
	}
	return i.recount(received)
}

// recount walks the table and keeps what it found.
func (i *instance) recount(received map[netip.Addr]uint64) error {
	s := i.speaker
	s.mu.Lock()
	s.counts.stale = false // what changes from now on may be missed by the walk
	s.mu.Unlock()
	start := time.Now()
	accepted, err := i.countAccepted()
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counts.at, s.counts.cost = time.Now(), time.Since(start)
	s.counts.accepted, s.counts.received = accepted, received
	return nil
}

// limit shuts a neighbor down, or tells GoBGP to once more.
func (i *instance) limit(ctx context.Context, n Neighbor, accepted uint64) {
	s := i.speaker
	s.mu.Lock()
	st := s.session(n.Address)
	if !st.limited {
		st.limited = true
		st.limit = fmt.Sprintf("%d routes accepted, import limit is %d", accepted, n.ImportLimit)
		i.log.Error("neighbor shut down", "neighbor", n.Name, "reason", st.limit)
	}
	// These are about to go. A later try begins with a count of its own.
	delete(s.counts.accepted, n.Address)
	down := st.down
	s.mu.Unlock()
	if down {
		return
	}
	// How many routes it has the neighbor knows itself (RFC 9003).
	req := &api.DisablePeerRequest{Address: n.Address.String(), Communication: "import limit exceeded"}
	if err := i.srv.DisablePeer(ctx, req); err != nil {
		i.log.Error("neighbor not shut down", "neighbor", n.Name, "error", err)
	}
}

// liftLimit forgets that a neighbor went over its limit and reports whether it had.
func (s *Speaker) liftLimit(addr netip.Addr) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	st, ok := s.sessions[addr]
	if !ok || !st.limited {
		return false
	}
	st.limited, st.limit = false, ""
	return true
}

// sum adds up the counters of all families.
func sum(p *api.Peer) (received, advertised uint64) {
	for _, f := range p.GetAfiSafis() {
		received += f.GetState().GetReceived()
		advertised += f.GetState().GetAdvertised()
	}
	return received, advertised
}
