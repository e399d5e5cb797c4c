package api

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
	"github.com/sixfold-router/sixfold/router"
	"github.com/sixfold-router/sixfold/vxlan"
)

// What of a device stands in its state: whoever can send to us can fill its forwarding table.
const (
	shownEntries = 64
	shownRemotes = 1000
)

func (s *stateService) ListVxlans(ctx context.Context, req *sixfoldv1.ListVxlansRequest) (*sixfoldv1.ListVxlansResponse, error) {
	all, err := s.vxlans(ctx, req.GetName())
	if err != nil {
		return nil, err
	}
	items, next, err := listed(req, all, nil,
		func(v router.VXLANStatus) string { return natural(v.Device.Name) }, vxlanState)
	if err != nil {
		return nil, err
	}
	return &sixfoldv1.ListVxlansResponse{Vxlans: items, NextPageToken: next}, nil
}

func (s *stateService) ListVxlanForwarding(ctx context.Context, req *sixfoldv1.ListVxlanForwardingRequest) (*sixfoldv1.ListVxlanForwardingResponse, error) {
	if req.GetName() == "" {
		return nil, status.Error(codes.InvalidArgument, "name is missing: say which device")
	}
	all, err := s.vxlans(ctx, req.GetName())
	if err != nil {
		return nil, err
	}
	var entries []vxlan.ForwardingEntry
	for _, v := range all {
		entries = append(entries, v.Forwarding...)
	}
	items, next, err := listed(req, entries, nil,
		func(f vxlan.ForwardingEntry) string { return f.MAC + " " + f.Remote }, forwardingEntry)
	if err != nil {
		return nil, err
	}
	return &sixfoldv1.ListVxlanForwardingResponse{Forwarding: items, NextPageToken: next}, nil
}

// vxlans returns all devices, or the one of that name.
func (s *stateService) vxlans(ctx context.Context, name string) ([]router.VXLANStatus, error) {
	all, err := s.backend.VXLANs(ctx)
	if err != nil {
		return nil, err
	}
	return named("VXLAN device", name, all, func(v router.VXLANStatus) []string { return []string{v.Device.Name} })
}

func vxlanState(s router.VXLANStatus) *sixfoldv1.VxlanState {
	d := s.Device
	m := &sixfoldv1.VxlanState{
		Name: clean(d.Name), Vni: d.VNI, Group: addrText(d.Group), Link: clean(d.Link), Local: addrText(d.Local),
		Ttl: uint32(d.TTL), Port: uint32(d.Port), Mtu: uint32(d.MTU),
		Index: uint32(s.Index), Up: s.Up, Mac: clean(s.MAC), Problem: clean(s.Problem),
		RxPackets: s.RxPackets, TxPackets: s.TxPackets, RxBytes: s.RxBytes, TxBytes: s.TxBytes,
		RxErrors: s.RxErrors, TxErrors: s.TxErrors, RxDropped: s.RxDropped, TxDropped: s.TxDropped,
		Learning: !d.NoLearning, MaxAddresses: d.MaxAddresses, UdpChecksum: !d.NoChecksum, Dscp: vxlan.DSCP(d.TOS), Df: d.DF.String(),
		Learnt: uint32(s.Learnt()), ForwardingTotal: uint32(len(s.Forwarding) + s.Beyond),
	}
	if ageing := cmp.Or(d.Ageing, vxlan.DefaultAgeing); ageing != vxlan.Forever {
		m.Ageing = durationpb.New(ageing)
	}
	if d.PortLow != 0 {
		m.SourcePorts = fmt.Sprintf("%d-%d", d.PortLow, d.PortHigh)
	}
	for _, p := range s.Sources {
		m.Sources = append(m.Sources, prefixText(p))
	}
	for _, r := range firstOf(s.KnownRemotes(), shownRemotes) {
		m.Remotes = append(m.Remotes, &sixfoldv1.VxlanRemote{
			Address: addrText(r.Address), Configured: r.Configured, Flood: r.Flood, Accepted: s.Accepts(r.Address), Addresses: uint32(r.Addresses),
		})
	}
	// Those that are configured come first, and else the order stays.
	entries := slices.Clone(s.Forwarding)
	slices.SortStableFunc(entries, func(a, b vxlan.ForwardingEntry) int { return cmp.Compare(rank(a), rank(b)) })
	for _, f := range firstOf(entries, shownEntries) {
		m.Forwarding = append(m.Forwarding, forwardingEntry(f))
	}
	return m
}

func rank(f vxlan.ForwardingEntry) int {
	switch {
	case f.Flood():
		return 0
	case f.Configured:
		return 1
	}
	return 2
}

func firstOf[T any](list []T, n int) []T { return list[:min(n, len(list))] }

func forwardingEntry(f vxlan.ForwardingEntry) *sixfoldv1.ForwardingEntry {
	m := &sixfoldv1.ForwardingEntry{Mac: clean(f.MAC), Remote: clean(f.Remote), State: clean(f.State), Configured: f.Configured}
	if f.Learnt {
		m.Age, m.Since = durationpb.New(f.Age), durationpb.New(f.Since)
	}
	return m
}
