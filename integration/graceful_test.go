package integration

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/sixfold-router/sixfold/integration/netns"
)

// An ISP that moves its customers from one pool to another, and lets them keep the first until a moment of its choice; a customer's
// router, and one behind it.
const (
	gracefulISP = `
interfaces:
  cust0:
    addresses: ["fe80::1/64", "2001:888:1::1/64"]
    advertise: {max_interval: 10s}
    dhcpv6:
      delegate: {customers: {pool: "%s", length: 48}}
      former: {%s}
`
	gracefulRouter = `
interfaces:
  wan0: {accept_ra: true, delegations: {isp: {length: 48}}}
  lan0:
    addresses: ["isp ::1/64"]
    advertise: {max_interval: 10s, min_delay: 30ms}
    dhcpv6:
      renew_time: 2s
      pools: {hosts: {range: "isp ::1000-::1fff"}}
      delegate: {sites: {pool: "isp 0:0:0:100::/56", length: 60}}
`
	gracefulSite = `
interfaces:
  wan0: {accept_ra: true, delegations: {up: {length: 60}}}
  lan0: {addresses: ["up ::1/64"], advertise: {max_interval: 10s, min_delay: 30ms}}
`
)

const (
	oldPool = "2001:980::/44"
	newPool = "2001:981::/44"
)

// graceful is the ISP, the customer's router with a host, and the router behind it with a host.
type graceful struct {
	isp, router, site, desktop, leaf *netns.Node
	p, r, s                          *daemon
}

// laid is all of it, of which only the ISP does not run.
func laid(t *testing.T) *graceful {
	t.Helper()
	n := &graceful{isp: host(t, "isp"), router: host(t, "router"), site: host(t, "site"), desktop: host(t, "desktop"), leaf: host(t, "leaf")}
	cable(t, end(n.isp, "cust0"), end(n.router, "wan0"))
	sw, err := netns.Switch("switch", end(n.router, "lan0"), end(n.site, "wan0"), end(n.desktop, "eth0"))
	must(t, err)
	t.Cleanup(func() { sw.Close() })
	cable(t, end(n.site, "lan0"), end(n.leaf, "eth0"))
	n.r, n.s = run(t, n.router, gracefulRouter), run(t, n.site, gracefulSite)
	return n
}

// former says until when customers keep the old pool.
func former(until time.Time) string {
	return fmt.Sprintf("%q: {until: %s}", oldPool, until.UTC().Format(time.RFC3339))
}

// The operator of an ISP moves the pool of its customers and lets the old one run out. In one Reply the router gets both, and passes both
// on to the router behind it: hosts go on with what they have, and begin anew with the new prefix, until the old one ends.
func TestGracefulRenumbering(t *testing.T) {
	t.Parallel()
	n := laid(t)
	n.p = run(t, n.isp, fmt.Sprintf(gracefulISP, oldPool, ""))
	was := n.holds(t, oldPool)
	client, err := n.desktop.Start("dhclient", "-6", "-d", "-v", "-lf", "/run/dhclient.leases", "-pf", "/run/dhclient.pid", "-sf", "/bin/true", "eth0")
	must(t, err)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("dhclient:\n%s", tail(client.Stderr(), 60))
		}
	})
	eventually(t, "address of the desktop", prefers(n.desktop, was.lan))
	eventually(t, "address of the leaf", prefers(n.leaf, was.siteLAN))
	eventually(t, "lease of the desktop", leasesOfHost(n.desktop, was.lan, false))
	old, oldLeaf := globalAddress(t, n.desktop, "eth0"), globalAddress(t, n.leaf, "eth0")

	began := time.Now()
	n.p.reload(fmt.Sprintf(gracefulISP, newPool, former(began.Add(time.Hour))))
	is := n.holds(t, newPool)
	t.Logf("all have the new prefix %v later", time.Since(began).Round(time.Millisecond))
	t.Run("both are there", func(t *testing.T) { n.both(t, was, is) })
	t.Run("what is on goes on", func(t *testing.T) { n.reached(t, old, oldLeaf) })
	t.Run("clients of the router's server get both", func(t *testing.T) {
		eventually(t, "lease of the new prefix", leasesOfHost(n.desktop, is.lan, false))
		eventually(t, "the old one is deprecated", leasesOfHost(n.desktop, was.lan, true))
	})
	t.Run("kill -9 of the router loses neither", func(t *testing.T) {
		n.r.kill()
		n.r.start()
		n.both(t, was, is)
		n.reached(t, old, oldLeaf)
	})
	t.Run("kill -9 of the ISP loses neither", func(t *testing.T) {
		n.p.kill()
		n.p.start()
		n.r.cli("delegation", "renew", "isp")
		n.both(t, was, is)
		n.reached(t, old, oldLeaf)
	})
	t.Run("the end", func(t *testing.T) {
		const lasts = 8 * time.Second
		ends := time.Now().Add(lasts)
		n.p.reload(fmt.Sprintf(gracefulISP, newPool, former(ends)))
		eventually(t, "routes of the old prefix", gone(n.isp, was.whole.String()))
		if early := time.Until(ends); early > 2*time.Second {
			t.Errorf("given up %v before its end", early)
		}
		n.ended(t, was, is)
		eventually(t, "nothing of it is leased", func() error {
			for p := range leasesOf(t, n.r) {
				if was.whole.Contains(netip.MustParsePrefix(p).Addr()) {
					return fmt.Errorf("%s is", p)
				}
			}
			return nil
		})
	})
}

