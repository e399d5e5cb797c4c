package plan_test

import (
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/sixfold-router/sixfold/router/plan"
)

// renderMulticast writes who is asked for listeners, what is forwarded.
func renderMulticast(w io.Writer, p *plan.Plan) {
	for _, name := range slices.Sorted(maps.Keys(p.MLD.Links)) {
		l := p.MLD.Links[name]
		fmt.Fprintf(w, "multicast %s%s%s%s%s\n", name, show(" index", l.Index), show(" down", l.Index != 0 && !l.Running), show(" querier", l.Querier), show(" kernel", l.Kernel))
		if l.Querier {
			t := l.Timers
			fmt.Fprintf(w, "  from %s version %d every %v response %v last %v robustness %d groups %d sources %d%s\n", l.LinkLocal, t.Version,
				t.QueryInterval, t.QueryResponse, t.LastListener, t.Robustness, t.MaxGroups, t.MaxSources, show(" fast leave", t.FastLeave))
		}
		for _, prefix := range l.Prefixes {
			fmt.Fprintf(w, "  prefix %s\n", prefix)
		}
		for _, j := range l.Joins {
			fmt.Fprintf(w, "  join %s\n", j)
		}
	}
	if x := p.MLD.Proxy; x != nil {
		fmt.Fprintf(w, "multicast proxy %s to %v\n", x.Upstream, x.Downstream)
	}
	for _, r := range p.MLD.Routes {
		fmt.Fprintf(w, "multicast route %s from %s to %v\n", r, r.In, r.Out)
	}
	for _, name := range slices.Sorted(maps.Keys(p.MLD.Boundaries)) {
		b := p.MLD.Boundaries[name]
		fmt.Fprintf(w, "multicast boundary %s scope %d %v\n", name, b.Scope, b.Groups)
	}
}
