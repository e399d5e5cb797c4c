package kernel

import (
	"errors"
	"maps"

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

// resolver finds the link of a route. It is made from a snapshot and not changed.
type resolver struct {
	from    Links // the snapshot
	links   map[string]linkRef
	byIndex map[int32]linkRef
	onLink  map[rib.Key]int32 // the link of each connected prefix; of several the one with the lowest index
}

func newResolver(links Links) resolver {
	r := resolver{
		from:    links,
		links:   make(map[string]linkRef, len(links)),
		byIndex: make(map[int32]linkRef, len(links)),
		onLink:  make(map[rib.Key]int32, len(links)),
	}
	tables := links.Tables()
	for name, l := range links {
		ref := linkRef{int32(l.Index), l.Up, l.Loopback, tables(l)}
		r.links[name], r.byIndex[ref.index] = ref, ref
		if !l.Up || l.Loopback {
			continue
		}
		for _, a := range l.Addresses {
			p := a.Prefix.Masked()
			if p.IsSingleIP() || p.Addr().IsLinkLocalUnicast() {
				continue
			}
			k := rib.Key{Table: ref.table, Prefix: p}
			if other, ok := r.onLink[k]; !ok || ref.index < other {
				r.onLink[k] = ref.index
			}
		}
	}
	return r
}

// stands reports whether nothing happened to any link since the snapshot that r was made of.
func (r resolver) stands(links Links) bool {
	if sameMap(links, r.from) {
		return true
	}
	if len(links) != len(r.from) {
		return false
	}
	for name, l := range links {
		if was, ok := r.from[name]; !ok || !was.untouched(l) {
			return false
		}
	}
	return true
}

func (r resolver) equal(o resolver) bool {
	return maps.Equal(r.links, o.links) && maps.Equal(r.onLink, o.onLink)
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
