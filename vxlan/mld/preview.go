package mld

import (
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/sixfold-router/sixfold/router/change"
)

// Preview tells what Apply would do, and does nothing. What follows from the state of links alone, such as a new interface index, is
// told by whoever changes the link.
func (m *Manager) Preview(want Config) ([]change.Op, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	have := m.want
	var ops []change.Op
	for _, name := range names(both(have.Links, want.Links)) {
		ops = append(ops, linkOps(name, have.Links[name], want.Links[name])...)
	}
	ops = append(ops, proxyOps(have.Proxy, want.Proxy)...)
	ops = append(ops, routeOps(have.Routes, want.Routes)...)
	for _, name := range names(both(have.Boundaries, want.Boundaries)) {
		if b := want.Boundaries[name]; !reflect.DeepEqual(have.Boundaries[name], b) {
			ops = append(ops, change.Op{Object: name, Action: boundaryText(b)})
		}
	}
	return ops, nil
}

func both[T any](a, b map[string]T) map[string]bool {
	out := map[string]bool{}
	for name := range a {
		out[name] = true
	}
	for name := range b {
		out[name] = true
	}
	return out
}

// linkOps tells what changes on a link.
func linkOps(name string, have, want Link) []change.Op {
	var ops []change.Op
	switch {
	case have.Querier && !want.Querier:
		ops = append(ops, change.Op{Class: change.Delete, Object: name, Action: "stop asking for multicast listeners"})
	case !have.Querier && want.Querier:
		ops = append(ops, change.Op{Object: name, Action: fmt.Sprintf("ask for multicast listeners every %s by MLD version %d", change.Span(want.Timers.QueryInterval), want.Timers.Version)})
	case want.Querier && have.Timers != want.Timers:
		ops = append(ops, change.Op{Object: name, Action: timerText(have.Timers, want.Timers)})
	}
	for _, j := range have.Joins {
		if !slices.Contains(want.Joins, j) {
			ops = append(ops, change.Op{Class: change.Delete, Object: name, Action: "stop listening to " + j.String()})
		}
	}
	for _, j := range want.Joins {
		if !slices.Contains(have.Joins, j) {
			ops = append(ops, change.Op{Object: name, Action: "listen to " + j.String()})
		}
	}
	return ops
}

// timerText tells how timers change.
func timerText(have, want Timers) string {
	var parts []string
	add := func(what string, a, b any) {
		if a != b {
			if d, ok := b.(time.Duration); ok {
				b = change.Span(d)
			}
			parts = append(parts, fmt.Sprintf("change %s to %v", what, b))
		}
	}
	add("MLD version", have.Version, want.Version)
	add("query interval", have.QueryInterval, want.QueryInterval)
	add("query response interval", have.QueryResponse, want.QueryResponse)
	add("last listener query interval", have.LastListener, want.LastListener)
	add("robustness", have.Robustness, want.Robustness)
	add("fast leave", have.FastLeave, want.FastLeave)
	add("limit of groups", have.MaxGroups, want.MaxGroups)
	add("limit of sources", have.MaxSources, want.MaxSources)
	return strings.Join(parts, ", ")
}

const proxyObject = "multicast proxy"

func proxyOps(have, want *Proxy) []change.Op {
	switch {
	case have == nil && want == nil:
		return nil
	case have == nil:
		return []change.Op{{Object: proxyObject, Action: fmt.Sprintf("start from %s to %s", want.Upstream, strings.Join(want.Downstream, ", "))}}
	case want == nil:
		return []change.Op{{
			Class: change.Delete, Object: proxyObject, Action: "stop", Disturbs: "multicast to listeners on " + strings.Join(have.Downstream, ", "),
		}}
	}
	var ops []change.Op
	if have.Upstream != want.Upstream {
		ops = append(ops, change.Op{
			Class: change.Recreate, Object: proxyObject, Action: "listen on " + want.Upstream, Disturbs: "multicast from " + have.Upstream,
		})
	}
	for _, name := range have.Downstream {
		if !slices.Contains(want.Downstream, name) {
			ops = append(ops, change.Op{Class: change.Delete, Object: proxyObject, Action: "leave out " + name, Disturbs: "multicast to listeners on " + name})
		}
	}
	for _, name := range want.Downstream {
		if !slices.Contains(have.Downstream, name) {
			ops = append(ops, change.Op{Object: proxyObject, Action: "serve " + name})
		}
	}
	return ops
}

// routeOps tells how static routes change.
func routeOps(have, want []Route) []change.Op {
	type key struct{ group, source netip.Prefix }
	old := map[key]Route{}
	for _, r := range have {
		old[key{r.Group, r.Source}] = r
	}
	var ops []change.Op
	for _, r := range want {
		k := key{r.Group, r.Source}
		was, known := old[k]
		delete(old, k)
		switch {
		case !known:
			ops = append(ops, change.Op{Object: routeObject(r), Action: "forward " + routeText(r)})
		case !reflect.DeepEqual(was, r):
			ops = append(ops, change.Op{Object: routeObject(r), Action: "forward " + routeText(r) + ", no longer " + routeText(was)})
		}
	}
	for _, r := range have {
		if _, gone := old[key{r.Group, r.Source}]; gone {
			ops = append(ops, change.Op{Class: change.Delete, Object: routeObject(r), Action: "remove", Disturbs: "multicast " + routeText(r)})
		}
	}
	return ops
}

func routeObject(r Route) string { return "multicast route " + r.String() }

func routeText(r Route) string {
	if len(r.Out) == 0 {
		return "from " + r.In + " to nowhere"
	}
	return "from " + r.In + " to " + strings.Join(r.Out, ", ")
}

func boundaryText(b Boundary) string {
	var parts []string
	if b.Scope > 0 {
		parts = append(parts, fmt.Sprintf("groups up to scope %d", b.Scope))
	}
	for _, p := range b.Groups {
		parts = append(parts, p.String())
	}
	if len(parts) == 0 {
		return "let all multicast cross but that of the link"
	}
	return "let no multicast cross of " + strings.Join(parts, ", ")
}
