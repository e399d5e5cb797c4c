package integration

import (
	"context"
	"fmt"
	"io"
	"net"
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
	"github.com/sixfold-router/sixfold/integration/vm"
	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
)

// attackedISP delegates to the router that is attacked.
const attackedISP = `
interfaces:
  cust0:
    addresses: ["fe80::1/64", "2001:888:1::1/64"]
    advertise: {max_interval: 10s}
    dhcpv6: {delegate: {customers: {pool: "2001:980::/44", length: 48}}}
`

// attackedRouter does on one LAN all that a stranger there can talk to.
const attackedRouter = `
interfaces:
  wan0: {accept_ra: true, delegations: {isp: {length: 48}}}
  lan0:
    addresses: ["isp ::1/64", "fd00:6::1/64"]
    known_routers: [none]
    advertise: {max_interval: 600s, dns: [self]}
    mld: {query_interval: 30s}
    dhcpv6:
      renew_time: 3s
      preferred_lifetime: 20m
      valid_lifetime: 30m
      pools: {hosts: {range: "isp ::1000-::1fff"}}
      delegate: {sites: {pool: "isp 0:0:0:100::/56", length: 64}}
metrics: {listen: "[::1]:9466"}
`

// attacked is a router with its ISP and a host, a stranger on the LAN and one on the uplink.
type attacked struct {
	isp, router, desktop, mallory, eve *netns.Node
	p, r                               *daemon
	local                              string // link-local address of the router on the LAN
	uplink                             string // and on the uplink
	lease                              string // address of the desktop
}

// TestHostile has the tools of thc-ipv6, and packets that scapy makes, come down on a router from its LAN and from its uplink, each for
// a moment. Meanwhile hosts are advertised to and keep what they lease, and the router keeps its prefix, its memory and its time.
//
// It is in a machine of its own: most of the tools invent neighbors, and the table of neighbors is one for all namespaces of a kernel.
func TestHostile(t *testing.T) {
	t.Parallel()
	if vm.Run(t, vm.UML) {
		return
	}
	// With no more room than for 1,024 the attackers would keep one another from sending, in this kernel.
	for n, most := range []string{"8192", "16384", "32768"} {
		must(t, os.WriteFile(fmt.Sprintf("/proc/sys/net/ipv6/neigh/default/gc_thresh%d", n+1), []byte(most), 0o644))
	}
	n := newAttacked(t)
	before := n.gauge(t)
	t.Logf("at first: %s", before)
	for _, a := range n.attacks() {
		t.Run(a.name, func(t *testing.T) { n.withstand(t, a) })
	}
	t.Run("all is as it was", func(t *testing.T) { n.unharmed(t, before) })
	t.Run("goroutines", n.goroutines)
}

func newAttacked(t *testing.T) *attacked {
	t.Helper()
	n := &attacked{isp: host(t, "isp"), router: host(t, "router"), desktop: host(t, "desktop"), mallory: host(t, "mallory"), eve: host(t, "eve")}
	for name, ends := range map[string][]netns.End{
		"street": {end(n.isp, "cust0"), end(n.router, "wan0"), end(n.eve, "eth0")},
		"switch": {end(n.router, "lan0"), end(n.desktop, "eth0"), end(n.mallory, "eth0")},
	} {
		sw, err := netns.Switch(name, ends...)
		must(t, err)
		t.Cleanup(func() { sw.Close() })
	}
	n.p = run(t, n.isp, attackedISP)
	n.r = &daemon{t: t, node: n.router}
	n.r.write(attackedRouter)
	n.start(t)
	prefix := waitPrefix(t, n.r, "isp")
	n.local, n.uplink = linkLocalOf(t, n.router, "lan0"), linkLocalOf(t, n.router, "wan0")
	eventually(t, "default route of the desktop", n.desktop.Expect("ip -6 route show default", "proto ra"))
	// What strangers advertise is the desktop's own affair.
	must(t, n.desktop.Sysctl("net.ipv6.conf.eth0.accept_ra=0"))
	client, err := n.desktop.Start("dhclient", "-6", "-d", "-v", "-lf", "/run/dhclient.leases", "-pf", "/run/dhclient.pid", "eth0")
	must(t, err)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("dhclient:\n%s", tail(client.Stderr(), 40))
			logged, _, _ := strings.Cut(n.r.process.Stderr(), "SIGQUIT: quit")
			t.Logf("the router logged:\n%s", tail(logged, 60))
		}
	})
	lan := nth(prefix, 64, 0)
	eventually(t, "lease of the desktop", func() error {
		for p := range leasesOf(t, n.r) {
			if p := netip.MustParsePrefix(p); p.IsSingleIP() && lan.Contains(p.Addr()) {
				n.lease = p.Addr().String()
				return nil
			}
		}
		return fmt.Errorf("dhclient: %s", client.Stderr())
	})
	must(t, n.mallory.IP("addr add "+within(lan, "::bad").String()+"/64 dev eth0 nodad"))
	must(t, n.eve.IP("addr add 2001:888:1::bad/64 dev eth0 nodad"))
	return n
}

