package integration

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sixfold-router/sixfold/integration/netns"
	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
)

// customer is a router of an ISP's customer who wants an address and a /48.
const customer = `
interfaces:
  wan0:
    accept_ra: true
    request_address: true
    delegations: {isp: {length: 48, rapid_commit: true}}
  lan0:
    addresses: ["isp ::1/64"]
    advertise: {max_interval: 4s}
`

// radvdConfig is what the ISP's radvd says: nothing that tells of a DHCPv6 server.
func radvdConfig(lifetime int) string {
	return fmt.Sprintf(`interface cust0 {
  AdvSendAdvert on; AdvManagedFlag off; AdvOtherConfigFlag off;
  MinRtrAdvInterval 3; MaxRtrAdvInterval 4; MinDelayBetweenRAs 3; AdvDefaultLifetime %d;
  prefix %s { AdvAutonomous on; };
};
`, lifetime, linkPrefix)
}

// radvd advertises the default route on cust0 of an ISP.
func radvd(t *testing.T, isp *netns.Node, lifetime int) *netns.Process {
	t.Helper()
	must(t, isp.Sysctl("net.ipv6.conf.all.forwarding=1"))
	must(t, isp.IP("addr add fe80::1/64 dev cust0 nodad", "addr add 2001:888:1::1/64 dev cust0 nodad"))
	must(t, os.WriteFile(filepath.Join(isp.Root(), "run/radvd.conf"), []byte(radvdConfig(lifetime)), 0o644))
	p, err := isp.Start("radvd", "-n", "-C", "/run/radvd.conf", "-p", "/run/radvd.pid", "-m", "stderr")
	must(t, err)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("radvd said:\n%s", tail(p.Stderr(), 30))
		}
	})
	return p
}

// A customer's life with the DHCPv6 servers that ISPs run: what holds between two programs of ours holds with others' too.
func TestISP(t *testing.T) {
	t.Parallel()
	for _, software := range []ispSoftware{kea, isc, dibbler} {
		t.Run(software.name, func(t *testing.T) {
			t.Parallel()
			ispLife(t, software)
		})
	}
}

