package api

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/sixfold-router/sixfold/bgp"
	"github.com/sixfold-router/sixfold/dhcpv6/lease"
	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
	"github.com/sixfold-router/sixfold/router"
	"github.com/sixfold-router/sixfold/router/kernel"
	"github.com/sixfold-router/sixfold/router/plan"
)

type stateService struct {
	sixfoldv1.UnimplementedStateServiceServer
	backend Backend
	version string
	started time.Time
	audit   *audit
	streams *streams
}

// list fetches, filters, pages and converts: what most list methods do. A nil keep keeps all.
func list[T, M any](ctx context.Context, req pageRequest, fetch func(context.Context) ([]T, error), keep func(T) bool,
	key func(T) string, convert func(T) M) ([]M, string, error) {
	items, err := fetch(ctx)
	if err != nil {
		return nil, "", err
	}
	return listed(req, items, keep, key, convert)
}

// named returns those of all that have a name, or NotFound with the names there are; with an empty name it returns all.
func named[T any](kind, name string, all []T, of func(T) []string) ([]T, error) {
	if name == "" {
		return all, nil
	}
	var names []string
	var out []T
	for _, t := range all {
		mine := slices.DeleteFunc(of(t), func(n string) bool { return n == "" })
		names = append(names, mine...)
		if slices.Contains(mine, name) {
			out = append(out, t)
		}
	}
	slices.Sort(names)
	return out, find(kind, name, slices.Compact(names))
}

// listed is list for what was fetched already.
func listed[T, M any](req pageRequest, items []T, keep func(T) bool, key func(T) string, convert func(T) M) ([]M, string, error) {
	if keep != nil {
		items = slices.DeleteFunc(items, func(t T) bool { return !keep(t) })
	}
	items, next, err := page(req, items, key)
	if err != nil {
		return nil, "", err
	}
	out := make([]M, len(items))
	for i, item := range items {
		out[i] = convert(item)
	}
	return out, next, nil
}

func (s *stateService) ListInterfaces(ctx context.Context, req *sixfoldv1.ListInterfacesRequest) (*sixfoldv1.ListInterfacesResponse, error) {
	all, names, err := interfacesOf(ctx, s.backend)
	if err != nil {
		return nil, err
	}
	if all, err = named("interface", req.GetName(), all, func(i router.InterfaceStatus) []string { return []string{i.Name} }); err != nil {
		return nil, err
	}
	items, next, err := listed(req, all, nil,
		func(i router.InterfaceStatus) string { return natural(i.Name) },
		func(i router.InterfaceStatus) *sixfoldv1.InterfaceState { return interfaceState(i, names) })
	if err != nil {
		return nil, err
	}
	return &sixfoldv1.ListInterfacesResponse{Interfaces: items, NextPageToken: next}, nil
}

// interfacesOf returns the interfaces, and the names of links by index.
func interfacesOf(ctx context.Context, b Backend) ([]router.InterfaceStatus, map[int]string, error) {
	all, err := b.Interfaces(ctx)
	if err != nil {
		return nil, nil, err
	}
	names := make(map[int]string, len(all))
	for _, i := range all {
		if i.Link.Index != 0 {
			names[i.Link.Index] = i.Link.Name
		}
	}
	return all, names, nil
}

func (s *stateService) ListRoutes(ctx context.Context, req *sixfoldv1.ListRoutesRequest) (*sixfoldv1.ListRoutesResponse, error) {
	all, err := s.backend.Routes(ctx)
	if err != nil {
		return nil, err
	}
	keep, err := routeFilter(req, all)
	if err != nil {
		return nil, err
	}
	if all, err = s.routesOf(ctx, req.GetVrf(), all); err != nil {
		return nil, err
	}
	items, next, err := listed(req, all, keep, routeKey, routeState)
	if err != nil {
		return nil, err
	}
	return &sixfoldv1.ListRoutesResponse{Routes: items, NextPageToken: next}, nil
}

