package integration

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sixfold-router/sixfold/integration/netns"
	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
)

// Three levels below an ISP. Nobody says anywhere which part of a prefix is for what: each LAN takes a part, what is left is for the
// level below.
const (
	topISP = `
interfaces:
  cust0:
    addresses: ["fe80::1/64", "2001:888:1::1/64"]
    advertise: {max_interval: 10s}
    dhcpv6: {delegate: {customers: {pool: "%s", length: 48}}}
`
	topLevel = `
interfaces:
  wan0: {accept_ra: true, delegations: {isp: {length: 48}}}
  down0:
    addresses: [isp auto/64]
    advertise: {max_interval: 10s}
    dhcpv6: {delegate: {sites: {pool: isp rest, length: 56}}}
`
	midLevel = `
interfaces:
  wan0: {accept_ra: true, delegations: {up: {length: 56}}}
  down0:
    addresses: [up auto/64]
    advertise: {max_interval: 10s}
    dhcpv6: {delegate: {homes: {pool: up rest, length: 60}}}
`
	lowLevel = `
interfaces:
  wan0: {accept_ra: true, delegations: {up: {length: 60}}}
  lan0:
    addresses: [up auto/64]
    advertise: {max_interval: 4s, dns: ["up auto ::1"]}
    dhcpv6: {pools: {hosts: {range: "up auto ::1000-::1fff"}}, delegate: {guests: {pool: up rest, length: 62}}}
  lan1: {addresses: [up auto/64], advertise: {}}
firewall:
  zones: {wan: [wan0], lan: [lan0, lan1]}
  address_sets: {first: ["up auto:lan0/64"]}
  policies:
    - {from: lan, to: wan, rules: [{sources: [first], accept: {}}], reject: {}}
    - {from: wan, to: lan, rules: [{destinations: [first], accept: {}}], reject: {}}
    - {from: wan, to: router, accept: {}}
    - {from: lan, to: router, accept: {}}
`
)

// levels are the routers of a chain, and the host at its end.
type levels struct {
	isp, top, mid, low *daemon
	leaf               *netns.Node
}

func newLevels(t *testing.T) *levels {
	t.Helper()
	isp, top, mid, low, leaf, other := host(t, "isp"), host(t, "top"), host(t, "mid"), host(t, "low"), host(t, "leaf"), host(t, "other")
	cable(t, end(isp, "cust0"), end(top, "wan0"))
	cable(t, end(top, "down0"), end(mid, "wan0"))
	cable(t, end(mid, "down0"), end(low, "wan0"))
	cable(t, end(low, "lan0"), end(leaf, "eth0"))
	cable(t, end(low, "lan1"), end(other, "eth0"))
	return &levels{
		isp: run(t, isp, fmt.Sprintf(topISP, "2001:980::/44")),
		top: run(t, top, topLevel), mid: run(t, mid, midLevel), low: run(t, low, lowLevel), leaf: leaf,
	}
}

// settled waits until all levels have prefixes within the pool, and returns that of the lowest and the /64 of its first LAN.
func (l *levels) settled(t *testing.T, pool string) (home, lan netip.Prefix) {
	t.Helper()
	above := netip.MustParsePrefix(pool)
	for _, level := range []struct {
		d      *daemon
		name   string
		length int
	}{{l.top, "isp", 48}, {l.mid, "up", 56}, {l.low, "up", 60}} {
		var got netip.Prefix
		eventually(t, fmt.Sprintf("a /%d of %s at %s", level.length, above, level.d.node.Name), func() error {
			if got = waitPrefix(t, level.d, level.name); got.Bits() != level.length || !above.Contains(got.Addr()) {
				return fmt.Errorf("it is %s", got)
			}
			return nil
		})
		above = got
	}
	for _, p := range parts(t, l.low, "up") {
		if p.Name == "lan0" && p.Prefix != "" {
			lan = netip.MustParsePrefix(p.Prefix)
		}
	}
	if lan.Bits() != 64 || !above.Contains(lan.Addr()) {
		t.Fatalf("lan0 has %s of %s", lan, above)
	}
	return above, lan
}

