package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"

	"github.com/sixfold-router/sixfold/integration/netns"
	"github.com/sixfold-router/sixfold/integration/vm"
)

// twoInstances is a router with two customers that have the same prefixes, the same clients and a neighbor with the same address.
// The speaker of the default instance waits for that address too: what comes in on a link of a VRF is not for it.
const twoInstances = `
system: {router_id: 192.0.2.1}
interfaces:
  lan1: &lan
    addresses: ["2001:db8:1::1/64"]
    advertise: {max_interval: 10s}
    dhcpv6:
      pools: {hosts: {range: "2001:db8:1::1000-2001:db8:1::1000"}}
      delegate: {sites: {pool: "2001:db8:100::/56", length: 56}}
  up1: {addresses: ["2001:db8:f::1/64"], delegations: {isp: {length: 48}}}
  more1: {addresses: ["isp 0:0:0:1::1/64"], advertise: {max_interval: 10s}}
  lan2: *lan
  up2: {addresses: ["2001:db8:f::1/64"], accept_ra: true}
  lan0: {addresses: ["2001:db8:2::1/64"], advertise: {max_interval: 10s}}
vrfs:
  blue:
    table: 1010
    interfaces: [lan1, up1, more1]
    bgp:
      asn: 64500
      filters: {all: [{accept: {}}]}
      neighbors: {isp: {address: "2001:db8:f::2", remote_as: 64501, import: all, export: all, hold_time: 9s}}
      announce: [connected, delegated]
  red:
    table: 1020
    interfaces: [lan2, up2]
    bgp:
      asn: 64500
      filters: {all: [{accept: {}}]}
      neighbors: {isp: {address: "fe80::2%up2", remote_as: 64501, import: all, export: all, hold_time: 9s, password: sesame}}
      announce: [connected, delegated]
bgp:
  asn: 64500
  filters: {all: [{accept: {}}]}
  neighbors: {isp: {address: "2001:db8:f::2", remote_as: 64501, passive: true, import: all, export: all}}
  announce: [connected, delegated]
`

// instanceBird is the neighbor in one of the VRFs, which announces a prefix of its own and one that both announce.
const instanceBird = `
log "/run/bird.log" all;
router id 192.0.2.2;
protocol device { }
protocol kernel { ipv6 { import none; export where source = RTS_BGP; }; }
protocol static announced { ipv6; route %s unreachable; route 2001:db8:a::/48 unreachable; }
protocol bgp hypervisor {
  local %s as 64501;
  neighbor %s as 64500;
  graceful restart on;
  connect retry time 1;
  connect delay time 1;
  error wait time 1, 2;
  %s
  ipv6 { import where net != 2001:db8:f::/64; export where source = RTS_STATIC; };
}
`

// ispOfBlue delegates prefixes; ispOfRed advertises itself.
const (
	ispOfBlue = `
interfaces:
  eth0:
    addresses: ["2001:db8:f::2/64"]
    dhcpv6: {delegate: {customers: {pool: "2001:db8:8000::/40", length: 48}}}
`
	ispOfRed = `
interfaces:
  eth0: {addresses: ["2001:db8:f::2/64", "fe80::2/64"], advertise: {max_interval: 10s, prefixes: {"2001:db8:f::/64": {skip: true}}}}
`
)

// vrfLab is the router with a host and an ISP in each VRF, and a host in none.
type vrfLab struct {
	router, isp1, isp2, host1, host2, host0 *netns.Node
	d                                       *daemon
}

func TestServicesInVRFs(t *testing.T) {
	if vm.Run(t, vm.UML) {
		return
	}
	l := vrfLab{
		router: host(t, "router"), isp1: host(t, "isp1"), isp2: host(t, "isp2"),
		host1: host(t, "host1"), host2: host(t, "host2"), host0: host(t, "host0"),
	}
	more := host(t, "more")
	cable(t, end(l.router, "lan1"), end(l.host1, "eth0"))
	cable(t, end(l.router, "lan2"), end(l.host2, "eth0"))
	cable(t, end(l.router, "lan0"), end(l.host0, "eth0"))
	cable(t, end(l.router, "up1"), end(l.isp1, "eth0"))
	cable(t, end(l.router, "up2"), end(l.isp2, "eth0"))
	cable(t, end(l.router, "more1"), end(more, "eth0"))
	must(t, l.isp1.IP("addr add 2001:db8:b000::1/128 dev lo"))
	must(t, l.isp2.IP("addr add 2001:db8:c000::1/128 dev lo"))
	run(t, l.isp1, ispOfBlue)
	run(t, l.isp2, ispOfRed)
	bird(t, l.isp1, fmt.Sprintf(instanceBird, "2001:db8:b000::/36", "2001:db8:f::2", "2001:db8:f::1", ""))
	self := linkLocalOf(t, l.router, "up2")
	bird(t, l.isp2, fmt.Sprintf(instanceBird, "2001:db8:c000::/36", "fe80::2", self+"%eth0", `password "sesame";`))
	l.d = run(t, l.router, twoInstances)

	t.Run("hosts of both get the same address and the same prefix", l.testClients)
	t.Run("each instance has its own neighbor and routes", l.testBGP)
	t.Run("a delegation and an advertisement stay in the instance of their link", func(t *testing.T) { l.testUplinks(t, more) })
	t.Run("nothing leaks", l.testLeaks)
	t.Run("commands tell the instances apart", l.testCommands)
	t.Run("kill -9 loses no route", l.testKill)
	t.Run("an instance goes and comes back", l.testCommit)
}

