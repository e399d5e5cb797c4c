package integration

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sixfold-router/sixfold/integration/netns"
	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
)

// sysctls returns settings of a host, one a line.
func sysctls(t *testing.T, n *netns.Node, names ...string) string {
	t.Helper()
	var out strings.Builder
	for _, name := range names {
		text, err := n.Run("cat", "/proc/sys/net/"+name)
		must(t, err)
		fmt.Fprintf(&out, "%s %s\n", name, strings.TrimSpace(text))
	}
	return out.String()
}

// A router that takes its own default route from advertisements while it forwards: what 10-forwarding.conf wanted with accept_ra=2
// on all links, and a reboot after it.
func TestAcceptRASeed(t *testing.T) {
	t.Parallel()
	isp, router := host(t, "isp"), host(t, "db-xc1")
	cable(t, end(isp, "cust0"), end(router, "eth0"))
	cable(t, end(isp, "other0"), end(router, "eth1"))
	radvd(t, isp, 1800)
	// As a host it has the default route before anybody forwards.
	eventually(t, "as a host", router.Expect("ip -6 route show default", "via fe80::1 dev eth0 proto ra"))
	const config = `
interfaces:
  eth0: {accept_ra: true, delegations: {isp: {length: 48}}%s}
  eth1: {addresses: ["2001:db8:1::1/64"]}
`
	d := run(t, router, fmt.Sprintf(config, ""))
	eventually(t, "settings", func() error {
		want := "ipv4/ip_forward 1\nipv6/conf/all/forwarding 1\nipv6/conf/eth0/accept_ra 2\nipv6/conf/eth0/forwarding 1\nipv6/conf/eth1/accept_ra 0\n"
		if got := sysctls(t, router, "ipv4/ip_forward", "ipv6/conf/all/forwarding", "ipv6/conf/eth0/accept_ra", "ipv6/conf/eth0/forwarding", "ipv6/conf/eth1/accept_ra"); got != want {
			return fmt.Errorf("%s", got)
		}
		return nil
	})
	must(t, router.Expect("ip -6 route show default", "via fe80::1 dev eth0 proto ra")())
	eventually(t, "an address of the advertised prefix", func() error {
		out, err := router.Run("ip", "-6", "addr", "show", "dev", "eth0", "scope", "global")
		if err == nil && !strings.Contains(out, "2001:888:1:") {
			err = fmt.Errorf("%s", out)
		}
		return err
	})
	must(t, router.IP("link set eth0 down", "link set eth0 up"))
	eventually(t, "the default route after the link was down", router.Expect("ip -6 route show default", "via fe80::1 dev eth0 proto ra"))

	// The default route without the addresses.
	d.reload(fmt.Sprintf(config, ", sysctls: {ipv6.accept_ra_pinfo: 0}"))
	eventually(t, "accept_ra_pinfo", router.Expect("cat /proc/sys/net/ipv6/conf/eth0/accept_ra_pinfo", "0"))
	must(t, router.IP("addr flush dev eth0 scope global", "link set eth0 down", "link set eth0 up"))
	eventually(t, "the default route again", router.Expect("ip -6 route show default", "via fe80::1 dev eth0 proto ra"))
	if out, err := router.Run("ip", "-6", "addr", "show", "dev", "eth0", "scope", "global"); err != nil || strings.Contains(out, "2001:888:1:") {
		t.Errorf("%v: an address was made all the same:\n%s", err, out)
	}
	d.reload(fmt.Sprintf(config, ""))
	eventually(t, "and back", router.Expect("cat /proc/sys/net/ipv6/conf/eth0/accept_ra_pinfo", "1"))

	d.reload(fmt.Sprintf(config, ", sysctls: {ipv6.accept_ra_pinf: 0}"))
	eventually(t, "a setting that the kernel does not have is refused", func() error {
		if log := d.process.Stderr(); !strings.Contains(log, "eth0 has no setting ipv6/conf/accept_ra_pinf in this kernel") {
			return fmt.Errorf("%s", tail(log, 5))
		}
		return nil
	})
}

// hypervisor has guests that come and go on links of their own, and gives each a prefix.
const hypervisor = `
interfaces:
  eth0: {addresses: ["2001:db8::1/64"]}
  "vnet*":
    addresses: ["fe80::1/64"]
    dad: false
    advertise: {max_interval: 4s}
    dhcpv6:
      delegate: {guests: {pool: "2001:db8:100::/48", length: 64}}
    arp: {accept: true, announce: 1}
`

const guest = `
interfaces:
  eth0: {accept_ra: true, delegations: {mine: {length: 64}}}
  lan0: {addresses: ["mine ::1/64"]}
`

