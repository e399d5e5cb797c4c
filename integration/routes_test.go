package integration

import (
	"fmt"
	"strings"
	"testing"

	"github.com/sixfold-router/sixfold/integration/netns"
)

// sourcesConfig announces one route of every source, in both families, over an IPv6 and an IPv4 session.
const sourcesConfig = `
system: {router_id: 192.0.2.1}
interfaces:
  up0: {addresses: ["2001:db8:1::1/64", 192.0.2.1/30]}
  lan0:
    addresses: ["2001:db8:2::1/64", 198.51.100.1/24]
    advertise: {}
    dhcpv6: {delegate: {customers: {pool: "2001:db8:4000::/40", length: 48}}}
routes:
  "2001:db8:3::/48": {via: "2001:db8:2::99"}
  "2001:db8:5::/48": {via: "fe80::99", interface: lan0, metric: 77}
  "2001:db8:6::/48": {unreachable: true}
  "2001:db8:7::/48": {prohibit: true}
  "203.0.113.0/24": {via: 198.51.100.99}
  "203.0.114.0/24": {blackhole: true}
bgp:
  asn: 65004
  prefix_sets: {all: ["::/0+", "0.0.0.0/0+"], ours: ["2001:db8::/32+", "0.0.0.0/0+"]}
  filters:
    in: [{prefix: all, accept: {}}]
    out:
      - {source: delegated, reject: {}}
      - {source: static, med: 50}
      - {prefix: ours, accept: {}}
  neighbors:
    six: {address: "2001:db8:1::2", remote_as: 65001, import: in, export: out}
    four: {address: 192.0.2.2, remote_as: 65001, import: in, export: out}
  announce: [connected, static, delegated, aggregate]
  aggregates: {"2001:db8:4000::/40": {}}
`

const sourcesNeighbor = `
router id 192.0.2.2;
protocol device { }
protocol direct { ipv4; ipv6; interface "eth0"; }
protocol kernel { ipv6 { import none; export all; }; }
protocol kernel { ipv4 { import none; export all; }; }
protocol static s6 { ipv6; route 2001:db8:ff00::/40 unreachable; }
protocol static s4 { ipv4; route 10.99.0.0/16 unreachable; }
protocol bgp six {
  local 2001:db8:1::2 as 65001;
  neighbor 2001:db8:1::1 as 65004;
  connect delay time 1; connect retry time 1; error wait time 1, 2;
  ipv6 { import all; export where source = RTS_STATIC; };
}
protocol bgp four {
  local 192.0.2.2 as 65001;
  neighbor 192.0.2.1 as 65004;
  connect delay time 1; connect retry time 1; error wait time 1, 2;
  ipv4 { import all; export where source = RTS_STATIC; };
}
`

