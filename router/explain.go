package router

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/sixfold-router/sixfold/bgp"
	"github.com/sixfold-router/sixfold/dhcpv6/lease"
	"github.com/sixfold-router/sixfold/ra"
	"github.com/sixfold-router/sixfold/router/explain"
	"github.com/sixfold-router/sixfold/router/plan"
	"github.com/sixfold-router/sixfold/router/rib"
)

// Explain tells all that is known of an address, a prefix, a MAC address or a name, as a tree of checks. What cannot be explained
// is a *SubjectError.
// It is looked for in a VRF; without one, in the default instance, and a name that this does not have in all.
func (r *Router) Explain(ctx context.Context, vrf, text string) (explain.Explanation, error) {
	all, err := r.view(ctx)
	if err != nil {
		return explain.Explanation{}, err
	}
	if text, err = all.Literal(text); err != nil {
		return explain.Explanation{}, err
	}
	s, err := explain.Parse(text)
	if err != nil {
		return explain.Explanation{}, err
	}
	n, v, s, err := r.locate(all, vrf, s)
	if err != nil {
		return explain.Explanation{}, err
	}
	if err := r.gather(ctx, n, &v, s); err != nil {
		return explain.Explanation{}, fmt.Errorf("explain %s: %w", s, err)
	}
	return explain.Of(v, s.Kind+" "+s.String())
}

// view has what is small, whatever the subject is.
func (r *Router) view(ctx context.Context) (explain.View, error) {
	v := explain.View{Now: time.Now(), Links: r.monitor.Links(), FIB: map[rib.Key]explain.FIBOutcome{}, Told: map[string][]bgp.Path{}}
	r.mu.Lock()
	v.Config, v.Plan = r.conf.Config, r.plan
	r.mu.Unlock()
	v.Config = plan.Expand(v.Config, v.Links)
	var err error
	if v.Units, err = r.Units(ctx); err != nil {
		return v, err
	}
	if v.Prefixes, err = r.Prefixes(ctx); err != nil {
		return v, err
	}
	if v.Drift, err = r.Drift(ctx); err != nil && !errors.Is(err, errors.ErrUnsupported) {
		return v, err
	}
	v.Consumers = r.notify.Status()
	v.RA, v.Routers = r.ra.Status(), r.observer.Routers()
	slices.SortFunc(v.RA, func(a, b ra.Status) int { return a.Interface.Index - b.Interface.Index })
	return v, nil
}

// gather looks up what the subject needs. Tables that may be large are asked for single entries.
func (r *Router) gather(ctx context.Context, n *instance, v *explain.View, s explain.Subject) error {
	if s.Kind == explain.KindAddress && s.Addr.IsMulticast() {
		v.Multicast = r.multicast()
	}
	if v.Plan != nil && len(v.Plan.VXLAN.Devices) > 0 {
		switch s.Kind {
		case explain.KindAddress, explain.KindPrefix, explain.KindMAC, explain.KindInterface:
			v.VXLAN = r.vxlan.Status()
		}
	}
	if s.Kind == explain.KindInterface {
		var err error
		if v.Devices, err = r.devices.Status(); err != nil {
			return err
		}
	}
	switch s.Kind {
	case explain.KindDelegation, explain.KindConsumer, explain.KindUnit:
	default:
		var err error
		if v.Neighbors, err = r.monitor.Neighbors(ctx); err != nil {
			return err
		}
	}
	switch s.Kind {
	case explain.KindAddress:
		v.Leases = n.leasesFor(netip.PrefixFrom(s.Addr.WithZone(""), s.Addr.BitLen()))
		return r.gatherPrefix(ctx, n, v, s.Addr, netip.PrefixFrom(s.Addr.WithZone(""), s.Addr.BitLen()))
	case explain.KindPrefix:
		v.Leases = n.leasesFor(s.Prefix)
		return r.gatherPrefix(ctx, n, v, s.Prefix.Addr(), s.Prefix)
	case explain.KindMAC, explain.KindReservation:
		v.Leases = n.dhcp.Leases()
	case explain.KindPool:
		v.DHCP = n.dhcp.Status()
	case explain.KindInterface:
		v.DHCP = n.dhcp.Status()
		// Any global address tells by which route the rest of the world is reached.
		return r.match(ctx, n, v, netip.MustParseAddr("2000::"))
	case explain.KindDelegation:
		for _, p := range v.Prefixes {
			if p.Name == s.Name && p.Delegation != nil {
				return r.gatherPrefix(ctx, n, v, p.Delegation.Prefix.Addr(), p.Delegation.Prefix)
			}
		}
	case explain.KindNeighbor:
		v.BGP = n.bgp.Status()
		if v.Plan == nil {
			return nil
		}
		if x, ok := v.Plan.BGP.Neighbors[s.Name]; ok {
			return r.gatherWay(ctx, n, v, x.Address, netip.PrefixFrom(x.Address.WithZone(""), x.Address.BitLen()))
		}
	}
	return nil
}