// TestRouterKilled has atk6-kill_router6 tell hosts, in the name of the router, that it is none any more. The router notices, and takes
// them back at once rather than with its next advertisement.
func TestRouterKilled(t *testing.T) {
	t.Parallel()
	router, desktop, mallory := host(t, "router"), host(t, "desktop"), host(t, "mallory")
	sw, err := netns.Switch("switch", end(router, "lan0"), end(desktop, "eth0"), end(mallory, "eth0"))
	must(t, err)
	t.Cleanup(func() { sw.Close() })
	r := run(t, router, "interfaces: {lan0: {addresses: [\"2001:db8:1::1/64\"], advertise: {max_interval: 1800s}}}")
	eventually(t, "default route", desktop.Expect("ip -6 route show default", "proto ra"))
	watch, err := desktop.Start("ip", "-6", "monitor", "route")
	must(t, err)
	// It sends one advertisement; whether the watch has begun is not told.
	eventually(t, "the default route is lost", func() error {
		if _, err := mallory.Run("timeout", "5", "atk6-kill_router6", "eth0", linkLocalOf(t, router, "lan0")); err != nil && !strings.Contains(err.Error(), "124") {
			return err
		}
		if len(lines(watch.Stdout(), "Deleted default via")) == 0 {
			return fmt.Errorf("not yet: %s", watch.Stdout())
		}
		return nil
	})
	eventually(t, "default route", desktop.Expect("ip -6 route show default", "proto ra"))
	if out := r.cli("show", "routers"); len(lines(out, "lan0", "in our name")) == 0 {
		t.Errorf("show routers:\n%s", out)
	}
	out, err := router.Run("timeout", "1", sixfold, "monitor", "ra", "--past", "100")
	if len(lines(out, "ALARM", "which is this router", "no default router")) == 0 {
		t.Errorf("no alarm: %v\n%s", err, out)
	}
}

// start starts the router as it runs in earnest: it does not log every packet.
func (n *attacked) start(t *testing.T) {
	t.Helper()
	p, err := n.router.Start(sixfold, "run", "--config", "/run/sixfold.yaml", "--state-dir", "/run/sixfold/state")
	must(t, err)
	n.r.process = p
	eventually(t, "start of the router", n.alive)
}

func (n *attacked) alive() error {
	if !n.r.process.Running() {
		return fmt.Errorf("the router ended:\n%s", n.r.process.Stderr())
	}
	_, err := n.router.Run(sixfold, "show", "version")
	return err
}

