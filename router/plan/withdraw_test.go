package plan_test

import (
	"bufio"
	"fmt"

	"github.com/sixfold-router/sixfold/router/plan"
)

// renderWithdrawn prints what is withdrawn.
func renderWithdrawn(w *bufio.Writer, p *plan.Plan) {
	for _, name := range sorted(p.Advertised) {
		for _, e := range p.Advertised[name].Withdrawn {
			fmt.Fprintf(w, "withdrawn %s %s on %q until %v: %s\n", e.Kind, e.Prefix, name, e.Until.Sub(now), e.Reason)
		}
	}
}
