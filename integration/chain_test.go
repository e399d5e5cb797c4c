package integration

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
)

// ciscoISP delegates /48s, as the ISP of the Cisco write-up does.
const ciscoISP = `
interfaces:
  cust0:
    addresses: ["fe80::1/64", "2001:888:1::1/64"]
    advertise: {max_interval: 10s}
    dhcpv6: {rapid_commit: true, delegate: {customers: {pool: "2001:980::/44", length: 48, valid_lifetime: 2h, preferred_lifetime: 1h}}}
  net0: {addresses: ["2001:db8:53::1/64"]}
`

// ciscoRouter is the office router of that write-up: the first /56 is for LANs, the second a pool of /60s with lifetimes of 3600
// and 1800 seconds.
const ciscoRouter = `
interfaces:
  Dialer0:
    accept_ra: true
    delegations: {xs4all-prefix: {length: 48, rapid_commit: true}}
  Vlan1:
    addresses: [192.168.5.1/24, "xs4all-prefix ::1/64"]
    advertise: {max_interval: 30s, other_config: true, dns: ["2001:888:0:6::66", "2001:888:0:9::99"]}
    dhcpv6:
      rapid_commit: true
      dns: ["2001:888:0:6::66", "2001:888:0:9::99"]
      domains: [pcextreme.nl]
      delegate: {local-ipv6-pd-pool: {pool: "xs4all-prefix 0:0:0:100::/56", length: 60, valid_lifetime: 1h, preferred_lifetime: 30m}}
  Vlan300:
    addresses: ["xs4all-prefix 0:0:0:1::1/64"]
    advertise: {}
`