// reached waits until the host at the end has an address of the prefix, and answers the ISP there.
func (l *levels) reached(t *testing.T, lan netip.Prefix, others ...netip.Prefix) {
	t.Helper()
	eventually(t, "the host uses "+lan.String(), prefers(l.leaf, lan, others...))
	out, err := l.leaf.Run("ip", "-6", "-o", "addr", "show", "dev", "eth0", "scope", "global")
	must(t, err)
	var address netip.Addr
	for line := range strings.Lines(out) {
		if p, err := netip.ParsePrefix(strings.Fields(line)[3]); err == nil && lan.Contains(p.Addr()) {
			address = p.Addr()
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), soon)
	defer cancel()
	if _, err := l.isp.node.Ping(ctx, address); err != nil {
		t.Errorf("from the ISP: %v", err)
	}
	if _, err := l.leaf.Ping(ctx, netip.MustParseAddr("2001:888:1::1")); err != nil {
		t.Errorf("to the ISP: %v", err)
	}
}

// parts returns what a router chose of a delegation.
func parts(t *testing.T, d *daemon, name string) []*sixfoldv1.PrefixAssignment {
	t.Helper()
	var list sixfoldv1.ListPrefixesResponse
	must(t, d.show(&list, "prefixes", name))
	var out []*sixfoldv1.PrefixAssignment
	for _, p := range list.Prefixes {
		out = append(out, p.Assignments...)
	}
	return out
}

// places has the places of active parts by name.
func places(t *testing.T, d *daemon, name string) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, p := range parts(t, d, name) {
		if p.State == "active" {
			out[p.Name] = p.Subnet
		}
	}
	return out
}

