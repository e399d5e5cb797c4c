package bgp

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"time"

	"github.com/osrg/gobgp/v4/api"
	"github.com/osrg/gobgp/v4/pkg/apiutil"
	packet "github.com/osrg/gobgp/v4/pkg/packet/bgp"
)

// Status returns the state of the speaker and of all configured neighbors. Numbers of accepted and advertised routes may be
// some seconds old when tables are large.
func (s *Speaker) Status() Status {
	s.mu.Lock()
	inst := s.inst
	s.mu.Unlock()
	var received, advertised map[netip.Addr]uint64
	if inst != nil {
		received, advertised = s.recountForStatus(inst)
	}

	s.mu.Lock()
	defer s.mu.Unlock()
	out := Status{ASN: s.want.ASN, RouterID: s.want.RouterID, Running: s.inst != nil}
	for _, name := range slices.Sorted(maps.Keys(s.want.Neighbors)) {
		n := s.want.Neighbors[name]
		ns := NeighborStatus{Neighbor: n, State: "idle"}
		if st, ok := s.sessions[n.Address]; ok {
			ns.State, ns.Since, ns.Flaps = stateName(st.state), st.since, st.flaps
			ns.LastError, ns.LimitExceeded = st.lastErr, st.limited
			if st.state == packet.BGP_FSM_ESTABLISHED {
				ns.Received, ns.Advertised = received[n.Address], advertised[n.Address]
				ns.Accepted = s.counts.accepted[n.Address]
			}
			if st.limited {
				ns.LastError = st.limit
			}
			if st.limited || st.down && st.state == packet.BGP_FSM_IDLE {
				ns.State = "shutdown"
			}
		}
		if n.Shutdown {
			ns.State = "shutdown"
		}
		out.Neighbors = append(out.Neighbors, ns)
	}
	return out
}

// recountForStatus counts again what is old, and returns the numbers of received and advertised routes.
func (s *Speaker) recountForStatus(inst *instance) (received, advertised map[netip.Addr]uint64) {
	s.mu.Lock()
	old := s.counts
	s.mu.Unlock()
	received = map[netip.Addr]uint64{}
	count := old.due(time.Now())
	start := time.Now()
	advertised = old.advertised
	if count {
		advertised = map[netip.Addr]uint64{}
	}
	// Without a server that runs there is nothing to count.
	err := inst.srv.ListPeer(context.Background(), &api.ListPeerRequest{EnableAdvertised: count}, func(p *api.Peer) {
		addr := parseAddr(p.GetState().GetNeighborAddress())
		r, a := sum(p)
		received[addr] = r
		if count {
			advertised[addr] = a
		}
	})
	if err != nil || !count || inst.recount(received) != nil {
		return received, advertised
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counts.advertised, s.counts.cost = advertised, time.Since(start)
	return received, advertised
}

func stateName(f packet.FSMState) string {
	switch f {
	case packet.BGP_FSM_CONNECT:
		return "connect"
	case packet.BGP_FSM_ACTIVE:
		return "active"
	case packet.BGP_FSM_OPENSENT:
		return "opensent"
	case packet.BGP_FSM_OPENCONFIRM:
		return "openconfirm"
	case packet.BGP_FSM_ESTABLISHED:
		return "established"
	}
	return "idle"
}

// Paths returns paths that passed the import filters and paths of our own, or what is announced to a neighbor, ordered by
// prefix with the best path first.
func (s *Speaker) Paths(ctx context.Context, filter PathFilter) ([]Path, error) {
	s.mu.Lock()
	inst := s.inst
	names := map[netip.Addr]string{}
	for name, n := range s.want.Neighbors {
		names[n.Address] = name
	}
	neighbor, ok := s.want.Neighbors[filter.Neighbor]
	s.mu.Unlock()
	if filter.Neighbor != "" && !ok {
		return nil, fmt.Errorf("paths: no neighbor %s", filter.Neighbor)
	}
	if filter.Advertised && filter.Neighbor == "" {
		return nil, fmt.Errorf("paths: advertised to which neighbor?")
	}
	if inst == nil {
		return nil, nil
	}
	req := apiutil.ListPathRequest{TableType: api.TableType_TABLE_TYPE_GLOBAL}
	if filter.Advertised {
		req.TableType, req.Name = api.TableType_TABLE_TYPE_ADJ_OUT, neighbor.Address.String()
	}
	families := []packet.Family{packet.RF_IPv6_UC, packet.RF_IPv4_UC}
	if filter.Prefix.IsValid() {
		families = families[:1]
		if filter.Prefix.Addr().Is4() {
			families[0] = packet.RF_IPv4_UC
		}
		req.Prefixes = []*apiutil.LookupPrefix{{Prefix: filter.Prefix.Masked().String(), LookupOption: apiutil.LOOKUP_EXACT}}
	}
	var out []Path
	for _, f := range families {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		req.Family = f
		err := inst.srv.ListPath(req, func(_ packet.NLRI, paths []*apiutil.Path) {
			for _, p := range paths {
				prefix, ok := prefixOf(p)
				if !ok || !filter.Advertised && filter.Neighbor != "" && p.PeerAddress != neighbor.Address {
					continue
				}
				out = append(out, s.present(p, prefix, names, filter.Advertised))
			}
		})
		if err != nil {
			return nil, fmt.Errorf("paths: %w", err)
		}
	}
	slices.SortStableFunc(out, func(a, b Path) int {
		return cmp.Or(a.Prefix.Compare(b.Prefix), cmp.Compare(b2i(b.Best), b2i(a.Best)), cmp.Compare(a.Neighbor, b.Neighbor))
	})
	return out, nil
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// present makes a path readable. The next hop of a received path is the one that the kernel is told.
func (s *Speaker) present(p *apiutil.Path, prefix netip.Prefix, names map[netip.Addr]string, advertised bool) Path {
	out := pathOf(p, prefix)
	if isLocal(p) {
		if !advertised {
			out.NextHop = netip.Addr{}
		}
		return out
	}
	out.Neighbor = names[p.PeerAddress]
	if advertised {
		return out
	}
	h, err := resolve(prefix, out.NextHop, p.PeerAddress, s.has)
	if err != nil {
		out.Unusable = err.Error()
		return out
	}
	out.NextHop, out.Link = h.via, h.link
	return out
}
