package integration

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/sixfold-router/sixfold/integration/netns"
	"github.com/sixfold-router/sixfold/integration/vm"
)

// TestDevices has tunnels, VLANs and bonds between routers and plain machines, with traffic, on a kernel that has all of them.
func TestDevices(t *testing.T) {
	if vm.Run(t, vm.UML) {
		return
	}
	t.Run("gre", testGRE)
	t.Run("ip6gre", testGRE6)
	t.Run("filtering", testVLANBridge)
	t.Run("bond", testBondFailover)
}

// pings has every address of a node answer another one.
func pings(t *testing.T, from *netns.Node, addresses ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), soon)
	defer cancel()
	for _, a := range addresses {
		if _, err := from.Ping(ctx, netip.MustParseAddr(a)); err != nil {
			t.Errorf("%s: %v", a, err)
		}
	}
}

// testGRE is the tunnel between two hypervisors, with an address for each of two interconnects. The other end is made by hand.
func testGRE(t *testing.T) {
	ours, theirs := host(t, "dbxc1"), host(t, "dbsc1")
	cable(t, end(ours, "eth0"), end(theirs, "eth0"))
	must(t, theirs.IP(
		"addr add 203.0.113.1/24 dev eth0", "route add 198.51.100.0/24 dev eth0",
		"tunnel add gre1 mode gre local 203.0.113.1 remote 198.51.100.1 ttl 64", "link set gre1 up",
		"addr add fc00:fe1b::5/126 dev gre1 nodad", "addr add fc00:fe1b::e/126 dev gre1 nodad",
	))
	d := run(t, ours, `
interfaces:
  eth0: {addresses: [198.51.100.1/24]}
  gre1: {gre: {local: 198.51.100.1, remote: 203.0.113.1}, addresses: ["fc00:fe1b::6/126", "fc00:fe1b::f/126"], dad: false}
routes: {203.0.113.0/24: {interface: eth0}}
`)
	pings(t, ours, "fc00:fe1b::5", "fc00:fe1b::e")
	pings(t, theirs, "fc00:fe1b::6", "fc00:fe1b::f")
	if out := d.cli("show", "interfaces", "gre1"); !strings.Contains(out, "198.51.100.1 to 203.0.113.1") {
		t.Errorf("show interfaces:\n%s", out)
	}
	// The key changes in place, on both ends: what runs over the tunnel goes on.
	must(t, theirs.IP("tunnel change gre1 mode gre local 203.0.113.1 remote 198.51.100.1 ttl 64 key 7"))
	d.reload(`
interfaces:
  eth0: {addresses: [198.51.100.1/24]}
  gre1: {gre: {local: 198.51.100.1, remote: 203.0.113.1, key: 7}, addresses: ["fc00:fe1b::6/126", "fc00:fe1b::f/126"], dad: false}
routes: {203.0.113.0/24: {interface: eth0}}
`)
	eventually(t, "the key", ours.Expect("ip -d link show gre1", "ikey 0.0.0.7"))
	pings(t, ours, "fc00:fe1b::5", "fc00:fe1b::e")
}

func testGRE6(t *testing.T) {
	ours, theirs := host(t, "left"), host(t, "right")
	cable(t, end(ours, "eth0"), end(theirs, "eth0"))
	must(t, theirs.IP(
		"addr add 2001:db8::2/64 dev eth0 nodad",
		"-6 tunnel add gre1 mode ip6gre local 2001:db8::2 remote 2001:db8::1 key 9", "link set gre1 up",
		"addr add fc00:fe1b::5/126 dev gre1 nodad", "addr add 192.168.9.2/24 dev gre1",
	))
	run(t, ours, `
interfaces:
  eth0: {addresses: ["2001:db8::1/64"], mtu: 1500, dad: false}
  gre1: {gre: {local: "2001:db8::1", remote: "2001:db8::2", key: 9, link: eth0}, mtu: 1452, addresses: ["fc00:fe1b::6/126", 192.168.9.1/24], dad: false}
`)
	pings(t, ours, "fc00:fe1b::5", "192.168.9.2")
	pings(t, theirs, "fc00:fe1b::6", "192.168.9.1")
	if _, err := ours.Run("ping", "-6", "-M", "do", "-c", "1", "-W", "5", "-s", fmt.Sprint(1452-48), "fc00:fe1b::5"); err != nil {
		t.Errorf("the largest packet: %v", err)
	}
}