// withstand lets one attack happen. Unless others advertise in it, a solicitation is answered while it goes on.
func (n *attacked) withstand(t *testing.T, a attack) {
	from := n.mallory
	if a.uplink {
		from = n.eve
	}
	was, began := n.gauge(t), time.Now()
	tools, err := from.Start("sh", "-c", a.shell())
	must(t, err)
	if !a.advertises {
		eventually(t, "an advertisement meanwhile", n.solicited)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 4*soon)
	defer cancel()
	if err := tools.Wait(ctx); err != nil {
		t.Fatalf("%v\n%s%s", err, tools.Stdout(), tools.Stderr())
	}
	took := time.Since(began)
	eventually(t, "an advertisement afterwards", n.solicited)
	if err := n.alive(); err != nil {
		t.Fatal(err)
	}
	is := n.gauge(t)
	t.Logf("%s\n%s of the processor in %s, %d KiB:%s", tools.Stdout(), is.processor-was.processor, took.Round(time.Millisecond), is.resident, is.since(was))
	for _, line := range lines(tools.Stdout(), " packets: ") {
		if strings.HasPrefix(line, "0 ") {
			t.Errorf("it did nothing: %s", line)
		}
	}
	for name, least := range a.counts {
		if got := is.counters[name] - was.counters[name]; got < least {
			t.Errorf("%s has risen by %v, want %v at least", name, got, least)
		}
	}
}

// solicited has the desktop ask for an advertisement, and hear the router's.
func (n *attacked) solicited() error {
	out, err := n.desktop.Run("rdisc6", "-r", "1", "-w", "500", "eth0")
	if !strings.Contains(out, "from "+n.local) {
		return fmt.Errorf("%v: %s", err, tail(out, 30))
	}
	return nil
}

// gauged is what the router needs and has counted.
type gauged struct {
	at             time.Time
	resident, peak int // KiB
	processor      time.Duration
	files, threads int
	counters       map[string]float64
}

// String is what it needs.
func (g gauged) String() string {
	return fmt.Sprintf("%d KiB (%d at most), %s of the processor, %d files, %d threads", g.resident, g.peak, g.processor, g.files, g.threads)
}

// since tells what has risen.
func (g gauged) since(was gauged) string {
	var b strings.Builder
	for name, n := range g.counters {
		if d := n - was.counters[name]; d > 0 && regexp.MustCompile("drop|rogue|overflow|inconsistent|received|solicitations").MatchString(name) {
			fmt.Fprintf(&b, "\n%s %v", name, d)
		}
	}
	return b.String()
}

// gauge looks at the router.
func (n *attacked) gauge(t *testing.T) gauged {
	t.Helper()
	proc := fmt.Sprintf("/proc/%d/", n.r.process.Pid())
	g := gauged{at: time.Now(), counters: n.metrics(t)}
	status, err := os.ReadFile(proc + "status")
	must(t, err)
	for name, into := range map[string]*int{"VmRSS": &g.resident, "VmHWM": &g.peak, "Threads": &g.threads} {
		found := regexp.MustCompile(name + `:\s+(\d+)`).FindSubmatch(status)
		if found == nil {
			t.Fatalf("no %s in\n%s", name, status)
		}
		*into, err = strconv.Atoi(string(found[1]))
		must(t, err)
	}
	stat, err := os.ReadFile(proc + "stat")
	must(t, err)
	_, rest, _ := strings.Cut(string(stat), ") ")
	for _, at := range []int{11, 12} { // utime and stime, in hundredths of a second
		ticks, err := strconv.Atoi(strings.Fields(rest)[at])
		must(t, err)
		g.processor += time.Duration(ticks) * 10 * time.Millisecond
	}
	files, err := os.ReadDir(proc + "fd")
	must(t, err)
	g.files = len(files)
	return g
}

