package kernel

import (
	"cmp"
	"errors"
	"maps"
	"slices"

	"github.com/sixfold-router/sixfold/router/rib"
)

// Reasons why a route cannot be written yet.
var (
	errNoLink    = errors.New("no such link")
	errLinkDown  = errors.New("link is down")
	errLoopback  = errors.New("the loopback lo is down: run ip link set lo up")
	errNeedLink  = errors.New("a link-local next hop needs a link")
	errNoNextHop = errors.New("neither next hop nor link")
	errFamily    = errors.New("an IPv6 route cannot have an IPv4 next hop")
)

// linkRef is what routes need to know of a link.
type linkRef struct {
	index    int32
	up       bool
	loopback bool
	table    uint32 // that its addresses and what comes in by it are looked up in
}

// connected is the on-link prefix of an address, with the table that it is in.
type connected struct {
	rib.Key
	link int32
}

// resolver finds the link of a route. It is made from a snapshot and not changed.
type resolver struct {
	links     map[string]linkRef
	byIndex   map[int32]linkRef
	connected []connected // longest prefix first
	onLink    map[rib.Key]int32
}

func newResolver(links Links) resolver {
	r := resolver{
		links:     make(map[string]linkRef, len(links)),
		byIndex:   make(map[int32]linkRef, len(links)),
		connected: make([]connected, 0, len(links)),
	}
	tables := links.Tables()
	for name, l := range links {
		ref := linkRef{int32(l.Index), l.Up, l.Loopback, tables(l)}
		r.links[name], r.byIndex[ref.index] = ref, ref
		if !l.Up || l.Loopback {
			continue
		}
		for _, a := range l.Addresses {
			if p := a.Prefix.Masked(); !p.IsSingleIP() && !p.Addr().IsLinkLocalUnicast() {
				r.connected = append(r.connected, connected{rib.Key{Table: ref.table, Prefix: p}, int32(l.Index)})
			}
		}
	}
	slices.SortFunc(r.connected, func(a, b connected) int {
		return cmp.Or(b.Prefix.Bits()-a.Prefix.Bits(), a.Compare(b.Key), int(a.link-b.link))
	})
	r.connected = slices.Compact(r.connected)
	r.onLink = make(map[rib.Key]int32, len(r.connected))
	for _, c := range slices.Backward(r.connected) { // of several links the one with the lowest index
		r.onLink[c.Key] = c.link
	}
	return r
}

func (r resolver) equal(o resolver) bool {
	return maps.Equal(r.links, o.links) && slices.Equal(r.connected, o.connected)
}

// tables returns the tables that links have their addresses in, and the main one.
func (r resolver) tables() map[uint32]bool {
	out := map[uint32]bool{rib.MainTable: true}
	for _, l := range r.links {
		out[l.table] = true
	}
	return out
}

// changed returns the indexes of links that are not as they were in old, in both.
func (r resolver) changed(old resolver) map[int32]bool {
	out := map[int32]bool{}
	for name, l := range r.links {
		if was, ok := old.links[name]; !ok || was != l {
			out[l.index] = true
		}
	}
	for name, was := range old.links {
		if l, ok := r.links[name]; !ok || was != l {
			out[was.index] = true
		}
	}
	return out
}

// route turns a route into the kernel's terms. One with a next hop and without a link has still to be resolved; the kernel is
// never left to find the link, because it does not look again when the prefix moves to another. The error is one of those above.
func (r resolver) route(e rib.Entry) (kroute, error) {
	k := kroute{proto: Protocol(e.Source), kind: e.Route.Kind, metric: e.Route.Metric}
	if k.metric == 0 {
		k.metric = DefaultMetric
	}
	if name := e.Route.Link; k.kind == rib.Deliver && name != "" { // the device of a VRF, which is its loopback
		l, ok := r.links[name]
		switch {
		case !ok:
			return kroute{}, errNoLink
		case !l.up:
			return kroute{}, errLinkDown
		}
		k.link = l.index
		return k, nil
	}
	if k.kind == rib.Deliver {
		for _, l := range r.links {
			if l.loopback {
				if k.link = l.index; !l.up {
					return kroute{}, errLoopback
				}
				return k, nil
			}
		}
		return kroute{}, errLoopback
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
	}
	return k, nil
}