func TestThreeLevels(t *testing.T) {
	t.Parallel()
	l := newLevels(t)
	var home, lan netip.Prefix
	t.Run("from a /48 to the host at the end", func(t *testing.T) {
		home, lan = l.settled(t, "2001:980::/44")
		l.reached(t, lan)
		eventually(t, "route of the ISP", l.isp.node.Expect("ip -6 route show proto 167", "/48 via fe80::", "dev cust0"))
		eventually(t, "route of the top", l.top.node.Expect("ip -6 route show proto 167", "/56 via fe80::", "dev down0"))
		eventually(t, "route of the middle", l.mid.node.Expect("ip -6 route show proto 167", home.String()+" via fe80::", "dev down0"))
		eventually(t, "what is not in use", l.low.node.Expect("ip -6 route show type unreachable", home.String()))
		if got := places(t, l.low, "up"); got["lan0"] != "::/64" || got["lan1"] != "0:0:0:1::/64" {
			t.Errorf("the parts are at %v", got)
		}
	})
	t.Run("shown and explained", func(t *testing.T) {
		out := l.low.cli("show", "prefixes")
		for _, want := range []string{"up auto:lan0/64", "0:0:0:1::/64", "up rest", "the first of the smallest free blocks"} {
			if !strings.Contains(out, want) {
				t.Errorf("show prefixes has no %q:\n%s", want, out)
			}
		}
		if out := l.low.cli("explain", lan.String()); !strings.Contains(out, "up auto:lan0/64 is "+lan.String()) {
			t.Errorf("explain:\n%s", out)
		}
	})
	t.Run("others come and go, and nobody who stays is moved", func(t *testing.T) {
		before := places(t, l.low, "up")
		// The order of the file is another one, lan1 is gone and aaa0 comes, which is the first by name.
		next := strings.Replace(lowLevel, "  lan1: {addresses: [up auto/64], advertise: {}}\n", "  lan1: {}\n  aaa0: {addresses: [up auto/64]}\n", 1)
		out, err := l.preview(t, l.low, next)
		must(t, err)
		for _, want := range []string{"up auto:aaa0/64 take 0:0:0:2::/64", "up auto:lan1/64 leave 0:0:0:1::/64"} {
			if !strings.Contains(strings.Join(strings.Fields(out), " "), want) {
				t.Errorf("the preview has no %q:\n%s", want, out)
			}
		}
		l.low.reload(next)
		eventually(t, "the part of aaa0", func() error {
			got := places(t, l.low, "up")
			if got["lan0"] != before["lan0"] || got["aaa0"] != "0:0:0:2::/64" || got["lan1"] != "" {
				return fmt.Errorf("%v", got)
			}
			return nil
		})
		l.low.reload(lowLevel)
		eventually(t, "lan1 has its own back", func() error {
			if got := places(t, l.low, "up"); got["lan1"] != before["lan1"] || got["lan0"] != before["lan0"] || got["aaa0"] != "" {
				return fmt.Errorf("%v", got)
			}
			return nil
		})
	})
	t.Run("what clients have is not taken from them", func(t *testing.T) {
		// All of the /56 but what the low one has is asked for by new links of the middle one.
		next := midLevel
		for i := range 15 {
			next += fmt.Sprintf("  more%d: {addresses: [up auto/60]}\n", i)
		}
		l.mid.reload(next)
		eventually(t, "parts", func() error {
			if got := places(t, l.mid, "up"); len(got) != 15 {
				return fmt.Errorf("%v", got)
			}
			return nil
		})
		for _, p := range parts(t, l.mid, "up") {
			if p.Prefix == "" {
				if !strings.Contains(p.Reason, "no free /60 left") {
					t.Errorf("%v", p)
				}
			} else if netip.MustParsePrefix(p.Prefix).Overlaps(home) {
				t.Errorf("%v is on %s, which the low one has", p, home)
			}
		}
		l.reached(t, lan)
		l.mid.reload(midLevel)
		eventually(t, "only down0", func() error {
			if got := places(t, l.mid, "up"); len(got) != 1 {
				return fmt.Errorf("%v", got)
			}
			return nil
		})
	})
	t.Run("kill -9", func(t *testing.T) {
		before := places(t, l.low, "up")
		l.low.kill()
		l.low.start()
		eventually(t, "the same parts", func() error {
			if got := places(t, l.low, "up"); fmt.Sprint(got) != fmt.Sprint(before) {
				return fmt.Errorf("%v, before %v", got, before)
			}
			return nil
		})
		must(t, l.low.node.Expect("cat /run/sixfold/state/assignments", `"lan0"`)())
		l.reached(t, lan)
	})
	t.Run("the ISP renumbers, each level tells the next, and the host at the end follows", func(t *testing.T) {
		before := places(t, l.low, "up")
		l.isp.reload(fmt.Sprintf(topISP, "2001:db8::/44"))
		eventually(t, "the new pool of the ISP", func() error {
			out, err := l.isp.node.Run(sixfold, "config", "show")
			if err == nil && !strings.Contains(out, "2001:db8::/44") {
				err = fmt.Errorf("not yet")
			}
			return err
		})
		old := lan
		_, lan = l.settled(t, "2001:db8::/44")
		l.reached(t, lan, old)
		if got := places(t, l.low, "up"); fmt.Sprint(got) != fmt.Sprint(before) {
			t.Errorf("the parts are at %v, before at %v", got, before)
		}
		eventually(t, "the firewall", l.low.node.Expect("nft list ruleset", strings.TrimSuffix(lan.String(), "::/64")))
	})
}

// preview tells what a configuration would change.
func (l *levels) preview(t *testing.T, d *daemon, text string) (string, error) {
	t.Helper()
	must(t, os.WriteFile(filepath.Join(d.node.Root(), "run/next.yaml"), []byte(text), 0o644))
	return d.node.Run(sixfold, "config", "plan", "/run/next.yaml")
}

