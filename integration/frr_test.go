package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sixfold-router/sixfold/integration/netns"
)

// frr runs zebra, staticd and bgpd of FRR on a host, all with one configuration.
func frr(t *testing.T, n *netns.Node, config string) {
	t.Helper()
	root := n.Root()
	_, err := n.Run("install", "-d", "-o", "frr", "-g", "frr", "/run/frr")
	must(t, err)
	config = "log file /run/frr/log debugging\n" + config
	must(t, os.WriteFile(filepath.Join(root, "run/frr/frr.conf"), []byte(config), 0o644))
	for _, daemon := range []string{"zebra", "staticd", "bgpd"} {
		args := []string{"-A", "127.0.0.1", "-f", "/run/frr/frr.conf", "-i", "/run/frr/" + daemon + ".pid",
			"-z", "/run/frr/zserv.api", "--vty_socket", "/run/frr"}
		p, err := n.Start("/usr/lib/frr/"+daemon, args...)
		must(t, err)
		t.Cleanup(func() {
			if t.Failed() {
				t.Logf("%s: %s: %s", n.Name, daemon, p.Stderr())
			}
		})
		eventually(t, "start "+daemon, func() error {
			if !p.Running() {
				t.Fatalf("%s ended on %s: %s", daemon, n.Name, p.Stderr())
			}
			_, err := n.Run("vtysh", "--vty_socket", "/run/frr", "-d", daemon, "-c", "show version")
			return err
		})
	}
	t.Cleanup(func() {
		if t.Failed() {
			for _, command := range []string{"show bgp summary", "show bgp ipv6 unicast", "show bgp ipv4 unicast", "show ipv6 route"} {
				out, _ := vtysh(n, command)
				t.Logf("%s: %s\n%s", n.Name, command, out)
			}
			log, _ := os.ReadFile(filepath.Join(root, "run/frr/log"))
			t.Logf("%s logged:\n%s", n.Name, tail(string(log), 30))
		}
	})
}

// vtysh runs commands of FRR's shell.
func vtysh(n *netns.Node, commands ...string) (string, error) {
	args := []string{"--vty_socket", "/run/frr"}
	for _, c := range commands {
		args = append(args, "-c", c)
	}
	return n.Run("vtysh", args...)
}

// configure changes FRR's configuration.
func configure(t *testing.T, n *netns.Node, commands ...string) {
	t.Helper()
	if out, err := vtysh(n, append([]string{"configure terminal"}, commands...)...); err != nil || strings.Contains(out, "%") {
		t.Fatalf("%v: %v\n%s", commands, err, out)
	}
}

// routesOf returns a check of the routes of a host to a prefix; no text: that there is none.
func routesOf(n *netns.Node, prefix, want string) func() error {
	family := "-6"
	if !strings.Contains(prefix, ":") {
		family = "-4"
	}
	if want == "" {
		return func() error {
			out, err := n.Run("ip", family, "route", "show", prefix)
			if err == nil && strings.TrimSpace(out) != "" {
				err = fmt.Errorf("%s: still there: %s", n.Name, out)
			}
			return err
		}
	}
	return n.Expect("ip "+family+" route show "+prefix, want)
}

// frrSeed is our side of a link with FRR: sessions over the global and the link-local addresses, which differ by what FRR has to
// say about them alone.
const frrSeed = `
system: {router_id: 192.0.2.1}
interfaces:
  up0: {addresses: ["2001:db8:1::1/64"], advertise: {min_interval: 3s, max_interval: 4s}}
  lan0: {addresses: ["2001:db8:2::1/64", "198.51.100.1/24"]}
bgp:
  asn: 65004
  prefix_sets: {theirs: ["2001:db8:8000::/33+", "203.0.113.0/24+"], ours: ["2001:db8:2::/48+", "198.51.100.0/24+"]}
  filters:
    in: [{prefix: theirs, accept: {}}]
    out: [{prefix: ours, accept: {}}]
  neighbors:
    frr: {address: "%s", remote_as: 65001, import: in, export: out, %s}
  announce: [connected]
`

