package router

import (
	"bufio"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/sixfold-router/sixfold/dhcpv6/pd"
	"github.com/sixfold-router/sixfold/router/assign"
	"github.com/sixfold-router/sixfold/router/config"
	"github.com/sixfold-router/sixfold/router/kernel"
)

// parseAssigned reads a line of the state: assigned DELEGATION NAME SUBNET, kept likewise (the name - is that of the router), or
// leased PREFIX.
func parseAssigned(f []string, in *Inputs) error {
	if f[0] == "leased" {
		p, err := netip.ParsePrefix(f[1])
		in.Leased = append(in.Leased, p)
		return err
	}
	p, err := netip.ParsePrefix(f[3])
	if err != nil {
		return err
	}
	part := assign.Part{Key: assign.Key{Delegation: f[1], Name: f[2], Bits: p.Bits()}, Subnet: p}
	if part.Name == "-" {
		part.Name = ""
	}
	if f[0] == "kept" {
		in.Assigned.Kept = append(in.Assigned.Kept, part)
	} else {
		in.Assigned.Parts = append(in.Assigned.Parts, part)
	}
	return nil
}

func renderAssigned(w *bufio.Writer, p *Plan) {
	for _, part := range p.Assigned.Parts {
		fmt.Fprintf(w, "part %s %s: %s\n", partName(part.Key), assign.Text(part.Subnet), part.Why)
	}
	for _, part := range p.Assigned.Kept {
		fmt.Fprintf(w, "kept %s %s\n", partName(part.Key), assign.Text(part.Subnet))
	}
}

// What a plan made, the next one keeps, whatever the order of the links.
func TestAssignedPartsAreStable(t *testing.T) {
	conf := load(t, `
interfaces:
  wan0: {delegations: {isp: {length: 56}}}
  lan0: {addresses: [isp auto/64]}
  lan1: {addresses: [isp auto/64]}
  vnet*: {addresses: [isp auto/64]}
`)
	in := Inputs{Config: conf, Links: running("wan0", "lan0", "lan1", "vnet0", "vnet1"), Now: now, Delegations: heldISP("2001:db8:0:ab00::/56")}
	first := MakePlan(in)
	if len(first.Assigned.Parts) != 4 {
		t.Fatalf("got %v", first.Assigned)
	}
	in.Assigned = first.Assigned
	in.Links = running("wan0", "lan0", "lan1", "vnet1", "vnet7")
	next := MakePlan(in)
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
	in.Delegations = heldISP("2001:db8:5:cd00::/56")
	in.Assigned = next.Assigned
	moved := MakePlan(in)
	if !moved.Assigned.Equal(next.Assigned) {
		t.Errorf("another prefix of the ISP gives other places:\n%v\n%v", next.Assigned, moved.Assigned)
	}
	if got := moved.Kernel.Links["lan1"].Addresses[0].Prefix; got != netip.MustParsePrefix("2001:db8:5:cd01::1/64") {
		t.Errorf("lan1 has %s", got)
	}
	if plan := MakePlan(Inputs{Assigned: next.Assigned}); !plan.Assigned.Equal(next.Assigned) {
		t.Error("a router without a configuration forgets what was chosen")
	}
}

func load(t testing.TB, text string) *config.Config {
	t.Helper()
	conf, _, err := config.Load("test.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return conf
}

// running makes links that run, each with a link-local address.
func running(names ...string) kernel.Links {
	out := kernel.Links{}
	for i, name := range names {
		local := netip.MustParsePrefix(fmt.Sprintf("fe80::%x/64", i+2))
		out[name] = kernel.LinkState{Name: name, Index: i + 2, Up: true, Running: true, MTU: 1500, Addresses: []kernel.AddressState{{Prefix: local}}}
	}
	return out
}

// heldISP is a delegation isp on wan0.
func heldISP(prefix string) []pd.Delegation {
	return []pd.Delegation{{
		Name: "isp", Link: "wan0", Prefix: netip.MustParsePrefix(prefix), PreferredUntil: now.Add(time.Hour), ValidUntil: now.Add(2 * time.Hour),
	}}
}

// A rule for a part without a place waits: it must neither match everything nor count as complete.
func TestRulesWaitForParts(t *testing.T) {
	conf := load(t, `
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
	plan := MakePlan(Inputs{Config: conf, Links: running("wan0", "lan0", "lan1"), Now: now, Delegations: heldISP("2001:db8:0:1::/64")})
	var got []string
	for _, p := range plan.Firewall.Policies {
		for _, r := range p.Rules {
			got = append(got, fmt.Sprintf("%v %v pending %t", r.Sources.Sets, r.Sources.Prefixes, r.Sources.Pending))
		}
	}
	want := []string{"[first] [] pending false", "[both] [] pending true", "[] [] pending true"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	for _, s := range plan.Firewall.AddressSets {
		if len(s.Prefixes) != 1 || s.Prefixes[0] != netip.MustParsePrefix("2001:db8:0:1::/64") {
			t.Errorf("set %s has %v", s.Name, s.Prefixes)
		}
	}
}
