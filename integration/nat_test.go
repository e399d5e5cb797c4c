package integration

import (
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/sixfold-router/sixfold/integration/netns"
	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
)

// laptop has containers at Docker's bridge, with addresses that nobody routes: dockerd --ipv6 --fixed-cidr-v6="fd00::/64" and
// ip6tables -t nat -A POSTROUTING -s fd00::/64 -j MASQUERADE.
const laptop = `
interfaces:
  wlan0: {accept_ra: true}
firewall:
  zones: {wan: [wlan0], lab: [docker0]}
  policies: [{from: lab, to: wan, accept: {}}]
  masquerade: {docker: {from: "fd00::/64", out: wan}}
`

// place is where the laptop may be: a router that advertises a prefix.
const place = `
interfaces:
  eth0: {addresses: ["%s"], advertise: {max_interval: 4s}}
  lo: {addresses: ["2001:db8:53::53/128"]}
`

// witness answers connections to a port of a host with the address that they came from.
func witness(t *testing.T, n *netns.Node, address string) {
	t.Helper()
	var l net.Listener
	must(t, n.Do(func() (err error) {
		l, err = net.Listen("tcp6", address)
		return err
	}))
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			fmt.Fprint(c, c.RemoteAddr().(*net.TCPAddr).AddrPort().Addr())
			c.Close()
		}
	}()
}

// seenAs connects from a host and returns the address that the witness saw.
func seenAs(n *netns.Node, to string) (seen netip.Addr, err error) {
	err = n.Do(func() error {
		c, err := net.DialTimeout("tcp6", to, 2*time.Second)
		if err != nil {
			return err
		}
		defer c.Close()
		c.SetDeadline(time.Now().Add(2 * time.Second))
		b, err := io.ReadAll(c)
		if err != nil {
			return err
		}
		seen, err = netip.ParseAddr(string(b))
		return err
	})
	return seen, err
}

// Docker on a laptop that moves: containers reach the Internet with whatever address the laptop has where it is.
func TestDockerBehindNAT66(t *testing.T) {
	t.Parallel()
	router, office, home, container := host(t, "laptop"), host(t, "office"), host(t, "home"), host(t, "container")
	must(t, router.IP("link add docker0 type bridge mcast_snooping 0", "link set docker0 up", "addr add fd00::1/64 dev docker0 nodad"))
	cable(t, end(router, "veth0"), end(container, "eth0"))
	must(t, router.IP("link set veth0 master docker0"))
	must(t, container.IP("addr add fd00::242:ac11:2/64 dev eth0 nodad", "-6 route add default via fd00::1"))
	cable(t, end(router, "wlan0"), end(office, "eth0"))
	run(t, office, fmt.Sprintf(place, "2001:db8:100::1/64"))
	witness(t, office, "[2001:db8:53::53]:80")
	r := run(t, router, laptop)

	if said, err := router.Run("sh", "-c", sixfold+" config check /run/sixfold.yaml 2>&1"); err != nil || !strings.Contains(said, "masquerading is for tests and labs") {
		t.Errorf("config check says nothing of masquerading: %v\n%s", err, said)
	}
	through := func(prefix string) {
		t.Helper()
		eventually(t, "the container reaches the Internet from "+prefix, func() error {
			seen, err := seenAs(container, "[2001:db8:53::53]:80")
			if err == nil && !netip.MustParsePrefix(prefix).Contains(seen) {
				err = fmt.Errorf("it is seen as %s", seen)
			}
			return err
		})
	}
	through("2001:db8:100::/64")
	if _, err := router.Ping(t.Context(), netip.MustParseAddr("fd00::242:ac11:2")); err != nil {
		t.Errorf("the laptop does not reach its container: %v", err)
	}

	// From the office to home.
	must(t, router.IP("link del wlan0"))
	cable(t, end(router, "wlan0"), end(home, "eth0"))
	run(t, home, fmt.Sprintf(place, "2001:db8:200::1/64"))
	witness(t, home, "[2001:db8:53::53]:80")
	through("2001:db8:200::/64")

	var rules sixfoldv1.ListFirewallRulesResponse
	must(t, r.show(&rules, "firewall", "policy", "lab", "wan"))
	if len(rules.GetRules()) != 1 || rules.GetRules()[0].GetPackets() < 2 {
		t.Errorf("the policy that lets containers out: %v", rules.GetRules())
	}
}

