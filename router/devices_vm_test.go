package router

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sixfold-router/sixfold/integration/netns"
	"github.com/sixfold-router/sixfold/integration/vm"
)

// TestDevices has routers with links that the kernels of some test machines do not make.
func TestDevices(t *testing.T) {
	if vm.Run(t, vm.QEMU) {
		return
	}
	t.Run("vyos", testVyOSLinks)
	t.Run("chain", testChain)
	t.Run("faults", testCommitFaults)
	t.Run("plug", testPlug)
}

// linkLines lists the links that a test is about: kind, MTU, what they lie on and are ports of, and addresses of ours.
func (m *machine) linkLines(names ...string) []string {
	m.t.Helper()
	all, err := m.Interfaces(m.t.Context())
	if err != nil {
		m.t.Fatal(err)
	}
	var out []string
	for _, i := range all {
		if !slices.Contains(names, i.Name) || i.Device == nil {
			continue
		}
		out = append(out, strings.TrimSpace(fmt.Sprintf("%s %s mtu %d%s%s %s", i.Name, i.Device.Kind, i.Link.MTU,
			worded(" on", i.Device.Lower), worded(" of", i.Device.Master), m.addresses(i.Name))))
	}
	return out
}

// atOnce commits a configuration, which must be wholly in force then.
func (m *machine) atOnce(text string) {
	m.t.Helper()
	if p := m.preview(text, netip.Addr{}); len(p.Operations) == 0 {
		m.t.Error("the preview is empty")
	}
	m.must(m.commit(text, 0))
	before := m.written()
	if err := m.reconcile(m.t.Context()); err != nil {
		m.t.Error(err)
	}
	if n := m.written() - before; n != 0 {
		m.t.Errorf("the commit left %d writes to be done", n)
	}
	if p := m.preview(text, netip.Addr{}); slices.ContainsFunc(p.Operations, func(o Operation) bool { return o.Unit == "device" || o.Unit == "vxlan" || o.Unit == "kernel" }) {
		m.t.Errorf("after the commit the preview tells:\n%s", table(p))
	}
}

const vyos = `
interfaces:
  eth5: {mtu: 9000}
  eth5.300: {vlan: {link: eth5, id: 300}, mtu: 9000, addresses: [192.168.0.1/24], description: VXLAN}
  vxlan1000: {vxlan: {vni: 1000, group: 239.0.3.232, link: eth5.300}, mtu: 1500, addresses: ["2a00:f10:114:1000::1/64", 10.0.0.1/23], advertise: {}}
  vxlan2000: {vxlan: {vni: 2000, group: 239.0.7.208, link: eth5.300}, mtu: 1500, addresses: ["2a00:f10:114:2000::1/64", 109.72.91.1/26], advertise: {}}
`

func testVyOSLinks(t *testing.T) {
	m := boot(t, t.TempDir(), "{}")
	m.link("eth5")
	m.atOnce(vyos)
	want := []string{
		"eth5 veth mtu 9000",
		"eth5.300 vlan mtu 9000 on eth5 192.168.0.1/24",
		"vxlan1000 vxlan mtu 1500 on eth5.300 10.0.0.1/23 2a00:f10:114:1000::1/64",
		"vxlan2000 vxlan mtu 1500 on eth5.300 109.72.91.1/26 2a00:f10:114:2000::1/64",
	}
	names := []string{"eth5", "eth5.300", "vxlan1000", "vxlan2000"}
	if diff := cmp.Diff(want, m.linkLines(names...)); diff != "" {
		t.Errorf("links (-want +got):\n%s", diff)
	}
	// Another VLAN is another device, and what lies on it is made anew with it.
	moved := strings.Replace(vyos, "id: 300", "id: 301", 1)
	got := table(m.preview(moved, netip.Addr{}))
	for _, line := range []string{
		"make anew as vlan 301 on eth5", "interrupts forwarding through eth5.300 and what lies on it: vxlan1000, vxlan2000",
		"make anew on eth5.300, which is made anew",
	} {
		if !strings.Contains(got, line) {
			t.Errorf("no %q in the preview:\n%s", line, got)
		}
	}
	m.atOnce(moved)
	if diff := cmp.Diff(want, m.linkLines(names...)); diff != "" {
		t.Errorf("links on another VLAN (-want +got):\n%s", diff)
	}
	m.atOnce("{}")
	if got := m.linkLines(names[1:]...); len(got) > 0 {
		t.Errorf("left behind: %v", got)
	}
}

const linkChain = `
interfaces:
  p0: {master: zbond}
  p1: {master: zbond}
  zbond: {bond: {primary: p0}, mtu: 9000}
  y300: {vlan: {link: zbond, id: 300}}
  x7: {vlan: {link: y300, id: 7}, mtu: 8000}
  vx1: {vxlan: {vni: 1, group: 239.0.0.1, link: y300}, master: br10}
  p2: {master: br10, mtu: 9000, bridge_port: {isolated: true}}
  br10: {bridge: {stp: true, forward_delay: 4s, max_age: 6s, hello_time: 1s}, addresses: ["2001:db8:10::1/64"]}
  lo0: {dummy: {}, addresses: ["2001:db8::1/128"], mac: "02:00:00:00:00:77"}
  gre1: {gre: {local: "2001:db8::1", remote: "2001:db8::2", key: 7}, addresses: ["fc00:fe1b::6/126", "fc00:fe1b::f/126"]}
`

