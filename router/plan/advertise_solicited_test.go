package plan_test

import (
	"net/netip"
	"testing"

	"github.com/sixfold-router/sixfold/router/config"
	"github.com/sixfold-router/sixfold/router/kernel"
	"github.com/sixfold-router/sixfold/router/plan"
)

// How solicitations are answered reaches the sender.
func TestPlanSolicited(t *testing.T) {
	conf, _, err := config.Load("r.yaml", []byte(`interfaces:
  lab0: {advertise: {solicited: immediate, solicit_rate: 5000}}
  lan0: {advertise: {solicited: random_delay}}
`))
	if err != nil {
		t.Fatal(err)
	}
	links := kernel.Links{}
	for n, name := range []string{"lab0", "lan0"} {
		links[name] = kernel.LinkState{Name: name, Index: 2 + n, Up: true, Running: true, Addresses: []kernel.AddressState{{Prefix: netip.MustParsePrefix("fe80::1/64")}}}
	}
	got := plan.Make(plan.Inputs{Config: conf, Links: links, Now: now}).RA.Interfaces
	if lab := got["lab0"]; lab.RandomDelay || lab.SolicitRate != 5000 {
		t.Errorf("lab0: %+v", lab)
	}
	if lan := got["lan0"]; !lan.RandomDelay || lan.SolicitRate != 0 {
		t.Errorf("lan0: %+v", lan)
	}
}