// site translates a prefix of its own into what the ISP delegates, and leads a port of its address to a host.
const site = `
interfaces:
  wan0:
    accept_ra: true
    request_address: true
    delegations: {isp: {length: 48, rapid_commit: true}}
  lan0: {addresses: ["fd00:1::1/64"]}
firewall:
  zones: {wan: [wan0], lan: [lan0]}
  policies: [{from: lan, to: wan, accept: {}}, {from: wan, to: lan, rules: [{destinations: ["fd00:1::7"], protocols: [tcp], ports: ["80"], accept: {}}], drop: {}}]
  translate: {site: {inside: "fd00:1::/64", outside: "isp 0:0:0:5::/64", out: wan}}
  forwards: {web: {in: wan, ports: ["8080"], to: "fd00:1::7", to_port: 80}}
  mss_clamp: {wan: {}}
`

// provider delegates prefixes of a pool, and routes them.
const provider = `
interfaces:
  cust0:
    addresses: ["2001:db8:1::1/64"]
    advertise: {max_interval: 4s, managed: true}
    dhcpv6: {rapid_commit: true, preferred_lifetime: 6s, valid_lifetime: 8s, pools: {customers: {range: "2001:db8:1::100-2001:db8:1::1ff"}}, delegate: {sites: {pool: "%s", length: 48}}}
  lo: {addresses: ["2001:db8:53::53/128"]}
`

// A prefix that was delegated is what others see of the site; when another one is delegated, that one is, both ways.
func TestPrefixTranslationFollowsTheDelegation(t *testing.T) {
	t.Parallel()
	isp, router, web := host(t, "isp"), host(t, "router"), host(t, "web")
	cable(t, end(isp, "cust0"), end(router, "wan0"))
	cable(t, end(router, "lan0"), end(web, "eth0"))
	must(t, web.IP("addr add fd00:1::7/64 dev eth0 nodad", "-6 route add default via fd00:1::1"))
	server := run(t, isp, fmt.Sprintf(provider, "2001:980::/44"))
	witness(t, isp, "[2001:db8:53::53]:80")
	witness(t, web, "[fd00:1::7]:80")
	r := run(t, router, site)

	works := func(pool string) netip.Addr {
		t.Helper()
		var outside netip.Addr
		eventually(t, "the site is seen as a prefix of "+pool, func() error {
			seen, err := seenAs(web, "[2001:db8:53::53]:80")
			if err == nil && !netip.MustParsePrefix(pool).Contains(seen) {
				err = fmt.Errorf("it is seen as %s", seen)
			}
			outside = seen
			return err
		})
		if got := within(nth(netip.PrefixFrom(outside, 48).Masked(), 64, 5), "::7"); got != outside {
			t.Errorf("seen as %s, not in the sixth /64: %s", outside, got)
		}
		eventually(t, "it is reached by that prefix", func() error {
			seen, err := seenAs(isp, fmt.Sprintf("[%s]:80", outside))
			if err == nil && seen != netip.MustParseAddr("2001:db8:1::1") {
				err = fmt.Errorf("%s connected", seen)
			}
			return err
		})
		if _, err := seenAs(isp, fmt.Sprintf("[%s]:81", outside)); err == nil {
			t.Error("a port that no policy lets through is reached")
		}
		return outside
	}
	first := works("2001:980::/44")

	var own netip.Addr
	eventually(t, "an address of the router", func() error {
		var links sixfoldv1.ListInterfacesResponse
		if err := r.show(&links, "interfaces", "wan0"); err != nil {
			return err
		}
		for _, l := range links.GetInterfaces() {
			for _, a := range l.GetAddresses() {
				if p, err := netip.ParsePrefix(a.GetPrefix()); err == nil && netip.MustParsePrefix("2001:db8:1::/64").Contains(p.Addr()) {
					own = p.Addr()
					return nil
				}
			}
		}
		return fmt.Errorf("wan0 has none: %v", links.GetInterfaces())
	})
	if seen, err := seenAs(isp, fmt.Sprintf("[%s]:8080", own)); err != nil || seen != netip.MustParseAddr("2001:db8:1::1") {
		t.Errorf("the forwarded port: %s, %v", seen, err)
	}

	server.reload(fmt.Sprintf(provider, "2001:a80::/44"))
	second := works("2001:a80::/44")
	if first == second {
		t.Errorf("still %s", first)
	}
}