// routeFilter selects routes to a prefix and within it, or those that an address uses.
func routeFilter(req *sixfoldv1.ListRoutesRequest, all []router.RouteStatus) (func(router.RouteStatus) bool, error) {
	switch {
	case req.GetPrefix() != "" && req.GetAddress() != "":
		return nil, status.Error(codes.InvalidArgument, "prefix and address exclude each other")
	case req.GetPrefix() != "":
		within, err := parsePrefix(req.GetPrefix())
		if err != nil {
			return nil, err
		}
		return func(r router.RouteStatus) bool {
			return r.Route.Prefix.Bits() >= within.Bits() && within.Contains(r.Route.Prefix.Addr())
		}, nil
	case req.GetAddress() != "":
		addr, err := netip.ParseAddr(req.GetAddress())
		if err != nil || addr.Zone() != "" {
			return nil, status.Errorf(codes.InvalidArgument, "%q is not an address such as 2001:db8::1", req.GetAddress())
		}
		longest := map[uint32]int{}
		for _, r := range all {
			if k := r.Route.Key(); k.Prefix.Contains(addr) {
				longest[k.Table] = max(longest[k.Table], k.Prefix.Bits())
			}
		}
		return func(r router.RouteStatus) bool {
			k := r.Route.Key()
			return k.Prefix.Contains(addr) && k.Prefix.Bits() == longest[k.Table]
		}, nil
	}
	return nil, nil
}

func (s *stateService) ListPrefixes(ctx context.Context, req *sixfoldv1.ListPrefixesRequest) (*sixfoldv1.ListPrefixesResponse, error) {
	now := time.Now()
	all, err := s.backend.Prefixes(ctx)
	if err != nil {
		return nil, err
	}
	if all, err = named("delegation", req.GetName(), all, func(p plan.Delegated) []string { return []string{p.Name, p.Link} }); err != nil {
		return nil, err
	}
	items, next, err := listed(req, all, nil,
		func(p plan.Delegated) string { return natural(p.Name) + "\x00" + natural(p.Link) },
		func(p plan.Delegated) *sixfoldv1.PrefixState { return prefixState(p, now) })
	if err != nil {
		return nil, err
	}
	return &sixfoldv1.ListPrefixesResponse{Prefixes: items, NextPageToken: next}, nil
}

func (s *stateService) ListLeases(ctx context.Context, req *sixfoldv1.ListLeasesRequest) (*sixfoldv1.ListLeasesResponse, error) {
	switch req.GetKind() {
	case "", lease.Address.String(), lease.Prefix.String():
	default:
		return nil, status.Errorf(codes.InvalidArgument, "kind %q is neither %s nor %s", req.GetKind(), lease.Address, lease.Prefix)
	}
	now := time.Now()
	items, next, err := list(ctx, req, s.backend.Leases,
		func(l router.LeaseStatus) bool {
			return (req.GetKind() == "" || l.Key.Kind.String() == req.GetKind()) && (req.GetLink() == "" || l.Key.Link == req.GetLink()) &&
				isIn(l.VRF, req.GetVrf())
		},
		func(l router.LeaseStatus) string { return prefixKey(l.Prefix) + natural(l.VRF) },
		func(l router.LeaseStatus) *sixfoldv1.Lease { return leaseState(l, now) })
	if err != nil {
		return nil, err
	}
	return &sixfoldv1.ListLeasesResponse{Leases: items, NextPageToken: next}, nil
}

func (s *stateService) ListNeighbors(ctx context.Context, req *sixfoldv1.ListNeighborsRequest) (*sixfoldv1.ListNeighborsResponse, error) {
	items, next, err := list(ctx, req, s.backend.Neighbors,
		func(n kernel.Neighbor) bool {
			return (req.GetLink() == "" || n.Link == req.GetLink()) && isIn(n.VRF, req.GetVrf())
		},
		func(n kernel.Neighbor) string { return natural(n.Link) + "\x00" + addrKey(n.Address) },
		neighborEntry)
	if err != nil {
		return nil, err
	}
	return &sixfoldv1.ListNeighborsResponse{Neighbors: items, NextPageToken: next}, nil
}

