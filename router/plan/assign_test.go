package plan_test

import (
	"bufio"
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"github.com/sixfold-router/sixfold/router/assign"
	"github.com/sixfold-router/sixfold/router/plan"
	"github.com/sixfold-router/sixfold/router/plan/plantest"
)

func renderAssigned(w *bufio.Writer, p *plan.Plan) {
	for _, part := range p.Assigned.Parts {
		fmt.Fprintf(w, "part %s %s: %s\n", plan.PartName(part.Key), assign.Text(part.Subnet), part.Why)
	}
	for _, part := range p.Assigned.Kept {
		fmt.Fprintf(w, "kept %s %s\n", plan.PartName(part.Key), assign.Text(part.Subnet))
	}
}

// What a plan made, the next one keeps, whatever the order of the links.
func TestAssignedPartsAreStable(t *testing.T) {
	conf := plantest.Load(t, `
interfaces:
  wan0: {delegations: {isp: {length: 56}}}
  lan0: {addresses: [isp auto/64]}
  lan1: {addresses: [isp auto/64]}
  vnet*: {addresses: [isp auto/64]}
`)
	in := plan.Inputs{Config: conf, Links: plantest.Links("wan0", "lan0", "lan1", "vnet0", "vnet1"), Now: now, Delegations: plantest.ISP(now, "2001:db8:0:ab00::/56")}
	first := plan.Make(in)
	if len(first.Assigned.Parts) != 4 {
		t.Fatalf("got %v", first.Assigned)
	}
	in.Assigned = first.Assigned
	in.Links = plantest.Links("wan0", "lan0", "lan1", "vnet1", "vnet7")
	next := plan.Make(in)
	for _, p := range first.Assigned.Parts {
		got, ok := next.Assigned.Find(p.Key)
		if p.Name == "vnet0" {
			if ok || !slices.ContainsFunc(next.Assigned.Kept, func(k assign.Part) bool { return k.Key == p.Key }) {
				t.Errorf("the part of the link that went: %v", next.Assigned)
			}
			continue
		}
		if !ok || got.Subnet != p.Subnet {
			t.Errorf("%v was moved to %v", p, got)
		}
	}
	for _, r := range next.Kernel.Links["vnet7"].Addresses {
		if r.Prefix != netip.MustParsePrefix("2001:db8:0:ab04::1/64") {
			t.Errorf("the new link has %v", r)
		}
	}
	in.Delegations = plantest.ISP(now, "2001:db8:5:cd00::/56")
	in.Assigned = next.Assigned
	moved := plan.Make(in)
	if !moved.Assigned.Equal(next.Assigned) {
		t.Errorf("another prefix of the ISP gives other places:\n%v\n%v", next.Assigned, moved.Assigned)
	}
	if got := moved.Kernel.Links["lan1"].Addresses[0].Prefix; got != netip.MustParsePrefix("2001:db8:5:cd01::1/64") {
		t.Errorf("lan1 has %s", got)
	}
	if made := plan.Make(plan.Inputs{Assigned: next.Assigned}); !made.Assigned.Equal(next.Assigned) {
		t.Error("a router without a configuration forgets what was chosen")
	}
}

// A rule for a part without a place waits: it must neither match everything nor count as complete.
func TestRulesWaitForParts(t *testing.T) {
	conf := plantest.Load(t, `
interfaces:
  wan0: {delegations: {isp: {}}}
  lan0: {addresses: [isp auto/64]}
  lan1: {addresses: [isp auto/64]}
firewall:
  zones: {wan: [wan0], lan: [lan0, lan1]}
  address_sets: {first: ["isp auto:lan0/64"], both: ["isp auto:lan0/64", "isp auto:lan1/64"]}
  policies:
    - from: lan
      to: wan
      rules: [{sources: [first], accept: {}}, {sources: [both], accept: {}}, {sources: ["isp auto:lan1/64"], accept: {}}]
      drop: {}
`)
	made := plan.Make(plan.Inputs{Config: conf, Links: plantest.Links("wan0", "lan0", "lan1"), Now: now, Delegations: plantest.ISP(now, "2001:db8:0:1::/64")})
	var got []string
	for _, p := range made.Firewall.Policies {
		for _, r := range p.Rules {
			got = append(got, fmt.Sprintf("%v %v pending %t", r.Sources.Sets, r.Sources.Prefixes, r.Sources.Pending))
		}
	}
	want := []string{"[first] [] pending false", "[both] [] pending true", "[] [] pending true"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	for _, s := range made.Firewall.AddressSets {
		if len(s.Prefixes) != 1 || s.Prefixes[0] != netip.MustParsePrefix("2001:db8:0:1::/64") {
			t.Errorf("set %s has %v", s.Name, s.Prefixes)
		}
	}
}
