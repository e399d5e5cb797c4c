package api

import (
	"context"
	"net/netip"
	"slices"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
	"github.com/sixfold-router/sixfold/router"
)

// operateService looks every name up before it acts, so that a mistyped one is answered with those there are.
type operateService struct {
	sixfoldv1.UnimplementedOperateServiceServer
	backend Backend
}

func (s *operateService) ReleaseDelegation(ctx context.Context, req *sixfoldv1.ReleaseDelegationRequest) (*sixfoldv1.ReleaseDelegationResponse, error) {
	if err := s.findDelegation(ctx, req.GetName()); err != nil {
		return nil, err
	}
	return &sixfoldv1.ReleaseDelegationResponse{}, s.backend.ReleaseDelegation(ctx, req.GetName())
}

func (s *operateService) RenewDelegation(ctx context.Context, req *sixfoldv1.RenewDelegationRequest) (*sixfoldv1.RenewDelegationResponse, error) {
	if err := s.findDelegation(ctx, req.GetName()); err != nil {
		return nil, err
	}
	return &sixfoldv1.RenewDelegationResponse{}, s.backend.RenewDelegation(ctx, req.GetName())
}

func (s *operateService) ReleaseLease(ctx context.Context, req *sixfoldv1.ReleaseLeaseRequest) (*sixfoldv1.ReleaseLeaseResponse, error) {
	prefix, err := parsePrefixOrAddress(req.GetPrefix())
	if err != nil {
		return nil, err
	}
	leases, err := s.backend.Leases(ctx)
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(leases, func(l router.LeaseStatus) bool { return l.VRF == instanceName(req.GetVrf()) && l.Prefix == prefix }) {
		return nil, status.Errorf(codes.NotFound, "no lease of %s%s%s", req.GetPrefix(), inVRF(instanceName(req.GetVrf())), elsewhere(leases, prefix))
	}
	return &sixfoldv1.ReleaseLeaseResponse{}, s.backend.ReleaseLease(ctx, instanceName(req.GetVrf()), prefix)
}

func (s *operateService) ResetBgpNeighbor(ctx context.Context, req *sixfoldv1.ResetBgpNeighborRequest) (*sixfoldv1.ResetBgpNeighborResponse, error) {
	if err := findNeighbor(ctx, s.backend, req.GetVrf(), req.GetName()); err != nil {
		return nil, err
	}
	return &sixfoldv1.ResetBgpNeighborResponse{}, s.backend.ResetNeighbor(ctx, instanceName(req.GetVrf()), req.GetName(), req.GetSoft())
}

func (s *operateService) findDelegation(ctx context.Context, name string) error {
	prefixes, err := s.backend.Prefixes(ctx)
	if err != nil {
		return err
	}
	var names []string
	for _, p := range prefixes {
		if p.Name != "" { // not an address
			names = append(names, p.Name)
		}
	}
	return find("delegation", name, names)
}

// instanceName returns the name of the instance that a request means; empty: the default one.
func instanceName(vrf string) string {
	if vrf == defaultInstance {
		return ""
	}
	return vrf
}

// isIn tells whether something in an instance is what a request for an instance asks for; one for none asks for all.
func isIn(vrf, asked string) bool { return asked == "" || vrf == instanceName(asked) }

// findSpeaker returns the speaker of an instance, or NotFound with the instances there are.
func findSpeaker(ctx context.Context, b Backend, vrf string) (router.BGPStatus, []string, error) {
	vrf = instanceName(vrf)
	all, err := b.BGP(ctx)
	if err != nil {
		return router.BGPStatus{}, nil, err
	}
	var found *router.BGPStatus
	var vrfs []string
	for i, s := range all {
		if s.VRF == vrf {
			found = &all[i]
		}
		if s.VRF != "" {
			vrfs = append(vrfs, s.VRF)
		}
	}
	if found == nil {
		return router.BGPStatus{}, nil, find("VRF with BGP", vrf, vrfs)
	}
	return *found, vrfs, nil
}

// inVRF is what follows the name of a thing of an instance.
func inVRF(vrf string) string {
	if vrf == "" {
		return ""
	}
	return " in VRF " + vrf
}

// elsewhere says in which instances there is a lease.
func elsewhere(leases []router.LeaseStatus, prefix netip.Prefix) string {
	var vrfs []string
	for _, l := range leases {
		if l.Prefix == prefix && l.VRF != "" {
			vrfs = append(vrfs, l.VRF)
		}
	}
	if len(vrfs) == 0 {
		return ""
	}
	slices.Sort(vrfs)
	return "; there is one in VRF " + strings.Join(vrfs, ", ")
}

func findNeighbor(ctx context.Context, b Backend, vrf, name string) error {
	speaker, _, err := findSpeaker(ctx, b, vrf)
	if err != nil {
		return err
	}
	var names []string
	for _, n := range speaker.Neighbors {
		names = append(names, n.Neighbor.Name)
	}
	return find("BGP neighbor"+inVRF(speaker.VRF), name, names)
}

// find returns NotFound with the names there are, unless name is one of them.
func find(kind, name string, names []string) error {
	if slices.Contains(names, name) {
		return nil
	}
	if len(names) == 0 {
		return status.Errorf(codes.NotFound, "no %s %q: there is none", kind, name)
	}
	slices.Sort(names)
	const shown = 20
	more := ""
	if len(names) > shown {
		names, more = names[:shown], " …"
	}
	return status.Errorf(codes.NotFound, "no %s %q: there %s %s%s", kind, name, areOf(len(names)), strings.Join(names, ", "), more)
}

func areOf(n int) string {
	if n == 1 {
		return "is"
	}
	return "are"
}

// parsePrefixOrAddress reads a prefix, or an address as a prefix of full length.
func parsePrefixOrAddress(text string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(text); err == nil && addr.Zone() == "" {
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	return parsePrefix(text)
}

// parsePrefix reads a prefix without host bits.
func parsePrefix(text string) (netip.Prefix, error) {
	p, err := netip.ParsePrefix(text)
	if err != nil {
		return netip.Prefix{}, status.Errorf(codes.InvalidArgument, "%q is not a prefix such as 2001:db8::/32", text)
	}
	if p != p.Masked() {
		return netip.Prefix{}, status.Errorf(codes.InvalidArgument, "%s has bits set after its length: the prefix is %s", p, p.Masked())
	}
	return p, nil
}
