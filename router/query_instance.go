package router

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"slices"

	"github.com/sixfold-router/sixfold/bgp"
	"github.com/sixfold-router/sixfold/dhcpv6"
	"github.com/sixfold-router/sixfold/dhcpv6/lease"
	"github.com/sixfold-router/sixfold/router/rib"
)

// instance returns the instance of a VRF, or the default one if the name is empty.
func (r *Router) instance(vrf string) (*instance, error) {
	if vrf == "" {
		return r.main, nil
	}
	if n := r.vrfs.get(vrf); n != nil {
		return n, nil
	}
	return nil, fmt.Errorf("there is no VRF %s", vrf)
}

// everywhere returns all instances, the default one first.
func (r *Router) everywhere() []*instance { return append([]*instance{r.main}, r.vrfs.all()...) }

// BGP returns the state of the speakers and their neighbors: that of the default instance, and of each VRF that has BGP.
func (r *Router) BGP(context.Context) ([]BGPStatus, error) {
	var out []BGPStatus
	for _, n := range r.everywhere() {
		if s := n.bgp.Status(); n.name == "" || s.ASN != 0 {
			out = append(out, BGPStatus{VRF: n.name, Status: s})
		}
	}
	return out, nil
}

// BGPPaths returns paths of a speaker. A best path that the kernel could not be given is unusable too.
func (r *Router) BGPPaths(ctx context.Context, vrf string, filter bgp.PathFilter) ([]bgp.Path, error) {
	n, err := r.instance(vrf)
	if err != nil {
		return nil, err
	}
	paths, err := n.bgp.Paths(ctx, filter)
	if filter.Advertised {
		return paths, err
	}
	for i, p := range paths {
		if best, ok := n.routes.Best(p.Prefix); ok && best.Source == rib.BGP && p.Best && p.Unusable == "" {
			paths[i].Unusable = r.fib.Reason(n.routes.Key(p.Prefix))
		}
	}
	return paths, err
}

// ResetNeighbor restarts the session with a BGP neighbor, or with soft only evaluates and announces all routes again.
func (r *Router) ResetNeighbor(ctx context.Context, vrf, name string, soft bool) error {
	n, err := r.instance(vrf)
	if err != nil {
		return err
	}
	return n.bgp.Reset(ctx, name, soft)
}

// Leases returns all leases, by prefix.
func (r *Router) Leases(context.Context) ([]LeaseStatus, error) {
	var out []LeaseStatus
	for _, n := range r.everywhere() {
		for _, l := range n.dhcp.Leases() {
			s := LeaseStatus{VRF: n.name, Lease: l}
			if l.Key.Kind == lease.Prefix {
				s.Routed = r.fib.Installed(n.routes.Key(l.Prefix))
			}
			out = append(out, s)
		}
	}
	slices.SortStableFunc(out, func(a, b LeaseStatus) int { return cmp.Or(a.Prefix.Compare(b.Prefix), cmp.Compare(a.VRF, b.VRF)) })
	return out, nil
}

// ReleaseLease takes a lease from its client.
func (r *Router) ReleaseLease(ctx context.Context, vrf string, prefix netip.Prefix) error {
	n, err := r.instance(vrf)
	if err != nil {
		return err
	}
	return n.dhcp.ReleaseLease(ctx, prefix)
}

// DHCPv6 returns the counters of the DHCPv6 servers of all instances together.
func (r *Router) DHCPv6(context.Context) (dhcpv6.Status, error) {
	out := r.dhcp.Status()
	for _, n := range r.vrfs.all() {
		s := n.dhcp.Status()
		out.Interfaces = append(out.Interfaces, s.Interfaces...)
		for reason, count := range s.Dropped {
			out.Dropped[reason] += count
		}
		out.Reconfigures = append(out.Reconfigures, s.Reconfigures...)
		out.Reconfigured += s.Reconfigured
		out.ReconfigureFailed += s.ReconfigureFailed
	}
	slices.SortFunc(out.Interfaces, func(a, b dhcpv6.InterfaceStatus) int { return cmp.Compare(a.Link, b.Link) })
	return out, nil
}