func (s *stateService) GetBgp(ctx context.Context, req *sixfoldv1.GetBgpRequest) (*sixfoldv1.GetBgpResponse, error) {
	speaker, vrfs, err := findSpeaker(ctx, s.backend, req.GetVrf())
	if err != nil {
		return nil, err
	}
	slices.SortFunc(speaker.Neighbors, func(a, b bgp.NeighborStatus) int {
		return strings.Compare(natural(a.Neighbor.Name), natural(b.Neighbor.Name))
	})
	resp := &sixfoldv1.GetBgpResponse{Asn: speaker.ASN, RouterId: addrText(speaker.RouterID), Running: speaker.Running, Vrf: clean(speaker.VRF), Vrfs: cleanAll(vrfs)}
	for _, n := range speaker.Neighbors {
		resp.Neighbors = append(resp.Neighbors, bgpNeighborState(speaker.VRF, n))
	}
	return resp, nil
}

func (s *stateService) ListBgpPaths(ctx context.Context, req *sixfoldv1.ListBgpPathsRequest) (*sixfoldv1.ListBgpPathsResponse, error) {
	filter := bgp.PathFilter{Neighbor: req.GetNeighbor(), Advertised: req.GetAdvertised()}
	if req.GetPrefix() != "" {
		var err error
		if filter.Prefix, err = parsePrefix(req.GetPrefix()); err != nil {
			return nil, err
		}
	}
	switch {
	case filter.Neighbor != "":
		if err := findNeighbor(ctx, s.backend, req.GetVrf(), filter.Neighbor); err != nil {
			return nil, err
		}
	case filter.Advertised:
		return nil, status.Error(codes.InvalidArgument, "advertised needs a neighbor")
	default:
		if _, _, err := findSpeaker(ctx, s.backend, req.GetVrf()); err != nil {
			return nil, err
		}
	}
	items, next, err := list(ctx, req,
		func(ctx context.Context) ([]bgp.Path, error) {
			return s.backend.BGPPaths(ctx, instanceName(req.GetVrf()), filter)
		},
		nil, pathKey, bgpPath)
	if err != nil {
		return nil, err
	}
	return &sixfoldv1.ListBgpPathsResponse{Paths: items, NextPageToken: next}, nil
}

func (s *stateService) GetDhcpv6(ctx context.Context, _ *sixfoldv1.GetDhcpv6Request) (*sixfoldv1.GetDhcpv6Response, error) {
	st, err := s.backend.DHCPv6(ctx)
	if err != nil {
		return nil, err
	}
	resp := &sixfoldv1.GetDhcpv6Response{Dropped: st.Dropped, Reconfigured: st.Reconfigured, ReconfigureFailed: st.ReconfigureFailed}
	for _, r := range st.Reconfigures {
		resp.Reconfigures = append(resp.Reconfigures, reconfigureState(r))
	}
	for _, i := range st.Interfaces {
		resp.Links = append(resp.Links, dhcpv6LinkState(i))
	}
	slices.SortFunc(resp.Links, func(a, b *sixfoldv1.Dhcpv6LinkState) int { return strings.Compare(natural(a.Link), natural(b.Link)) })
	return resp, nil
}

func (s *stateService) ListPending(ctx context.Context, req *sixfoldv1.ListPendingRequest) (*sixfoldv1.ListPendingResponse, error) {
	items, next, err := list(ctx, req, s.backend.Pending, nil,
		func(p plan.Pending) string { return natural(p.What) + "\x00" + p.Reason }, pending)
	if err != nil {
		return nil, err
	}
	return &sixfoldv1.ListPendingResponse{Pending: items, NextPageToken: next}, nil
}

func (s *stateService) GetVersion(ctx context.Context, _ *sixfoldv1.GetVersionRequest) (*sixfoldv1.GetVersionResponse, error) {
	units, err := s.backend.Units(ctx)
	if err != nil {
		return nil, err
	}
	resp := &sixfoldv1.GetVersionResponse{Version: s.version, Started: timestamppb.New(s.started)}
	for _, u := range units {
		resp.Units = append(resp.Units, unitState(u))
	}
	return resp, nil
}