// leasesFor returns the leases of what contains p, and if p is a link-local address those of that client.
func (n *instance) leasesFor(p netip.Prefix) []lease.Lease {
	if p.Addr().IsLinkLocalUnicast() {
		return slices.DeleteFunc(n.dhcp.Leases(), func(l lease.Lease) bool { return l.Client != p.Addr() })
	}
	var out []lease.Lease
	for bits := p.Bits(); bits >= 0; bits-- {
		if l, ok := n.store.ByPrefix(netip.PrefixFrom(p.Addr(), bits).Masked()); ok {
			out = append(out, l)
		}
	}
	return out
}

// maxTold bounds how much work it may be to ask what neighbors are told: GoBGP goes through all its paths for each neighbor, and
// does nothing else meanwhile.
const maxTold = 100_000

// gatherPrefix looks up the way to a prefix, and what BGP neighbors have to do with it.
func (r *Router) gatherPrefix(ctx context.Context, n *instance, v *explain.View, a netip.Addr, p netip.Prefix) error {
	if err := r.gatherWay(ctx, n, v, a, p); err != nil || a.IsLinkLocalUnicast() || a.IsMulticast() {
		return err
	}
	v.BGP = n.bgp.Status()
	if !v.BGP.Running {
		return nil
	}
	total := uint64(len(v.BGP.Neighbors))
	for _, x := range v.BGP.Neighbors {
		total += x.Accepted * uint64(len(v.BGP.Neighbors))
	}
	v.TooLarge = total > maxTold
	seen := map[netip.Prefix]bool{}
	for _, e := range explain.Covering(v.Routes, p) {
		prefix := e.Route.Prefix
		if seen[prefix] {
			continue
		}
		seen[prefix] = true
		paths, err := r.BGPPaths(ctx, n.name, bgp.PathFilter{Prefix: prefix})
		if err != nil {
			return err
		}
		v.Paths = append(v.Paths, paths...)
		for _, x := range v.BGP.Neighbors {
			if x.State != "established" || v.TooLarge || len(v.Told[x.Neighbor.Name]) > 0 {
				continue // the longest prefix is enough
			}
			told, err := n.bgp.Paths(ctx, bgp.PathFilter{Prefix: prefix, Neighbor: x.Neighbor.Name, Advertised: true})
			if err != nil {
				// The session ended a moment ago: nobody is told.
				continue
			}
			v.Told[x.Neighbor.Name] = append(v.Told[x.Neighbor.Name], told...)
		}
	}
	return nil
}

// gatherWay looks up the routes that cover p, and those to the next hops that are not on a link.
func (r *Router) gatherWay(ctx context.Context, n *instance, v *explain.View, a netip.Addr, p netip.Prefix) error {
	for range explain.MaxHops + 1 {
		if err := r.match(ctx, n, v, a); err != nil {
			return err
		}
		list := r.table.Covering(n.routes.Number(), p)
		for _, e := range list {
			key := e.Route.Key()
			if _, known := v.FIB[key]; known {
				continue
			}
			if best, ok := r.table.Best(key); ok {
				o := explain.FIBOutcome{Installed: r.fib.Installed(key)}
				if !o.Installed && best.Source != rib.Connected {
					o.Reason = r.fib.Reason(key)
				}
				v.FIB[key] = o
			}
			for _, same := range list {
				if same.Route.Prefix == e.Route.Prefix {
					v.Routes = append(v.Routes, same)
				}
			}
		}
		if len(list) == 0 || list[0].Route.Link != "" || !list[0].Route.Via.IsValid() {
			return nil
		}
		a = list[0].Route.Via
		p = netip.PrefixFrom(a, a.BitLen())
	}
	return nil
}

// match adds the route by which the kernel reaches an address.
func (r *Router) match(ctx context.Context, n *instance, v *explain.View, a netip.Addr) error {
	k, ok, err := r.monitor.MatchIn(ctx, n.name, a)
	if ok {
		v.Kernel = append(v.Kernel, k)
	}
	return err
}

// multicast has what is known of groups.
func (r *Router) multicast() explain.MulticastView {
	return explain.MulticastView{Links: r.mld.Links(), Groups: r.mld.Groups(), Routes: r.mld.Routes()}
}

// locate finds the instance that a subject is to be explained in, and returns the view of it.
func (r *Router) locate(all explain.View, vrf string, s explain.Subject) (*instance, explain.View, explain.Subject, error) {
	places := r.everywhere()
	switch {
	case vrf != "":
		n, err := r.instance(vrf)
		if err != nil {
			return nil, explain.View{}, s, &explain.SubjectError{Subject: s.String(), Reason: err.Error()}
		}
		places = []*instance{n}
	case s.Kind == explain.KindAddress && s.Addr.Zone() != "":
		table := all.Links.Table(s.Addr.Zone())
		if at := slices.IndexFunc(places, func(n *instance) bool { return n.routes.Number() == table }); at >= 0 {
			places = places[at : at+1]
		}
	case s.Kind == explain.KindAddress || s.Kind == explain.KindPrefix:
		places = places[:1]
	}
	var first error
	for _, n := range places {
		v := all.Within(n.name, n.routes.Number())
		found, err := v.Identify(s)
		if err == nil {
			return n, v, found, nil
		}
		if first == nil {
			first = err
		}
	}
	return nil, explain.View{}, s, first
}
