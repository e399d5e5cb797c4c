package integration

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sixfold-router/sixfold/integration/netns"
	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
)

// whileBGP is a router that is a default router on its LAN while its neighbor has a way out, and tells hosts which networks there are.
const whileBGP = `
system: {router_id: 192.0.2.1}
interfaces:
  up0: {addresses: ["2001:db8:f::1/64"]}
  lan0:
    addresses: ["2001:db8:1::1/64"]
    advertise:
      max_interval: 600s
      min_delay: 100ms
      router_while: {routes: ["::/0"], sources: [bgp]}
      routes_from: {sources: [bgp], prefixes: ["2001:db8::/32{44,48}"], preference: high, limit: 4}
bgp:
  asn: 65001
  prefix_sets: {all: ["::/0+"]}
  filters: {all: [{prefix: all, accept: {}}]}
  neighbors:
    core: {address: "2001:db8:f::2", remote_as: 65002, import: all, export: all}
`

// coreBird announces a default route and networks, each by a protocol that can be switched off.
const coreBird = `
router id 192.0.2.2;
protocol device { }
protocol static exit_route { ipv6; route ::/0 unreachable; }
protocol static sites { ipv6; route 2001:db8:10::/44 unreachable; route 2001:db8:20::/48 unreachable; }
protocol static many { disabled; ipv6; %s }
protocol bgp edge {
  local 2001:db8:f::2 as 65002;
  neighbor 2001:db8:f::1 as 65001;
  connect retry time 1; connect delay time 1; error wait time 1, 2;
  ipv6 { import all; export all; };
}
`

// defaultRoute checks whether a host has a default route from an advertisement.
func defaultRoute(n *netns.Node, want bool) func() error {
	return func() error {
		out, err := n.Run("ip", "-6", "route", "show", "default", "proto", "ra")
		switch has := strings.Contains(out, "default"); {
		case err != nil:
			return err
		case has != want:
			return fmt.Errorf("default route %q", strings.TrimSpace(out))
		}
		return nil
	}
}

// routeInfo checks whether a host has a route from a route information option.
func routeInfo(n *netns.Node, prefix string, want bool) func() error {
	return func() error {
		out, err := n.Run("ip", "-6", "route", "show", prefix, "proto", "ra")
		if err != nil {
			return err
		}
		if has := strings.Contains(out, "via fe80::"); has != want {
			return fmt.Errorf("route to %s: %q", prefix, strings.TrimSpace(out))
		}
		return nil
	}
}

// TestRouterWhileBird: a neighbor that withdraws the default route takes that of the hosts with it, within seconds although
// advertisements are ten minutes apart, and brings it back; its networks come and go with route information options.
func TestRouterWhileBird(t *testing.T) {
	t.Parallel()
	router, core, desktop := host(t, "router"), host(t, "core"), host(t, "desktop")
	must(t, desktop.Sysctl("net.ipv6.conf.default.accept_ra_rt_info_max_plen=64"))
	cable(t, end(router, "up0"), end(core, "eth0"))
	cable(t, end(router, "lan0"), end(desktop, "eth0"))
	must(t, core.IP("addr add 2001:db8:f::2/64 dev eth0 nodad"))
	var many strings.Builder
	for n := range 30 {
		fmt.Fprintf(&many, "route 2001:db8:%x::/48 unreachable; ", 0x300+n)
	}
	bird(t, core, fmt.Sprintf(coreBird, many.String()))
	d := run(t, router, whileBGP)

	eventually(t, "route of the neighbor", router.Expect("ip -6 route show default", "proto 168"))
	eventually(t, "default route of the host", defaultRoute(desktop, true))
	eventually(t, "network of the neighbor", routeInfo(desktop, "2001:db8:10::/44", true))
	eventually(t, "another", routeInfo(desktop, "2001:db8:20::/48", true))
	if a := globalAddress(t, desktop, "eth0"); !strings.HasPrefix(a.String(), "2001:db8:1:") {
		t.Errorf("the host has %s", a)
	}

	turn := func(command, protocol string) time.Time {
		t.Helper()
		if out, err := birdc(core, command+" "+protocol); err != nil {
			t.Fatalf("birdc %s %s: %v\n%s", command, protocol, err, out)
		}
		return time.Now()
	}
	t.Run("the default route", func(t *testing.T) {
		began := turn("disable", "exit_route")
		eventually(t, "no default route", defaultRoute(desktop, false))
		t.Logf("lost after %v", time.Since(began))
		list := &sixfoldv1.ListAdvertisementsResponse{}
		must(t, d.show(list, "ra", "lan0"))
		if why := list.GetAdvertisements()[0].GetNoRouterReason(); why != "there is no default route from bgp" {
			t.Errorf("reason %q", why)
		}
		if out := d.cli("explain", "lan0"); !strings.Contains(out, "hosts on lan0 do not take us as their default router: there is no default route from bgp") {
			t.Errorf("explain lan0:\n%s", out)
		}
		if a := globalAddress(t, desktop, "eth0"); !strings.HasPrefix(a.String(), "2001:db8:1:") {
			t.Errorf("the address went with the route: %s", a)
		}
		began = turn("enable", "exit_route")
		eventually(t, "default route", defaultRoute(desktop, true))
		t.Logf("back after %v", time.Since(began))
	})
	t.Run("route information", func(t *testing.T) {
		turn("disable", "sites")
		eventually(t, "no network", routeInfo(desktop, "2001:db8:10::/44", false))
		eventually(t, "nor another", routeInfo(desktop, "2001:db8:20::/48", false))
		turn("enable", "many")
		turn("enable", "sites")
		eventually(t, "the shortest goes first", routeInfo(desktop, "2001:db8:10::/44", true))
		eventually(t, "what is left out", func() error {
			m := &sixfoldv1.ListPendingResponse{}
			if err := d.show(m, "pending"); err != nil {
				return err
			}
			for _, p := range m.GetPending() {
				if p.GetWhat() == "interfaces.lan0.advertise.routes_from" && strings.HasPrefix(p.GetReason(), "28 of 32 routes are not advertised, ") {
					return nil
				}
			}
			return fmt.Errorf("pending %v", m.GetPending())
		})
		list := &sixfoldv1.ListAdvertisementsResponse{}
		must(t, d.show(list, "ra", "lan0"))
		if m := list.GetAdvertisements()[0]; m.GetRoutesMatched() != 32 {
			t.Errorf("%d routes matched", m.GetRoutesMatched())
		}
	})
}

