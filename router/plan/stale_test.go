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

// A prefix that was delegated and is now set by hand is in use: its hosts must not be sent away.
func TestStaticPrefixIsNotStale(t *testing.T) {
	const links = "link wan0 2 fe80::2/64\nlink lan0 3 fe80::3/64\nadvertised - aggregate 2001:980:1::/48 90m isp\n"
	for name, tt := range map[string]struct{ conf, state, want string }{
		"nothing of it":         {`interfaces: {lan0: {addresses: ["2001:980:2::1/64"]}}`, links, "[2001:980:1::/48]"},
		"an address":            {`interfaces: {lan0: {addresses: ["2001:980:1:5::1/64"]}}`, links, "[]"},
		"an address in a VRF":   {`{interfaces: {lan0: {addresses: ["2001:980:1:5::1/64"]}}, vrfs: {blue: {table: 1010, interfaces: [lan0]}}}`, links + "link blue 4\n", "[]"},
		"a route":               {`{interfaces: {lan0: {}}, routes: {"2001:980:1:8000::/49": {via: "fe80::9", interface: lan0}}}`, links, "[]"},
		"a route for all":       {`{interfaces: {wan0: {}}, routes: {"::/0": {via: "fe80::9", interface: wan0}}}`, links, "[2001:980:1::/48]"},
		"a pool":                {`interfaces: {lan0: {addresses: ["2001:980:2::1/64"], dhcpv6: {delegate: {routers: {pool: "2001:980:1:100::/56", length: 60}}}}}`, links, "[]"},
		"an address of others":  {`interfaces: {wan0: {}}`, links + "link eth7 7 2001:980:1:7::1/64\n", "[]"},
		"every address is ours": {`local: ["2001:980:1:9::/64"]`, links, "[]"},
		"its address is still there": {`interfaces: {lan0: {addresses: ["2001:980:2::1/64"]}}`,
			"link lan0 3 fe80::3/64 2001:980:1::1/64\nadvertised - aggregate 2001:980:1::/48 90m isp\n", "[2001:980:1::/48]"},
	} {
		conf, _, err := config.Load("r.yaml", []byte(tt.conf))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		in := plan.Inputs{Config: conf, Links: kernel.Links{}, DUID: []byte{0, 3, 0, 1, 1, 2, 3, 4, 5, 6}, Now: now}
		if err := plantest.State(tt.state, &in); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for n := range in.Links["lan0"].Addresses {
			in.Links["lan0"].Addresses[n].Ours = true
		}
		if got := fmt.Sprint(plan.Make(in).Firewall.Stale); got != tt.want {
			t.Errorf("%s: %s, want %s", name, got, tt.want)
		}
	}
}
