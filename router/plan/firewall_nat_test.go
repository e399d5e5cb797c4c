package plan_test

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sixfold-router/sixfold/dhcpv6/pd"
	"github.com/sixfold-router/sixfold/router/config"
	"github.com/sixfold-router/sixfold/router/kernel"
	"github.com/sixfold-router/sixfold/router/plan"
)

// TestPlanOfTranslationsKeepsWhatIsConfigured: while a delegation is waited for, people see what is to come of it.
func TestPlanOfTranslationsKeepsWhatIsConfigured(t *testing.T) {
	const text = `
interfaces:
  wan0: {delegations: {isp: {length: 56}}}
  lan0: {addresses: ["fd00::1/64"]}
firewall:
  zones: {wan: [wan0], lan: [lan0]}
  masquerade: {lab: {from: "isp 0:0:0:5::/64", out: wan}}
  translate: {office: {inside: "fd00:1::/64", outside: "isp 0:0:0:9::/64", out: wan}}
  forwards:
    web: {in: wan, address: "isp ::1", ports: [443], to: "fd00::80"}
    mail: {in: wan, ports: [25], to: "isp 0:0:0:1::25"}
`
	conf, _, err := config.Load("test.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	f := plan.Make(plan.Inputs{Config: conf, Links: kernel.Links{}, DUID: []byte{0, 3, 0, 1, 1, 2, 3, 4, 5, 6}, Now: now}).Firewall
	var got []string
	say := func(waits bool, format string, args ...any) {
		got = append(got, fmt.Sprintf("%t ", waits)+fmt.Sprintf(format, args...))
	}
	for _, m := range f.Masquerades {
		say(!m.From.IsValid(), "%s from %s", m.Name, m.Text)
	}
	for _, n := range f.Translations {
		say(n.Inside != netip.MustParsePrefix("fd00:1::/64") || !n.Outside.IsValid(), "%s from %s to %s", n.Name, n.InsideText, n.OutsideText)
	}
	for _, n := range f.Forwards {
		say(!n.To.IsValid(), "%s from %q to %s", n.Name, n.AddressText, n.ToText)
	}
	want := []string{
		"true lab from isp 0:0:0:5::/64", "true office from fd00:1::/64 to isp 0:0:0:9::/64", `true mail from "" to isp 0:0:0:1::25`, `true web from "isp ::1" to fd00::80`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

// While the server lets a former prefix run out, translation knows what was in it too; afterwards it is forgotten.
func TestTranslationOfFormerPrefixes(t *testing.T) {
	conf, _, err := config.Load("test", []byte(`
interfaces:
  wan0: {delegations: {isp: {}}}
  lan0: {addresses: ["isp ::1/64", "fd00::1/64"]}
firewall:
  zones: {wan: [wan0], lan: [lan0]}
  translate: {lab: {inside: "fd00::/64", outside: "isp 0:0:0:5::/64", out: wan}}
  masquerade: {hosts: {from: "isp 0:0:0:6::/64", out: wan}}
  forwards: {web: {in: wan, address: "isp ::1", protocols: [tcp], ports: [80], to: "fd00::2"}}
`))
	if err != nil {
		t.Fatal(err)
	}
	in := plan.Inputs{Config: conf, Links: kernel.Links{"wan0": {Name: "wan0", Index: 2, Running: true}, "lan0": {Name: "lan0", Index: 3, Running: true}}, Now: now}
	in.Delegations = []pd.Delegation{{
		Name: "isp", Link: "wan0", Prefix: netip.MustParsePrefix("2001:db8:2::/48"), PreferredUntil: now.Add(time.Hour), ValidUntil: now.Add(time.Hour),
		Former: []pd.Former{{Prefix: netip.MustParsePrefix("2001:db8:1::/48"), ValidUntil: now.Add(time.Minute)}},
	}}
	for _, step := range []struct {
		after                 time.Duration
		outside, from, former string
	}{
		{0, "[2001:db8:1:5::/64]", "[2001:db8:1:6::/64]", "[2001:db8:1::1]"},
		{time.Minute, "[]", "[]", "[]"},
	} {
		in.Now = now.Add(step.after)
		f := plan.Make(in).Firewall
		if got := f.Translations[0]; got.Outside != netip.MustParsePrefix("2001:db8:2:5::/64") || fmt.Sprint(got.FormerOutside) != step.outside || len(got.FormerInside) > 0 {
			t.Errorf("after %v: %+v", step.after, got)
		}
		if got := f.Masquerades[0]; got.From != netip.MustParsePrefix("2001:db8:2:6::/64") || fmt.Sprint(got.FormerFrom) != step.from {
			t.Errorf("after %v: %+v", step.after, got)
		}
		if got := f.Forwards[0]; got.Address != netip.MustParseAddr("2001:db8:2::1") || fmt.Sprint(got.Former) != step.former {
			t.Errorf("after %v: %+v", step.after, got)
		}
	}
}
