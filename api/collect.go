package api

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/sixfold-router/sixfold/bgp"
	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
	"github.com/sixfold-router/sixfold/ra"
	"github.com/sixfold-router/sixfold/router"
	"github.com/sixfold-router/sixfold/router/health"
	"github.com/sixfold-router/sixfold/router/kernel"
	"github.com/sixfold-router/sixfold/router/notify"
	"github.com/sixfold-router/sixfold/router/plan"
	"github.com/sixfold-router/sixfold/router/revision"
)

// element is something that can be watched, with a key that is the same each time.
type element struct {
	key      string
	response *sixfoldv1.WatchResponse
}

// collector fetches all elements of a kind.
type collector struct {
	large   bool // not watched unless asked for
	collect func(context.Context, *stateService) ([]element, error)
}

// collectors are what Watch can watch, by kind.
func collectors() map[string]collector {
	return map[string]collector{
		"interfaces":     {collect: watchInterfaces},
		"routes":         {collect: watchRoutes, large: true},
		"prefixes":       {collect: watchPrefixes},
		"leases":         {collect: watchLeases},
		"neighbors":      {collect: watchNeighbors, large: true},
		"bgp":            {collect: watchBGP},
		"advertisements": {collect: watchAdvertisements},
		"routers":        {collect: watchRouters},
		"consumers":      {collect: watchConsumers},
		"vxlans":         {collect: watchVXLANs},
		"pending":        {collect: watchPending},
		"units":          {collect: watchUnits},
		"revisions":      {collect: watchRevisions},
		"mld":            {collect: watchMLD},
		"groups":         {collect: watchGroups, large: true},
		"mroutes":        {collect: watchMroutes, large: true},
	}
}

// steady returns the element without what changes all the time: counters of packets and routes, when the last and the next advertisement
// are sent, or one was heard, and what is left of lifetimes. They are sent as they are when something else changed.
func steady(m *sixfoldv1.WatchResponse) proto.Message {
	switch e := m.GetElement().(type) {
	case *sixfoldv1.WatchResponse_Interface:
		i := proto.Clone(e.Interface).(*sixfoldv1.InterfaceState)
		for _, a := range i.GetAddresses() {
			a.Valid, a.Preferred = nil, nil
		}
		return i
	case *sixfoldv1.WatchResponse_Advertisement:
		a := proto.Clone(e.Advertisement).(*sixfoldv1.Advertisement)
		a.Sent, a.Solicited, a.Errors, a.Last, a.Next, a.RoutesMatched = 0, 0, 0, nil, nil, 0
		return a
	case *sixfoldv1.WatchResponse_Router:
		r := proto.Clone(e.Router).(*sixfoldv1.ForeignRouter)
		r.Last, r.Received, r.Inconsistent = nil, 0, 0
		for _, p := range r.GetPrefixes() {
			p.Last = nil
			if p.GetCountingDown() {
				p.Valid, p.Preferred = nil, nil
			}
		}
		return r
	case *sixfoldv1.WatchResponse_Vxlan:
		v := proto.Clone(e.Vxlan).(*sixfoldv1.VxlanState)
		v.RxPackets, v.TxPackets, v.RxBytes, v.TxBytes, v.RxErrors, v.TxErrors = 0, 0, 0, 0, 0, 0
		v.RxDropped, v.TxDropped = 0, 0
		for _, f := range v.Forwarding {
			f.Age, f.Since = nil, nil
		}
		return v
	}
	return steadyMulticast(m)
}

// elements makes elements of a list.
func elements[T any](list []T, err error, convert func(T) element) ([]element, error) {
	if err != nil {
		return nil, err
	}
	out := make([]element, len(list))
	for i, one := range list {
		out[i] = convert(one)
		out[i].key = clean(out[i].key)
	}
	return out, nil
}

func watchInterfaces(ctx context.Context, s *stateService) ([]element, error) {
	all, names, err := interfacesOf(ctx, s.backend)
	return elements(all, err, func(i router.InterfaceStatus) element {
		return element{i.Name, &sixfoldv1.WatchResponse{Element: &sixfoldv1.WatchResponse_Interface{Interface: interfaceState(i, names)}}}
	})
}

func watchRoutes(ctx context.Context, s *stateService) ([]element, error) {
	all, err := s.backend.Routes(ctx)
	return elements(all, err, func(r router.RouteStatus) element {
		m := routeState(r)
		key := fmt.Sprintf("%d %s %s %d %s %s", m.Table, m.Prefix, m.Source, m.Metric, m.Via, m.Link)
		return element{key, &sixfoldv1.WatchResponse{Element: &sixfoldv1.WatchResponse_Route{Route: m}}}
	})
}

