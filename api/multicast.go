package api

import (
	"context"
	"net/netip"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
	"github.com/sixfold-router/sixfold/vxlan/mld"
)

// MulticastBackend is the multicast part of a Backend.
type MulticastBackend interface {
	// MLDLinks returns the links with multicast listener discovery.
	MLDLinks(ctx context.Context) ([]mld.LinkStatus, error)
	// MLDGroups returns the groups with listeners.
	MLDGroups(ctx context.Context) ([]mld.GroupStatus, error)
	// MulticastRoutes returns the multicast forwarding cache and the static multicast routes.
	MulticastRoutes(ctx context.Context) ([]mld.RouteStatus, error)
}

func (s *stateService) ListMldInterfaces(ctx context.Context, req *sixfoldv1.ListMldInterfacesRequest) (*sixfoldv1.ListMldInterfacesResponse, error) {
	items, next, err := list(ctx, req, s.backend.MLDLinks, nil, func(l mld.LinkStatus) string { return natural(l.Link) }, mldInterface)
	if err != nil {
		return nil, err
	}
	return &sixfoldv1.ListMldInterfacesResponse{Interfaces: items, NextPageToken: next}, nil
}

func (s *stateService) ListMldGroups(ctx context.Context, req *sixfoldv1.ListMldGroupsRequest) (*sixfoldv1.ListMldGroupsResponse, error) {
	links, err := s.backend.MLDLinks(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := named("link with multicast listener discovery", req.GetLink(), links, func(l mld.LinkStatus) []string { return []string{l.Link} }); err != nil {
		return nil, err
	}
	items, next, err := list(ctx, req, s.backend.MLDGroups,
		func(g mld.GroupStatus) bool { return req.GetLink() == "" || g.Link == req.GetLink() },
		func(g mld.GroupStatus) string { return natural(g.Link) + "\x00" + addrKey(g.Group) }, mldGroup)
	if err != nil {
		return nil, err
	}
	return &sixfoldv1.ListMldGroupsResponse{Groups: items, NextPageToken: next}, nil
}

func (s *stateService) ListMroutes(ctx context.Context, req *sixfoldv1.ListMroutesRequest) (*sixfoldv1.ListMroutesResponse, error) {
	items, next, err := list(ctx, req, s.backend.MulticastRoutes, nil,
		func(r mld.RouteStatus) string { return prefixKey(r.Group) + "\x00" + prefixKey(r.Source) }, mroute)
	if err != nil {
		return nil, err
	}
	return &sixfoldv1.ListMroutesResponse{Mroutes: items, NextPageToken: next}, nil
}

func mldInterface(s mld.LinkStatus) *sixfoldv1.MldInterface {
	m := &sixfoldv1.MldInterface{
		Link: clean(s.Link), State: string(s.State), Querier: addrText(s.Querier), Since: timestamp(s.Since),
		QuerierUntil: timestamp(s.QuerierUntil), NextQuery: timestamp(s.NextQuery), Proxy: s.Part, Problem: clean(s.Problem),
		Groups: uint32(s.Groups), Version1Groups: uint32(s.OldGroups), Received: s.Received, Sent: s.Sent, Dropped: s.Dropped,
	}
	if s.State != mld.Off {
		t := s.Timers
		m.Version, m.Robustness, m.MaxGroups = uint32(t.Version), uint32(t.Robustness), uint32(t.MaxGroups)
		m.QueryInterval, m.QueryResponseInterval = durationpb.New(t.QueryInterval), durationpb.New(t.QueryResponse)
		m.LastListenerQueryInterval = durationpb.New(t.LastListener)
	}
	for _, j := range s.Joins {
		m.Joins = append(m.Joins, j.String())
	}
	return m
}

func mldGroup(s mld.GroupStatus) *sixfoldv1.MldGroup {
	m := &sixfoldv1.MldGroup{
		Link: clean(s.Link), Group: addrText(s.Group), Mode: "include", Excluded: addrTexts(s.Excluded), Until: timestamp(s.Until),
		Version1: s.Old, Reporter: addrText(s.Reporter), Since: timestamp(s.Since), Joined: s.Joined,
		Ports: cleanAll(s.Ports),
	}
	if s.Exclude {
		m.Mode = "exclude"
	}
	for _, one := range s.Sources {
		m.Sources = append(m.Sources, &sixfoldv1.MldSource{Address: addrText(one.Address), Until: timestamp(one.Until)})
	}
	return m
}

func mroute(s mld.RouteStatus) *sixfoldv1.Mroute {
	return &sixfoldv1.Mroute{
		Source: plainPrefix(s.Source), Group: plainPrefix(s.Group), Incoming: clean(s.In), Outgoing: cleanAll(s.Out), Reason: clean(s.Reason),
		InKernel: s.Installed, Packets: s.Packets, Bytes: s.Bytes, WrongLink: s.Wrong, Since: timestamp(s.Since), Used: timestamp(s.Used),
	}
}

// plainPrefix writes a single address without its length, and nothing for all addresses.
func plainPrefix(p netip.Prefix) string {
	switch {
	case p.IsSingleIP():
		return addrText(p.Addr())
	case p.Bits() == 0:
		return ""
	}
	return prefixText(p)
}

func watchMLD(ctx context.Context, s *stateService) ([]element, error) {
	all, err := s.backend.MLDLinks(ctx)
	return elements(all, err, func(l mld.LinkStatus) element {
		return element{l.Link, &sixfoldv1.WatchResponse{Element: &sixfoldv1.WatchResponse_Mld{Mld: mldInterface(l)}}}
	})
}

func watchGroups(ctx context.Context, s *stateService) ([]element, error) {
	all, err := s.backend.MLDGroups(ctx)
	return elements(all, err, func(g mld.GroupStatus) element {
		return element{g.Link + " " + g.Group.String(), &sixfoldv1.WatchResponse{Element: &sixfoldv1.WatchResponse_Group{Group: mldGroup(g)}}}
	})
}

func watchMroutes(ctx context.Context, s *stateService) ([]element, error) {
	all, err := s.backend.MulticastRoutes(ctx)
	return elements(all, err, func(r mld.RouteStatus) element {
		return element{r.Source.String() + "@" + r.Group.String(), &sixfoldv1.WatchResponse{Element: &sixfoldv1.WatchResponse_Mroute{Mroute: mroute(r)}}}
	})
}

// steadyMulticast is steady for what is of multicast: counters and timers that reports renew.
func steadyMulticast(m *sixfoldv1.WatchResponse) proto.Message {
	switch e := m.GetElement().(type) {
	case *sixfoldv1.WatchResponse_Mld:
		i := proto.Clone(e.Mld).(*sixfoldv1.MldInterface)
		i.Received, i.Sent, i.Dropped, i.NextQuery, i.QuerierUntil = nil, nil, nil, nil, nil
		return i
	case *sixfoldv1.WatchResponse_Group:
		g := proto.Clone(e.Group).(*sixfoldv1.MldGroup)
		g.Until, g.Reporter = nil, ""
		for _, s := range g.Sources {
			s.Until = nil
		}
		return g
	case *sixfoldv1.WatchResponse_Mroute:
		r := proto.Clone(e.Mroute).(*sixfoldv1.Mroute)
		r.Packets, r.Bytes, r.WrongLink, r.Used = 0, 0, 0, nil
		return r
	}
	return m
}
