package bgp

import (
	"context"
	"net/netip"
	"time"

	"github.com/osrg/gobgp/v4/api"
	"github.com/osrg/gobgp/v4/pkg/apiutil"
	packet "github.com/osrg/gobgp/v4/pkg/packet/bgp"
	"github.com/osrg/gobgp/v4/pkg/server"
)

// SessionEvent tells that a session came up or went down.
type SessionEvent struct {
	Neighbor string // its name
	Address  netip.Addr
	Up       bool
	Reason   string // why it is down; may be empty
}

// tell calls OnSession. It is called with mu held.
func (s *Speaker) tell(e SessionEvent) {
	if s.OnSession != nil {
		s.OnSession(e)
	}
}

// sessionState is what events told of one session.
type sessionState struct {
	state    packet.FSMState
	down     bool // administratively
	since    time.Time
	flaps    uint64
	lastErr  string
	families map[packet.Family]bool // negotiated
	ended    map[packet.Family]bool // End-of-RIB received (RFC 4724 2)
	limited  bool                   // went over its import limit
	limit    string                 // by how much
}

// complete reports whether the neighbor has sent all it had.
func (s *sessionState) complete() bool {
	if s.state != packet.BGP_FSM_ESTABLISHED || len(s.families) == 0 {
		return false
	}
	for f := range s.families {
		if !s.ended[f] {
			return false
		}
	}
	return true
}

// watch subscribes to everything with one watcher, so that events stay in order: the paths of a neighbor come before its
// End-of-RIB.
func (i *instance) watch(ctx context.Context) error {
	return i.srv.WatchEvent(ctx, server.WatchEventMessageCallbacks{
		OnBestPath: func(paths []*apiutil.Path, _ time.Time) {
			if ctx.Err() == nil {
				i.changes.add(paths)
				i.speaker.markUncounted()
			}
		},
		OnPathEor: func(p *apiutil.Path, _ time.Time) {
			if ctx.Err() == nil {
				i.speaker.endOfRIB(p.PeerAddress, p.Family)
			}
		},
		OnPeerUpdate: func(e *apiutil.WatchEventMessage_PeerEvent, at time.Time) {
			if ctx.Err() == nil && e.Type != apiutil.PEER_EVENT_END_OF_INIT {
				i.speaker.peerEvent(e, at)
			}
		},
	}, server.WatchBestPath(true), server.WatchEor(true), server.WatchPeer())
}

// session returns the state of a session, made if need be. It is called with mu held.
func (s *Speaker) session(addr netip.Addr) *sessionState {
	st, ok := s.sessions[addr]
	if !ok {
		st = &sessionState{since: time.Now()}
		s.sessions[addr] = st
	}
	return st
}

func (s *Speaker) peerEvent(e *apiutil.WatchEventMessage_PeerEvent, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	peer := e.Peer.State
	st, ok := s.sessions[peer.NeighborAddress]
	if !ok {
		return // the last words of a neighbor that was removed
	}
	old := st.state
	st.down = peer.AdminState != api.PeerState_ADMIN_STATE_UP
	if peer.SessionState == old {
		return
	}
	if at.IsZero() {
		at = time.Now()
	}
	name := s.nameOf(peer.NeighborAddress)
	st.state, st.since = peer.SessionState, at
	switch {
	case st.state == packet.BGP_FSM_ESTABLISHED:
		st.families, st.ended = negotiated(peer), map[packet.Family]bool{}
		s.log.Info("session up", "neighbor", name, "address", peer.NeighborAddress)
		s.tell(SessionEvent{Neighbor: name, Address: peer.NeighborAddress, Up: true})
	case old == packet.BGP_FSM_ESTABLISHED:
		st.flaps++
		st.lastErr = peer.DisconnectMessage
		st.families, st.ended = nil, nil
		s.log.Warn("session down", "neighbor", name, "address", peer.NeighborAddress, "reason", peer.DisconnectMessage)
		s.tell(SessionEvent{Neighbor: name, Address: peer.NeighborAddress, Reason: peer.DisconnectMessage})
	case st.state == packet.BGP_FSM_IDLE && peer.DisconnectMessage != "" && old > packet.BGP_FSM_ACTIVE:
		st.lastErr = peer.DisconnectMessage
	}
	s.counts.stale = true
}

// negotiated returns the families that both sides offered (RFC 4760 8).
func negotiated(peer apiutil.PeerState) map[packet.Family]bool {
	local := families(peer.LocalCap)
	both := map[packet.Family]bool{}
	for f := range families(peer.RemoteCap) {
		if local[f] {
			both[f] = true
		}
	}
	return both
}

// families returns the families of the multiprotocol capabilities; without one, IPv4 is meant.
func families(caps []packet.ParameterCapabilityInterface) map[packet.Family]bool {
	out := map[packet.Family]bool{}
	for _, c := range caps {
		if mp, ok := c.(*packet.CapMultiProtocol); ok {
			out[mp.CapValue] = true
		}
	}
	if len(out) == 0 {
		out[packet.RF_IPv4_UC] = true
	}
	return out
}

func (s *Speaker) endOfRIB(addr netip.Addr, f packet.Family) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if st, ok := s.sessions[addr]; ok && st.ended != nil {
		st.ended[f] = true
	}
}

func (s *Speaker) sessionNew(addr netip.Addr) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.session(addr).lastErr = ""
}

func (s *Speaker) sessionGone(n Neighbor) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if st := s.sessions[n.Address]; st != nil && st.state == packet.BGP_FSM_ESTABLISHED {
		s.tell(SessionEvent{Neighbor: n.Name, Address: n.Address, Reason: "it was taken out of the configuration, or is set up anew"})
	}
	delete(s.sessions, n.Address)
}

func (s *Speaker) sessionError(addr netip.Addr, err string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.session(addr).lastErr = err
}

// nameOf returns the name of the neighbor with an address. It is called with mu held.
func (s *Speaker) nameOf(addr netip.Addr) string {
	for name, n := range s.want.Neighbors {
		if n.Address == addr {
			return name
		}
	}
	return ""
}

// checkReady tells the rib that BGP has said what it has to say: when all neighbors that may come up have sent End-of-RIB, or
// after a hold-down, for those that do not.
func (i *instance) checkReady(now time.Time) {
	if i.ready {
		return
	}
	s := i.speaker
	s.mu.Lock()
	done := true
	for _, n := range s.want.Neighbors {
		st := s.sessions[n.Address]
		if !n.Shutdown && (st == nil || !st.limited && !st.complete()) {
			done = false
		}
	}
	s.mu.Unlock()
	if done || now.Sub(i.started) >= holdDown {
		i.ready = true
		i.changes.setReady()
	}
}
