package integration

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sixfold-router/sixfold/integration/netns"
	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
)

// keaConfig is a Kea server's subnet in our words: one reservation by MAC address, a pool, a pool of prefixes. SLAAC is off:
// the reserved address is also the one that SLAAC would make of that MAC address.
const keaConfig = `
interfaces:
  eth1:
    addresses: ["2001:db8::1/64"]
    advertise: {max_interval: 10s, autonomous: false}
    dhcpv6:
      renew_time: 1000s
      rebind_time: 2000s
      preferred_lifetime: 3000s
      valid_lifetime: 4000s
      dns: ["2001:888:0:6::66"]
      domains: [pcextreme.nl]
      pools: {guests: {range: "2001:db8::100-2001:db8::ffff"}}
      delegate: {hosts: {pool: "2001:db8:fff::/48", length: 60}}
      reservations:
        web1: {mac: "52:54:00:d6:c2:a9", addresses: ["2001:db8::5054:ff:fed6:c2a9"]}
  eth2:
    addresses: ["2001:db8:2::1/64"]
    advertise: {max_interval: 10s, dns: ["2001:888:0:6::66", "2001:888:0:9::99"], domains: [pcextreme.nl], link_mtu: 1400}
`

const (
	seedMAC     = "52:54:00:d6:c2:a9"
	seedAddress = "2001:db8::5054:ff:fed6:c2a9"
)

// dhclient runs ISC's client until it has an address, with its files in the host's own /run.
func dhclient(n *netns.Node, more ...string) (string, error) {
	args := append([]string{"-6", "-1", "-v", "-lf", "/run/dhclient.leases", "-pf", "/run/dhclient.pid"}, more...)
	out, err := n.Run("dhclient", append(args, "eth0")...)
	return out, err
}