const frrPeer = `
frr defaults datacenter
hostname frr
ip route 203.0.113.0/24 Null0
ipv6 route 2001:db8:8001::/48 Null0
ipv6 route 2001:db8:8002::/48 Null0
ipv6 route 2001:db8:8003::/48 Null0
ipv6 route 2001:db8:7000::/48 Null0
router bgp 65001
 bgp router-id 192.0.2.2
 no bgp ebgp-requires-policy
 timers bgp 3 9
 %[1]s
 neighbor %[2]s timers connect 1
 %[3]s
 address-family ipv4 unicast
  neighbor %[2]s activate
  redistribute static
 exit-address-family
 address-family ipv6 unicast
  neighbor %[2]s activate
  redistribute static
 exit-address-family
`

func TestFrrOverGlobalAddresses(t *testing.T) {
	t.Parallel()
	router, peer, lan := host(t, "router"), host(t, "frr"), host(t, "lan")
	cable(t, end(router, "up0"), end(peer, "eth0"))
	cable(t, end(router, "lan0"), end(lan, "eth0"))
	must(t, peer.IP("addr add 2001:db8:1::2/64 dev eth0 nodad"))
	frr(t, peer, fmt.Sprintf(frrPeer, "neighbor 2001:db8:1::1 remote-as 65004", "2001:db8:1::1", "neighbor 2001:db8:1::1 password secret\n neighbor 2001:db8:1::1 capability extended-nexthop"))
	config := fmt.Sprintf(frrSeed, "2001:db8:1::2", "password: secret, import_limit: 5, hold_time: 9s")
	d := run(t, router, config)

	t.Run("routes both ways, with a password", func(t *testing.T) {
		eventually(t, "from FRR", routesOf(router, "2001:db8:8001::/48", "via 2001:db8:1::2 dev up0 proto 168"))
		eventually(t, "to FRR", peer.Expect("ip -6 route show 2001:db8:2::/64", "proto bgp"))
		must(t, routesOf(router, "2001:db8:7000::/48", "")())
	})
	t.Run("IPv4 over the IPv6 session", func(t *testing.T) {
		eventually(t, "from FRR", routesOf(router, "203.0.113.0/24", "via inet6 2001:db8:1::2 dev up0 proto 168"))
		eventually(t, "to FRR", routesOf(peer, "198.51.100.0/24", "proto bgp"))
	})
	t.Run("withdrawal", func(t *testing.T) {
		configure(t, peer, "no ipv6 route 2001:db8:8002::/48 Null0")
		eventually(t, "withdrawn by FRR", routesOf(router, "2001:db8:8002::/48", ""))
		must(t, router.IP("addr del 2001:db8:2::1/64 dev lan0"))
		configure(t, peer, "ipv6 route 2001:db8:8002::/48 Null0")
		eventually(t, "announced again", routesOf(router, "2001:db8:8002::/48", "via 2001:db8:1::2"))
		d.reload(strings.Replace(config, `"2001:db8:2::1/64", `, "", 1))
		eventually(t, "withdrawn by us", routesOf(peer, "2001:db8:2::/64", ""))
		d.reload(config)
		eventually(t, "announced again", peer.Expect("ip -6 route show 2001:db8:2::/64", "proto bgp"))
	})
	t.Run("more routes than the limit", func(t *testing.T) {
		var more, less []string
		for i := range 4 {
			more = append(more, fmt.Sprintf("ipv6 route 2001:db8:80%d0::/48 Null0", i+1))
			less = append(less, "no "+more[i])
		}
		configure(t, peer, more...)
		eventually(t, "shut down", func() error {
			if out := d.cli("show", "bgp"); len(lines(out, "frr", "shutdown")) != 1 {
				return fmt.Errorf("%s", out)
			}
			return nil
		})
		if out := d.cli("show", "bgp", "neighbor", "frr"); !strings.Contains(out, "import limit is 5") {
			t.Errorf("the reason is not shown:\n%s", out)
		}
		eventually(t, "all its routes are gone", func() error {
			out, err := router.Run("ip", "-6", "route", "show", "proto", "168")
			if err == nil && strings.TrimSpace(out) != "" {
				err = fmt.Errorf("%s", out)
			}
			return err
		})
		configure(t, peer, less...)
		d.cli("bgp", "reset", "frr")
		eventually(t, "established again", routesOf(router, "2001:db8:8001::/48", "via 2001:db8:1::2"))
	})
	t.Run("another password", func(t *testing.T) {
		d.reload(strings.Replace(config, "password: secret", "password: other", 1))
		eventually(t, "the session is down", routesOf(router, "2001:db8:8001::/48", ""))
		d.reload(config)
		eventually(t, "the session is up", routesOf(router, "2001:db8:8001::/48", "via 2001:db8:1::2"))
	})
}