// ciscoAuto is the office router of the Cisco write-up without its numbers, and with its interfaces in another order.
const ciscoAuto = `
interfaces:
  Vlan300:
    addresses: ["xs4all-prefix auto/64"]
    advertise: {}
  Vlan1:
    addresses: [192.168.5.1/24, "xs4all-prefix auto/64"]
    advertise: {max_interval: 30s, other_config: true, dns: ["2001:888:0:6::66", "2001:888:0:9::99"]}
    dhcpv6:
      rapid_commit: true
      dns: ["2001:888:0:6::66", "2001:888:0:9::99"]
      domains: [pcextreme.nl]
      delegate: {local-ipv6-pd-pool: {pool: xs4all-prefix %s, length: 60, valid_lifetime: 1h, preferred_lifetime: 30m}}
  Dialer0:
    accept_ra: true
    delegations: {xs4all-prefix: {length: 48, rapid_commit: true}}
`

func TestCiscoChainAuto(t *testing.T) {
	t.Parallel()
	for _, pool := range []string{"rest", "auto/56"} {
		t.Run(strings.ReplaceAll(pool, "/", "-"), func(t *testing.T) {
			t.Parallel()
			isp, router, desktop, guest := host(t, "isp"), host(t, "office"), host(t, "desktop"), host(t, "guest")
			cable(t, end(isp, "cust0"), end(router, "Dialer0"))
			cable(t, end(router, "Vlan1"), end(desktop, "eth0"))
			cable(t, end(router, "Vlan300"), end(guest, "eth0"))
			must(t, isp.IP("link add net0 type veth peer name net1", "link set net0 up"))
			run(t, isp, ciscoISP)
			r := run(t, router, fmt.Sprintf(ciscoAuto, pool))
			prefix := waitPrefix(t, r, "xs4all-prefix")
			own := map[string]netip.Prefix{}
			for _, p := range parts(t, r, "xs4all-prefix") {
				own[fmt.Sprintf("%s/%d", p.Name, p.Length)] = netip.MustParsePrefix(p.Prefix)
			}
			first, second, sub := own["Vlan1/64"], own["Vlan300/64"], netip.Prefix{}
			if a := globalAddress(t, desktop, "eth0"); !first.Contains(a) {
				t.Errorf("the desktop has %s, want one of %s", a, first)
			}
			if a := globalAddress(t, guest, "eth0"); !second.Contains(a) || first == second {
				t.Errorf("the guest has %s, want one of %s, which is not %s", a, second, first)
			}
			if _, err := dhclient(desktop, "-P", "-sf", "/bin/true"); err != nil {
				t.Fatal(err)
			}
			lease, err := os.ReadFile(filepath.Join(desktop.Root(), "run/dhclient.leases"))
			must(t, err)
			for _, line := range lines(string(lease), "iaprefix ") {
				sub = netip.MustParsePrefix(strings.Fields(line)[1])
			}
			if sub.Bits() != 60 || !prefix.Contains(sub.Addr()) || sub.Overlaps(first) || sub.Overlaps(second) {
				t.Errorf("the desktop got %s of %s, where %s and %s are in use", sub, prefix, first, second)
			}
			if whole := own["Vlan1/56"]; pool != "rest" && !whole.Contains(sub.Addr()) {
				t.Errorf("the desktop got %s, want a part of %s", sub, whole)
			}
			eventually(t, "its route", router.Expect("ip -6 route show "+sub.String(), "dev Vlan1 proto 167"))
			r.kill()
			r.start()
			must(t, router.Expect("ip -6 route show "+sub.String(), "dev Vlan1 proto 167")())
			must(t, router.Expect("ip -6 addr show dev Vlan1", first.Addr().Next().String()+"/64")())
			must(t, router.Expect("ip -6 addr show dev Vlan300", second.Addr().Next().String()+"/64")())
		})
	}
}