func watchPrefixes(ctx context.Context, s *stateService) ([]element, error) {
	all, err := s.backend.Prefixes(ctx)
	now := time.Now()
	return elements(all, err, func(p plan.Delegated) element {
		return element{p.Name + " " + p.Link, &sixfoldv1.WatchResponse{Element: &sixfoldv1.WatchResponse_Prefix{Prefix: prefixState(p, now)}}}
	})
}

func watchLeases(ctx context.Context, s *stateService) ([]element, error) {
	all, err := s.backend.Leases(ctx)
	now := time.Now()
	return elements(all, err, func(l router.LeaseStatus) element {
		return element{keyIn(l.VRF, l.Prefix.String()), &sixfoldv1.WatchResponse{Element: &sixfoldv1.WatchResponse_Lease{Lease: leaseState(l, now)}}}
	})
}

func watchNeighbors(ctx context.Context, s *stateService) ([]element, error) {
	all, err := s.backend.Neighbors(ctx)
	return elements(all, err, func(n kernel.Neighbor) element {
		return element{n.Link + " " + n.Address.String(), &sixfoldv1.WatchResponse{Element: &sixfoldv1.WatchResponse_Neighbor{Neighbor: neighborEntry(n)}}}
	})
}

// keyIn is the key of what has another of the same name in other instances.
func keyIn(vrf, key string) string {
	if vrf == "" {
		return key
	}
	return key + " " + vrf
}

func watchBGP(ctx context.Context, s *stateService) ([]element, error) {
	speakers, err := s.backend.BGP(ctx)
	var all []element
	for _, speaker := range speakers {
		some, _ := elements(speaker.Neighbors, nil, func(n bgp.NeighborStatus) element {
			m := bgpNeighborState(speaker.VRF, n)
			return element{keyIn(speaker.VRF, n.Neighbor.Name), &sixfoldv1.WatchResponse{Element: &sixfoldv1.WatchResponse_Bgp{Bgp: m}}}
		})
		all = append(all, some...)
	}
	return all, err
}

func watchAdvertisements(ctx context.Context, s *stateService) ([]element, error) {
	all, err := s.backend.Advertisements(ctx)
	if err != nil {
		return nil, err
	}
	list := make([]*sixfoldv1.Advertisement, len(all))
	for i, a := range all {
		list[i] = advertisement(a)
	}
	return elements(list, s.circumstances(ctx, list), func(a *sixfoldv1.Advertisement) element {
		return element{a.GetLink(), &sixfoldv1.WatchResponse{Element: &sixfoldv1.WatchResponse_Advertisement{Advertisement: a}}}
	})
}

func watchRouters(ctx context.Context, s *stateService) ([]element, error) {
	all, _, err := s.backend.Routers(ctx)
	return elements(all, err, func(r ra.RouterStatus) element {
		return element{r.Link + " " + r.State.Router.String(), &sixfoldv1.WatchResponse{Element: &sixfoldv1.WatchResponse_Router{Router: foreignRouter(r)}}}
	})
}

func watchConsumers(ctx context.Context, s *stateService) ([]element, error) {
	all, err := s.backend.Consumers(ctx)
	return elements(all, err, func(c notify.Status) element {
		return element{c.Delegation + "/" + c.Name, &sixfoldv1.WatchResponse{Element: &sixfoldv1.WatchResponse_Consumer{Consumer: consumerState(c)}}}
	})
}

func watchVXLANs(ctx context.Context, s *stateService) ([]element, error) {
	all, err := s.backend.VXLANs(ctx)
	return elements(all, err, func(v router.VXLANStatus) element {
		return element{v.Device.Name, &sixfoldv1.WatchResponse{Element: &sixfoldv1.WatchResponse_Vxlan{Vxlan: vxlanState(v)}}}
	})
}

func watchPending(ctx context.Context, s *stateService) ([]element, error) {
	all, err := s.backend.Pending(ctx)
	return elements(all, err, func(p plan.Pending) element {
		return element{p.What, &sixfoldv1.WatchResponse{Element: &sixfoldv1.WatchResponse_Pending{Pending: pending(p)}}}
	})
}

func watchUnits(ctx context.Context, s *stateService) ([]element, error) {
	all, err := s.backend.Units(ctx)
	return elements(all, err, func(u health.Unit) element {
		return element{u.Name, &sixfoldv1.WatchResponse{Element: &sixfoldv1.WatchResponse_Unit{Unit: unitState(u)}}}
	})
}

func watchRevisions(ctx context.Context, s *stateService) ([]element, error) {
	all, err := s.backend.Revisions(ctx)
	return elements(all, err, func(r revision.Revision) element {
		return element{fmt.Sprint(r.ID), &sixfoldv1.WatchResponse{Element: &sixfoldv1.WatchResponse_Revision{Revision: revisionMessage(r)}}}
	})
}