// uplinked is a router with a delegated prefix of which the ISP is a sixfold, too.
const uplinked = `
interfaces:
  wan0:
    accept_ra: true
    delegations: {isp: {length: 56}}
  lan0:
    addresses: ["isp ::1/64"]
    advertise: {max_interval: 600s}
`

const uplinkISP = `
interfaces:
  cust0:
    addresses: ["2001:db8:ff::1/64"]
    advertise: {max_interval: 600s, router_lifetime: %s, managed: true}
    dhcpv6: {delegate: {homes: {pool: "2001:db8:8000::/40", length: 56}}}
`

// TestUplinkLost: a LAN with a delegated prefix has a default route while the router has one (RFC 7084 G-4, G-5), keeps its addresses
// meanwhile, and is told by nobody what is not so when the router starts again.
func TestUplinkLost(t *testing.T) {
	t.Parallel()
	isp, modem, router, desktop := host(t, "isp"), host(t, "modem"), host(t, "router"), host(t, "desktop")
	cable(t, end(isp, "cust0"), end(modem, "line"))
	cable(t, end(modem, "port"), end(router, "wan0"))
	cable(t, end(router, "lan0"), end(desktop, "eth0"))
	must(t, modem.IP("link add br0 type bridge", "link set line master br0", "link set port master br0", "link set br0 up"))
	i := run(t, isp, fmt.Sprintf(uplinkISP, "1800s"))
	d := run(t, router, uplinked)
	waitPrefix(t, d, "isp")
	address := globalAddress(t, desktop, "eth0")
	eventually(t, "default route", defaultRoute(desktop, true))

	// The ISP's router says that it is one no more.
	i.reload(fmt.Sprintf(uplinkISP, "0s"))
	eventually(t, "the router's default route is gone", defaultRoute(router, false))
	eventually(t, "and with it that of the host", defaultRoute(desktop, false))
	if now := globalAddress(t, desktop, "eth0"); now != address {
		t.Errorf("the host had %s and has %s", address, now)
	}
	if out := d.cli("show", "ra", "lan0"); !strings.Contains(out, "no default route") {
		t.Errorf("show ra:\n%s", out)
	}

	// A static route by hand is a way out, too.
	must(t, router.IP("-6 route add default via fe80::1 dev wan0 metric 2048"))
	eventually(t, "default route by hand", defaultRoute(desktop, true))
	must(t, router.IP("-6 route del default metric 2048"))
	eventually(t, "and gone", defaultRoute(desktop, false))

	i.reload(fmt.Sprintf(uplinkISP, "1800s"))
	eventually(t, "default route comes back", defaultRoute(desktop, true))
	// Its cable is pulled: the default route of the router is by a link that is down.
	must(t, modem.IP("link set port down"))
	eventually(t, "no carrier, no default route", defaultRoute(desktop, false))
	must(t, modem.IP("link set port up"))
	eventually(t, "carrier again", defaultRoute(desktop, true))

	d.kill()
	d.start()
	// What the host hears after the restart is that we are its default router: what the kernel has is known before anything is said.
	eventually(t, "advertisement", func() error {
		m := &sixfoldv1.ListAdvertisementsResponse{}
		if err := d.show(m, "ra", "lan0"); err != nil {
			return err
		}
		if len(m.GetAdvertisements()) == 0 || m.GetAdvertisements()[0].GetSent() == 0 {
			return errors.New("none sent")
		}
		return nil
	})
	must(t, defaultRoute(desktop, true)())
}

