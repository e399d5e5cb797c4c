package plan_test

import (
	"fmt"
	"testing"

	"github.com/sixfold-router/sixfold/router/config"
	"github.com/sixfold-router/sixfold/router/kernel"
	"github.com/sixfold-router/sixfold/router/plan"
	"github.com/sixfold-router/sixfold/router/plan/plantest"
)

func TestStaleSourcesArePlanned(t *testing.T) {
	conf, _, err := config.Load("r.yaml", []byte(`interfaces: {wan0: {delegations: {isp: {length: 48}}}, lan0: {addresses: ["isp ::1/64"], advertise: {}}}`))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ state, want string }{
		{"delegation isp wan0 2001:980:2::/48 30m 60m", "[2001:980:1::/48]"},
		{"delegation isp wan0 2001:980:2::/48 30m 60m\nformer 2001:980:1::/48 0s 600s", "[]"},
		{"delegation isp wan0 2001:980:1:100::/56 30m 60m", "[]"}, // the same, and smaller
		{"", "[2001:980:1::/48]"},
	} {
		in := plan.Inputs{Config: conf, Links: kernel.Links{}, DUID: []byte{0, 3, 0, 1, 1, 2, 3, 4, 5, 6}, Now: now}
		state := "link wan0 2 fe80::2/64\nlink lan0 3 fe80::3/64\n" + tt.state + "\nadvertised - aggregate 2001:980:1::/48 90m isp"
		if err := plantest.State(state, &in); err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(plan.Make(in).Firewall.Stale); got != tt.want {
			t.Errorf("with %q: %s, want %s", tt.state, got, tt.want)
		}
	}
}