func TestHypervisorGuests(t *testing.T) {
	t.Parallel()
	router, outside := host(t, "hypervisor"), host(t, "outside")
	cable(t, end(router, "eth0"), end(outside, "eth0"))
	must(t, outside.IP("addr add 2001:db8::2/64 dev eth0 nodad", "route add default via 2001:db8::1"))
	d := run(t, router, hypervisor)
	if out := d.cli("show", "pending"); strings.Contains(out, "vnet") {
		t.Errorf("a pattern that matches nothing yet is pending:\n%s", out)
	}
	seen := map[netip.Prefix]string{}
	for n := range 3 {
		vm, link := host(t, fmt.Sprintf("guest%d", n)), fmt.Sprintf("vnet%d", n)
		cable(t, end(router, link), end(vm, "eth0"))
		cable(t, end(vm, "lan0"), end(vm, "lan1"))
		g := run(t, vm, guest)
		prefix := waitPrefix(t, g, "mine")
		if other, ok := seen[prefix]; ok || prefix.Bits() != 64 || !netip.MustParsePrefix("2001:db8:100::/48").Contains(prefix.Addr()) {
			t.Errorf("%s has %s, and so has %q", vm.Name, prefix, other)
		}
		seen[prefix] = vm.Name
		eventually(t, "the way to the guest", func() error {
			_, err := outside.Run("ping", "-6", "-c1", "-W1", prefix.Addr().Next().String())
			return err
		})
		if got, want := sysctls(t, router, "ipv4/conf/"+link+"/arp_accept", "ipv4/conf/"+link+"/arp_announce"), fmt.Sprintf("ipv4/conf/%[1]s/arp_accept 1\nipv4/conf/%[1]s/arp_announce 1\n", link); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	var list sixfoldv1.ListInterfacesResponse
	must(t, d.show(&list, "interfaces", "vnet1"))
	if i := list.GetInterfaces(); len(i) != 1 || i[0].GetPattern() != "vnet*" || !i[0].GetConfigured() {
		t.Errorf("show interfaces vnet1: %v", i)
	}
	if out := d.cli("explain", "vnet1"); !strings.Contains(out, "configured by the pattern vnet*") || !strings.Contains(out, "vnet1 works") {
		t.Errorf("explain vnet1:\n%s", out)
	}
	// A guest goes; its route does, the others stay.
	must(t, router.IP("link del vnet1"))
	eventually(t, "its route is gone", func() error {
		out, err := router.Run("ip", "-6", "route", "show", "proto", "167")
		if err == nil && len(lines(out, "dev vnet")) != 2 {
			err = fmt.Errorf("%s", out)
		}
		return err
	})
	if out := d.cli("show", "ra"); strings.Contains(out, "vnet1") || !strings.Contains(out, "vnet2") {
		t.Errorf("show ra:\n%s", out)
	}
}

// A link that leaves the configuration goes back to how it was found, also when the process that changed it is gone.
func TestLinkLeavesConfiguration(t *testing.T) {
	t.Parallel()
	router, lan := host(t, "router"), host(t, "lan")
	cable(t, end(router, "eth0"), end(lan, "eth0"))
	must(t, router.IP("link set eth0 down"))
	settings := []string{"ipv4/conf/eth0/arp_accept", "ipv4/conf/eth0/arp_announce", "ipv4/conf/eth0/promote_secondaries", "ipv6/conf/eth0/accept_ra",
		"ipv6/conf/eth0/dad_transmits", "ipv6/conf/eth0/keep_addr_on_down"}
	state := func() string {
		out, err := router.Run("sh", "-c", "ip link show eth0; ip addr show eth0 | grep inet")
		if err != nil && out == "" {
			t.Fatal(err)
		}
		return out + sysctls(t, router, settings...)
	}
	before := state()
	d := run(t, router, "{}\n")
	const config = `
interfaces:
  eth0: {mtu: 1400, addresses: ["2001:db8::1/64", 192.0.2.1/24], dad_transmits: 2, arp: {accept: true, announce: 2}}
`
	must(t, os.WriteFile(filepath.Join(router.Root(), "run/eth0.yaml"), []byte(config), 0o644))
	d.cli("config", "apply", "/run/eth0.yaml")
	if out := state(); !strings.Contains(out, "mtu 1400") || !strings.Contains(out, "LOWER_UP") || !strings.Contains(out, "arp_announce 2") || !strings.Contains(out, "dad_transmits 2") {
		t.Errorf("applied:\n%s", out)
	}
	d.kill()
	d.start()
	plan := d.cli("config", "plan", "/run/sixfold.yaml")
	for _, want := range []string{"change mtu from 1400 back to 1500", "take down again", "arp_announce to 0"} {
		if !strings.Contains(plan, want) {
			t.Errorf("the plan lacks %q:\n%s", want, plan)
		}
	}
	d.cli("config", "rollback")
	eventually(t, "as it was found", func() error {
		if after := state(); after != before {
			return fmt.Errorf("it was\n%s\nand is\n%s", before, after)
		}
		return nil
	})
	must(t, d.process.Stop(10*time.Second))
}