func linkLocalOf(t *testing.T, n *netns.Node, link string) string {
	t.Helper()
	_, a := n.Link(t, link)
	return a.WithZone("").String()
}

// inTable checks the routes of a table of the router.
func (l *vrfLab) inTable(table, prefix string, want ...string) func() error {
	return l.router.Expect(fmt.Sprintf("ip -6 route show %s table %s", prefix, table), want...)
}

// without checks that a table of the router has no route to a prefix, or of a protocol.
func (l *vrfLab) without(table, prefix string) error {
	out, err := l.router.Run("ip", strings.Fields("-6 route show "+prefix+" table "+table)...)
	if err == nil && strings.TrimSpace(out) != "" {
		err = fmt.Errorf("table %s has %s", table, out)
	}
	return err
}

func (l *vrfLab) testClients(t *testing.T) {
	for _, x := range []struct {
		host        *netns.Node
		link, table string
	}{{l.host1, "lan1", "1010"}, {l.host2, "lan2", "1020"}} {
		eventually(t, "SLAAC", x.host.Expect("ip -6 addr show dev eth0 scope global dynamic", "2001:db8:1:"))
		eventually(t, "default route", x.host.Expect("ip -6 route show default", "proto ra"))
		if _, err := dhclient(x.host); err != nil {
			t.Fatal(err)
		}
		eventually(t, "leased address", x.host.Expect("ip -6 addr show dev eth0", "2001:db8:1::1000/"))
		if out, err := x.host.Run("dhclient", "-6", "-P", "-1", "-v", "-lf", "/run/pd.leases", "-pf", "/run/pd.pid", "-sf", "/bin/true", "eth0"); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		leases, err := os.ReadFile(filepath.Join(x.host.Root(), "run/pd.leases"))
		must(t, err)
		if len(lines(string(leases), "iaprefix 2001:db8:100::/56")) == 0 {
			t.Fatalf("%s got no prefix:\n%s", x.host.Name, leases)
		}
		eventually(t, "route of the prefix", l.inTable(x.table, "2001:db8:100::/56", "via fe80:", "dev "+x.link+" proto 167"))
		must(t, x.host.IP("addr add 2001:db8:100::1/128 dev lo"))
	}
	eventually(t, "the host in no VRF", l.host0.Expect("ip -6 addr show dev eth0 scope global dynamic", "2001:db8:2:"))
}

func (l *vrfLab) testBGP(t *testing.T) {
	eventually(t, "blue learns", l.inTable("1010", "2001:db8:b000::/36", "via 2001:db8:f::2 dev up1 proto 168"))
	eventually(t, "red learns, over a link-local session with a password", l.inTable("1020", "2001:db8:c000::/36", "via fe80::2 dev up2 proto 168"))
	eventually(t, "blue learns what both announce", l.inTable("1010", "2001:db8:a::/48", "dev up1"))
	eventually(t, "red learns what both announce", l.inTable("1020", "2001:db8:a::/48", "dev up2"))
	for _, isp := range []*netns.Node{l.isp1, l.isp2} {
		eventually(t, "connected at "+isp.Name, isp.Expect("ip -6 route show 2001:db8:1::/64", "proto bird"))
		eventually(t, "delegated at "+isp.Name, isp.Expect("ip -6 route show 2001:db8:100::/56", "proto bird"))
		if out, err := isp.Run("ip", "-6", "route", "show", "2001:db8:2::/64"); err != nil || out != "" {
			t.Errorf("%s has what is connected in the default instance: %s, %v", isp.Name, out, err)
		}
	}
	for host, far := range map[*netns.Node]string{l.host1: "2001:db8:b000::1", l.host2: "2001:db8:c000::1"} {
		eventually(t, "ping "+far, func() error { _, err := host.Run("ping", "-c", "1", "-W", "2", far); return err })
		eventually(t, "ping from the delegated prefix", func() error {
			_, err := host.Run("ping", "-c", "1", "-W", "2", "-I", "2001:db8:100::1", far)
			return err
		})
	}
}

