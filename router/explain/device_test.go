package explain

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sixfold-router/sixfold/router/config"
	"github.com/sixfold-router/sixfold/router/device"
	"github.com/sixfold-router/sixfold/router/health"
	"github.com/sixfold-router/sixfold/router/kernel"
	"github.com/sixfold-router/sixfold/router/plan"
	"github.com/sixfold-router/sixfold/router/plan/plantest"
)

func TestExplainDevices(t *testing.T) {
	conf, _, err := config.Load("test.yaml", []byte(`
interfaces:
  eth5: {}
  eth5.300: {vlan: {link: eth5, id: 300}, addresses: [192.168.0.1/24]}
  br10: {bridge: {stp: true}}
  p0: {master: br10}
  p1: {master: br10}
  bond0: {bond: {}}
  p2: {master: bond0}
  gre1: {gre: {local: 198.51.100.1, remote: 203.0.113.1}}
  later.5: {vlan: {link: later, id: 5}}
  later: {}
`))
	if err != nil {
		t.Fatal(err)
	}
	in := plan.Inputs{Config: conf, Links: kernel.Links{}}
	state := "link eth5 1\nlink eth5.300 2 kind=vlan ours fe80::2/64 192.168.0.1/24\nlink br10 3 kind=bridge ours\nlink p0 4\nlink p1 5\n" +
		"link bond0 6 kind=bond ours\nlink p2 7\nlink gre1 8 kind=gre\n"
	if err := plantest.State(state, &in); err != nil {
		t.Fatal(err)
	}
	v := View{Config: conf, Links: in.Links, Plan: plan.Make(in), Devices: []device.Status{
		{Name: "br10", Kind: "bridge", Ours: true, Ports: []string{"p0"}, Bridge: &device.BridgeStatus{STP: true, RootID: "1000.02:00:00:00:00:01", RootPort: "p0"}},
		{Name: "p0", Master: "br10", Port: &device.PortStatus{State: "learning"}},
		{Name: "bond0", Kind: "bond", Ours: true, Ports: []string{"p2"}, Bond: &device.BondStatus{Mode: device.ActiveBackup, Active: "p2"}},
		{Name: "p2", Master: "bond0", Slave: &device.SlaveStatus{Active: true, Up: true}},
	}, Units: []health.Unit{{Name: "device", Problem: "gre1: there is a link gre1 already, of kind gre, which is not ours: remove it, or configure another name\np1: no"}}}
	const remove = "remove it (ip link delete gre1), and it is made anew, or take gre1 out of the configuration"
	for name, want := range map[string][]string{
		"later.5": {
			"later.5 carries nothing: there is no link later.5; there is no link later to carry it", "X link: there is no link later.5",
			"  > there is no link later to carry it", "  - link: link later",
		},
		"br10": {
			"br10 works: 0 addresses", "+ link: br10 is up, bridge, MTU 1500",
			"  + device: bridge with stp, priority 32768, 1 port, root 1000.02:00:00:00:00:01 by p0",
		},
		"p0":    {"p0 works: 0 addresses", "+ link: p0 is up, MTU 1500", "  · device: p0 is a port of br10, learning by the spanning tree"},
		"p2":    {"p2 works: 0 addresses", "+ link: p2 is up, MTU 1500", "  + device: p2 is the active port of bond0"},
		"bond0": {"bond0 works: 0 addresses", "+ link: bond0 is up, bond, MTU 1500", "  + device: bond in mode active-backup, 1 port, active p2"},
		"eth5.300": {
			"eth5.300 works: 2 addresses", "+ link: eth5.300 is up, vlan, MTU 1500", "  + link: eth5 is up, MTU 1500", "    + device: vlan 300 on eth5",
			"  + address: 192.168.0.1/24 is ours on eth5.300, configured in interfaces.eth5.300.addresses",
			"  + address: fe80::2/64 is ours on eth5.300, link-local",
		},
		"p1": {
			"p1 is not what it should be: p1 is no port of br10; no", "+ link: p1 is up, MTU 1500", "  X device: p1 is no port of br10", "    > no",
		},
		"gre1": {
			"gre1 is not what it should be: there is a link gre1 already, of kind gre, which is not ours; " + remove,
			"X device: there is a link gre1 already, of kind gre, which is not ours", "  > " + remove, "  - device: gre gre1",
		},
	} {
		e, err := Of(v, "interface "+name)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff("interface "+name+"\n"+strings.Join(want, "\n")+"\n", tell(e)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestExplainForeignDevice: a link that is down and has the name of one that we make is not to be brought up, but to be removed.
func TestExplainForeignDevice(t *testing.T) {
	v, err := parseView("r.yaml", "interfaces:\n  br10: {bridge: {}, addresses: [\"2001:db8::1/64\"]}\n", "link br10 3 down kind=bridge\n")
	if err != nil {
		t.Fatal(err)
	}
	e, err := Of(v, "br10")
	if err != nil {
		t.Fatal(err)
	}
	text := tell(e)
	for _, want := range []string{"of kind bridge, which is not ours", "ip link delete br10"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing:\n%s", want, text)
		}
	}
	if strings.Contains(text, "ip link set") {
		t.Errorf("advice to bring up what is not ours:\n%s", text)
	}
	if len(v.Plan.Pending) != 1 || v.Plan.Pending[0].What != "interfaces.br10.bridge" || !strings.Contains(v.Plan.Pending[0].Reason, "ip link delete br10") {
		t.Errorf("pending: %+v", v.Plan.Pending)
	}
	if c := v.link("br10"); c.state != Broken || !strings.Contains(c.advice, "ip link delete br10") {
		t.Errorf("the link: %+v", c)
	}
}