func plugPorts(t *testing.T, m *machine) {
	for _, name := range []string{"p0", "p1", "p2"} {
		m.link(name)
	}
}

func testChain(t *testing.T) {
	m := boot(t, t.TempDir(), "{}")
	plugPorts(t, m)
	m.atOnce(linkChain)
	want := []string{
		"br10 bridge mtu 8950 2001:db8:10::1/64",
		"gre1 ip6gre mtu 1452 fc00:fe1b::6/126 fc00:fe1b::f/126",
		"lo0 dummy mtu 1500 2001:db8::1/128",
		"p0 veth mtu 9000 of zbond",
		"p2 veth mtu 9000 of br10",
		"vx1 vxlan mtu 8950 on y300 of br10",
		"x7 vlan mtu 8000 on y300",
		"y300 vlan mtu 9000 on zbond",
		"zbond bond mtu 9000",
	}
	if diff := cmp.Diff(want, m.linkLines("br10", "gre1", "lo0", "p0", "p2", "vx1", "x7", "y300", "zbond")); diff != "" {
		t.Errorf("links (-want +got):\n%s", diff)
	}
	m.stop()
	again := boot(t, m.state, "")
	before := again.written()
	if err := again.reconcile(t.Context()); err != nil {
		t.Error(err)
	}
	if n := again.written() - before; n != 0 {
		t.Errorf("after a restart %d writes", n)
	}
	again.atOnce("{}")
}

// testCommitFaults lets each write of a commit fail in turn: it is refused, and what was in force is in force.
func testCommitFaults(t *testing.T) {
	m := boot(t, t.TempDir(), "{}")
	plugPorts(t, m)
	m.atOnce(linkChain)
	next := strings.NewReplacer("id: 300", "id: 301", "lo0: {dummy", "lo1: {dummy", "{bond: {primary: p0}", "{bond: {mode: balance-rr}",
		"p2: {master: br10, mtu: 9000, bridge_port: {isolated: true}}", "p2: {}", "forward_delay: 4s", "forward_delay: 5s").Replace(linkChain)
	names := []string{"br10", "gre1", "lo0", "lo1", "p0", "p1", "p2", "vx1", "x7", "y300", "zbond"}
	before := m.linkLines(names...)
	for n := 1; ; n++ {
		count := 0
		m.devices.Fault = func(operation string) error {
			if count++; count == n {
				return fmt.Errorf("no %s today", operation)
			}
			return nil
		}
		_, err := m.commit(next, 0)
		m.applying.Lock()
		m.devices.Fault = nil
		m.applying.Unlock()
		if err == nil {
			if count >= n {
				t.Errorf("write %d failed, and the commit did not", n)
			}
			t.Logf("%d writes", n-1)
			break
		}
		var refused *CommitError
		if !errors.As(err, &refused) || refused.Unit != "device" || refused.NotRestored != "" {
			t.Fatalf("write %d failed: %v", n, err)
		}
		m.settled(linkChain)
		if diff := cmp.Diff(before, m.linkLines(names...)); diff != "" {
			t.Fatalf("after write %d failed (-before +after):\n%s", n, diff)
		}
	}
	m.atOnce("{}")
}

// testPlug has links come and go under what lies on them.
func testPlug(t *testing.T) {
	m := boot(t, t.TempDir(), "interfaces: {later: {mtu: 1600}, v: {vlan: {link: later, id: 5}, addresses: [\"2001:db8:5::1/64\"]}, br: {bridge: {}}, \"tap*\": {master: br}}")
	for range 2 {
		m.link("later")
		m.link("tap7")
		want := []string{"br bridge mtu 1500", "later veth mtu 1600", "tap7 veth mtu 1500 of br", "v vlan mtu 1600 on later 2001:db8:5::1/64"}
		netns.Within(t, 20*time.Second, "the VLAN and the port", func() error {
			if diff := cmp.Diff(want, m.linkLines("br", "later", "tap7", "v")); diff != "" {
				return errors.New(diff)
			}
			return nil
		})
		netns.Own().Sh(t, "ip link del later; ip link del tap7")
		netns.Within(t, 20*time.Second, "the VLAN goes with its link", func() error {
			if got := m.linkLines("later", "tap7", "v"); len(got) > 0 {
				return fmt.Errorf("there is %v", got)
			}
			return nil
		})
	}
	m.atOnce("{}")
}

// worded puts a word before a text that is not empty.
func worded(what, text string) string {
	if text == "" {
		return ""
	}
	return what + " " + text
}