func (l *vrfLab) testUplinks(t *testing.T, more *netns.Node) {
	eventually(t, "address of the delegation", l.router.Expect("ip -6 addr show dev more1", "2001:db8:80"))
	eventually(t, "unreachable route of the delegation", l.inTable("1010", "type unreachable proto 169", "unreachable 2001:db8:80"))
	eventually(t, "SLAAC from the delegation", more.Expect("ip -6 addr show dev eth0 scope global dynamic", "2001:db8:80"))
	eventually(t, "announced in blue", l.isp1.Expect("ip -6 route show proto bird", "2001:db8:80"))
	must(t, l.without("main", "type unreachable proto 169"))
	must(t, l.without("1020", "type unreachable proto 169"))
	eventually(t, "default route from an advertisement", l.inTable("1020", "default", "proto ra", "dev up2"))
	if out := l.d.cli("show", "routes", "--vrf", "red"); len(lines(out, "::/0", "ra", "up2")) != 1 {
		t.Errorf("show routes:\n%s", out)
	}
}

func (l *vrfLab) testLeaks(t *testing.T) {
	must(t, l.without("main", "proto 168"))
	must(t, l.without("main", "proto 167"))
	must(t, l.without("1010", "2001:db8:c000::/36"))
	must(t, l.without("1020", "2001:db8:b000::/36"))
	for _, x := range []struct {
		host *netns.Node
		far  string
	}{{l.host1, "2001:db8:c000::1"}, {l.host1, "2001:db8:2::1"}, {l.host2, "2001:db8:b000::1"}, {l.host0, "2001:db8:b000::1"}, {l.host0, "2001:db8:1::1"}} {
		if _, err := x.host.Run("ping", "-c", "1", "-W", "1", x.far); err == nil {
			t.Errorf("%s reaches %s", x.host.Name, x.far)
		}
	}
	if out := l.d.cli("show", "bgp"); len(lines(out, "isp", "established")) != 0 || len(lines(out, "BGP also runs in blue, red")) != 1 {
		t.Errorf("the default instance has a session of a VRF, or does not tell of the others:\n%s", out)
	}
}

func (l *vrfLab) testCommands(t *testing.T) {
	for vrf, link := range map[string]string{"blue": "lan1", "red": "lan2"} {
		var m sixfoldv1.GetBgpResponse
		must(t, l.d.show(&m, "bgp", "--vrf", vrf))
		if n := m.GetNeighbors(); m.GetVrf() != vrf || len(n) != 1 || n[0].GetState() != "established" || n[0].GetVrf() != vrf || n[0].GetReceived() != 2 {
			t.Errorf("show bgp --vrf %s: %v", vrf, &m)
		}
		var leases sixfoldv1.ListLeasesResponse
		must(t, l.d.show(&leases, "leases", "--vrf", vrf))
		if len(leases.GetLeases()) != 2 {
			t.Errorf("leases in %s: %v", vrf, &leases)
		}
		for _, lease := range leases.GetLeases() {
			if lease.GetLink() != link || lease.GetVrf() != vrf || lease.GetKind() == "prefix" && !lease.GetRouted() {
				t.Errorf("lease in %s: %v", vrf, lease)
			}
		}
		if out := l.d.cli("explain", "--vrf", vrf, "2001:db8:1::1"); !strings.Contains(out, link) || strings.Contains(out, "✗") {
			t.Errorf("explain in %s:\n%s", vrf, out)
		}
		if out := l.d.cli("explain", link); !strings.Contains(out, "in "+vrf) || !strings.Contains(out, "DHCPv6 is served") {
			t.Errorf("explain %s:\n%s", link, out)
		}
	}
	if out := l.d.cli("explain", "--vrf", "blue", "2001:db8:b000::1"); strings.Contains(out, "✗") || !strings.Contains(out, "up1") {
		t.Errorf("explain a host behind BGP:\n%s", out)
	}
	if out, err := l.router.Run(sixfold, "lease", "release", "2001:db8:100::/56"); err == nil || !strings.Contains(err.Error(), "there is one in VRF blue, red") {
		t.Errorf("release of a lease that only VRFs have: %v\n%s", err, out)
	}
	l.d.cli("bgp", "reset", "--vrf", "blue", "--soft", "isp")
	if _, err := l.router.Run(sixfold, "show", "bgp", "--vrf", "green"); err == nil || !strings.Contains(err.Error(), "there are blue, red") {
		t.Errorf("a VRF that there is not: %v", err)
	}
	if out := l.d.cli("show", "leases"); len(lines(out, "2001:db8:100::/56", "blue")) != 1 || len(lines(out, "2001:db8:100::/56", "red")) != 1 {
		t.Errorf("show leases:\n%s", out)
	}
}

