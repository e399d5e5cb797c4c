package router

import (
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

// TestVRFs has routers with instances, which the kernels of some test machines do not have.
func TestVRFs(t *testing.T) {
	if vm.Run(t, vm.UML) {
		return
	}
	t.Run("instances", testInstances)
	t.Run("drift", testVRFDrift)
	t.Run("preview", testVRFPreview)
	t.Run("faults", testVRFFaults)
	t.Run("removal", testVRFRemoval)
	t.Run("local", testVRFLocal)
}

// twins are two customers with the same addresses and next hops, guests that come later, and a management instance.
const twins = `
interfaces:
  em0: {addresses: ["2001:db8:ff::1/64", 172.17.5.10/24], dad: false}
  eth2: {addresses: ["2001:db8:0:1::1/64"]}
  eth3: {addresses: ["2001:db8:0:1::1/64"]}
  eth4: {addresses: ["2001:db8:0:4::1/64"]}
management: {interfaces: [em0], routes: {"::/0": {via: "2001:db8:ff::2"}}}
vrfs:
  red: {table: 1020, interfaces: [eth2], local: ["2001:db8:a::/48"], routes: {"::/0": {via: "2001:db8:0:1::2"}, "2001:db8:9::/48": {via: "2001:db8:0:1::9"}}}
  blue: {table: 1010, interfaces: [eth3, "vnet*"], routes: {"::/0": {via: "2001:db8:0:1::2"}, "2001:db8:9::/48": {unreachable: true}}}
routes: {"2001:db8:9::/48": {via: "2001:db8:0:4::2"}}
`

// lines are the routes of a table, without what the kernel adds to each.
func tableLines(t *testing.T, table string) []string {
	t.Helper()
	var out []string
	for line := range strings.Lines(netns.Own().Sh(t, "ip -6 route show table %s 2>/dev/null || true", table)) {
		words := strings.Fields(line)
		if !slices.Contains(words, "proto") || strings.HasPrefix(line, "fe80::") || strings.HasPrefix(line, "multicast") || strings.HasPrefix(line, "local") || strings.HasPrefix(line, "anycast") {
			continue
		}
		out = append(out, strings.Join(words[:slices.Index(words, "proto")], " "))
	}
	slices.Sort(out)
	return out
}

func same(t *testing.T, what string, got, want []string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// inTable waits until a table has these routes.
func inTable(t *testing.T, table string, want ...string) {
	t.Helper()
	netns.Within(t, 20*time.Second, "routes of table "+table, func() error {
		if diff := cmp.Diff(want, tableLines(t, table)); diff != "" {
			return fmt.Errorf("(-want +got):\n%s", diff)
		}
		return nil
	})
}

func testInstances(t *testing.T) {
	m := boot(t, t.TempDir(), "{}")
	for _, name := range []string{"em0", "eth2", "eth3", "eth4"} {
		m.link(name)
	}
	before := netns.Own().Sh(t, "ip -4 rule; ip -6 rule")
	m.atOnce(twins)
	inTable(t, "1001", "2001:db8:ff::/64 dev em0", "default via 2001:db8:ff::2 dev em0")
	inTable(t, "1020", "2001:db8:0:1::/64 dev eth2", "2001:db8:9::/48 via 2001:db8:0:1::9 dev eth2", "default via 2001:db8:0:1::2 dev eth2")
	// AnyIP, in this instance alone.
	anyIP := netns.Own().Expect("ip -6 route get 2001:db8:a::77 oif red", "local 2001:db8:a::77")
	netns.Within(t, 20*time.Second, "a local prefix of red", anyIP)
	for _, vrf := range []string{"blue", "lo"} {
		if out := netns.Own().Sh(t, "ip -6 route get 2001:db8:a::77 oif %s 2>&1 || true", vrf); strings.HasPrefix(out, "local ") {
			t.Errorf("the local prefix of red, from %s: %s", vrf, out)
		}
	}
	inTable(t, "1010", "2001:db8:0:1::/64 dev eth3", "default via 2001:db8:0:1::2 dev eth3", "unreachable 2001:db8:9::/48 dev lo")
	inTable(t, "main", "2001:db8:0:4::/64 dev eth4", "2001:db8:9::/48 via 2001:db8:0:4::2 dev eth4")
	all, err := m.VRFs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, v := range all {
		lines = append(lines, fmt.Sprintf("%s %d %v %v %s %q", v.Name, v.Table, v.Management, v.Up, strings.Join(v.Interfaces, " "), v.Problem))
	}
	same(t, "instances", lines, []string{`blue 1010 false true eth3 ""`, `mgmt 1001 true true em0 ""`, `red 1020 false true eth2 ""`})

	// A guest comes and is in its instance.
	m.link("vnet7")
	netns.Within(t, 20*time.Second, "vnet7 in blue", netns.Own().Expect("ip link show vnet7", "master blue"))

	// A port that moves takes its prefix and its routes along.
	moved := strings.Replace(strings.Replace(twins, "[eth2]", "[eth2, eth4]", 1), `routes: {"2001:db8:9::/48": {via: "2001:db8:0:4::2"}}`, "", 1)
	m.atOnce(moved)
	inTable(t, "1020", "2001:db8:0:1::/64 dev eth2", "2001:db8:0:4::/64 dev eth4", "2001:db8:9::/48 via 2001:db8:0:1::9 dev eth2", "default via 2001:db8:0:1::2 dev eth2")
	inTable(t, "main")
	m.expect("addresses of eth4", m.addresses("eth4"), "2001:db8:0:4::1/64")
	m.atOnce(twins)
	inTable(t, "main", "2001:db8:0:4::/64 dev eth4", "2001:db8:9::/48 via 2001:db8:0:4::2 dev eth4")

	// Another table is another device.
	m.atOnce(strings.Replace(twins, "table: 1010", "table: 1011", 1))
	inTable(t, "1010")
	inTable(t, "1011", "2001:db8:0:1::/64 dev eth3", "default via 2001:db8:0:1::2 dev eth3", "unreachable 2001:db8:9::/48 dev lo")

	m.atOnce("{}")
	for _, table := range []string{"1001", "1011", "1020"} {
		inTable(t, table)
	}
	if after := netns.Own().Sh(t, "ip -4 rule; ip -6 rule"); !strings.HasPrefix(after, "0:\tfrom all lookup local") || strings.Contains(after, "unreachable") {
		t.Errorf("rules were\n%sand are\n%s", before, after)
	}
	if out := netns.Own().Sh(t, "ip link show type vrf"); out != "" {
		t.Errorf("left behind: %s", out)
	}
}

func testVRFDrift(t *testing.T) {
	m := boot(t, t.TempDir(), "{}")
	for _, name := range []string{"em0", "eth2", "eth3", "eth4"} {
		m.link(name)
	}
	m.must(m.commit(twins, 0))
	t.Cleanup(func() { m.commit("{}", 0) })
	netns.Own().Sh(t, "ip -6 rule del pref 2000; ip link set eth2 nomaster; ip -6 route del default table 1001")
	netns.Within(t, 20*time.Second, "what was changed", func() error {
		out := netns.Own().Sh(t, "ip -6 rule; ip link show eth2; ip -6 route show table 1001; ip -6 route show table 1020")
		for _, want := range []string{"2000:\tfrom all lookup [l3mdev-table] unreachable", "master red", "default via 2001:db8:ff::2", "default via 2001:db8:0:1::2 dev eth2"} {
			if !strings.Contains(out, want) {
				return fmt.Errorf("no %q in\n%s", want, out)
			}
		}
		return nil
	})
	netns.Within(t, 20*time.Second, "drift", func() error {
		got := strings.Join(m.found(0), "\n")
		for _, want := range []string{"device rule 2000: l3mdev unreachable: it was missing", "fib ::/0 table 1001: the route was missing"} {
			if !strings.Contains(got, want) {
				return fmt.Errorf("no %q in\n%s", want, got)
			}
		}
		return nil
	})
	netns.Own().Sh(t, "ip link del mgmt")
	inTable(t, "1001", "2001:db8:ff::/64 dev em0", "default via 2001:db8:ff::2 dev em0")
}

func testVRFPreview(t *testing.T) {
	m := boot(t, t.TempDir(), "{}")
	for _, name := range []string{"em0", "eth2", "eth3", "eth4"} {
		m.link(name)
	}
	t.Cleanup(func() { m.commit("{}", 0) })
	got := table(m.preview(twins, netip.Addr{}))
	for _, want := range []string{
		"rule 2000: l3mdev unreachable", "create as vrf with table 1001", "add the static route via 2001:db8:ff::2",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in the preview:\n%s", want, got)
		}
	}
	// Who came in by the port that the management instance takes is warned: a server that is not bound to it is not reached any more.
	m.must(m.commit("interfaces: {em0: {addresses: [\"2001:db8:ff::1/64\"]}, eth2: {}, eth3: {}, eth4: {}}", 0))
	if got := table(m.preview(twins, netip.MustParseAddr("2001:db8:ff::1"))); !strings.Contains(got, "this is the interface that your session came in by") {
		t.Errorf("no warning before em0 changes its instance:\n%s", got)
	}
	m.must(m.commit(twins, 0))
	m.settled(twins)
	// The operator is warned of what happens to the instance that the session came in by.
	session := netip.MustParseAddr("2001:db8:ff::1")
	for change, want := range map[[2]string]string{
		{"management: {interfaces: [em0]", "management: {table: 1002, interfaces: [em0]"}: "this is the interface that your session came in by",
		{"2001:db8:ff::1/64", "2001:db8:ff::3/64"}:                                        "this is the address that your session came in to",
	} {
		if got := table(m.preview(strings.Replace(twins, change[0], change[1], 1), session)); !strings.Contains(got, want) {
			t.Errorf("%s: no %q in the preview:\n%s", change[1], want, got)
		}
	}
	if got := table(m.preview(strings.Replace(twins, "table: 1020", "table: 1021", 1), session)); strings.Contains(got, "your session") {
		t.Errorf("another instance does not concern the session:\n%s", got)
	}
}

// testVRFFaults has commits refused that the machine cannot do, which leave what was in force.
func testVRFFaults(t *testing.T) {
	m := boot(t, t.TempDir(), "{}")
	for _, name := range []string{"em0", "eth2", "eth3", "eth4", "white"} {
		m.link(name)
	}
	m.must(m.commit(twins, 0))
	t.Cleanup(func() { m.commit("{}", 0) })
	was := tableLines(t, "1010")
	foreign := strings.Replace(twins, "vrfs:\n", "vrfs:\n  white: {table: 1030}\n", 1)
	if _, err := m.commit(foreign, 0); err == nil || !strings.Contains(err.Error(), "white") {
		t.Errorf("a VRF with the name of a link of somebody else: %v", err)
	}
	same(t, "table 1010 after a refused commit", tableLines(t, "1010"), was)
	if out := netns.Own().Sh(t, "ip -d link show white"); strings.Contains(out, "vrf") {
		t.Errorf("white was touched: %s", out)
	}
	m.settled(twins)
}