// metrics returns the router's metrics by name and labels.
func (n *attacked) metrics(t *testing.T) map[string]float64 {
	t.Helper()
	var text string
	eventually(t, "metrics", func() error {
		return n.router.Do(func() error {
			c, err := net.DialTimeout("tcp6", "[::1]:9466", soon)
			if err != nil {
				return err
			}
			defer c.Close()
			if _, err := io.WriteString(c, "GET /metrics HTTP/1.0\r\n\r\n"); err != nil {
				return err
			}
			all, err := io.ReadAll(c)
			text = string(all)
			return err
		})
	})
	all := map[string]float64{}
	for line := range strings.Lines(text) {
		at := strings.LastIndexByte(line, ' ')
		if at < 0 || strings.HasPrefix(line, "#") || !strings.HasPrefix(line, "sixfold_") {
			continue
		}
		if v, err := strconv.ParseFloat(strings.TrimSpace(line[at:]), 64); err == nil {
			all[line[:at]] = v
		}
	}
	return all
}

// unharmed checks what is left after all attacks.
func (n *attacked) unharmed(t *testing.T, before gauged) {
	after := n.gauge(t)
	t.Logf("at the end: %s", after)
	if grown := after.peak - before.peak; grown > 64<<10 {
		t.Errorf("memory has grown by %d KiB", grown)
	}
	if lost := after.counters[`sixfold_dhcpv6_dropped_total{reason="send"}`]; lost > 0 {
		t.Errorf("%v answers to DHCPv6 clients could not be sent", lost)
	}
	if share := float64(after.processor-before.processor) / float64(after.at.Sub(before.at)); share > 0.7 {
		t.Errorf("it took %.0f %% of the processor", 100*share)
	}
	if grown := after.files - before.files; grown > 8 {
		t.Errorf("%d more files are open", grown)
	}
	eventually(t, "addresses of the router", n.router.Expect("ip -6 addr show dev lan0 scope global", within(nth(waitPrefix(t, n.r, "isp"), 64, 0), "::1").String()+"/64", "fd00:6::1/64"))
	eventually(t, "renewal of the desktop's lease", func() error {
		l := leasesOf(t, n.r)[n.lease+"/128"]
		if l == nil {
			return fmt.Errorf("%s is not leased", n.lease)
		}
		if left := time.Until(l.GetValidUntil().AsTime()); left < 29*time.Minute {
			return fmt.Errorf("it has %s left", left)
		}
		return nil
	})
	must(t, n.desktop.Expect("ip -6 addr show dev eth0", n.lease+"/")())
	var routers sixfoldv1.ListRoutersResponse
	must(t, n.r.show(&routers, "routers"))
	if k := len(routers.GetRouters()); k > 64 {
		t.Errorf("%d other routers are remembered", k)
	}
	out, err := n.router.Run("timeout", "5", sixfold, "monitor", "ra", "--past", "1000")
	for _, want := range []string{"not in known_routers", "more routers", "which is this router"} {
		if len(lines(out, "ALARM", want)) == 0 {
			t.Errorf("no alarm says %q: %v\n%s", want, err, tail(out, 40))
		}
	}
}

// goroutines ends the router with a list of its goroutines, and compares with that of one that has just started.
func (n *attacked) goroutines(t *testing.T) {
	count := func() (int, string) {
		t.Helper()
		must(t, n.r.process.Signal(syscall.SIGQUIT))
		ctx, cancel := context.WithTimeout(t.Context(), soon)
		defer cancel()
		_ = n.r.process.Wait(ctx)
		_, list, _ := strings.Cut(n.r.process.Stderr(), "SIGQUIT: quit")
		return strings.Count(list, "\ngoroutine "), list
	}
	then, list := count()
	n.start(t)
	waitPrefix(t, n.r, "isp")
	eventually(t, "an advertisement", n.solicited)
	fresh, _ := count()
	t.Logf("%d goroutines after the attacks, %d after a start", then, fresh)
	if then == 0 || then > fresh+16 {
		t.Errorf("%d goroutines after the attacks, %d after a start:\n%s", then, fresh, list)
	}
}

// script puts a file of our test data where a node finds it.
func script(name string) string {
	path, err := filepath.Abs(filepath.Join("testdata", name))
	if err != nil {
		panic(err)
	}
	return path
}
