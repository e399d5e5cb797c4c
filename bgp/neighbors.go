package bgp

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/osrg/gobgp/v4/api"
)

// ensure makes n a neighbor of the server, or changes the one with its address. It reports whether the session was made anew.
// A link-local neighbor whose interface is not there yet is left for later.
func (i *instance) ensure(ctx context.Context, n Neighbor) (anew bool, err error) {
	have, ok := i.peers[n.Address]
	var notReady error
	if !ok || have != n {
		notReady = linkReady(n.Address)
	}
	step := i.next(n, notReady == nil)
	switch step {
	case stay:
		return false, nil
	case wait, suspend:
		i.speaker.sessionError(n.Address, notReady.Error())
		if step == suspend {
			return false, i.remove(ctx, have)
		}
		return false, nil
	case create:
		i.speaker.sessionNew(n.Address) // before its first event
		peer := n.apiPeer(i.asn, i.device)
		peer.GracefulRestart.LocalRestarting = i.returned(time.Now())
		if err := i.srv.AddPeer(ctx, &api.AddPeerRequest{Peer: peer}); err != nil {
			i.speaker.sessionError(n.Address, err.Error())
			return false, fmt.Errorf("add neighbor %s: %w", n.Name, err)
		}
		anew = true
	case retime, restart:
		// GoBGP sees for itself whether the change needs a new session. If it fails half way the neighbor may be gone.
		delete(i.peers, n.Address)
		if _, err := i.srv.UpdatePeer(ctx, &api.UpdatePeerRequest{Peer: n.apiPeer(i.asn, i.device)}); err != nil {
			_ = i.srv.DeletePeer(ctx, &api.DeletePeerRequest{Address: n.Address.String()})
			i.speaker.sessionError(n.Address, err.Error())
			return false, fmt.Errorf("change neighbor %s: %w", n.Name, err)
		}
		anew = step == restart
	}
	if ok && i.speaker.liftLimit(n.Address) && !anew {
		// Any change of a neighbor that was shut down over its limit is another try.
		if err := i.srv.EnablePeer(ctx, &api.EnablePeerRequest{Address: n.Address.String()}); err != nil {
			return anew, fmt.Errorf("enable neighbor %s: %w", n.Name, err)
		}
	}
	i.peers[n.Address] = n
	return anew, nil
}

// step is what becomes of a wanted neighbor.
type step int

const (
	stay    step = iota
	wait         // its link is not there
	suspend      // its link is no longer there
	create
	relabel // only what the session does not depend on differs
	retime  // only timers differ, which are changed in place
	restart // the session starts again
)

// next says what to do about n. GoBGP needs the link of a link-local neighbor when that is added.
func (i *instance) next(n Neighbor, ready bool) step {
	have, ok := i.peers[n.Address]
	switch {
	case ok && have == n:
		return stay
	case !ready && ok:
		return suspend
	case !ready:
		return wait
	case !ok:
		return create
	case have.session() == n.session():
		return relabel
	case onlyTimers(have, n):
		return retime
	}
	return restart
}

// onlyTimers reports whether the two sessions differ in nothing but what GoBGP changes in place.
func onlyTimers(a, b Neighbor) bool {
	a.HoldTime = b.HoldTime
	return a.session() == b.session()
}

func (i *instance) remove(ctx context.Context, n Neighbor) error {
	delete(i.peers, n.Address)
	i.speaker.sessionGone(n)
	if n.Password != "" {
		// DeletePeer does not know the password and leaves the key on the listening socket; taking the password away first
		// removes it.
		n.Password, n.Shutdown = "", true
		_, _ = i.srv.UpdatePeer(ctx, &api.UpdatePeerRequest{Peer: n.apiPeer(i.asn, i.device)})
	}
	if err := i.srv.DeletePeer(ctx, &api.DeletePeerRequest{Address: n.Address.String()}); err != nil {
		return fmt.Errorf("remove neighbor %s: %w", n.Name, err)
	}
	return nil
}

func (i *instance) reset(ctx context.Context, n Neighbor, soft bool) error {
	if _, ok := i.peers[n.Address]; !ok {
		return fmt.Errorf("reset %s: it cannot run yet", n.Name)
	}
	addr := n.Address.String()
	if i.speaker.liftLimit(n.Address) {
		if err := i.srv.EnablePeer(ctx, &api.EnablePeerRequest{Address: addr}); err != nil {
			return fmt.Errorf("enable %s: %w", n.Name, err)
		}
		return nil
	}
	req := &api.ResetPeerRequest{Address: addr, Communication: "reset by operator"}
	if soft {
		req = &api.ResetPeerRequest{Address: addr, Soft: true, Direction: api.ResetPeerRequest_DIRECTION_BOTH}
	}
	if err := i.srv.ResetPeer(ctx, req); err != nil {
		return fmt.Errorf("reset %s: %w", n.Name, err)
	}
	return nil
}

// linkReady tells why a session with a link-local address cannot run yet: GoBGP needs the interface with a link-local address
// of ours when a neighbor is added.
func linkReady(addr netip.Addr) error {
	if addr.Zone() == "" {
		return nil
	}
	link, err := net.InterfaceByName(addr.Zone())
	if err != nil {
		return fmt.Errorf("interface %s does not exist", addr.Zone())
	}
	addrs, err := link.Addrs()
	if err != nil {
		return fmt.Errorf("addresses of %s: %w", addr.Zone(), err)
	}
	for _, a := range addrs {
		if p, err := netip.ParsePrefix(a.String()); err == nil && p.Addr().Is6() && p.Addr().IsLinkLocalUnicast() {
			return nil
		}
	}
	return fmt.Errorf("interface %s has no link-local address", addr.Zone())
}
