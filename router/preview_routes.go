package router

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/sixfold-router/sixfold/router/change"
	"github.com/sixfold-router/sixfold/router/kernel"
	"github.com/sixfold-router/sixfold/router/plan"
	"github.com/sixfold-router/sixfold/router/rib"
)

// previewRoutes tells how the routes that follow from the plan itself change, if the links are as in before and become after.
// Connected ones are of the kernel: what somebody else's address has, we take notice of or forget, and change nothing.
func previewRoutes(table *rib.Table, p *plan.Plan, before, after kernel.Links) []change.Op {
	planned := map[rib.Source][]rib.Route{
		rib.Connected: p.Connected, rib.Static: p.Static, rib.Local: p.Local, rib.Aggregate: p.Aggregate, rib.Withdrawn: p.Withdrawn,
	}
	want := map[rib.Source]map[rib.Key]rib.Route{}
	keep := map[rib.Key]bool{} // prefixes that keep some route
	for src, routes := range planned {
		want[src] = map[rib.Key]rib.Route{}
		for _, r := range routes {
			r.Prefix, r.Table = r.Key().Prefix, r.Key().Table
			want[src][r.Key()] = r
			keep[r.Key()] = true
		}
	}
	type step struct {
		key rib.Key
		src rib.Source
		op  change.Op
	}
	var steps []step
	add := func(src rib.Source, r rib.Route, op change.Op) {
		op.Object = routeObject(r)
		steps = append(steps, step{r.Key(), src, op})
	}
	had, stays := hasConnected(before), hasConnected(after)
	for _, e := range table.Entries(func(src rib.Source) bool { return want[src] != nil }) {
		next, ok := want[e.Source][e.Route.Key()]
		delete(want[e.Source], e.Route.Key())
		switch {
		case !ok && e.Source == rib.Connected && stays(e.Route):
		case !ok:
			op := change.Op{Class: change.Delete, Action: fmt.Sprintf("remove the %s route%s", e.Source, way(e.Route))}
			if !keep[e.Route.Key()] && e.Route.Kind == rib.Unicast && !otherSource(table, e, want) {
				op.Disturbs = "forwarding to " + e.Route.Prefix.String()
				if e.Route.Link != "" {
					op.Links = []string{e.Route.Link}
				}
			}
			add(e.Source, e.Route, op)
		case next != e.Route:
			add(e.Source, next, change.Op{Action: fmt.Sprintf("change the %s route to be%s", e.Source, cmp.Or(strings.TrimPrefix(way(next), ","), " direct"))})
		}
	}
	for src, routes := range want {
		for _, r := range routes {
			if src == rib.Connected && had(r) {
				continue
			}
			add(src, r, change.Op{Action: fmt.Sprintf("add the %s route%s", src, way(r))})
		}
	}
	// Additions first: that is how a prefix keeps a route throughout.
	slices.SortFunc(steps, func(a, b step) int {
		return cmp.Or(cmp.Compare(a.op.Class, b.op.Class), a.key.Compare(b.key), cmp.Compare(a.src, b.src))
	})
	ops := make([]change.Op, 0, len(steps))
	for _, s := range steps {
		ops = append(ops, s.op)
	}
	return ops
}

// hasConnected says of connected routes whether the kernel has them, with links like these.
func hasConnected(links kernel.Links) func(rib.Route) bool {
	tables := links.Tables()
	return func(r rib.Route) bool {
		l, ok := links[r.Link]
		return ok && l.Running && tables(l) == r.Key().Table && slices.ContainsFunc(l.Addresses, func(a kernel.AddressState) bool {
			return a.Prefix.Masked() == r.Key().Prefix
		})
	}
}

// otherSource reports whether a source that is not planned has a route of the same prefix.
func otherSource[V any](table *rib.Table, e rib.Entry, planned map[rib.Source]V) bool {
	return slices.ContainsFunc(table.Covering(e.Route.Key().Table, e.Route.Prefix), func(o rib.Entry) bool {
		_, ok := planned[o.Source]
		return !ok && o.Route.Key() == e.Route.Key()
	})
}

func routeObject(r rib.Route) string {
	if t := r.Key().Table; t != rib.MainTable {
		return fmt.Sprintf("%s table %d", r.Prefix, t)
	}
	return r.Prefix.String()
}

// way is what a route says beyond its prefix, in the words of ip route.
func way(r rib.Route) string {
	r.Table = 0
	text := strings.Replace(r.String(), r.Prefix.String(), "", 1)
	if r.Kind != rib.Unicast {
		return ", " + r.Kind.String() + strings.TrimPrefix(text, r.Kind.String()+" ")
	}
	return text
}

// hasLinkLocal says of links whether BGP could have a session over them.
func hasLinkLocal(links kernel.Links) func(string) bool {
	return func(link string) bool {
		return slices.ContainsFunc(links[link].Addresses, func(a kernel.AddressState) bool {
			return a.Prefix.Addr().Is6() && a.Prefix.Addr().IsLinkLocalUnicast()
		})
	}
}
