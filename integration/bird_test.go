package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sixfold-router/sixfold/integration/netns"
	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
)

// birdSeed is a hypervisor's router as bird6.conf had it, in our words: an internal and an external neighbor over tunnels (cables
// here), the same two filters, and routes learnt from the internal neighbor prepended once.
const birdSeed = `
system: {hostname: db-xc1, router_id: 172.16.4.1}
interfaces:
  br10: {addresses: ["fc01:100:200:401::1/64", 172.16.4.1/24]}
  gre1: {addresses: ["fc00:fe1b::6/126", "fe80::6/64"]}
  gre2: {addresses: ["fc00:fe1b::a/126"]}
bgp:
  asn: 65004
  prefix_sets:
    infra: ["fc01:100:200::/48+", "fc00::/16+"]
  filters:
    bgp_in: [{prefix: infra, accept: {}}]
    bgp_out:
      - {learned_from: db_sc1, prepend: {count: 1}}
      - {prefix: infra, accept: {}}
  neighbors:
    db_sc1: {address: "fc00:fe1b::9", remote_as: 65004, next_hop_self: true, import: bgp_in, export: bgp_out, import_limit: 20}
    cobra: {address: "fc00:fe1b::5", remote_as: 65001, import: bgp_in, export: bgp_out, import_limit: 20}
    %s
  announce: [connected]
`

// birdNeighbor is a neighbor of that router, in BIRD 2's words. It announces what is within fc00::/7 and two routes that the
// filter keeps out.
const birdNeighbor = `
log "/run/bird.log" all;
router id %[1]s;
protocol device { }
protocol direct { ipv6; interface "eth0"; }
protocol kernel { ipv6 { import none; export all; }; }
protocol static announced {
  ipv6;
  route %[2]s unreachable;
  route 2001:db8:bad::/48 unreachable;
  route ::/0 unreachable;
}
protocol bgp hypervisor {
  local %[3]s as %[4]d;
  neighbor %[5]s as 65004;
  %[6]s
  connect retry time 1;
  connect delay time 1;
  error wait time 1, 2;
  ipv6 { import all; export where source = RTS_STATIC; %[7]s };
}
`

// bird starts BIRD 2 on a host.
func bird(t *testing.T, n *netns.Node, config string) {
	t.Helper()
	must(t, os.WriteFile(filepath.Join(n.Root(), "run/bird.conf"), []byte(config), 0o644))
	p, err := n.Start("bird", "-f", "-c", "/run/bird.conf", "-s", "/run/bird.ctl")
	must(t, err)
	t.Cleanup(func() {
		if t.Failed() {
			out, _ := n.Run("birdc", "-s", "/run/bird.ctl", "show protocols all")
			more, _ := n.Run("birdc", "-s", "/run/bird.ctl", "show route all")
			t.Logf("%s: %s\n%s\n%s", n.Name, p.Stderr(), out, more)
		}
	})
}

func birdc(n *netns.Node, command string) (string, error) {
	return n.Run("birdc", append([]string{"-s", "/run/bird.ctl"}, strings.Fields(command)...)...)
}

