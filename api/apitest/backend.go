// Package apitest has a router for tests of the API and of its clients: one that answers with what it was given.
package apitest

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/sixfold-router/sixfold/bgp"
	"github.com/sixfold-router/sixfold/dhcpv6"
	"github.com/sixfold-router/sixfold/ra"
	"github.com/sixfold-router/sixfold/router"
	"github.com/sixfold-router/sixfold/router/event"
	"github.com/sixfold-router/sixfold/router/explain"
	"github.com/sixfold-router/sixfold/router/firewall"
	"github.com/sixfold-router/sixfold/router/health"
	"github.com/sixfold-router/sixfold/router/kernel"
	"github.com/sixfold-router/sixfold/router/notify"
	"github.com/sixfold-router/sixfold/router/plan"
)

// Backend is an api.Backend that does nothing but remember. Set the fields before it is used.
type Backend struct {
	Multicast         Multicast
	InterfaceList     []router.InterfaceStatus
	RouteList         []router.RouteStatus
	VRFList           []router.VRFStatus
	Resolutions       map[string]router.Resolved // by name; others do not exist
	PrefixList        []plan.Delegated
	LeaseList         []router.LeaseStatus
	ConsumerList      []notify.Status
	NeighborList      []kernel.Neighbor
	Speaker           bgp.Status         // of the default instance
	VRFSpeakers       []router.BGPStatus // of VRFs
	PathList          []bgp.Path
	AdvertisementList []ra.Status
	RouterList        []ra.RouterStatus
	ObservedList      []ra.Observation
	AdvertisingMap    map[string]router.AdvertiseStatus
	VXLANList         []router.VXLANStatus
	DHCPv6Status      dhcpv6.Status
	FirewallStatus    firewall.Status
	Fates             map[uint16]router.PacketFate // what TestFirewall answers with, by destination port
	PendingList       []plan.Pending
	UnitList          []health.Unit
	DriftList         []health.Drift
	OperationList     []router.Operation             // what Preview and Commit answer with
	Explanations      map[string]explain.Explanation // by subject
	Ring              *event.Ring
	Fail              error         // what every method answers, if set
	Block             chan struct{} // what every method waits for, if set

	waiting atomic.Int32
	mu      sync.Mutex // guards what follows
	history history
	done    []string
	filter  bgp.PathFilter

	filterVRF string
}

// Done returns what the backend was told to do, in order.
func (b *Backend) Done() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.done)
}

// Filter returns the filter of the last call of BGPPaths.
func (b *Backend) Filter() bgp.PathFilter {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.filter
}

// FilterVRF returns the instance of the last call of BGPPaths.
func (b *Backend) FilterVRF() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.filterVRF
}

// Waiting returns how many calls wait for Block.
func (b *Backend) Waiting() int { return int(b.waiting.Load()) }

// given answers with a copy.
func given[T any](ctx context.Context, b *Backend, list []T) ([]T, error) {
	if err := b.ready(ctx); err != nil {
		return nil, err
	}
	return slices.Clone(list), nil
}

func (b *Backend) ready(ctx context.Context) error {
	if b.Block != nil {
		b.waiting.Add(1)
		defer b.waiting.Add(-1)
		select {
		case <-b.Block:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return b.Fail
}

func (b *Backend) act(ctx context.Context, format string, args ...any) error {
	if err := b.ready(ctx); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.done = append(b.done, fmt.Sprintf(format, args...))
	return nil
}

// Interfaces implements api.Backend, as do all that follow.
func (b *Backend) Interfaces(ctx context.Context) ([]router.InterfaceStatus, error) {
	return given(ctx, b, b.InterfaceList)
}

// Routes returns RouteList.
func (b *Backend) Routes(ctx context.Context) ([]router.RouteStatus, error) {
	return given(ctx, b, b.RouteList)
}

// Prefixes returns PrefixList.
func (b *Backend) Prefixes(ctx context.Context) ([]plan.Delegated, error) {
	return given(ctx, b, b.PrefixList)
}

// Leases returns LeaseList.
func (b *Backend) Leases(ctx context.Context) ([]router.LeaseStatus, error) {
	return given(ctx, b, b.LeaseList)
}

// Neighbors returns NeighborList.
func (b *Backend) Neighbors(ctx context.Context) ([]kernel.Neighbor, error) {
	return given(ctx, b, b.NeighborList)
}

// BGP returns Speaker and VRFSpeakers.
func (b *Backend) BGP(ctx context.Context) ([]router.BGPStatus, error) {
	all := append([]router.BGPStatus{{Status: b.Speaker}}, b.VRFSpeakers...)
	for i := range all {
		all[i].Neighbors = slices.Clone(all[i].Neighbors)
	}
	if err := b.ready(ctx); err != nil {
		return nil, err
	}
	return all, nil
}

// BGPPaths returns those of PathList that filter selects, in whatever instance; what is advertised is what was not received from
// the neighbor.
func (b *Backend) BGPPaths(ctx context.Context, vrf string, filter bgp.PathFilter) ([]bgp.Path, error) {
	b.mu.Lock()
	b.filter, b.filterVRF = filter, vrf
	b.mu.Unlock()
	all, err := given(ctx, b, b.PathList)
	return slices.DeleteFunc(all, func(p bgp.Path) bool {
		return filter.Prefix.IsValid() && p.Prefix != filter.Prefix ||
			filter.Neighbor != "" && (p.Neighbor == filter.Neighbor) == filter.Advertised
	}), err
}

// Advertisements returns AdvertisementList.
func (b *Backend) Advertisements(ctx context.Context) ([]ra.Status, error) {
	return given(ctx, b, b.AdvertisementList)
}

// VXLANs returns VXLANList.
func (b *Backend) VXLANs(ctx context.Context) ([]router.VXLANStatus, error) {
	return given(ctx, b, b.VXLANList)
}

// DHCPv6 returns DHCPv6Status.
func (b *Backend) DHCPv6(ctx context.Context) (dhcpv6.Status, error) {
	return b.DHCPv6Status, b.ready(ctx)
}

// Pending returns PendingList.
func (b *Backend) Pending(ctx context.Context) ([]plan.Pending, error) {
	return given(ctx, b, b.PendingList)
}

// Units returns UnitList.
func (b *Backend) Units(ctx context.Context) ([]health.Unit, error) {
	return given(ctx, b, b.UnitList)
}

// ReleaseDelegation remembers that it was called.
func (b *Backend) ReleaseDelegation(ctx context.Context, name string) error {
	return b.act(ctx, "release delegation %s", name)
}

// RenewDelegation remembers that it was called.
func (b *Backend) RenewDelegation(ctx context.Context, name string) error {
	return b.act(ctx, "renew delegation %s", name)
}

// ReleaseLease remembers that it was called.
func (b *Backend) ReleaseLease(ctx context.Context, vrf string, prefix netip.Prefix) error {
	return b.act(ctx, "release lease %s%s", prefix, in(vrf))
}

// ResetNeighbor remembers that it was called.
func (b *Backend) ResetNeighbor(ctx context.Context, vrf, name string, soft bool) error {
	return b.act(ctx, "reset neighbor %s soft=%t%s", name, soft, in(vrf))
}

func in(vrf string) string {
	if vrf == "" {
		return ""
	}
	return " in " + vrf
}