// testVLANBridge has hosts on a bridge that keeps VLANs apart, and the router in each of them.
func testVLANBridge(t *testing.T) {
	router, a, b, trunk := host(t, "router"), host(t, "a"), host(t, "b"), host(t, "trunk")
	for i, n := range []*netns.Node{a, b, trunk} {
		cable(t, end(router, fmt.Sprintf("p%d", i)), end(n, "eth0"))
	}
	must(t, a.IP("addr add 2001:db8:30::a/64 dev eth0 nodad"))
	must(t, b.IP("addr add 2001:db8:30::b/64 dev eth0 nodad"))
	must(t, trunk.IP(
		"link add v30 link eth0 type vlan id 30", "link set v30 up", "addr add 2001:db8:30::c/64 dev v30 nodad",
		"link add v40 link eth0 type vlan id 40", "link set v40 up", "addr add 2001:db8:40::c/64 dev v40 nodad",
	))
	const conf = `
interfaces:
  br0: {bridge: {vlan_filtering: true, pvid: 0}}
  br0.30: {vlan: {link: br0, id: 30}, addresses: ["2001:db8:30::1/64"], dad: false}
  br0.40: {vlan: {link: br0, id: 40}, addresses: ["2001:db8:40::1/64"], dad: false}
  p0: {master: br0, bridge_port: {pvid: 30}}
  p1: {master: br0, bridge_port: {pvid: %d}}
  p2: {master: br0, bridge_port: {tagged: [30-40]}}
`
	d := run(t, router, fmt.Sprintf(conf, 30))
	pings(t, a, "2001:db8:30::1", "2001:db8:30::b", "2001:db8:30::c")
	pings(t, trunk, "2001:db8:40::1", "2001:db8:30::1", "2001:db8:30::b")
	if out := d.cli("show", "interfaces", "p2"); !strings.Contains(out, "port of br0, forwarding, vlans 30-40") {
		t.Errorf("show interfaces:\n%s", out)
	}
	// b moves to the other VLAN, and is out of reach by itself.
	d.reload(fmt.Sprintf(conf, 40))
	must(t, b.IP("addr add 2001:db8:40::b/64 dev eth0 nodad"))
	eventually(t, "b on VLAN 40", func() error {
		_, err := trunk.Run("ping", "-c", "1", "-W", "1", "2001:db8:40::b")
		return err
	})
	if _, err := a.Run("ping", "-c", "2", "-W", "1", "2001:db8:30::b"); err == nil {
		t.Error("a host of VLAN 40 answers on VLAN 30")
	}
}

// testBondFailover takes the carrier of the active port of a bond away.
func testBondFailover(t *testing.T) {
	router, peer := host(t, "router"), host(t, "peer")
	cable(t, end(router, "eth7"), end(peer, "e7"))
	cable(t, end(router, "eth8"), end(peer, "e8"))
	must(t, peer.IP(
		"link add br0 type bridge forward_delay 0", "link set e7 master br0", "link set e8 master br0", "link set br0 up",
		"link add v9 link br0 type vlan id 9", "link set v9 up",
		"addr add 2001:db8::2/64 dev br0 nodad", "addr add 2001:db8:9::2/64 dev v9 nodad",
	))
	d := run(t, router, `
interfaces:
  bond0: {bond: {primary: eth7, miimon: 50ms}, addresses: ["2001:db8::1/64"], dad: false}
  bond0.9: {vlan: {link: bond0, id: 9}, addresses: ["2001:db8:9::1/64"], dad: false}
  eth7: {master: bond0}
  eth8: {master: bond0}
`)
	eventually(t, "the primary port", func() error { return active(d, "eth7") })
	pings(t, router, "2001:db8::2", "2001:db8:9::2")
	must(t, peer.IP("link set e7 down"))
	eventually(t, "the other port", func() error { return active(d, "eth8") })
	pings(t, router, "2001:db8::2", "2001:db8:9::2")
	if out := d.cli("explain", "interface", "eth7"); !strings.Contains(out, "eth7") {
		t.Errorf("explain:\n%s", out)
	}
	must(t, peer.IP("link set e7 up"))
	eventually(t, "the primary port again", func() error { return active(d, "eth7") })
	pings(t, router, "2001:db8::2", "2001:db8:9::2")
}

// active reports whether a bond uses a port.
func active(d *daemon, port string) error {
	if out := d.cli("show", "interfaces", "bond0"); !strings.Contains(out, "active-backup, active "+port+", ports eth7 eth8") {
		return fmt.Errorf("bond0 is:\n%s", out)
	}
	return nil
}