func TestBirdSeed(t *testing.T) {
	t.Parallel()
	router, sc1, cobra, vm := host(t, "db-xc1"), host(t, "db-sc1"), host(t, "cobra"), host(t, "vm")
	cable(t, end(router, "br10"), end(vm, "eth0"))
	cable(t, end(router, "gre1"), end(cobra, "eth0"))
	cable(t, end(router, "gre2"), end(sc1, "eth0"))
	must(t, cobra.IP("addr add fc00:fe1b::5/126 dev eth0 nodad", "addr add fe80::5/64 dev eth0 nodad", "addr add fc01:100:200:501::1/64 dev lo"))
	must(t, sc1.IP("addr add fc00:fe1b::9/126 dev eth0 nodad"))
	bird(t, cobra, fmt.Sprintf(birdNeighbor, "172.16.5.1", "fc01:100:200:500::/56", "fc00:fe1b::5", 65001, "fc00:fe1b::6", "", ""))
	bird(t, sc1, fmt.Sprintf(birdNeighbor, "172.16.6.1", "fc01:100:200:600::/56", "fc00:fe1b::9", 65004, "fc00:fe1b::a", "", ""))
	d := run(t, router, fmt.Sprintf(birdSeed, ""))

	t.Run("routes of both neighbors are in the kernel, with our protocol number", func(t *testing.T) {
		eventually(t, "from cobra", router.Expect("ip -6 route show fc01:100:200:500::/56", "via fc00:fe1b::5 dev gre1 proto 168"))
		eventually(t, "from db_sc1", router.Expect("ip -6 route show fc01:100:200:600::/56", "via fc00:fe1b::9 dev gre2 proto 168"))
		out, err := router.Run("ip", "-6", "route", "show", "proto", "168")
		must(t, err)
		if strings.Contains(out, "2001:db8:bad::") || strings.Contains(out, "default") {
			t.Errorf("the import filter let something pass:\n%s", out)
		}
	})

	t.Run("the neighbors have our network and each other's, prepended as configured", func(t *testing.T) {
		eventually(t, "br10 at cobra", cobra.Expect("ip -6 route show fc01:100:200:401::/64", "via fc00:fe1b::6"))
		eventually(t, "br10 at db-sc1", sc1.Expect("ip -6 route show fc01:100:200:401::/64", "via fc00:fe1b::a"))
		eventually(t, "path at cobra", func() error {
			out, err := birdc(cobra, "show route all fc01:100:200:600::/56")
			if err == nil && len(lines(out, "BGP.as_path: 65004 65004")) != 1 {
				err = fmt.Errorf("want a path of 65004 65004:\n%s", out)
			}
			return err
		})
		out, err := birdc(cobra, "show route all fc01:100:200:401::/64")
		must(t, err)
		if len(lines(out, "BGP.as_path: 65004\n")) != 1 {
			t.Errorf("our own network is prepended too:\n%s", out)
		}
		if got := lines(out, "BGP.community"); len(got)+len(lines(out, "BGP.large_community")) != 0 {
			t.Errorf("communities of ours leak out:\n%s", out)
		}
		// Next hop self: without it db-sc1 could not reach cobra's networks.
		eventually(t, "next hop at db-sc1", sc1.Expect("ip -6 route show fc01:100:200:500::/56", "via fc00:fe1b::a"))
	})

	t.Run("withdrawal takes the route out", func(t *testing.T) {
		_, err := birdc(cobra, "disable announced")
		must(t, err)
		eventually(t, "withdrawn", gone(router, "fc01:100:200:500::/56"))
		_, err = birdc(cobra, "enable announced")
		must(t, err)
		eventually(t, "announced again", router.Expect("ip -6 route show fc01:100:200:500::/56", "via fc00:fe1b::5"))
	})

	t.Run("a filter that changes does not take the session down", func(t *testing.T) {
		ended := func() (n uint64) {
			var m sixfoldv1.GetBgpResponse
			must(t, d.show(&m, "bgp"))
			for _, one := range m.GetNeighbors() {
				n += one.GetFlaps()
			}
			return n
		}
		before := ended()
		d.reload(strings.Replace(fmt.Sprintf(birdSeed, ""), `infra: ["fc01:100:200::/48+", `, `infra: ["fc01:100:200:400::/56+", "fc01:100:200:600::/56+", `, 1))
		eventually(t, "now rejected", gone(router, "fc01:100:200:500::/56"))
		must(t, router.Expect("ip -6 route show fc01:100:200:600::/56", "via fc00:fe1b::9")())
		if after := ended(); after != before {
			t.Errorf("%d sessions ended", after-before)
		}
		d.reload(fmt.Sprintf(birdSeed, ""))
		eventually(t, "accepted again", router.Expect("ip -6 route show fc01:100:200:500::/56", "via fc00:fe1b::5"))
	})

	t.Run("kill -9 and restart keep the routes", func(t *testing.T) {
		d.kill()
		must(t, router.Expect("ip -6 route show fc01:100:200:500::/56", "via fc00:fe1b::5")())
		d.start()
		must(t, router.Expect("ip -6 route show fc01:100:200:500::/56", "via fc00:fe1b::5")())
		eventually(t, "session again", func() error {
			out, err := birdc(cobra, "show protocols hypervisor")
			if err == nil && !strings.Contains(out, "Established") {
				err = fmt.Errorf("%s", out)
			}
			return err
		})
		must(t, router.Expect("ip -6 route show fc01:100:200:500::/56", "via fc00:fe1b::5")())
	})

	t.Run("SIGTERM says goodbye: no route learnt from a neighbor is left, nor ours at the neighbors", func(t *testing.T) {
		must(t, d.process.Stop(10*time.Second))
		out, err := router.Run("ip", "-6", "route", "show", "proto", "168")
		if err != nil || strings.TrimSpace(out) != "" {
			t.Errorf("%v\n%s", err, out)
		}
		eventually(t, "at cobra", gone(cobra, "fc01:100:200:401::/64"))
	})
}