func TestCiscoChain(t *testing.T) {
	t.Parallel()
	internet, isp, router := host(t, "internet"), host(t, "isp"), host(t, "office")
	desktop, guest := host(t, "desktop"), host(t, "guest")
	cable(t, end(internet, "eth0"), end(isp, "net0"))
	cable(t, end(isp, "cust0"), end(router, "Dialer0"))
	cable(t, end(router, "Vlan1"), end(desktop, "eth0"))
	cable(t, end(router, "Vlan300"), end(guest, "eth0"))
	must(t, internet.IP("addr add 2001:db8:53::53/64 dev eth0 nodad", "route add default via 2001:db8:53::1"))
	server := netip.MustParseAddr("2001:db8:53::53")

	r := run(t, router, ciscoRouter)
	t.Run("before the ISP answers all that needs the prefix is pending", func(t *testing.T) {
		var list sixfoldv1.ListPendingResponse
		must(t, r.show(&list, "pending"))
		for _, want := range []string{"interfaces.Vlan1.addresses", "interfaces.Vlan300.addresses", "local-ipv6-pd-pool"} {
			found := false
			for _, p := range list.Pending {
				found = found || strings.Contains(p.What, want) && strings.Contains(p.Reason, "waiting for a DHCPv6 server on Dialer0")
			}
			if !found {
				t.Errorf("%s is not pending: %v", want, list.Pending)
			}
		}
		if out := r.cli("show", "pending"); !strings.Contains(out, "xs4all-prefix ::1/64") {
			t.Errorf("show pending:\n%s", out)
		}
	})

	p := run(t, isp, ciscoISP)
	var prefix netip.Prefix
	t.Run("a /48, its unreachable route, and the default route from the ISP's advertisement", func(t *testing.T) {
		prefix = waitPrefix(t, r, "xs4all-prefix")
		if pool := netip.MustParsePrefix("2001:980::/44"); prefix.Bits() != 48 || !pool.Contains(prefix.Addr()) {
			t.Fatalf("got %s", prefix)
		}
		eventually(t, "aggregate", router.Expect("ip -6 route show type unreachable", prefix.String(), "proto 169"))
		eventually(t, "default route", router.Expect("ip -6 route show default", "via fe80::1 dev Dialer0 proto ra"))
		eventually(t, "route at the ISP", isp.Expect("ip -6 route show "+prefix.String(), "dev cust0 proto 167"))
		must(t, router.Expect("sysctl net.ipv6.conf.all.forwarding net.ipv6.conf.Dialer0.accept_ra net.ipv4.ip_forward",
			"all.forwarding = 1", "Dialer0.accept_ra = 2", "ip_forward = 1")())
	})

	t.Run("the first /56 on the LANs", func(t *testing.T) {
		want := netip.PrefixFrom(prefix.Addr(), 64)
		eventually(t, "router's address", router.Expect("ip -6 addr show dev Vlan1", want.Addr().Next().String()+"/64"))
		must(t, router.Expect("ip -4 addr show dev Vlan1", "192.168.5.1/24")())
		if a := globalAddress(t, desktop, "eth0"); !want.Contains(a) {
			t.Errorf("desktop has %s, want one of %s", a, want)
		}
		second := nth(prefix, 64, 1)
		if a := globalAddress(t, guest, "eth0"); !second.Contains(a) {
			t.Errorf("guest has %s, want one of %s", a, second)
		}
		ctx, cancel := context.WithTimeout(t.Context(), soon)
		defer cancel()
		if _, err := guest.Ping(ctx, server); err != nil {
			t.Error(err)
		}
	})

	var sub netip.Prefix
	t.Run("dhclient -6 -P on the desktop gets a /60 of the second /56", func(t *testing.T) {
		if _, err := dhclient(desktop, "-P", "-sf", "/bin/true"); err != nil {
			t.Fatal(err)
		}
		lease, err := os.ReadFile(filepath.Join(desktop.Root(), "run/dhclient.leases"))
		must(t, err)
		found := lines(string(lease), "iaprefix ")
		if len(found) == 0 {
			t.Fatalf("no prefix in the lease:\n%s", lease)
		}
		sub = netip.MustParsePrefix(strings.Fields(found[len(found)-1])[1])
		if pool := nth(prefix, 56, 1); sub.Bits() != 60 || !pool.Contains(sub.Addr()) {
			t.Errorf("got %s, want a /60 of %s", sub, pool)
		}
		for _, want := range []string{"preferred-life 1800", "max-life 3600", "renew 900", "rebind 1440", "2001:888:0:6::66"} {
			if !strings.Contains(string(lease), want) {
				t.Errorf("the lease has no %q:\n%s", want, lease)
			}
		}
		// The demonstration of AnyIP: any address of the first /64 answers, from the other side of the ISP.
		first := netip.PrefixFrom(sub.Addr(), 64)
		must(t, desktop.IP("-6 route add local "+first.String()+" dev lo"))
		ctx, cancel := context.WithTimeout(t.Context(), soon)
		defer cancel()
		for _, suffix := range []string{"::1", "::100", "::dead:b33f"} {
			if _, err := internet.Ping(ctx, within(first, suffix)); err != nil {
				t.Error(err)
			}
		}
	})

	t.Run("what is not in use of the /48 is unreachable and does not go back to the ISP", func(t *testing.T) {
		out, err := router.Run("ip", "-6", "route", "get", within(nth(prefix, 56, 0xff), "::1").String())
		if err == nil || !strings.Contains(err.Error(), "No route to host") {
			t.Errorf("%q, %v", out, err)
		}
	})

	t.Run("kill -9 of the router while the ISP is down loses nothing", func(t *testing.T) {
		p.kill()
		r.kill()
		r.start()
		if got := waitPrefix(t, r, "xs4all-prefix"); got != prefix {
			t.Errorf("prefix after the restart: %s, before %s", got, prefix)
		}
		must(t, router.Expect("ip -6 route show "+sub.String(), "dev Vlan1 proto 167")())
		must(t, router.Expect("ip -6 route show type unreachable", prefix.String())())
		must(t, router.Expect("ip -6 addr show dev Vlan1", netip.PrefixFrom(prefix.Addr(), 64).Addr().Next().String())())
		must(t, isp.Expect("ip -6 route show "+prefix.String(), "dev cust0")())
		p.start()
		ctx, cancel := context.WithTimeout(t.Context(), soon)
		defer cancel()
		if _, err := internet.Ping(ctx, within(netip.PrefixFrom(sub.Addr(), 64), "::1")); err != nil {
			t.Error(err)
		}
	})

	t.Run("release on request gives the prefix back, renew asks again", func(t *testing.T) {
		r.cli("delegation", "release", "xs4all-prefix")
		eventually(t, "the ISP's route", gone(isp, prefix.String()))
		eventually(t, "the aggregate", func() error {
			// What hosts still send to it comes back as unreachable for a while, but that is no delegation of ours.
			out, err := router.Run("ip", "-6", "route", "show", "type", "unreachable")
			if err == nil && strings.Contains(out, prefix.String()+" dev lo proto 169") {
				err = fmt.Errorf("still there: %s", out)
			}
			return err
		})
		eventually(t, "address", func() error {
			out, err := router.Run("ip", "-6", "addr", "show", "dev", "Vlan1", "scope", "global")
			if err == nil && strings.Contains(out, "inet6") {
				err = fmt.Errorf("still there: %s", out)
			}
			return err
		})
		if out := r.cli("show", "pending"); !strings.Contains(out, "xs4all-prefix ::1/64") {
			t.Errorf("show pending:\n%s", out)
		}
		r.cli("delegation", "renew", "xs4all-prefix")
		waitPrefix(t, r, "xs4all-prefix")
	})

	t.Run("SIGTERM ends it cleanly, and hosts are told", func(t *testing.T) {
		eventually(t, "default route of the guest", guest.Expect("ip -6 route show default", "proto ra"))
		must(t, r.process.Stop(10*time.Second))
		eventually(t, "no default route at the guest", gone(guest, "default"))
	})
}

// waitPrefix waits until a delegation is held, and returns its prefix.
func waitPrefix(t *testing.T, d *daemon, name string) netip.Prefix {
	t.Helper()
	var prefix netip.Prefix
	eventually(t, "delegation "+name, func() error {
		var list sixfoldv1.ListPrefixesResponse
		if err := d.show(&list, "prefixes"); err != nil {
			return err
		}
		for _, p := range list.Prefixes {
			if p.Name == name && p.Prefix != "" {
				prefix = netip.MustParsePrefix(p.Prefix)
				return nil
			}
		}
		return fmt.Errorf("not held: %v", list.Prefixes)
	})
	return prefix
}

// nth is the n-th piece of a length in a prefix, counted from 0.
func nth(p netip.Prefix, length, n int) netip.Prefix {
	a := p.Addr().As16()
	for i := range 32 {
		if bit := length - 1 - i; n>>i&1 == 1 {
			a[bit/8] |= 1 << (7 - bit%8)
		}
	}
	return netip.PrefixFrom(netip.AddrFrom16(a), length)
}

// within is the address of a prefix with the suffix.
func within(p netip.Prefix, suffix string) netip.Addr {
	a, s := p.Addr().As16(), netip.MustParseAddr(suffix).As16()
	for i := range a {
		a[i] |= s[i]
	}
	return netip.AddrFrom16(a)
}