func TestRoutesOfEverySource(t *testing.T) {
	t.Parallel()
	router, up, customer := host(t, "router"), host(t, "up"), host(t, "customer")
	cable(t, end(router, "up0"), end(up, "eth0"))
	cable(t, end(router, "lan0"), end(customer, "eth0"))
	must(t, up.IP("addr add 2001:db8:1::2/64 dev eth0 nodad", "addr add 192.0.2.2/30 dev eth0"))
	bird(t, up, sourcesNeighbor)
	d := run(t, router, sourcesConfig)

	t.Run("static routes of both families and every kind", func(t *testing.T) {
		for _, want := range []string{
			"2001:db8:3::/48 via 2001:db8:2::99 dev lan0 proto 166 metric 512",
			"2001:db8:5::/48 via fe80::99 dev lan0 proto 166 metric 77",
			"unreachable 2001:db8:6::/48 dev lo proto 166",
			"prohibit 2001:db8:7::/48 dev lo proto 166",
			"unreachable 2001:db8:4000::/40 dev lo proto 169",
		} {
			eventually(t, want, router.Expect("ip -6 route show table main", want))
		}
		eventually(t, "IPv4", router.Expect("ip -4 route", "203.0.113.0/24 via 198.51.100.99 dev lan0 proto 166", "blackhole 203.0.114.0/24 proto 166"))
	})

	t.Run("IPv4 and IPv6 routes of BGP", func(t *testing.T) {
		eventually(t, "IPv6", router.Expect("ip -6 route", "2001:db8:ff00::/40 via 2001:db8:1::2 dev up0 proto 168"))
		eventually(t, "IPv4", router.Expect("ip -4 route", "10.99.0.0/16 via 192.0.2.2 dev up0 proto 168"))
	})

	t.Run("what is announced", func(t *testing.T) {
		for _, want := range []string{"2001:db8:2::/64", "2001:db8:3::/48", "2001:db8:6::/48", "2001:db8:4000::/40"} {
			eventually(t, want, up.Expect("ip -6 route", want+" via 2001:db8:1::1 dev eth0"))
		}
		for _, want := range []string{"198.51.100.0/24", "203.0.113.0/24", "203.0.114.0/24"} {
			eventually(t, want, up.Expect("ip -4 route", want+" via 192.0.2.1 dev eth0"))
		}
		out, err := birdc(up, "show route all 2001:db8:3::/48")
		if err != nil || len(lines(out, "BGP.med: 50")) != 1 {
			t.Errorf("a static route should have MED 50: %v\n%s", err, out)
		}
	})

	t.Run("a delegated prefix is announced when the filter lets it, from its lease to its release", func(t *testing.T) {
		eventually(t, "default route", customer.Expect("ip -6 route show default", "proto ra"))
		if _, err := dhclient(customer, "-P", "-sf", "/bin/true"); err != nil {
			t.Fatal(err)
		}
		var prefix string
		eventually(t, "route of the delegation", func() error {
			out, err := router.Run("ip", "-6", "route", "show", "proto", "167")
			if f := strings.Fields(out); err == nil && len(f) > 0 {
				prefix = f[0]
				return nil
			}
			return fmt.Errorf("none: %q, %v", out, err)
		})
		must(t, gone(up, prefix)())
		d.reload(strings.Replace(sourcesConfig, "      - {source: delegated, reject: {}}\n", "", 1))
		eventually(t, "announced", up.Expect("ip -6 route", prefix+" via 2001:db8:1::1"))
		if _, err := dhclient(customer, "-P", "-r", "-sf", "/bin/true"); err != nil {
			t.Fatal(err)
		}
		eventually(t, "withdrawn", gone(up, prefix))
	})

	t.Run("another's route is left alone, and a route of ours that is removed comes back", func(t *testing.T) {
		must(t, router.IP("-6 route add 2001:db8:77::/48 via 2001:db8:2::98 proto static"))
		must(t, router.IP("-6 route del 2001:db8:3::/48"))
		eventually(t, "back", router.Expect("ip -6 route", "2001:db8:3::/48 via 2001:db8:2::99"))
		d.reload(strings.Replace(sourcesConfig, `  "2001:db8:3::/48": {via: "2001:db8:2::99"}`+"\n", "", 1))
		eventually(t, "removed", gone(router, "2001:db8:3::/48"))
		must(t, router.Expect("ip -6 route", "2001:db8:77::/48 via 2001:db8:2::98")())
	})

	t.Run("what is no longer configured goes, what others set stays", func(t *testing.T) {
		must(t, router.IP("addr add 2001:db8:2::77/64 dev lan0 nodad"))
		d.reload(strings.Replace(sourcesConfig, `["2001:db8:2::1/64", 198.51.100.1/24]`, `["2001:db8:2::2/64"]`, 1))
		eventually(t, "the new address", router.Expect("ip -6 addr show dev lan0", "2001:db8:2::2/64"))
		eventually(t, "the old ones", func() error {
			out, err := router.Run("ip", "addr", "show", "dev", "lan0")
			if err == nil && (strings.Contains(out, "2001:db8:2::1/64") || strings.Contains(out, "198.51.100.1")) {
				err = fmt.Errorf("still there:\n%s", out)
			}
			return err
		})
		must(t, router.Expect("ip -6 addr show dev lan0", "2001:db8:2::77/64")())
		d.reload(sourcesConfig)
		eventually(t, "back", router.Expect("ip addr show dev lan0", "2001:db8:2::1/64", "198.51.100.1/24"))
	})

	t.Run("a file that is not valid changes nothing", func(t *testing.T) {
		d.reload("interfaces: {lan0: {mtu: huge}}\n")
		eventually(t, "refused", func() error {
			if !strings.Contains(d.process.Stderr(), "/run/sixfold.yaml:1:26") {
				return fmt.Errorf("not logged:\n%s", tail(d.process.Stderr(), 5))
			}
			return nil
		})
		must(t, router.Expect("ip -6 route", "2001:db8:5::/48 via fe80::99")())
	})
}