func ispLife(t *testing.T, software ispSoftware) {
	isp, router, desktop := host(t, "isp"), host(t, "router"), host(t, "desktop")
	cable(t, end(isp, "cust0"), end(router, "wan0"))
	cable(t, end(router, "lan0"), end(desktop, "eth0"))
	radvd(t, isp, 1800)
	offer := ispOffer{pool: netip.MustParsePrefix("2001:980::/44"), t1: 3, t2: 6, preferred: 30, valid: 40, rapid: software.rapid}
	s := serve(t, isp, software, offer)
	r := run(t, router, customer)

	var prefix netip.Prefix
	t.Run("a prefix and an address", func(t *testing.T) {
		prefix = waitPrefix(t, r, "isp")
		if prefix.Bits() != 48 || !offer.pool.Contains(prefix.Addr()) {
			t.Fatalf("got %s, want a /48 of %s", prefix, offer.pool)
		}
		address := waitPrefix(t, r, "")
		if !linkPool.Contains(address.Addr()) || address.Bits() != 128 {
			t.Errorf("got address %s, want one of %s", address, linkPool)
		}
		eventually(t, "address", router.Expect("ip -6 addr show dev wan0", address.String()))
		eventually(t, "default route", router.Expect("ip -6 route show default", "via fe80::1 dev wan0 proto ra"))
		eventually(t, "aggregate", router.Expect("ip -6 route show type unreachable", prefix.String()))
		eventually(t, "the server's lease", s.lease(prefix, true))
		must(t, s.heard("Solicit")())
		list := states(t, r)
		for _, p := range list {
			if len(p.Dns) != 1 || p.Dns[0] != "2001:888:0:6::66" || len(p.Domains) != 1 || strings.TrimSuffix(p.Domains[0], ".") != "isp.example" {
				t.Errorf("%q came with name servers %v and domains %v", p.Name, p.Dns, p.Domains)
			}
		}
		if err := s.heard("Request")(); (err != nil) != software.rapid {
			t.Errorf("rapid commit is %t, but: Request heard: %v", software.rapid, err)
		}
	})
	t.Run("which the LAN has", func(t *testing.T) {
		want := netip.PrefixFrom(prefix.Addr(), 64)
		eventually(t, "router's address", router.Expect("ip -6 addr show dev lan0", want.Addr().Next().String()+"/64"))
		if a := globalAddress(t, desktop, "eth0"); !want.Contains(a) {
			t.Errorf("desktop has %s, want one of %s", a, want)
		}
	})
	t.Run("renewed", func(t *testing.T) {
		until := state(t, r, "isp").ValidUntil.AsTime()
		eventually(t, "Renew", extended(r, prefix, until))
		eventually(t, "the server", s.heard("Renew"))
	})
	// again waits until the prefix is held for longer than until, or with a fickle server another one.
	again := func(until time.Time) func() error {
		return func() error {
			if p := state(t, r, "isp"); software.fickle && p.Prefix != "" {
				prefix = netip.MustParsePrefix(p.Prefix)
			}
			return extended(r, prefix, until)()
		}
	}
	t.Run("rebound when the server has been away", func(t *testing.T) {
		s.kill(false)
		until := state(t, r, "isp").ValidUntil.AsTime()
		eventually(t, "Rebind", func() error {
			if p := state(t, r, "isp"); p.State != "rebinding" {
				return fmt.Errorf("%v", p)
			}
			return nil
		})
		s.start(offer)
		eventually(t, "answer to the Rebind", again(until))
		must(t, s.heard("Rebind")())
	})
	t.Run("bound again by a server that forgot", func(t *testing.T) {
		s.kill(true)
		until := state(t, r, "isp").ValidUntil.AsTime()
		s.start(offer)
		eventually(t, "binding", again(until))
		eventually(t, "the server's lease", s.lease(prefix, true))
		eventually(t, "router's address", router.Expect("ip -6 addr show dev lan0", prefix.Addr().Next().String()+"/64"))
	})
	t.Run("renumbered by a server with other prefixes", func(t *testing.T) {
		old := netip.PrefixFrom(prefix.Addr(), 64)
		s.kill(true)
		offer.pool = netip.MustParsePrefix("2001:981::/44")
		s.start(offer)
		eventually(t, "new prefix", func() error {
			p := state(t, r, "isp")
			if p.Prefix != "" {
				prefix = netip.MustParsePrefix(p.Prefix)
			}
			if !offer.pool.Contains(prefix.Addr()) {
				return fmt.Errorf("%v", p)
			}
			return nil
		})
		fresh := netip.PrefixFrom(prefix.Addr(), 64)
		eventually(t, "the server's lease", s.lease(prefix, true))
		eventually(t, "router's address", router.Expect("ip -6 addr show dev lan0", fresh.Addr().Next().String()+"/64"))
		eventually(t, "no old address", func() error {
			if err := router.Expect("ip -6 addr show dev lan0", old.Addr().Next().String()+"/64")(); err == nil {
				return fmt.Errorf("%s is still there", old.Addr().Next())
			}
			return nil
		})
		eventually(t, "no old aggregate", gone(router, netip.PrefixFrom(old.Addr(), 48).String()))
		eventually(t, "new address of the desktop", desktop.Expect("ip -6 addr show dev eth0 scope global -deprecated", strings.TrimSuffix(fresh.Addr().String(), "::")+":"))
		eventually(t, "old address of the desktop", func() error {
			out, err := desktop.Run("ip", "-6", "-o", "addr", "show", "dev", "eth0", "scope", "global", "-deprecated")
			if len(lines(out, strings.TrimSuffix(old.Addr().String(), "::")+":")) > 0 {
				return fmt.Errorf("preferred still:\n%s", out)
			}
			return err
		})
	})
	t.Run("released on request", func(t *testing.T) {
		r.cli("delegation", "release", "isp")
		eventually(t, "the server", s.heard("Release"))
		eventually(t, "the server's lease", s.lease(prefix, false))
		eventually(t, "the aggregate", gone(router, prefix.String()))
		if p := state(t, r, "isp"); p.Prefix != "" || p.State != "releasing" && p.State != "released" {
			t.Errorf("%v", p)
		}
		if p := state(t, r, ""); p.Prefix == "" {
			t.Errorf("the address went with it: %v", p)
		}
	})
}

// A server whose prefixes are all given away says so, and we pass it on.
func TestISPWithoutPrefixes(t *testing.T) {
	t.Parallel()
	for _, software := range []ispSoftware{kea, isc, dibbler} {
		t.Run(software.name, func(t *testing.T) {
			t.Parallel()
			isp, router := host(t, "isp"), host(t, "router")
			sw, err := netns.Switch("switch", end(isp, "cust0"), end(router, "wan0"))
			must(t, err)
			t.Cleanup(func() { sw.Close() })
			other := host(t, "other")
			must(t, netns.Connect(end(sw, "port3"), end(other, "eth0")))
			must(t, sw.IP("link set port3 master br0"))
			radvd(t, isp, 1800)
			only := netip.MustParsePrefix("2001:980::/48")
			s := serve(t, isp, software, ispOffer{pool: only, t1: 300, t2: 600, preferred: 900, valid: 1200})
			if _, err := dhclient(other, "-P", "-sf", "/bin/true"); err != nil {
				t.Fatal(err)
			}
			eventually(t, "the other customer's lease", s.lease(only, true))

			r := run(t, router, customer)
			eventually(t, "the reason", func() error {
				p := state(t, r, "isp")
				if p.Prefix != "" {
					t.Fatalf("got %s", p.Prefix)
				}
				if !strings.Contains(p.Problem, "NoPrefixAvail") {
					return fmt.Errorf("%v", p)
				}
				return nil
			})
			if out := r.cli("show", "prefixes"); !strings.Contains(out, "NoPrefixAvail") {
				t.Errorf("show prefixes:\n%s", out)
			}
			eventually(t, "pending", router.Expect(sixfold+" show pending", "isp ::1/64", "no prefix isp yet", "NoPrefixAvail"))
			must(t, s.heard("Solicit")())
		})
	}
}

