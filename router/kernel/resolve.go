package kernel

import (
	"cmp"
	"errors"
	"maps"
	"net/netip"
	"slices"

	"github.com/sixfold-router/sixfold/router/rib"
)

// Reasons why a route cannot be written yet.
var (
	errNoLink    = errors.New("no such link")
	errLinkDown  = errors.New("link is down")
	errNeedLink  = errors.New("a link-local next hop needs a link")
	errNoNextHop = errors.New("neither next hop nor link")
	errFamily    = errors.New("an IPv6 route cannot have an IPv4 next hop")
)

// linkRef is what routes need to know of a link.
type linkRef struct {
	index int32
	up    bool
}

// connected is the on-link prefix of an address.
type connected struct {
	prefix netip.Prefix
	link   int32
}

// resolver finds the link of a route. It is made from a snapshot and not changed.
type resolver struct {
	links     map[string]linkRef
	connected []connected // longest prefix first
}

func newResolver(links Links) resolver {
	r := resolver{links: make(map[string]linkRef, len(links))}
	for name, l := range links {
		r.links[name] = linkRef{int32(l.Index), l.Up}
		if !l.Up {
			continue
		}
		for _, a := range l.Addresses {
			if p := a.Prefix.Masked(); !p.IsSingleIP() && !p.Addr().IsLinkLocalUnicast() {
				r.connected = append(r.connected, connected{p, int32(l.Index)})
			}
		}
	}
	slices.SortFunc(r.connected, func(a, b connected) int {
		return cmp.Or(b.prefix.Bits()-a.prefix.Bits(), a.prefix.Compare(b.prefix), int(a.link-b.link))
	})
	r.connected = slices.Compact(r.connected)
	return r
}

func (r resolver) equal(o resolver) bool {
	return maps.Equal(r.links, o.links) && slices.Equal(r.connected, o.connected)
}

// linkOf returns the link on which a next hop is directly reachable, 0 if only the kernel may know. Writing it into the route
// makes the route move when the prefix moves to another link; the kernel does not look again.
func (r resolver) linkOf(via netip.Addr) int32 {
	for _, c := range r.connected {
		if c.prefix.Contains(via) {
			return c.link
		}
	}
	return 0
}

// route turns a route into the kernel's terms. The error is one of those above.
func (r resolver) route(e rib.Entry) (kroute, error) {
	k := kroute{proto: Protocol(e.Source), kind: e.Route.Kind, metric: e.Route.Metric}
	if k.metric == 0 {
		k.metric = DefaultMetric
	}
	if k.kind != rib.Unicast {
		return k, nil
	}
	name, via := e.Route.Link, e.Route.Via.Unmap()
	if name == "" {
		name = via.Zone()
	}
	k.via, k.src = via.WithZone(""), e.Route.Src
	if k.via.Is4() && e.Route.Prefix.Addr().Is6() {
		return kroute{}, errFamily
	}
	switch {
	case name != "":
		l, ok := r.links[name]
		if !ok {
			return kroute{}, errNoLink
		}
		if !l.up {
			return kroute{}, errLinkDown
		}
		k.link = l.index
	case !k.via.IsValid():
		return kroute{}, errNoNextHop
	case k.via.IsLinkLocalUnicast() && k.via.Is6():
		return kroute{}, errNeedLink
	default:
		k.link = r.linkOf(k.via)
	}
	return k, nil
}
