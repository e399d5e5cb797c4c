package plan_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/sixfold-router/sixfold/router/firewall"
	"github.com/sixfold-router/sixfold/router/plan"
	"github.com/sixfold-router/sixfold/router/plan/plantest"
)

// Each file of testdata/firewall has a configuration and the state of the machine as those of testdata/plan, and the table that
// follows, with what is pending.
func TestPlanFirewall(t *testing.T) {
	plantest.Goldens(t, "testdata/firewall/*.txtar", *update, func(t *testing.T, g *plantest.Golden) {
		made := plan.Make(inputs(t, g))
		var got strings.Builder
		got.WriteString(firewall.Compile(made.Firewall).Text())
		for _, p := range made.Pending {
			if strings.HasPrefix(p.What, "firewall.") {
				fmt.Fprintf(&got, "pending %s: %s\n", p.What, p.Reason)
			}
		}
		g.Expect(t, "table", got.String())
	})
}
