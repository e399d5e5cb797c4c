package integration

import (
	"encoding/json"
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

// renumberedISP delegates /48s of a pool.
const renumberedISP = `
interfaces:
  cust0:
    addresses: ["fe80::1/64", "2001:888:1::1/64"]
    advertise: {max_interval: 10s}
    dhcpv6: {delegate: {customers: {pool: "%s", length: 48}}}
`

// renumbered is a router all of whose services follow the prefix of its ISP.
const renumbered = `
system: {router_id: 192.0.2.1}
interfaces:
  wan0: {accept_ra: true, delegations: {isp: {length: 48}}}
  core0: {addresses: ["fd00:1::1/64"]}
  lan0:
    addresses: ["isp ::1/64", "fd00:6::1/64"]
    advertise: {dns: ["isp ::1"], min_delay: 30ms}
    dhcpv6: {pools: {hosts: {range: "isp ::1000-::1fff"}}}
  lan1:
    addresses: ["isp 0:0:0:1::1/64"]
    advertise: {min_delay: 30ms, managed: false}
firewall:
  zones: {wan: [wan0], lan: [lan0, lan1], core: [core0]}
  address_sets: {ours: ["isp ::/48"]}
  policies:
    - {from: lan, to: wan, rules: [{sources: [ours], accept: {}}], reject: {}}
    - {from: wan, to: lan, simple_security: {}}
    - {from: core, to: router, accept: {}}
    - {from: lan, to: router, accept: {}}
bgp:
  asn: 65000
  announce: [aggregate]
  filters: {all: [{accept: {}}]}
  neighbors: {core: {address: "fd00:1::2", remote_as: 65001, export: all}}
`

const renumberedPeer = `
log "/run/bird.log" all;
router id 192.0.2.2;
protocol device { }
protocol bgp customer {
  local fd00:1::2 as 65001;
  neighbor fd00:1::1 as 65000;
  connect retry time 1; connect delay time 1; error wait time 1, 2;
  ipv6 { import all; export none; };
}
`

// renumbering is a router with its ISP, a host on each of two LANs, and a BGP peer.
type renumbering struct {
	isp, router, desktop, laptop, core *netns.Node
	p, r                               *daemon
}

func newRenumbering(t *testing.T) *renumbering {
	t.Helper()
	n := &renumbering{isp: host(t, "isp"), router: host(t, "router"), desktop: host(t, "desktop"), laptop: host(t, "laptop"), core: host(t, "core")}
	cable(t, end(n.isp, "cust0"), end(n.router, "wan0"))
	cable(t, end(n.router, "lan0"), end(n.desktop, "eth0"))
	cable(t, end(n.router, "lan1"), end(n.laptop, "eth0"))
	cable(t, end(n.router, "core0"), end(n.core, "eth0"))
	must(t, n.core.IP("addr add fd00:1::2/64 dev eth0 nodad"))
	for _, link := range []string{"wan0", "lan0", "lan1", "core0"} {
		// With thousands of links elsewhere on the machine, this takes its time.
		eventually(t, "carrier of "+link, n.router.Expect("ip link show dev "+link, "LOWER_UP"))
	}
	bird(t, n.core, renumberedPeer)
	n.p = run(t, n.isp, fmt.Sprintf(renumberedISP, "2001:980::/44"))
	n.r = run(t, n.router, renumbered)
	return n
}

// other gives the ISP another pool, and waits until the router has a prefix of it.
func (n *renumbering) other(t *testing.T, pool string) netip.Prefix {
	t.Helper()
	n.p.reload(fmt.Sprintf(renumberedISP, pool))
	eventually(t, "the new pool of the ISP", func() error {
		out, err := n.isp.Run(sixfold, "config", "show")
		if err == nil && !strings.Contains(out, pool) {
			err = fmt.Errorf("not yet")
		}
		return err
	})
	n.r.cli("delegation", "renew", "isp")
	return n.has(t, pool)
}

// has waits until the router has a prefix of a pool.
func (n *renumbering) has(t *testing.T, pool string) (prefix netip.Prefix) {
	t.Helper()
	eventually(t, "a prefix of "+pool, func() error {
		if prefix = waitPrefix(t, n.r, "isp"); !netip.MustParsePrefix(pool).Contains(prefix.Addr()) {
			return fmt.Errorf("it is %s", prefix)
		}
		return nil
	})
	return prefix
}

// prefers reports whether a host uses addresses of want for new connections, and none of others. For a moment after each advertisement
// the kernel takes an address to be preferred again.
func prefers(n *netns.Node, want netip.Prefix, others ...netip.Prefix) func() error {
	return func() error {
		out, err := n.Run("ip", "-6", "-o", "addr", "show", "dev", "eth0", "scope", "global", "-deprecated")
		if err != nil {
			return err
		}
		found := false
		for line := range strings.Lines(out) {
			p, err := netip.ParsePrefix(strings.Fields(line)[3])
			if err != nil {
				return err
			}
			found = found || want.Contains(p.Addr())
			for _, other := range others {
				if other.Contains(p.Addr()) {
					return fmt.Errorf("%s is preferred", p)
				}
			}
		}
		if !found {
			return fmt.Errorf("no address of %s is preferred:\n%s", want, out)
		}
		out, err = n.Run("ip", "-6", "route", "get", "2001:888:1::1")
		if err == nil && !strings.Contains(out, " src "+strings.TrimSuffix(want.Addr().String(), "::")+":") {
			err = fmt.Errorf("source is not in %s: %s", want, out)
		}
		return err
	}
}

var rdiscPrefix = regexp.MustCompile(`(?s)Prefix\s*: (\S+)\n.*?On-link\s*: *(\w+)\n.*?Autonomous[^:]*: *(\w+)\n.*?Valid time\s*: *(\S+).*?Pref\. time\s*: *(\S+)`)

// told is what a latecomer is told: the prefixes by whether it may use them, and the rest of the answer.
func told(n *netns.Node) (use, withdrawn []netip.Prefix, all string, err error) {
	all, err = n.Run("rdisc6", "-1", "-w", "3000", "eth0")
	for _, m := range rdiscPrefix.FindAllStringSubmatch(all, -1) {
		p, err := netip.ParsePrefix(m[1])
		if err != nil {
			return nil, nil, all, err
		}
		if m[4] == "0" && m[5] == "0" {
			withdrawn = append(withdrawn, p)
		} else {
			use = append(use, p)
		}
		if m[2] != "Yes" || m[3] != "Yes" {
			return nil, nil, all, fmt.Errorf("%s is on-link %s, autonomous %s", p, m[2], m[3])
		}
	}
	return use, withdrawn, all, err
}

// latecomer checks what a host that comes late is told.
func latecomer(n *netns.Node, use netip.Prefix, withdrawn ...netip.Prefix) func() error {
	return func() error {
		now, gone, all, err := told(n)
		if err != nil {
			return err
		}
		has := func(list []netip.Prefix, p netip.Prefix) bool {
			for _, have := range list {
				if have == p {
					return true
				}
			}
			return false
		}
		if !has(now, use) {
			return fmt.Errorf("not told to use %s:\n%s", use, all)
		}
		for _, p := range withdrawn {
			if !has(gone, p) {
				return fmt.Errorf("not told that %s is withdrawn:\n%s", p, all)
			}
		}
		if len(gone) != len(withdrawn) {
			return fmt.Errorf("%v are withdrawn, want %v:\n%s", gone, withdrawn, all)
		}
		return nil
	}
}

// announced checks which of two prefixes a BGP peer has.
func announced(n *netns.Node, want, not netip.Prefix) func() error {
	return func() error {
		out, err := birdc(n, "show route")
		if err == nil && (!strings.Contains(out, want.String()) || strings.Contains(out, not.String())) {
			err = fmt.Errorf("want %s, not %s:\n%s", want, not, out)
		}
		return err
	}
}

// The ISP gives another prefix and takes the old one back at once. Hosts, neighbors and latecomers hear of it, whatever happens to
// the router meanwhile.
func TestRenumbered(t *testing.T) {
	t.Parallel()
	n := newRenumbering(t)
	first := n.has(t, "2001:980::/44")
	lan := func(p netip.Prefix, link int) netip.Prefix { return nth(p, 64, link) }
	ula := netip.MustParsePrefix("fd00:6::/64")
	eventually(t, "address of the desktop", prefers(n.desktop, lan(first, 0)))
	eventually(t, "address of the laptop", prefers(n.laptop, lan(first, 1)))
	eventually(t, "announcement", func() error {
		out, err := birdc(n.core, "show route")
		if err == nil && !strings.Contains(out, first.String()) {
			err = fmt.Errorf("%s", out)
		}
		return err
	})
	eventually(t, "nothing is withdrawn", latecomer(n.desktop, lan(first, 0)))
	before := filepath.Join(t.TempDir(), "state")
	must(t, os.CopyFS(before, os.DirFS(n.state())))

	second := n.other(t, "2001:981::/44")
	began := time.Now()
	eventually(t, "the desktop uses the new prefix", prefers(n.desktop, lan(second, 0), first))
	eventually(t, "the laptop uses the new prefix", prefers(n.laptop, lan(second, 1), first))
	t.Logf("hosts use the new prefix %v after it was seen", time.Since(began).Round(time.Millisecond))
	t.Run("all of it follows", func(t *testing.T) {
		eventually(t, "announcement", announced(n.core, second, first))
		eventually(t, "what hosts still send to the old prefix comes back as unreachable",
			n.router.Expect("ip -6 route show type unreachable", first.String()+" dev lo proto 171", second.String()+" dev lo proto 169"))
		eventually(t, "old address", func() error {
			out, err := n.router.Run("ip", "-6", "addr", "show")
			if err == nil && strings.Contains(out, strings.TrimSuffix(first.Addr().String(), "::")+":") {
				err = fmt.Errorf("the router has it still:\n%s", out)
			}
			return err
		})
		eventually(t, "firewall", func() error {
			out, err := n.router.Run("nft", "list", "table", "inet", "sixfold")
			// The prefix of old is among those whose hosts are told (RFC 7084 L-14), and in no other set.
			_, stale, _ := strings.Cut(out, "set stale/6 {")
			stale, _, _ = strings.Cut(stale, "}\n\t}")
			if err == nil && (!strings.Contains(stale, first.String()) || !strings.Contains(out, second.String()) ||
				strings.Contains(strings.Replace(out, stale, "", 1), "elements = { "+first.String())) {
				err = fmt.Errorf("%s", out)
			}
			return err
		})
		eventually(t, "latecomers on lan0", latecomer(n.desktop, lan(second, 0), lan(first, 0)))
		eventually(t, "latecomers on lan1", latecomer(n.laptop, lan(second, 1), lan(first, 1)))
		_, _, all, err := told(n.desktop)
		must(t, err)
		if old := within(lan(first, 0), "::1").String(); !strings.Contains(all, "DNS server") && !strings.Contains(all, old) {
			t.Errorf("nothing is said of the name server %s:\n%s", old, all)
		}
	})
	t.Run("the plug is not needed: kill -9", func(t *testing.T) {
		n.r.kill()
		n.r.start()
		eventually(t, "latecomers", latecomer(n.desktop, lan(second, 0), lan(first, 0)))
		eventually(t, "the desktop stays with it", prefers(n.desktop, lan(second, 0), first))
	})
	third := netip.Prefix{}
	t.Run("killed between the Reply and the advertisement", func(t *testing.T) {
		n.p.reload(fmt.Sprintf(renumberedISP, "2001:982::/44"))
		eventually(t, "the new pool of the ISP", func() error {
			out, err := n.isp.Run(sixfold, "config", "show")
			if err == nil && !strings.Contains(out, "2001:982::/44") {
				err = fmt.Errorf("not yet")
			}
			return err
		})
		n.r.cli("delegation", "renew", "isp")
		eventually(t, "the new prefix on disk", func() error {
			files, _ := filepath.Glob(filepath.Join(n.state(), "delegations/*.json"))
			for _, f := range files {
				if data, _ := os.ReadFile(f); strings.Contains(string(data), "2001:982:") {
					n.r.kill()
					return nil
				}
			}
			return fmt.Errorf("not in %v", files)
		})
		n.r.start()
		third = n.has(t, "2001:982::/44")
		eventually(t, "the desktop", prefers(n.desktop, lan(third, 0), first, second))
		eventually(t, "the laptop", prefers(n.laptop, lan(third, 1), first, second))
		eventually(t, "latecomers", latecomer(n.desktop, lan(third, 0), lan(first, 0), lan(second, 0)))
	})
	fourth := netip.Prefix{}
	t.Run("changed while the router was down", func(t *testing.T) {
		n.r.kill()
		n.p.reload(fmt.Sprintf(renumberedISP, "2001:983::/44"))
		n.r.start()
		fourth = n.has(t, "2001:983::/44")
		eventually(t, "the desktop", prefers(n.desktop, lan(fourth, 0), first, second, third))
		eventually(t, "latecomers", latecomer(n.laptop, lan(fourth, 1), lan(first, 1), lan(second, 1), lan(third, 1)))
	})
	t.Run("the state of long ago, as after a power cut", func(t *testing.T) {
		n.r.kill()
		must(t, os.RemoveAll(n.state()))
		must(t, os.CopyFS(n.state(), os.DirFS(before)))
		must(t, n.desktop.IP("addr flush dev eth0 scope global"))
		must(t, n.desktop.IP("addr add "+within(lan(first, 0), "::99").String()+"/64 dev eth0 nodad valid_lft 5000 preferred_lft 5000 noprefixroute"))
		n.r.start()
		now := n.has(t, "2001:983::/44")
		eventually(t, "latecomers", latecomer(n.desktop, lan(now, 0), lan(first, 0)))
	})
	t.Run("taken away by the configuration", func(t *testing.T) {
		n.r.reload(strings.Replace(renumbered, `, "fd00:6::1/64"`, "", 1))
		now := n.has(t, "2001:983::/44")
		eventually(t, "latecomers", latecomer(n.desktop, lan(now, 0), lan(first, 0), ula))
		n.r.reload(renumbered)
		eventually(t, "the ULA is back", latecomer(n.desktop, lan(now, 0), lan(first, 0)))
	})
}

// state is the directory that the router keeps its state in.
func (n *renumbering) state() string { return filepath.Join(n.router.Root(), "run/sixfold/state") }

// The ISP lets the old prefix run out beside the new one: hosts keep their connections, and begin no new ones with it, until it ends.
func TestPrefixRunsOut(t *testing.T) {
	t.Parallel()
	n := newRenumbering(t)
	first := n.has(t, "2001:980::/44")
	lan := func(p netip.Prefix) netip.Prefix { return nth(p, 64, 0) }
	eventually(t, "address of the desktop", prefers(n.desktop, lan(first)))
	n.p.kill()
	n.r.kill()

	// What the server's Reply leaves on disk; it is not heard again.
	second := netip.MustParsePrefix("2001:981::/48")
	files, err := filepath.Glob(filepath.Join(n.state(), "delegations/*isp*.json"))
	must(t, err)
	if len(files) != 1 {
		t.Fatalf("delegations are in %v", files)
	}
	data, err := os.ReadFile(files[0])
	must(t, err)
	var record map[string]any
	must(t, json.Unmarshal(data, &record))
	const lasts = 12 * time.Second
	ends := time.Now().Add(lasts)
	record["prefix"] = second.String()
	record["former"] = []any{map[string]any{"prefix": first.String(), "preferred_until": time.Now().UTC(), "valid_until": ends.UTC()}}
	data, err = json.Marshal(record)
	must(t, err)
	must(t, os.WriteFile(files[0], data, 0o600))
	n.r.start()

	eventually(t, "the desktop uses the new prefix", prefers(n.desktop, lan(second), first))
	must(t, n.router.Expect("ip -6 addr show dev lan0 deprecated", within(lan(first), "::1").String()+"/64")())
	must(t, n.desktop.Expect("ip -6 addr show dev eth0 deprecated", strings.TrimSuffix(lan(first).Addr().String(), "::")+":")())
	out, err := n.desktop.Run("rdisc6", "-1", "-w", "3000", "eth0")
	must(t, err)
	if use, gone, _, err := told(n.desktop); err != nil || len(gone) != 0 || len(use) != 3 {
		t.Errorf("told to use %v, and of %v as withdrawn: %v\n%s", use, gone, err, out)
	}
	must(t, n.router.Expect("ip -6 route show type unreachable", first.String()+" dev lo proto 169", second.String()+" dev lo proto 169")())
	eventually(t, "both are announced", func() error {
		out, err := birdc(n.core, "show route")
		if err == nil && (!strings.Contains(out, first.String()) || !strings.Contains(out, second.String())) {
			err = fmt.Errorf("%s", out)
		}
		return err
	})
	if shown := n.r.cli("show", "prefixes"); !strings.Contains(shown, "before: "+first.String()+", which the server lets run out") {
		t.Errorf("show prefixes says\n%s", shown)
	}
	if early := time.Until(ends); early < 0 {
		t.Fatalf("all this took %v longer than the prefix lasts", -early)
	}

	eventually(t, "the end", announced(n.core, second, first))
	if early := time.Until(ends); early > time.Second {
		t.Errorf("given up %v before its end", early)
	}
	eventually(t, "no old address", func() error {
		err := n.router.Expect("ip -6 addr show dev lan0", within(lan(first), "::1").String()+"/64")()
		if err == nil {
			return fmt.Errorf("still there")
		}
		return nil
	})
	must(t, prefers(n.desktop, lan(second), first)())
}

// The ISP goes away for good. Its prefix counts down and ends, the router is no default router any more, and the LAN goes on with its
// unique local prefix, as before and after.
func TestUniqueLocalPrefixStays(t *testing.T) {
	t.Parallel()
	isp, router, desktop := host(t, "isp"), host(t, "router"), host(t, "desktop")
	cable(t, end(isp, "cust0"), end(router, "wan0"))
	cable(t, end(router, "lan0"), end(desktop, "eth0"))
	p := run(t, isp, `
interfaces:
  cust0:
    addresses: ["fe80::1/64", "2001:888:1::1/64"]
    advertise: {max_interval: 4s}
    dhcpv6: {delegate: {customers: {pool: "2001:980::/44", length: 48, valid_lifetime: 14s, preferred_lifetime: 10s}}}
`)
	r := run(t, router, `
ula: auto
interfaces:
  wan0: {accept_ra: true, delegations: {isp: {length: 48}}}
  lan0: {addresses: ["isp ::1/64", "ula ::1/64"], advertise: {dns: ["ula ::1"], min_delay: 30ms}}
`)
	prefix, site := waitPrefix(t, r, "isp"), waitPrefix(t, r, "ula")
	if site.Bits() != 48 || site.Addr().As16()[0] != 0xfd {
		t.Fatalf("the unique local prefix is %s", site)
	}
	local := within(site, "::1")
	inside := netip.PrefixFrom(site.Addr(), 64)
	eventually(t, "addresses of the desktop", prefers(desktop, netip.PrefixFrom(prefix.Addr(), 64)))
	eventually(t, "and a unique local one", desktop.Expect("ip -6 addr show dev eth0 -deprecated", strings.TrimSuffix(inside.Addr().String(), "::")+":"))
	eventually(t, "default route", desktop.Expect("ip -6 route show default", "proto ra"))
	eventually(t, "name server in it", func() error {
		_, _, all, err := told(desktop)
		if err == nil && !strings.Contains(all, local.String()) {
			err = fmt.Errorf("%s", all)
		}
		return err
	})

	p.kill()
	until := state(t, r, "isp").ValidUntil.AsTime()
	eventually(t, "no default route", gone(desktop, "default"))
	eventually(t, "the end of the prefix", func() error {
		if now := state(t, r, "isp"); now.Prefix != "" {
			return fmt.Errorf("%v", now)
		}
		return nil
	})
	if early := time.Until(until); early > 0 {
		t.Errorf("given up %v before its end", early)
	}
	eventually(t, "nothing but the unique local prefix", func() error {
		use, _, all, err := told(desktop)
		if err == nil && (len(use) != 1 || use[0] != inside || !strings.Contains(all, local.String())) {
			err = fmt.Errorf("%s", all)
		}
		return err
	})
	if _, err := desktop.Ping(t.Context(), local); err != nil {
		t.Error(err)
	}

	// It is the same after a restart, and the ISP's is back when it is.
	r.kill()
	r.start()
	if again := waitPrefix(t, r, "ula"); again != site {
		t.Errorf("the unique local prefix was %s, and is %s", site, again)
	}
	p.start()
	now := waitPrefix(t, r, "isp")
	eventually(t, "the desktop uses it", prefers(desktop, netip.PrefixFrom(now.Addr(), 64)))
	eventually(t, "default route", desktop.Expect("ip -6 route show default", "proto ra"))
}