// FRR's unnumbered neighbor knows us from our router advertisement alone, and has only link-local addresses.
func TestFrrUnnumbered(t *testing.T) {
	t.Parallel()
	router, peer, lan := host(t, "router"), host(t, "frr"), host(t, "lan")
	cable(t, end(router, "up0"), end(peer, "eth0"))
	cable(t, end(router, "lan0"), end(lan, "eth0"))
	must(t, peer.Sysctl("net.ipv6.conf.eth0.accept_ra=0"))
	must(t, peer.IP("addr add fe80::2/64 dev eth0 nodad"))
	frr(t, peer, fmt.Sprintf(frrPeer, "neighbor eth0 interface remote-as external", "eth0", "")+"interface eth0\n ipv6 nd ra-interval 1\n no ipv6 nd suppress-ra\n")
	run(t, router, fmt.Sprintf(frrSeed, "fe80::2%up0", "hold_time: 9s"))
	eventually(t, "from FRR", routesOf(router, "2001:db8:8001::/48", "via fe80::2 dev up0 proto 168"))
	eventually(t, "to FRR", routesOf(peer, "2001:db8:2::/64", "via fe80::"))
	eventually(t, "IPv4 from FRR", routesOf(router, "203.0.113.0/24", "via inet6 fe80::2 dev up0 proto 168"))
	eventually(t, "IPv4 to FRR", routesOf(peer, "198.51.100.0/24", "proto bgp"))
}

// frrSpeaker is FRR with one session.
const frrSpeaker = `
hostname %[1]s
%[2]s
router bgp %[3]d
 bgp router-id %[4]s
 no bgp ebgp-requires-policy
 no bgp network import-check
 timers bgp 3 9
 neighbor %[5]s remote-as 65004
 neighbor %[5]s timers connect 1
 %[6]s
 address-family ipv6 unicast
  neighbor %[5]s activate
  %[7]s
 exit-address-family
`