// established checks that the sessions of VRFs are up.
func (l *vrfLab) established(vrfs ...string) func() error {
	return func() error {
		for _, vrf := range vrfs {
			out, err := l.router.Run(sixfold, "show", "bgp", "--vrf", vrf)
			if err == nil && len(lines(out, "isp", "established")) != 1 {
				err = fmt.Errorf("%s", out)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
}

func (l *vrfLab) testKill(t *testing.T) {
	ours, theirs := routeLog(t, l.router), routeLog(t, l.isp2)
	l.d.kill()
	l.d.start()
	eventually(t, "sessions again", l.established("blue", "red"))
	// Time for what would be swept: the sources are ready when all neighbors have said all.
	eventually(t, "all routes are confirmed", func() error {
		for table, prefixes := range map[string][]string{
			"1010": {"2001:db8:b000::/36", "2001:db8:a::/48", "2001:db8:100::/56"}, "1020": {"2001:db8:c000::/36", "2001:db8:a::/48", "2001:db8:100::/56"},
		} {
			for _, prefix := range prefixes {
				if err := l.inTable(table, prefix, "proto 16")(); err != nil {
					return err
				}
			}
		}
		return nil
	})
	for _, prefix := range []string{"2001:db8:b000::/36", "2001:db8:c000::/36", "2001:db8:a::/48", "2001:db8:100::/56"} {
		for _, line := range ours(prefix) {
			if strings.Contains(line, "Deleted") {
				t.Errorf("a route was lost: %s", line)
			}
		}
	}
	for _, line := range theirs("2001:db8:1::/64") {
		if strings.Contains(line, "Deleted") {
			t.Errorf("the neighbor lost a route: %s", line)
		}
	}
}

func (l *vrfLab) testCommit(t *testing.T) {
	since := func() int64 {
		var m sixfoldv1.GetBgpResponse
		must(t, l.d.show(&m, "bgp", "--vrf", "blue"))
		return m.GetNeighbors()[0].GetSince().AsTime().UnixNano()
	}
	before := since()
	blue := strings.Index(twoInstances, "  red:\n    table")
	rest := strings.Index(twoInstances, "bgp:\n  asn: 64500\n  filters")
	without := twoInstances[:blue] + twoInstances[rest:]
	l.d.put("without.yaml", without)
	l.d.cli("config", "apply", "/run/without.yaml")
	eventually(t, "red is gone", func() error {
		if _, err := l.router.Run(sixfold, "show", "bgp", "--vrf", "red"); err == nil {
			return fmt.Errorf("it still has a speaker")
		}
		if err := l.without("1020", "proto 168"); err != nil {
			return err
		}
		return l.without("1020", "proto 167")
	})
	must(t, l.inTable("1010", "2001:db8:b000::/36", "dev up1")())
	if after := since(); after != before {
		t.Errorf("the session in blue started again")
	}
	l.d.put("with.yaml", twoInstances)
	plan := l.d.cli("config", "plan", "/run/with.yaml")
	for _, words := range [][]string{
		{"device", "red", "create as vrf with table 1020"}, {"bgp", "bgp in VRF red", "start as AS 64500"}, {"bgp", "neighbor isp in VRF red", "add fe80::2%up2"},
		{"dhcpv6", "lan2", "start serving"}, {"kernel", "red", "add ::1/128"}, {"fib", "2001:db8:1::/64 table 1020"},
	} {
		if len(lines(plan, words...)) == 0 {
			t.Errorf("the plan does not tell of %v:\n%s", words, plan)
		}
	}
	if strings.Contains(plan, "Pending") {
		t.Errorf("something of the plan would wait:\n%s", plan)
	}
	l.d.cli("config", "apply", "/run/with.yaml")
	eventually(t, "red is back", l.established("blue", "red"))
	eventually(t, "its routes too", l.inTable("1020", "2001:db8:c000::/36", "via fe80::2 dev up2 proto 168"))
	eventually(t, "and its leases", l.inTable("1020", "2001:db8:100::/56", "dev lan2 proto 167"))
	if out := l.d.cli("config", "plan", "/run/with.yaml"); strings.TrimSpace(out) != "" {
		t.Errorf("the plan of what runs is not empty:\n%s", out)
	}
}