// holding is what the routers have of a prefix of the ISP.
type holding struct{ whole, lan, site, siteLAN netip.Prefix }

// holds waits until both routers have prefixes of a pool of the ISP.
func (n *graceful) holds(t *testing.T, pool string) (h holding) {
	t.Helper()
	within := func(d *daemon, name string, of netip.Prefix) (p netip.Prefix) {
		eventually(t, "a prefix of "+of.String()+" on "+d.node.Name, func() error {
			if p = waitPrefix(t, d, name); !of.Contains(p.Addr()) {
				return fmt.Errorf("it is %s", p)
			}
			return nil
		})
		return p
	}
	h.whole = within(n.r, "isp", netip.MustParsePrefix(pool))
	h.lan = nth(h.whole, 64, 0)
	h.site = within(n.s, "up", h.whole)
	h.siteLAN = nth(h.site, 64, 0)
	return h
}

// both checks that the old prefix is everywhere, deprecated and for as long as it lasts, beside the new one.
func (n *graceful) both(t *testing.T, was, is holding) {
	t.Helper()
	for _, x := range []struct {
		d        *daemon
		host     *netns.Node
		name     string
		old, now netip.Prefix // of the LAN
		whole    netip.Prefix
	}{{n.r, n.desktop, "isp", was.lan, is.lan, was.whole}, {n.s, n.leaf, "up", was.siteLAN, is.siteLAN, was.site}} {
		node := x.d.node
		eventually(t, "former prefix of "+node.Name, func() error {
			p := state(t, x.d, x.name)
			if len(p.Former) != 1 || p.Former[0].Prefix != x.whole.String() {
				return fmt.Errorf("want %s: %v", x.whole, p)
			}
			return nil
		})
		if out := x.d.cli("show", "prefixes"); !strings.Contains(out, "before: "+x.whole.String()) {
			t.Errorf("show prefixes on %s:\n%s", node.Name, out)
		}
		eventually(t, "old address of "+node.Name, node.Expect("ip -6 addr show dev lan0 deprecated", within(x.old, "::1").String()+"/64"))
		eventually(t, "new address of "+node.Name, node.Expect("ip -6 addr show dev lan0 -deprecated", within(x.now, "::1").String()+"/64"))
		eventually(t, "aggregates of "+node.Name, node.Expect("ip -6 route show type unreachable", x.whole.String()+" dev lo proto 169"))
		eventually(t, x.host.Name+" uses the new prefix", prefers(x.host, x.now, x.old))
		eventually(t, x.host.Name+" keeps the old one", x.host.Expect("ip -6 addr show dev eth0 deprecated", hextets(x.old)))
		eventually(t, "advertisement to "+x.host.Name, advertises(x.host, x.old, 1, time.Hour, 0, 0))
		eventually(t, "advertisement to "+x.host.Name, advertises(x.host, x.now, 1, 2*time.Hour, 1, 2*time.Hour))
	}
	for _, p := range []netip.Prefix{was.whole, is.whole} {
		eventually(t, "route of the ISP", n.isp.Expect("ip -6 route show "+p.String(), "dev cust0"))
	}
	for _, p := range []netip.Prefix{was.site, is.site} {
		eventually(t, "route of the router", n.router.Expect("ip -6 route show "+p.String(), "dev lan0 proto 167"))
	}
}