func TestBirdOverLinkLocalAddresses(t *testing.T) {
	t.Parallel()
	router, cobra, sc1 := host(t, "db-xc1"), host(t, "cobra"), host(t, "db-sc1")
	for _, n := range []*netns.Node{cobra, sc1} {
		link := map[*netns.Node]string{cobra: "gre1", sc1: "gre2"}[n]
		cable(t, end(router, link), end(n, "eth0"))
		must(t, n.IP("addr add "+map[*netns.Node]string{cobra: "fe80::5", sc1: "fe80::9"}[n]+"/64 dev eth0 nodad"))
	}
	must(t, router.IP("link add br10 type bridge", "link set br10 up", "link add v1 type veth peer name v2", "link set v1 master br10 up", "link set v2 up"))
	// Our own address is the same on both links: only the zone tells them apart.
	config := strings.ReplaceAll(fmt.Sprintf(birdSeed, ""), `"fc00:fe1b::6/126", "fe80::6/64"`, `"fe80::6/64"`)
	config = strings.ReplaceAll(config, `"fc00:fe1b::a/126"`, `"fe80::6/64"`)
	config = strings.ReplaceAll(config, `"fc00:fe1b::9"`, `"fe80::9%gre2"`)
	config = strings.ReplaceAll(config, `"fc00:fe1b::5"`, `"fe80::5%gre1"`)
	bird(t, cobra, fmt.Sprintf(birdNeighbor, "172.16.5.1", "fc01:100:200:500::/56", "fe80::5", 65001, "fe80::6%eth0", "", ""))
	bird(t, sc1, fmt.Sprintf(birdNeighbor, "172.16.6.1", "fc01:100:200:600::/56", "fe80::9", 65004, "fe80::6%eth0", "direct;", ""))
	run(t, router, config)

	eventually(t, "from cobra", router.Expect("ip -6 route show fc01:100:200:500::/56", "via fe80::5 dev gre1 proto 168"))
	eventually(t, "from db_sc1", router.Expect("ip -6 route show fc01:100:200:600::/56", "via fe80::9 dev gre2 proto 168"))
	eventually(t, "br10 at cobra", cobra.Expect("ip -6 route show fc01:100:200:401::/64", "via fe80::6 dev eth0"))
	eventually(t, "br10 at db-sc1", sc1.Expect("ip -6 route show fc01:100:200:401::/64", "via fe80::6 dev eth0"))
}

// Without a filter nothing is accepted or announced (RFC 8212).
func TestBgpWithoutPolicy(t *testing.T) {
	t.Parallel()
	router, cobra := host(t, "router"), host(t, "cobra")
	cable(t, end(router, "gre1"), end(cobra, "eth0"))
	must(t, cobra.IP("addr add fc00:fe1b::5/126 dev eth0 nodad"))
	bird(t, cobra, fmt.Sprintf(birdNeighbor, "172.16.5.1", "fc01:100:200:500::/56", "fc00:fe1b::5", 65001, "fc00:fe1b::6", "", ""))
	d := run(t, router, `
system: {router_id: 172.16.4.1}
interfaces:
  gre1: {addresses: ["fc00:fe1b::6/126", "fc01:100:200:401::1/64"]}
bgp:
  asn: 65004
  neighbors: {cobra: {address: "fc00:fe1b::5", remote_as: 65001}}
  announce: [connected]
`)
	eventually(t, "session", func() error {
		out, err := birdc(cobra, "show protocols all hypervisor")
		if err == nil && !strings.Contains(out, "Established") {
			err = fmt.Errorf("%s", out)
		}
		return err
	})
	eventually(t, "received, not accepted", func() error {
		if out := d.cli("show", "bgp"); len(lines(out, "cobra", "established")) != 1 {
			return fmt.Errorf("%s", out)
		}
		return nil
	})
	out, err := router.Run("ip", "-6", "route", "show", "proto", "168")
	if err != nil || strings.TrimSpace(out) != "" {
		t.Errorf("routes without an import filter: %q, %v", out, err)
	}
	out, err = birdc(cobra, "show route protocol hypervisor")
	if err != nil || strings.Contains(out, "fc01:100:200:401::/64") {
		t.Errorf("routes without an export filter: %v\n%s", err, out)
	}
}

// gone returns a check that a host has no route to a prefix, but for that of a prefix that it had until a while ago.
func gone(n *netns.Node, prefix string) func() error {
	return func() error {
		out, err := n.Run("ip", "-6", "route", "show", prefix)
		if left := lines(out); err == nil && len(left) > len(lines(out, "unreachable", "proto 171")) {
			err = fmt.Errorf("still there: %s", out)
		}
		return err
	}
}
