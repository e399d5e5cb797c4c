package plan_test

import (
	"net/netip"
	"testing"

	"github.com/sixfold-router/sixfold/router/config"
	"github.com/sixfold-router/sixfold/router/kernel"
	"github.com/sixfold-router/sixfold/router/plan"
)

// An address that others put on the link is one that moves between routers; one of the configuration, or of the kernel, is ours.
func TestPlanSharedSource(t *testing.T) {
	conf, _, err := config.Load("r.yaml", []byte(`interfaces:
  lan0: {advertise: {source_address: fe80::1}}
  lan1: {addresses: ["fe80::1/64"], advertise: {source_address: fe80::1}}
  lan2: {advertise: {}}
`))
	if err != nil {
		t.Fatal(err)
	}
	links := kernel.Links{}
	for n, name := range []string{"lan0", "lan1", "lan2"} {
		links[name] = kernel.LinkState{Name: name, Index: 2 + n, Up: true, Running: true, Addresses: []kernel.AddressState{
			{Prefix: netip.MustParsePrefix("fe80::1/64"), Ours: name == "lan1"}, {Prefix: netip.MustParsePrefix("fe80::a/64")},
		}}
	}
	got := plan.Make(plan.Inputs{Config: conf, Links: links, Now: now}).RA.Interfaces
	for name, want := range map[string]struct {
		source string
		shared bool
	}{"lan0": {"fe80::1", true}, "lan1": {"fe80::1", false}, "lan2": {"fe80::a", false}} {
		if i := got[name]; i.LinkLocal.String() != want.source || i.SharedSource != want.shared {
			t.Errorf("%s: from %s, shared %v; want %s, %v", name, i.LinkLocal, i.SharedSource, want.source, want.shared)
		}
	}
}