// reached checks that the ISP still reaches the hosts by their old addresses.
func (n *graceful) reached(t *testing.T, addresses ...netip.Addr) {
	t.Helper()
	for _, a := range addresses {
		ctx, cancel := context.WithTimeout(t.Context(), soon)
		if _, err := n.isp.Ping(ctx, a); err != nil {
			t.Errorf("%s: %v", a, err)
		}
		cancel()
	}
}

// ended checks that the routers have nothing of the old prefix any more, and all of the new one.
func (n *graceful) ended(t *testing.T, was, is holding) {
	t.Helper()
	for _, x := range []struct {
		d        *daemon
		host     *netns.Node
		name     string
		old, now netip.Prefix
	}{{n.r, n.desktop, "isp", was.lan, is.lan}, {n.s, n.leaf, "up", was.siteLAN, is.siteLAN}} {
		node := x.d.node
		eventually(t, "no former prefix on "+node.Name, func() error {
			if p := state(t, x.d, x.name); len(p.Former) != 0 {
				return fmt.Errorf("%v", p)
			}
			return nil
		})
		eventually(t, "no old address on "+node.Name, func() error {
			out, err := node.Run("ip", "-6", "addr", "show", "dev", "lan0")
			if err == nil && (strings.Contains(out, hextets(x.old)) || !strings.Contains(out, within(x.now, "::1").String())) {
				err = fmt.Errorf("%s", out)
			}
			return err
		})
		eventually(t, x.host.Name+" uses the new prefix", prefers(x.host, x.now, x.old))
		eventually(t, "advertisement to "+x.host.Name, func() error {
			use, _, all, err := told(x.host)
			for _, p := range use {
				if err == nil && p == x.old {
					err = fmt.Errorf("told to use %s:\n%s", p, all)
				}
			}
			return err
		})
	}
}

// hextets is how addresses of a prefix begin.
func hextets(p netip.Prefix) string { return strings.TrimSuffix(p.Addr().String(), ":") }

// advertises checks that a host is told of a prefix with lifetimes within bounds.
func advertises(n *netns.Node, prefix netip.Prefix, validFrom, validTo, preferredFrom, preferredTo time.Duration) func() error {
	return func() error {
		_, _, all, err := told(n)
		if err != nil {
			return err
		}
		for _, m := range rdiscPrefix.FindAllStringSubmatch(all, -1) {
			if m[1] != prefix.String() {
				continue
			}
			valid, err := time.ParseDuration(m[4] + "s")
			if err != nil {
				return fmt.Errorf("%w\n%s", err, all)
			}
			preferred, err := time.ParseDuration(m[5] + "s")
			if err != nil {
				return fmt.Errorf("%w\n%s", err, all)
			}
			if valid < validFrom || valid > validTo || preferred < preferredFrom || preferred > preferredTo {
				return fmt.Errorf("%s is valid for %v, preferred for %v", prefix, valid, preferred)
			}
			return nil
		}
		return fmt.Errorf("no %s:\n%s", prefix, all)
	}
}

// leasesOfHost checks what dhclient has last got of a prefix.
func leasesOfHost(n *netns.Node, prefix netip.Prefix, deprecated bool) func() error {
	return func() error {
		text, err := os.ReadFile(filepath.Join(n.Root(), "run/dhclient.leases"))
		if err != nil {
			return err
		}
		all := strings.Split(string(text), "lease6 {")
		last := all[len(all)-1]
		for _, m := range regexp.MustCompile(`(?s)iaaddr (\S+) \{.*?preferred-life (\d+);.*?max-life (\d+);`).FindAllStringSubmatch(last, -1) {
			if prefix.Contains(netip.MustParseAddr(m[1])) && (m[2] == "0") == deprecated && m[3] != "0" {
				return nil
			}
		}
		return fmt.Errorf("want one of %s, deprecated %t:\n%s", prefix, deprecated, last)
	}
}