// A session between loopback addresses, which each side reaches through a static route.
func TestFrrMultihopBetweenLoopbacks(t *testing.T) {
	t.Parallel()
	router, peer := host(t, "router"), host(t, "frr")
	cable(t, end(router, "up0"), end(peer, "eth0"))
	must(t, router.IP("addr add 2001:db8:ff::1/128 dev lo nodad"))
	must(t, peer.IP("addr add fe80::2/64 dev eth0 nodad", "addr add 2001:db8:ff::2/128 dev lo nodad", "addr add 2001:db8:1::2/64 dev eth0 nodad"))
	frr(t, peer, fmt.Sprintf(frrSpeaker, "frr", "ipv6 route 2001:db8:ff::1/128 2001:db8:1::1", 65001, "192.0.2.2", "2001:db8:ff::1",
		"neighbor 2001:db8:ff::1 ebgp-multihop 3\n neighbor 2001:db8:ff::1 update-source 2001:db8:ff::2", "network 2001:db8:8001::/48"))
	config := `
system: {router_id: 192.0.2.1}
interfaces:
  up0: {addresses: ["2001:db8:1::1/64"]}
routes:
  "2001:db8:ff::2/128": {via: "fe80::2", interface: up0}
  "2001:db8:9::/48": {unreachable: true}
bgp:
  asn: 65004
  prefix_sets: {all: ["::/0+"]}
  filters: {pass: [{prefix: all, accept: {}}]}
  neighbors:
    frr: {address: "2001:db8:ff::2", remote_as: 65001, multihop: 3, local_address: "2001:db8:ff::1", import: pass, export: pass, hold_time: 9s}
  announce: [static]
`
	d := run(t, router, config)
	eventually(t, "from FRR", routesOf(router, "2001:db8:8001::/48", "via fe80::2 dev up0 proto 168"))
	eventually(t, "to FRR", routesOf(peer, "2001:db8:9::/48", "via 2001:db8:1::1 dev eth0 proto bgp"))
	eventually(t, "FRR answers", func() error {
		_, err := router.Run("ping", "-6", "-c", "1", "-W", "1", "-I", "2001:db8:ff::1", "2001:db8:ff::2")
		return err
	})
	// The static route moves, and the learnt one with it, without a new session.
	d.reload(strings.Replace(config, `{via: "fe80::2", interface: up0}`, `{via: "2001:db8:1::2"}`, 1))
	eventually(t, "the route moved", routesOf(router, "2001:db8:8001::/48", "via 2001:db8:1::2 dev up0 proto 168"))
}

// An internal neighbor passes on the next hop of its external one, to which we have a static route.
func TestFrrInternalNextHop(t *testing.T) {
	t.Parallel()
	router, border, isp := host(t, "router"), host(t, "border"), host(t, "isp")
	cable(t, end(router, "lan0"), end(border, "eth0"))
	cable(t, end(border, "eth1"), end(isp, "eth0"))
	must(t, border.IP("addr add 2001:db8:1::2/64 dev eth0 nodad", "addr add 2001:db8:2::2/64 dev eth1 nodad"))
	must(t, border.Sysctl("net.ipv6.conf.all.forwarding=1"))
	must(t, isp.IP("addr add 2001:db8:2::1/64 dev eth0 nodad", "addr add 2001:db8:8001::1/128 dev lo nodad", "route add 2001:db8:1::/64 via 2001:db8:2::2"))
	config := `
system: {router_id: 192.0.2.1}
interfaces:
  lan0: {addresses: ["2001:db8:1::1/64"]}
routes: {%s}
bgp:
  asn: 65004
  prefix_sets: {all: ["::/0+"]}
  filters: {pass: [{prefix: all, accept: {}}]}
  neighbors: {border: {address: "2001:db8:1::2", remote_as: 65004, import: pass, export: pass, hold_time: 9s}}
`
	frr(t, border, fmt.Sprintf(frrSpeaker, "border", "", 65004, "192.0.2.2", "2001:db8:1::1",
		"neighbor 2001:db8:2::1 remote-as 65001\n neighbor 2001:db8:2::1 timers connect 1",
		"neighbor 2001:db8:2::1 activate"))
	frr(t, isp, fmt.Sprintf(frrSpeaker, "isp", "", 65001, "192.0.2.3", "2001:db8:2::2", "", "network 2001:db8:8001::/48"))
	d := run(t, router, fmt.Sprintf(config, ""))
	eventually(t, "the reason why it is not in the kernel", func() error {
		if out := d.cli("show", "bgp", "routes"); len(lines(out, "next hop 2001:db8:2::1 is not reachable")) != 1 {
			return fmt.Errorf("%s", out)
		}
		return routesOf(router, "2001:db8:8001::/48", "")()
	})
	d.reload(fmt.Sprintf(config, `"2001:db8:2::/64": {via: "2001:db8:1::2"}`))
	eventually(t, "through the static route", routesOf(router, "2001:db8:8001::/48", "via 2001:db8:1::2 dev lan0 proto 168"))
	eventually(t, "a ping through both", func() error {
		_, err := router.Run("ping", "-6", "-c", "1", "-W", "1", "2001:db8:8001::1")
		return err
	})
	d.reload(fmt.Sprintf(config, `"2001:db8:2::/64": {unreachable: true}`))
	eventually(t, "the static route is unreachable", routesOf(router, "2001:db8:8001::/48", ""))
}

