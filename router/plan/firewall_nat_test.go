package plan_test

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

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
