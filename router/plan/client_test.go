package plan_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sixfold-router/sixfold/dhcpv6/pd"
	"github.com/sixfold-router/sixfold/router/config"
	"github.com/sixfold-router/sixfold/router/kernel"
	"github.com/sixfold-router/sixfold/router/plan"
	"github.com/sixfold-router/sixfold/router/plan/plantest"
)

// clientWords prints what is configured of a client.
func clientWords(u pd.Uplink) string {
	out := show(" information", u.Stateless)
	if !u.Reconfigure {
		out += " no Reconfigure"
	}
	if u.DUID != nil {
		out += fmt.Sprintf(" duid %x", u.DUID)
	}
	if len(u.Request) > 0 {
		out += fmt.Sprintf(" asks for %v", u.Request)
	}
	for _, o := range u.Send {
		out += fmt.Sprintf(" sends %d:%x", o.Code, o.Data)
	}
	return out
}

// An identifier of 0 is as good as another: the client of many routers has it, and their servers know it.
func TestIAID(t *testing.T) {
	conf, _, err := config.Load("r.yaml", []byte(`interfaces: {wan0: {delegations: {derived: {}, given: {iaid: 7}, zero: {iaid: 0}}}}`))
	if err != nil {
		t.Fatal(err)
	}
	in := plan.Inputs{Config: conf, Links: kernel.Links{}, DUID: []byte{0, 3, 0, 1, 1, 2, 3, 4, 5, 6}, Now: now}
	if err := plantest.State("link wan0 2 fe80::2/64", &in); err != nil {
		t.Fatal(err)
	}
	got := map[string]uint32{}
	for _, ia := range plan.Make(in).PD.Uplinks["wan0"].Prefixes {
		got[ia.Name] = ia.IAID
	}
	if diff := cmp.Diff(map[string]uint32{"derived": pd.DeriveIAID("wan0", "derived"), "given": 7, "zero": 0}, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}
