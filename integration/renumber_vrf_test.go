package integration

import (
	"fmt"
	"strings"
	"testing"

	"github.com/sixfold-router/sixfold/integration/netns"
	"github.com/sixfold-router/sixfold/integration/vm"
)

// ispOfVRF delegates one prefix, the same as the ISPs of the other VRFs do.
const ispOfVRF = `
interfaces:
  eth0:
    addresses: ["2001:db8:f::2/64", "fe80::2/64"]
    advertise: {max_interval: 10s}
    dhcpv6: {delegate: {customers: {pool: "%s/56", length: 56}}}
local: ["2001:db8:53::53/128"]
`

// Three customers in VRFs of their own have the same prefix from three providers, and all three change it at once: each instance has its
// own new prefix, addresses and routes, hosts of each leave the old one, and what one VRF has no more another may still have.
func TestRenumberedInVRFs(t *testing.T) {
	t.Parallel()
	if vm.Run(t, vm.UML) {
		return
	}
	const before, after = "2001:db8:1000::", "2001:db8:2000::"
	router := host(t, "router")
	var config strings.Builder
	config.WriteString("interfaces:\n")
	isps, hosts := make([]*daemon, 3), make([]*netns.Node, 3)
	nodes := make([]*netns.Node, 3)
	for n := range 3 {
		nodes[n], hosts[n] = host(t, fmt.Sprintf("isp%d", n)), host(t, fmt.Sprintf("host%d", n))
		cable(t, end(router, fmt.Sprintf("up%d", n)), end(nodes[n], "eth0"))
		cable(t, end(router, fmt.Sprintf("lan%d", n)), end(hosts[n], "eth0"))
		fmt.Fprintf(&config, "  up%d: {accept_ra: true, delegations: {isp%[1]d: {length: 56}}}\n", n)
		fmt.Fprintf(&config, "  lan%d: {addresses: [\"isp%[1]d auto/64\"], advertise: {min_delay: 1s}, dhcpv6: {pools: {hosts: {range: \"isp%[1]d auto ::1000-::1fff\"}}}}\n", n)
		isps[n] = run(t, nodes[n], fmt.Sprintf(ispOfVRF, before))
	}
	config.WriteString("vrfs:\n")
	for n := range 3 {
		fmt.Fprintf(&config, "  vrf%d: {table: %d, interfaces: [up%[1]d, lan%[1]d]}\n", n, 1000+n)
	}
	d := run(t, router, config.String())

	check := func(n int, prefix string) error {
		table := fmt.Sprint(1000 + n)
		for _, look := range []func() error{
			router.Expect("ip -6 route show table "+table, "unreachable "+prefix+"/56 dev lo proto 169"),
			router.Expect("ip -6 route show table "+table, prefix+"/64 dev lan"+fmt.Sprint(n)),
			hosts[n].Expect("ip -6 addr show dev eth0 -deprecated", strings.TrimSuffix(prefix, ":")),
		} {
			if err := look(); err != nil {
				return err
			}
		}
		_, err := hosts[n].Run("ping", "-6", "-c", "1", "-W", "2", "2001:db8:53::53")
		return err
	}
	for n := range 3 {
		eventually(t, fmt.Sprintf("VRF %d has its prefix", n), func() error { return check(n, before) })
	}

	// Two of them change it first: the third goes on with the prefix that the others may no longer use.
	for _, n := range []int{0, 1} {
		isps[n].reload(fmt.Sprintf(ispOfVRF, after))
	}
	for _, n := range []int{0, 1} {
		eventually(t, fmt.Sprintf("VRF %d has another prefix", n), func() error { return check(n, after) })
		eventually(t, "hosts leave the old one", hosts[n].Expect("ip -6 addr show dev eth0 deprecated", strings.TrimSuffix(before, ":")))
		eventually(t, "the old one is unreachable", router.Expect(fmt.Sprintf("ip -6 route show table %d", 1000+n), "unreachable "+before+"/56 dev lo proto 171"))
	}
	must(t, check(2, before))
	if out, err := router.Run("ip", "-6", "route", "show", "table", "1002"); err != nil || strings.Contains(out, "proto 171") {
		t.Errorf("the third VRF lost its prefix: %v\n%s", err, out)
	}
	isps[2].reload(fmt.Sprintf(ispOfVRF, after))
	eventually(t, "the third VRF has another prefix", func() error { return check(2, after) })

	// And across kill -9 all of it is as it was.
	d.kill()
	d.start()
	for n := range 3 {
		eventually(t, fmt.Sprintf("VRF %d after kill -9", n), func() error { return check(n, after) })
	}
	if out := d.cli("show", "ra"); strings.Count(out, "withdrawn") != 3 {
		t.Errorf("withdrawn on other links than the three:\n%s", out)
	}
}
