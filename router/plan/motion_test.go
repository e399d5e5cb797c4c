package plan_test

import (
	"bufio"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sixfold-router/sixfold/dhcpv6"
	"github.com/sixfold-router/sixfold/dhcpv6/pd"
	"github.com/sixfold-router/sixfold/router/config"
	"github.com/sixfold-router/sixfold/router/kernel"
	"github.com/sixfold-router/sixfold/router/notify"
	"github.com/sixfold-router/sixfold/router/plan"
)

// renderMotion prints what is out of the ordinary of served links when prefixes move, and who is told of delegations.
func renderMotion(w *bufio.Writer, p *plan.Plan) {
	for _, link := range sorted(p.DHCP.Interfaces) {
		in := p.DHCP.Interfaces[link]
		if !in.Reconfigure {
			fmt.Fprintf(w, "serve %s without reconfigure\n", link)
		}
		for _, pool := range in.Delegate {
			if pool.Exclude.IsValid() {
				fmt.Fprintf(w, "serve %s delegate %s without %s\n", link, pool.Name, pool.Exclude)
			}
		}
	}
	for _, c := range p.Consumers.Consumers {
		fmt.Fprintf(w, "consumer %s of %s: %s\n", c.ID(), c.Link, c.Kind())
	}
	for _, name := range sorted(p.Consumers.States) {
		fmt.Fprintf(w, "consumers of %s know of %s\n", name, p.Consumers.States[name].Prefix)
	}
}

// What is cut from a delegation is said to be so, whether that is held or not.
func TestPlanMotion(t *testing.T) {
	conf, _, err := config.Load("test", []byte(`
interfaces:
  wan0: {delegations: {isp: {on_change: {hook: {run: [/hook]}}}}}
  lan0:
    addresses: ["isp ::1/64", "2001:db8:1::1/64"]
    dhcpv6:
      delegate:
        follows: {pool: "isp 0:0:0:80::/57", length: 60, exclude: "::/64"}
        fixed: {pool: "2001:db8:2::/48", length: 60}
      reservations:
        follows: {mac: "52:54:00:d6:c2:a9", prefixes: ["isp 0:0:0:40::/60"]}
        fixed: {mac: "52:54:00:d6:c2:aa", prefixes: ["2001:db8:3::/60"]}
`))
	if err != nil {
		t.Fatal(err)
	}
	link := func(index int, name string) kernel.LinkState {
		return kernel.LinkState{Name: name, Index: index, Running: true, Addresses: []kernel.AddressState{{Prefix: netip.MustParsePrefix("fe80::1/64")}}}
	}
	in := plan.Inputs{Config: conf, Links: kernel.Links{"wan0": link(2, "wan0"), "lan0": link(3, "lan0")}, DUID: []byte{0, 3, 0, 1, 1, 2, 3, 4, 5, 6}, Now: now}
	want := dhcpv6.Follow{Delegate: []string{"follows"}, Reservations: []string{"follows"}}
	waiting := plan.Make(in)
	if diff := cmp.Diff(want, waiting.DHCP.Interfaces["lan0"].Follow); diff != "" {
		t.Errorf("without a delegation (-want +got):\n%s", diff)
	}
	if c := waiting.Consumers; len(c.Consumers) != 1 || len(c.States) != 0 || c.Consumers[0].ID() != "isp/hook" {
		t.Errorf("consumers %+v", c)
	}
	until := now.Add(time.Hour)
	in.Delegations = []pd.Delegation{{Name: "isp", Link: "wan0", Prefix: netip.MustParsePrefix("2001:980::/56"), PreferredUntil: until, ValidUntil: until}}
	held := plan.Make(in)
	served := held.DHCP.Interfaces["lan0"]
	if diff := cmp.Diff(want, served.Follow); diff != "" {
		t.Errorf("with a delegation (-want +got):\n%s", diff)
	}
	if !served.Reconfigure || len(served.Delegate) != 2 || served.Delegate[1].Exclude != netip.MustParsePrefix("::/64") {
		t.Errorf("served %+v", served)
	}
	state := notify.State{Link: "wan0", Prefix: netip.MustParsePrefix("2001:980::/56"), PreferredUntil: until, ValidUntil: until}
	if got := held.Consumers.States["isp"]; got != state {
		t.Errorf("consumers are told of %+v", got)
	}
}