// Of two neighbors that announce the same prefix the one with the shorter path is used, until it dies.
func TestFrrTwoPaths(t *testing.T) {
	t.Parallel()
	router, near, far := host(t, "router"), host(t, "near"), host(t, "far")
	cable(t, end(router, "up0"), end(near, "eth0"))
	cable(t, end(router, "up1"), end(far, "eth0"))
	must(t, near.IP("addr add 2001:db8:1::2/64 dev eth0 nodad"))
	must(t, far.IP("addr add 2001:db8:2::2/64 dev eth0 nodad"))
	frr(t, near, fmt.Sprintf(frrSpeaker, "near", "", 65001, "192.0.2.2", "2001:db8:1::1", "", "network 2001:db8:8001::/48"))
	frr(t, far, fmt.Sprintf(frrSpeaker, "far", "route-map longer permit 1\n set as-path prepend 65002 65002\nexit", 65002, "192.0.2.3", "2001:db8:2::1", "",
		"network 2001:db8:8001::/48\n  neighbor 2001:db8:2::1 route-map longer out"))
	config := `
system: {router_id: 192.0.2.1}
interfaces:
  up0: {addresses: ["2001:db8:1::1/64"]}
  up1: {addresses: ["2001:db8:2::1/64"]}
bgp:
  asn: 65004
  prefix_sets: {all: ["::/0+"]}
  filters:
    pass: [{prefix: all, accept: {}}]
    prefer: [{prefix: all, local_pref: 200, accept: {}}]
  neighbors:
    near: {address: "2001:db8:1::2", remote_as: 65001, import: pass, export: pass, hold_time: 9s}
    far: {address: "2001:db8:2::2", remote_as: 65002, import: %s, export: pass, hold_time: 9s}
`
	d := run(t, router, fmt.Sprintf(config, "pass"))
	both := func() error {
		if out := d.cli("show", "bgp", "routes"); len(lines(out, "2001:db8:1::2")) != 1 || len(lines(out, "2001:db8:2::2")) != 1 {
			return fmt.Errorf("%s", out)
		}
		return nil
	}
	eventually(t, "two paths", both)
	eventually(t, "the shorter one", routesOf(router, "2001:db8:8001::/48", "via 2001:db8:1::2 dev up0"))
	d.reload(fmt.Sprintf(config, "prefer"))
	eventually(t, "the preferred one", routesOf(router, "2001:db8:8001::/48", "via 2001:db8:2::2 dev up1"))
	d.reload(fmt.Sprintf(config, "pass"))
	eventually(t, "the shorter one again", routesOf(router, "2001:db8:8001::/48", "via 2001:db8:1::2 dev up0"))
	must(t, near.Close())
	eventually(t, "the other, when it is dead", routesOf(router, "2001:db8:8001::/48", "via 2001:db8:2::2 dev up1"))
	eventually(t, "one path", func() error {
		if both() == nil {
			return fmt.Errorf("the dead neighbor's path is still there")
		}
		return nil
	})
}

// routeLog starts a record of all changes of IPv6 routes of a host. The result returns those to a prefix so far.
func routeLog(t *testing.T, n *netns.Node) func(prefix string) []string {
	t.Helper()
	p, err := n.Start("ip", "-6", "-o", "monitor", "route")
	must(t, err)
	// It hears of this when it listens.
	eventually(t, "start ip monitor", func() error {
		must(t, n.IP("route replace unreachable 2001:db8:dead::/48"))
		if !strings.Contains(p.Stdout(), "2001:db8:dead::/48") {
			return fmt.Errorf("nothing heard")
		}
		return nil
	})
	return func(prefix string) []string { return lines(p.Stdout(), prefix) }
}

