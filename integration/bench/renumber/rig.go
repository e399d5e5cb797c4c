package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/sixfold-router/sixfold/integration/netns"
)

const patience = 60 * time.Second

// rig is the router and those around it.
type rig struct {
	sixfold                   string
	lans                      int
	isp, router, hosts, peer  *netns.Node
	ispProcess, routerProcess *netns.Process
	nodes                     []*netns.Node
	watch                     *watcher
}

func build(sixfold string, n int) (_ *rig, err error) {
	r := &rig{sixfold: sixfold, lans: n}
	defer func() {
		if err != nil {
			err = errors.Join(err, r.close(""))
		}
	}()
	for name, node := range map[string]**netns.Node{"isp": &r.isp, "router": &r.router, "hosts": &r.hosts, "peer": &r.peer} {
		if *node, err = netns.New(name); err != nil {
			return nil, err
		}
		r.nodes = append(r.nodes, *node)
	}
	err = errors.Join(
		r.hosts.Sysctl("net.ipv6.conf.default.disable_ipv6=1"),
		netns.Connect(netns.End{Node: r.isp, Name: "cust0"}, netns.End{Node: r.router, Name: "wan0"}),
		netns.Connect(netns.End{Node: r.peer, Name: "eth0"}, netns.End{Node: r.router, Name: "core0"}),
		r.peer.IP("addr add fd00:1::2/64 dev eth0 nodad"))
	if err != nil {
		return nil, err
	}
	for i := range n {
		if err := netns.Connect(netns.End{Node: r.hosts, Name: lan(i)}, netns.End{Node: r.router, Name: lan(i)}); err != nil {
			return nil, err
		}
	}
	if err := os.WriteFile(filepath.Join(r.peer.Root(), "run/bird.conf"), []byte(peerConfig), 0o644); err != nil {
		return nil, err
	}
	if _, err := r.peer.Start("bird", "-f", "-c", "/run/bird.conf", "-s", "/run/bird.ctl"); err != nil {
		return nil, err
	}
	if r.ispProcess, err = r.start(r.isp, ispConfig(0)); err != nil {
		return nil, err
	}
	if r.routerProcess, err = r.start(r.router, routerConfig(n)); err != nil {
		return nil, err
	}
	if err := r.settled(0); err != nil {
		return nil, err
	}
	r.watch, err = watch(r.router)
	return r, err
}

func lan(i int) string { return fmt.Sprintf("lan%d", i) }

// start runs sixfold on a host.
func (r *rig) start(n *netns.Node, config string) (*netns.Process, error) {
	if err := os.WriteFile(filepath.Join(n.Root(), "run/sixfold.yaml"), []byte(config), 0o644); err != nil {
		return nil, err
	}
	p, err := n.Start(r.sixfold, "run", "--config", "/run/sixfold.yaml", "--state-dir", "/run/sixfold/state", "--log-level", "debug")
	if err != nil {
		return nil, err
	}
	return p, netns.Eventually(patience, func() error {
		_, err := n.Run(r.sixfold, "show", "version")
		return err
	})
}

// settled waits until the router and its neighbor have all of the prefix of a number.
func (r *rig) settled(number int) error {
	want := strings.TrimSuffix(pool(number), "::/48")
	return netns.Eventually(patience, func() error {
		routes, err := r.peer.Run("birdc", "-s", "/run/bird.ctl", "show", "route")
		if err != nil || !strings.Contains(routes, want) {
			return fmt.Errorf("the neighbor does not have %s: %w\n%s", want, err, routes)
		}
		out, err := r.router.Run("ip", "-6", "-o", "addr", "show", "scope", "global", "-tentative")
		if have := strings.Count(out, want); err != nil || have < r.lans {
			return fmt.Errorf("%d of %d addresses: %w", have, r.lans, err)
		}
		// The distance between advertisements has passed, and the initial ones are out.
		ra, err := r.router.Run(r.sixfold, "show", "ra")
		if err != nil || strings.Count(ra, "prefix") < r.lans {
			return fmt.Errorf("not advertised everywhere: %w", err)
		}
		return nil
	})
}

