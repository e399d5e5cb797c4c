package explain

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sixfold-router/sixfold/router/config"
	"github.com/sixfold-router/sixfold/router/kernel"
	"github.com/sixfold-router/sixfold/router/plan"
	"github.com/sixfold-router/sixfold/router/plan/plantest"
	"github.com/sixfold-router/sixfold/router/rib"
)

func TestExplainVRFs(t *testing.T) {
	conf, _, err := config.Load("test.yaml", []byte(`
interfaces:
  em0: {addresses: ["2001:db8:e::1/64"]}
  eth1: {}
  eth2: {}
management: {interfaces: [em0], dns: ["2001:db8:e::53"], services: [ssh.service], routes: {"::/0": {via: "2001:db8:e::2"}}}
vrfs:
  red: {table: 10, interfaces: [eth1, eth2, "vnet*"]}
`))
	if err != nil {
		t.Fatal(err)
	}
	in := plan.Inputs{Config: conf, Links: kernel.Links{}}
	state := "link mgmt 9 kind=vrf ours table=1001\nlink em0 2 master=9 fe80::2/64 2001:db8:e::1/64\n" +
		"link red 8 kind=vrf ours table=10\nlink eth1 3\nlink eth2 4 master=8 fe80::4/64\nlink vnet0 5 master=8\n"
	if err := plantest.State(state, &in); err != nil {
		t.Fatal(err)
	}
	v := View{Config: conf, Links: in.Links, Plan: plan.Make(in)}
	for name, want := range map[string][]string{
		"mgmt": {
			"mgmt works: management instance",
			"+ link: mgmt is up, vrf, MTU 1500",
			"  + device: management instance with table 1001",
			"    + member: em0 is in it, with 2 addresses",
			"  + route: ::/0 via 2001:db8:e::2 dev em0, in the kernel with metric 512",
			"    · neighbor: next hop 2001:db8:e::2 is not in the neighbor table of em0: nothing was sent to it lately",
			"  · dns: our own lookups ask 2001:db8:e::53",
			"  · service: systemd runs ssh.service in it",
		},
		"red": {
			"red lacks an interface: eth1 is not in red; see sixfold explain eth1",
			"+ link: red is up, vrf, MTU 1500",
			"  + device: routing instance with table 10",
			"    + member: eth2 is in it, with 1 address",
			"    + member: vnet0 is in it, with 0 addresses",
			"    X member: eth1 is not in red",
			"      > see sixfold explain eth1",
			"  · route: no default route for IPv6: what this table has no route to is unreachable; one may be in vrfs.red.routes",
		},
	} {
		x := conf.VRF(name)
		within := v.Within(name, x.Table)
		if name == "mgmt" {
			within.Kernel = []kernel.Route{{Ours: true, Route: rib.Route{Prefix: netip.MustParsePrefix("::/0"), Via: netip.MustParseAddr("2001:db8:e::2"), Link: "em0", Table: 1001, Metric: 512}}}
		}
		e, err := Of(within, "interface "+name)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff("interface "+name+"\n"+strings.Join(want, "\n")+"\n", tell(e)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