func TestKeaSeed(t *testing.T) {
	t.Parallel()
	router, web1, guest, far := host(t, "router"), host(t, "web1"), host(t, "guest"), host(t, "far")
	sw, err := netns.Switch("switch", end(router, "eth1"), netns.End{Node: web1, Name: "eth0", MAC: seedMAC}, end(guest, "eth0"))
	must(t, err)
	t.Cleanup(func() { sw.Close() })
	cable(t, end(router, "eth2"), end(far, "eth0"))
	d := run(t, router, keaConfig)
	eventually(t, "default route of web1", web1.Expect("ip -6 route show default", "proto ra"))

	t.Run("dhclient gets the address reserved for its MAC", func(t *testing.T) {
		if _, err := dhclient(web1); err != nil {
			t.Fatal(err)
		}
		eventually(t, "address", web1.Expect("ip -6 addr show dev eth0", seedAddress))
		leases, err := os.ReadFile(filepath.Join(web1.Root(), "run/dhclient.leases"))
		must(t, err)
		for _, want := range []string{"iaaddr " + seedAddress, "preferred-life 3000", "max-life 4000", "renew 1000", "rebind 2000",
			"dhcp6.name-servers 2001:888:0:6::66", `dhcp6.domain-search "pcextreme.nl."`} {
			if !strings.Contains(string(leases), want) {
				t.Errorf("dhclient's lease has no %q:\n%s", want, leases)
			}
		}
	})

	t.Run("another host that borrows the DUID gets one from the pool", func(t *testing.T) {
		lease := `default-duid "\000\001\000\001\036G~fRT\000\326\302\251";` + "\n"
		must(t, os.WriteFile(filepath.Join(guest.Root(), "run/dhclient.leases"), []byte(lease), 0o644))
		if _, err := dhclient(guest); err != nil {
			t.Fatal(err)
		}
		address := globalAddress(t, guest, "eth0")
		if pool := netip.MustParsePrefix("2001:db8::/112"); !pool.Contains(address) {
			t.Errorf("got %s, want one of 2001:db8::100-2001:db8::ffff", address)
		}
	})

	t.Run("the kernel's SLAAC and rdisc6 see prefix and DNS", func(t *testing.T) {
		eventually(t, "SLAAC", far.Expect("ip -6 addr show dev eth0 scope global dynamic", "2001:db8:2:"))
		eventually(t, "default route", far.Expect("ip -6 route show default", "proto ra", "mtu 1400"))
		out, err := far.Run("rdisc6", "-1", "-w", "5000", "eth0")
		must(t, err)
		for _, want := range []string{"2001:db8:2::/64", "2001:888:0:6::66", "2001:888:0:9::99", "pcextreme.nl", "1400 bytes"} {
			if !strings.Contains(out, want) {
				t.Errorf("rdisc6 does not show %q:\n%s", want, out)
			}
		}
		out, err = web1.Run("rdisc6", "-1", "-w", "5000", "eth0")
		must(t, err)
		if len(lines(out, "Stateful address conf.", "Yes")) != 1 || len(lines(out, "Autonomous address conf.", "No")) != 1 {
			t.Errorf("web1's link should have M=1 and A=0:\n%s", out)
		}
	})

	var delegated netip.Prefix
	t.Run("dhclient -P gets a /60 and can be reached through it", func(t *testing.T) {
		// As in its write-up, the host asks for a prefix beside its address, with a lease file of its own.
		if _, err := web1.Run("dhclient", "-6", "-P", "-1", "-v", "-lf", "/run/pd.leases", "-pf", "/run/pd.pid", "-sf", "/bin/true", "eth0"); err != nil {
			t.Fatal(err)
		}
		leases, err := os.ReadFile(filepath.Join(web1.Root(), "run/pd.leases"))
		must(t, err)
		found := lines(string(leases), "iaprefix ")
		if len(found) == 0 {
			t.Fatalf("dhclient's lease has no prefix:\n%s", leases)
		}
		delegated = netip.MustParsePrefix(strings.Fields(found[len(found)-1])[1])
		if pool := netip.MustParsePrefix("2001:db8:fff::/48"); delegated.Bits() != 60 || !pool.Contains(delegated.Addr()) {
			t.Errorf("got %s, want a /60 of %s", delegated, pool)
		}
		behind := delegated.Addr().Next()
		must(t, web1.IP("addr add "+behind.String()+"/128 dev lo"))
		ctx, cancel := context.WithTimeout(t.Context(), soon)
		defer cancel()
		if _, err := far.Ping(ctx, behind); err != nil {
			t.Error(err)
		}
		route, err := router.Run("ip", "-6", "route", "show", delegated.String())
		if err != nil || !strings.Contains(route, "via fe80::5054:ff:fed6:c2a9 dev eth1 proto 167") {
			t.Errorf("the router's route to %s: %q, %v", delegated, route, err)
		}
	})

	t.Run("kill -9 and restart lose no lease and no route", func(t *testing.T) {
		leases := leaseLines(t, d)
		if len(leases) != 3 {
			t.Fatalf("want the leases of web1, its prefix and the guest:\n%s", strings.Join(leases, "\n"))
		}
		d.kill()
		route := router.Expect("ip -6 route show "+delegated.String(), "via fe80::5054:ff:fed6:c2a9")
		must(t, route()) // it stays while nobody looks after it
		d.start()
		if diff := cmp.Diff(leases, leaseLines(t, d)); diff != "" {
			t.Errorf("leases, -before +after\n%s", diff)
		}
		must(t, route())
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		if _, err := far.Ping(ctx, delegated.Addr().Next()); err != nil {
			t.Error(err)
		}

		// A route that went while the router was down comes back.
		d.kill()
		must(t, router.IP("-6 route del "+delegated.String()))
		d.start()
		eventually(t, "route after a restart", route)
	})

	t.Run("release gives the prefix back", func(t *testing.T) {
		if _, err := web1.Run("dhclient", "-6", "-P", "-r", "-v", "-lf", "/run/pd.leases", "-pf", "/run/pd.pid", "-sf", "/bin/true", "eth0"); err != nil {
			t.Fatal(err)
		}
		eventually(t, "no route", func() error {
			out, err := router.Run("ip", "-6", "route", "show", delegated.String())
			if err == nil && strings.TrimSpace(out) != "" {
				err = fmt.Errorf("still there: %s", out)
			}
			return err
		})
		if got := leaseLines(t, d); len(got) != 2 {
			t.Errorf("leases after the release:\n%s", strings.Join(got, "\n"))
		}
	})
}

// leaseLines returns what must be the same after a restart of each lease.
func leaseLines(t *testing.T, d *daemon) []string {
	t.Helper()
	var list sixfoldv1.ListLeasesResponse
	must(t, d.show(&list, "leases"))
	var out []string
	for _, l := range list.Leases {
		out = append(out, fmt.Sprint(l.Prefix, l.Kind, l.Link, l.Duid, l.Iaid, l.Mac, l.Client, l.Pool, l.ValidUntil.AsTime()))
	}
	slices.Sort(out)
	return out
}

// globalAddress returns the global address that a link has, waiting for it.
func globalAddress(t *testing.T, n *netns.Node, link string) netip.Addr {
	t.Helper()
	var address netip.Addr
	eventually(t, "global address of "+n.Name, func() error {
		out, err := n.Run("ip", "-6", "-o", "addr", "show", "dev", link, "scope", "global")
		if err != nil {
			return err
		}
		for line := range strings.Lines(out) {
			if f := strings.Fields(line); len(f) > 3 {
				p, err := netip.ParsePrefix(f[3])
				address = p.Addr()
				return err
			}
		}
		return fmt.Errorf("%s has none on %s", n.Name, link)
	})
	return address
}