// renumber has the ISP give the prefix of a number, and returns when what happened after its Reply.
func (r *rig) renumber(number int) (map[string][]time.Duration, error) {
	if err := os.WriteFile(filepath.Join(r.isp.Root(), "run/new.yaml"), []byte(ispConfig(number)), 0o644); err != nil {
		return nil, err
	}
	logged := len(r.routerProcess.Stderr())
	r.watch.begin(pool(number))
	if _, err := r.isp.Run(r.sixfold, "config", "apply", "/run/new.yaml"); err != nil {
		return nil, err
	}
	if _, err := r.router.Run(r.sixfold, "delegation", "renew", "isp"); err != nil {
		return nil, err
	}
	if err := r.settled(number); err != nil {
		return nil, err
	}
	seen := r.watch.end()
	reply, ok := seen[replied]
	if !ok {
		return nil, errors.New("the Reply of the ISP was not seen")
	}
	for _, line := range strings.Split(r.routerProcess.Stderr()[logged:], "\n") {
		if at, ok := appliedAt(line, "dhcpv6"); ok && at.After(reply[0]) {
			seen["DHCPv6 pools"] = append(seen["DHCPv6 pools"], at)
			break
		}
	}
	out := map[string][]time.Duration{}
	for _, what := range order {
		for _, at := range seen[what] {
			out[what] = append(out[what], at.Sub(reply[0]))
		}
	}
	return out, nil
}

// appliedAt reads the time of a line of the log that says that a unit has its part of a plan.
func appliedAt(line, unit string) (time.Time, bool) {
	text, found := strings.CutPrefix(line, "time=")
	if !found || !strings.Contains(line, "msg=applied unit="+unit+" ") {
		return time.Time{}, false
	}
	text, _, _ = strings.Cut(text, " ")
	at, err := time.Parse(time.RFC3339Nano, text)
	return at, err == nil
}

func (r *rig) close(logs string) error {
	var errs []error
	if logs != "" && r.routerProcess != nil {
		errs = append(errs, os.WriteFile(logs, []byte(r.routerProcess.Stderr()), 0o644))
	}
	if r.watch != nil {
		r.watch.close()
	}
	for _, n := range r.nodes {
		errs = append(errs, n.Close())
	}
	return errors.Join(errs...)
}

// pool is the prefix of a number.
func pool(number int) string { return fmt.Sprintf("2001:db8:%x::/48", 0x100+number) }

func ispConfig(number int) string {
	return fmt.Sprintf(`
interfaces:
  cust0:
    addresses: ["fe80::1/64", "2001:888:1::1/64"]
    advertise: {}
    dhcpv6: {delegate: {customers: {pool: "%s", length: 48}}}
`, pool(number))
}

func routerConfig(n int) string {
	var b strings.Builder
	b.WriteString(`
system: {router_id: 192.0.2.1}
bgp:
  asn: 65000
  announce: [aggregate]
  filters: {all: [{accept: {}}]}
  neighbors: {core: {address: "fd00:1::2", remote_as: 65001, export: all}}
firewall:
  zones: {wan: [wan0], lan: ["lan*"], core: [core0]}
  address_sets: {ours: ["isp ::/48"]}
  policies:
    - {from: lan, to: wan, rules: [{sources: [ours], accept: {}}], reject: {}}
    - {from: core, to: router, accept: {}}
interfaces:
  wan0: {accept_ra: true, delegations: {isp: {length: 48}}}
  core0: {addresses: ["fd00:1::1/64"]}
`)
	for i := range n {
		// The distance of 3 s between advertisements is not what is measured.
		fmt.Fprintf(&b, "  %s: {addresses: [\"isp 0:0:0:%x::1/64\"], advertise: {dns: [\"isp ::1\"], min_delay: 30ms}, dhcpv6: {pools: {hosts: {range: \"isp 0:0:0:%x::1000-0:0:0:%x::1fff\"}}}}\n",
			lan(i), i, i, i)
	}
	return b.String()
}

const peerConfig = `
router id 192.0.2.2;
protocol device { }
protocol bgp customer {
  local fd00:1::2 as 65001;
  neighbor fd00:1::1 as 65000;
  connect retry time 1; connect delay time 1; error wait time 1, 2;
  ipv6 { import all; export none; };
}
`