// The kernel takes the default route and an address from the ISP's advertisements although it forwards, and for as long as they
// say. That they say nothing of DHCPv6 (M and O are off) does not keep us from asking.
func TestAdvertisementsOfISP(t *testing.T) {
	t.Parallel()
	isp, router := host(t, "isp"), host(t, "router")
	cable(t, end(isp, "cust0"), end(router, "wan0"))
	p := radvd(t, isp, 1000)
	s := serve(t, isp, isc, ispOffer{pool: netip.MustParsePrefix("2001:980::/44"), t1: 300, t2: 600, preferred: 900, valid: 1200})
	r := run(t, router, "interfaces: {wan0: {accept_ra: true, delegations: {isp: {}}}}")
	waitPrefix(t, r, "isp")
	must(t, s.heard("Solicit")())
	out, err := router.Run("rdisc6", "-1", "wan0")
	must(t, err)
	for _, want := range []string{`Stateful address conf\. +: +No`, `Stateful other conf\. +: +No`} {
		if !regexp.MustCompile(want).MatchString(out) {
			t.Errorf("rdisc6 does not show %s:\n%s", want, out)
		}
	}
	must(t, router.Expect("sysctl net.ipv6.conf.all.forwarding net.ipv6.conf.wan0.forwarding net.ipv6.conf.wan0.accept_ra",
		"all.forwarding = 1", "wan0.forwarding = 1", "wan0.accept_ra = 2")())
	if a := globalAddress(t, router, "wan0"); !linkPrefix.Contains(a) {
		t.Errorf("SLAAC made %s, want one of %s", a, linkPrefix)
	}

	eventually(t, "lifetime of the default route", expires(router, 1000))
	advertise := func(lifetime int) {
		must(t, os.WriteFile(filepath.Join(isp.Root(), "run/radvd.conf"), []byte(radvdConfig(lifetime)), 0o644))
		must(t, p.Signal(syscall.SIGHUP))
	}
	advertise(50)
	eventually(t, "shorter lifetime", expires(router, 50))
	// Through a change of configuration and a restart of ours it stays the kernel's.
	r.reload("interfaces: {wan0: {accept_ra: true, delegations: {isp: {}}}, lo: {addresses: [\"isp ::1/128\"]}}")
	eventually(t, "reload", router.Expect("ip -6 addr show dev lo", "2001:980"))
	must(t, expires(router, 50)())
	r.kill()
	r.start()
	must(t, expires(router, 50)())
	advertise(0)
	eventually(t, "no default route", gone(router, "default"))
	advertise(1000)
	eventually(t, "lifetime of the default route", expires(router, 1000))
	must(t, p.Stop(10*time.Second))
	eventually(t, "no default route after the ISP's goodbye", gone(router, "default"))
}

// expires checks that the default route from advertisements ends within the seconds given, and not long before.
func expires(n *netns.Node, seconds int) func() error {
	return func() error {
		out, err := n.Run("ip", "-6", "route", "show", "default", "proto", "ra")
		if err != nil {
			return err
		}
		found := regexp.MustCompile(`via fe80::1 .*expires (\d+)sec`).FindAllStringSubmatch(out, -1)
		if len(found) != 1 {
			return fmt.Errorf("want one default route:\n%s", out)
		}
		if left, err := strconv.Atoi(found[0][1]); err != nil || left > seconds || left < seconds-30 {
			return fmt.Errorf("want it to expire in %d s:\n%s", seconds, out)
		}
		return nil
	}
}

// states returns all that a router holds or asks for.
func states(t *testing.T, d *daemon) []*sixfoldv1.PrefixState {
	t.Helper()
	var list sixfoldv1.ListPrefixesResponse
	must(t, d.show(&list, "prefixes"))
	return list.Prefixes
}

// state returns the state of one delegation, or of the address for the empty name.
func state(t *testing.T, d *daemon, name string) *sixfoldv1.PrefixState {
	t.Helper()
	for _, p := range states(t, d) {
		if p.Name == name {
			return p
		}
	}
	t.Fatalf("no delegation %q", name)
	return nil
}

// extended checks that a prefix is held for longer than until.
func extended(d *daemon, prefix netip.Prefix, until time.Time) func() error {
	return func() error {
		p := state(d.t, d, "isp")
		if p.Prefix != prefix.String() || !p.ValidUntil.AsTime().After(until.Add(time.Second)) {
			return fmt.Errorf("want %s for longer than until %v: %v", prefix, until, p)
		}
		return nil
	}
}