// keepConfig has a neighbor that keeps our routes while we restart, if it is told that we go on forwarding.
const keepConfig = `
system: {router_id: 192.0.2.1}
interfaces:
  up0: {addresses: ["2001:db8:1::1/64"]}
  lan0: {addresses: ["2001:db8:2::1/64"]}
bgp:
  asn: 65004
  prefix_sets: {all: ["::/0+"], ours: ["2001:db8:2::/47+"]}
  filters: {in: [{prefix: all, accept: {}}], out: [{prefix: ours, accept: {}}]}
  neighbors: {peer: {address: "2001:db8:1::2", remote_as: 65001, import: in, export: out, hold_time: 9s}}
  announce: [connected]
`

// After kill -9 the kernel goes on forwarding, and neighbors that know graceful restart (RFC 4724) go on sending to us: their
// kernels do not lose our routes, nor ours theirs, at any moment.
func TestNeighborsKeepRoutesOverRestart(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		start func(t *testing.T, n *netns.Node)
	}{
		{"BIRD", func(t *testing.T, n *netns.Node) {
			bird(t, n, fmt.Sprintf(keepBird, "2001:db8:1::2", "2001:db8:1::1"))
		}},
		{"FRR", func(t *testing.T, n *netns.Node) {
			frr(t, n, fmt.Sprintf(frrSpeaker, "frr", "", 65001, "192.0.2.2", "2001:db8:1::1", "bgp graceful-restart", "network 2001:db8:8001::/48"))
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			router, peer, lan := host(t, "router"), host(t, "peer"), host(t, "lan")
			cable(t, end(router, "up0"), end(peer, "eth0"))
			cable(t, end(router, "lan0"), end(lan, "eth0"))
			must(t, peer.IP("addr add 2001:db8:1::2/64 dev eth0 nodad"))
			tt.start(t, peer)
			d := run(t, router, keepConfig)
			eventually(t, "to the neighbor", peer.Expect("ip -6 route show 2001:db8:2::/64", "via 2001:db8:1::1"))
			eventually(t, "from the neighbor", routesOf(router, "2001:db8:8001::/48", "via 2001:db8:1::2"))
			theirs, ours := routeLog(t, peer), routeLog(t, router)
			d.kill()
			d.start()
			eventually(t, "session again", func() error {
				if out := d.cli("show", "bgp"); len(lines(out, "peer", "established")) != 1 {
					return fmt.Errorf("%s", out)
				}
				return nil
			})
			// A route that comes after the restart shows that all before was said.
			d.reload(strings.Replace(keepConfig, `"2001:db8:2::1/64"`, `"2001:db8:2::1/64", "2001:db8:3::1/64"`, 1))
			eventually(t, "news after the restart", peer.Expect("ip -6 route show 2001:db8:3::/64", "via 2001:db8:1::1"))
			for _, line := range append(theirs("2001:db8:2::/64"), ours("2001:db8:8001::/48")...) {
				if strings.Contains(line, "Deleted") {
					t.Errorf("a route was lost: %s", line)
				}
			}
			must(t, peer.Expect("ip -6 route show 2001:db8:2::/64", "via 2001:db8:1::1")())
			must(t, routesOf(router, "2001:db8:8001::/48", "via 2001:db8:1::2")())
		})
	}
}

const keepBird = `
log "/run/bird.log" all;
router id 192.0.2.2;
protocol device { }
protocol kernel { ipv6 { import none; export where source = RTS_BGP; }; }
protocol static announced { ipv6; route 2001:db8:8001::/48 unreachable; }
protocol bgp hypervisor {
  local %s as 65001;
  neighbor %s as 65004;
  graceful restart on;
  connect retry time 1;
  connect delay time 1;
  error wait time 1, 2;
  ipv6 { import all; export where source = RTS_STATIC; };
}
`
