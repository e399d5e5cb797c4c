package plan_test

import (
	"bufio"
	"fmt"

	"github.com/sixfold-router/sixfold/router/plan"
)

// renderFollow prints what depends on routes, and who else may advertise.
func renderFollow(w *bufio.Writer, p *plan.Plan) {
	for _, name := range sorted(p.DefaultRouters) {
		d := p.DefaultRouters[name]
		switch {
		case d.Reason != "":
			fmt.Fprintf(w, "no default router on %s: %s\n", name, d.Reason)
		case !d.Automatic:
			fmt.Fprintf(w, "default router on %s: %s\n", name, plan.WhileText(d))
		}
	}
	for _, name := range sorted(p.Offers) {
		o := p.Offers[name]
		fmt.Fprintf(w, "offer on %s: %d of %d\n", name, o.Advertised, o.Matched)
	}
	for _, name := range sorted(p.Observe.Links) {
		if o := p.Observing().Links[name]; o.Known != nil {
			fmt.Fprintf(w, "listen on %s%s own %v known %v %v\n", name, show(" compared", o.Ours != nil), o.Own, o.Known.Addresses, o.Known.MACs)
		}
	}
}
