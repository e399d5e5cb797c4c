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
	s := i.speaker
	s.mu.Lock()
	have, due := s.counts, s.counts.due(now)
	s.mu.Unlock()
	if len(limits) == 0 || !due {
		return
	}
	received := map[netip.Addr]uint64{}
	err := i.srv.ListPeer(ctx, &api.ListPeerRequest{}, func(p *api.Peer) {
		addr := parseAddr(p.GetState().GetNeighborAddress())
		received[addr], _ = sum(p)
	})
	if err != nil || have.accepted != nil && !have.stale && maps.Equal(have.received, received) {
		return
	}
	if err := i.recount(received); err != nil {
		i.log.Error("import limits not checked", "error", err)
		return
	}
	s.mu.Lock()
	accepted := s.counts.accepted
	s.mu.Unlock()
	for addr, n := range limits {
		if accepted[addr] > uint64(n.ImportLimit) {
			i.limit(ctx, n, accepted[addr])
		}
	}
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

func (i *instance) limit(ctx context.Context, n Neighbor, accepted uint64) {
	s := i.speaker
	why := fmt.Sprintf("%d routes accepted, import limit is %d", accepted, n.ImportLimit)
	s.mu.Lock()
	st := s.session(n.Address)
	first := !st.limited
	st.limited = true
	st.lastErr = why
	s.mu.Unlock()
	if first {
		i.log.Error("neighbor shut down", "neighbor", n.Name, "reason", why)
	}
	// What the neighbor is told is not all (RFC 9003): the number of its routes it knows itself.
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
	st.limited = false
	st.lastErr = ""
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