// TestOtherRouters: radvd on our LAN says other things than we do, and is not among the known routers.
func TestOtherRouters(t *testing.T) {
	t.Parallel()
	router, other, desktop := host(t, "router"), host(t, "other"), host(t, "desktop")
	sw := host(t, "switch")
	must(t, sw.IP("link add br0 type bridge", "link set br0 up"))
	for n, h := range []*netns.Node{router, other, desktop} {
		port := fmt.Sprintf("p%d", n)
		cable(t, end(sw, port), end(h, "lan0"))
		must(t, sw.IP("link set "+port+" master br0"))
	}
	must(t, other.Sysctl("net.ipv6.conf.all.forwarding=1"))
	must(t, other.IP("addr add fe80::bad/64 dev lan0 nodad"))
	radvdSays := func(options string) *netns.Process {
		t.Helper()
		must(t, os.WriteFile(filepath.Join(other.Root(), "run/radvd.conf"), []byte(fmt.Sprintf(`interface lan0 {
  AdvSendAdvert on; MinRtrAdvInterval 3; MaxRtrAdvInterval 4; AdvRASrcAddress { fe80::bad; }; %s
};
`, options)), 0o644))
		p, err := other.Start("radvd", "-n", "-C", "/run/radvd.conf", "-p", "/run/radvd.pid", "-m", "stderr")
		must(t, err)
		return p
	}
	const lan = `
interfaces:
  lan0:
    addresses: ["2001:db8:1::1/64"]
    %s
    advertise: {max_interval: 600s}
`
	d := run(t, router, fmt.Sprintf(lan, ""))
	p := radvdSays(`AdvManagedFlag on; AdvCurHopLimit 32; prefix 2001:db8:1::/64 { AdvValidLifetime 7200; AdvPreferredLifetime 3600; };`)
	found := func() (*sixfoldv1.ForeignRouter, error) {
		m := &sixfoldv1.ListRoutersResponse{}
		if err := d.show(m, "routers", "lan0"); err != nil {
			return nil, err
		}
		if len(m.GetRouters()) != 1 {
			return nil, fmt.Errorf("routers %v", m.GetRouters())
		}
		return m.GetRouters()[0], nil
	}
	differs := func(want ...string) func() error {
		return func() error {
			r, err := found()
			if err != nil {
				return err
			}
			var got []string
			for _, one := range r.GetDisagreements() {
				got = append(got, one.GetWhat())
			}
			if strings.Join(got, ", ") != strings.Join(want, ", ") {
				return fmt.Errorf("disagreements %q, want %q", got, want)
			}
			return nil
		}
	}
	eventually(t, "what differs", differs("hop limit", "managed flag", "lifetimes of 2001:db8:1::/64"))
	r, err := found()
	must(t, err)
	if r.GetAddress() != "fe80::bad" || r.GetStanding() != "foreign" || r.GetMac() == "" || r.GetRouterLifetime().AsDuration() == 0 || len(r.GetPrefixes()) != 1 {
		t.Errorf("router %v", r)
	}
	heard := func(words ...string) func() error {
		return func() error {
			out, err := router.Run("timeout", "0.5", sixfold, "monitor", "ra", "--past", "1000")
			if len(lines(out, words...)) == 0 {
				return fmt.Errorf("no event with %q: %v\n%s", words, err, out)
			}
			return nil
		}
	}
	// The host sees both routers, whatever link it is told to look at.
	if out, err := desktop.Run(sixfold, "ra", "watch", "--wait", "10s", "--count", "3"); err != nil || len(lines(out, "lan0 from fe80::bad")) == 0 || len(lines(out, "prefix", "2001:db8:1::/64", "valid 2h, preferred 1h")) == 0 {
		t.Errorf("ra watch: %v\n%s", err, out)
	}
	eventually(t, "event of the meeting", heard("fe80::bad", "advertises on lan0 too"))
	eventually(t, "event of what differs", heard("fe80::bad", "does not agree", "hop limit 32 (ours 64)"))

	d.reload(fmt.Sprintf(lan, "known_routers: [none]"))
	eventually(t, "it is a rogue", func() error {
		r, err := found()
		if err == nil && r.GetStanding() != "rogue" {
			err = fmt.Errorf("standing %s", r.GetStanding())
		}
		return err
	})
	eventually(t, "alarm", heard("ALARM", "fe80::bad", "not in known_routers"))
	if out := d.cli("explain", "lan0"); !strings.Contains(out, "RFC 6105") {
		t.Errorf("explain lan0:\n%s", out)
	}
	must(t, p.Stop(soon))
	eventually(t, "its farewell", heard("fe80::bad", "is no default router any more"))
}