// A link that comes later is configured when it comes, and again when it comes back.
func TestLinkThatComesLater(t *testing.T) {
	t.Parallel()
	router, guest := host(t, "router"), host(t, "guest")
	d := run(t, router, `
interfaces:
  tap7:
    addresses: ["2001:db8:7::1/64"]
    advertise: {max_interval: 10s}
    dhcpv6: {pools: {guests: {range: "2001:db8:7::100-2001:db8:7::1ff"}}}
routes: {"2001:db8:8::/48": {via: "2001:db8:7::8", interface: tap7}}
`)
	must(t, (&pendingCheck{d, "interfaces.tap7", "there is no such link"}).check())
	for range 2 {
		cable(t, end(router, "tap7"), end(guest, "eth0"))
		eventually(t, "address", router.Expect("ip -6 addr show dev tap7", "2001:db8:7::1/64"))
		eventually(t, "route", router.Expect("ip -6 route", "2001:db8:8::/48 via 2001:db8:7::8 dev tap7"))
		eventually(t, "SLAAC", guest.Expect("ip -6 addr show dev eth0 scope global dynamic", "2001:db8:7:"))
		if _, err := dhclient(guest); err != nil {
			t.Fatal(err)
		}
		eventually(t, "lease", guest.Expect("ip -6 addr show dev eth0", "2001:db8:7::1"))
		must(t, guest.IP("link del eth0"))
		eventually(t, "pending again", (&pendingCheck{d, "interfaces.tap7", "there is no such link"}).check)
	}
}

type pendingCheck struct {
	d            *daemon
	what, reason string
}

func (c *pendingCheck) check() error {
	out, err := c.d.node.Run(sixfold, "show", "pending")
	if err == nil && len(lines(out, c.what, c.reason)) == 0 {
		err = fmt.Errorf("%s is not pending:\n%s", c.what, out)
	}
	return err
}

// With duplicate address detection, as every machine has it: all comes when the addresses are usable, and one that another host
// has is shown as a duplicate.
func TestDuplicateAddressDetection(t *testing.T) {
	t.Parallel()
	router, guest := host(t, "router"), host(t, "guest")
	for _, n := range []*netns.Node{router, guest} {
		must(t, n.Sysctl("net.ipv6.conf.all.accept_dad=1", "net.ipv6.conf.default.accept_dad=1"))
	}
	cable(t, end(router, "lan0"), end(guest, "eth0"))
	must(t, guest.IP("addr add 2001:db8:7::77/64 dev eth0 nodad"))
	d := run(t, router, `
interfaces:
  lan0:
    addresses: ["2001:db8:7::1/64", "2001:db8:7::77/64"]
    advertise: {max_interval: 10s}
    dhcpv6: {pools: {guests: {range: "2001:db8:7::100-2001:db8:7::1ff"}}}
`)
	eventually(t, "SLAAC", guest.Expect("ip -6 addr show dev eth0 scope global dynamic", "2001:db8:7:"))
	eventually(t, "default route", guest.Expect("ip -6 route show default", "proto ra"))
	eventually(t, "the guest's own detection", func() error { // dhclient does not wait for it
		out, err := guest.Run("ip", "-6", "addr", "show", "dev", "eth0", "tentative")
		if err == nil && strings.TrimSpace(out) != "" {
			err = fmt.Errorf("%s", out)
		}
		return err
	})
	if _, err := dhclient(guest); err != nil {
		t.Fatal(err)
	}
	eventually(t, "duplicate", func() error {
		out := d.cli("show", "interfaces")
		if len(lines(out, "2001:db8:7::77/64", "duplicate")) != 1 || len(lines(out, "2001:db8:7::1/64", "duplicate")) != 0 {
			return fmt.Errorf("%s", out)
		}
		return (&pendingCheck{d, "2001:db8:7::77/64", "another host on the link has this address"}).check()
	})
}
