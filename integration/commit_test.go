package integration

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/sixfold-router/sixfold/integration/netns"
	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
)

// put writes a file into /run of the host and returns its path there.
func (d *daemon) put(name, text string) string {
	d.t.Helper()
	must(d.t, os.WriteFile(filepath.Join(d.node.Root(), "run", name), []byte(text), 0o644))
	return "/run/" + name
}

// apply commits a text with flags of config apply.
func (d *daemon) apply(text string, flags ...string) {
	d.t.Helper()
	d.cli(append([]string{"config", "apply", d.put("applied.yaml", text)}, flags...)...)
}

// history lists the revisions, newest first.
func (d *daemon) history() []*sixfoldv1.Revision {
	d.t.Helper()
	var m sixfoldv1.ListRevisionsResponse
	must(d.t, protojson.Unmarshal([]byte(d.cli("config", "history", "--json")), &m))
	return m.GetRevisions()
}

// running is the revision in force.
func (d *daemon) running() *sixfoldv1.Revision {
	d.t.Helper()
	history := d.history()
	i := slices.IndexFunc(history, func(r *sixfoldv1.Revision) bool { return r.GetRunning() })
	if i < 0 {
		d.t.Fatalf("no revision runs: %v", history)
	}
	return history[i]
}

// what of a route is chosen anew each time, or counts down
var passing = regexp.MustCompile(` (nhid|expires|id) \S+| linkdown`)

// kernelState is what the kernel of a host has, a line each and sorted, without what changes by itself: the links with what can be
// configured of them, their addresses but those that the kernel makes, all routes but those, and next hop objects.
func kernelState(n *netns.Node) (string, error) {
	out, err := n.Run("ip", "-j", "-d", "addr", "show")
	if err != nil {
		return "", err
	}
	var links []struct {
		Name     string `json:"ifname"`
		MTU      int
		Group    string
		Flags    []string
		LinkInfo struct {
			Kind string         `json:"info_kind"`
			Data map[string]any `json:"info_data"`
		}
		Addresses []struct {
			Local     string
			PrefixLen int
			Scope     string
			Protocol  string
		} `json:"addr_info"`
	}
	if err := json.Unmarshal([]byte(out), &links); err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	var all []string
	for _, l := range links {
		line := fmt.Sprintf("link %s mtu %d group %s up %t %s", l.Name, l.MTU, l.Group, slices.Contains(l.Flags, "UP"), l.LinkInfo.Kind)
		if l.LinkInfo.Kind == "vxlan" {
			for _, k := range []string{"id", "group", "group6", "local", "local6", "link", "port", "ttl", "learning"} {
				line += fmt.Sprintf(" %s %v", k, l.LinkInfo.Data[k])
			}
		}
		all = append(all, line)
		for _, a := range l.Addresses {
			if a.Scope != "link" && a.Scope != "host" {
				all = append(all, fmt.Sprintf("address %s %s/%d", l.Name, a.Local, a.PrefixLen))
			}
		}
	}
	for _, command := range []string{"-4 route show table all", "-6 route show table all", "nexthop show"} {
		out, err := n.Run("ip", strings.Fields(command)...)
		if err != nil {
			return "", err
		}
		for line := range strings.Lines(out) {
			// Those of link-local addresses have hardware addresses in them, which are new with each device.
			if !strings.Contains(line, "fe80:") || strings.Contains(line, " via ") {
				all = append(all, strings.Fields(command)[0]+" "+passing.ReplaceAllString(" "+strings.Join(strings.Fields(line), " "), ""))
			}
		}
	}
	slices.Sort(all)
	return strings.Join(all, "\n") + "\n", nil
}

// state is kernelState of the daemon's host.
func (d *daemon) state() string {
	d.t.Helper()
	state, err := kernelState(d.node)
	must(d.t, err)
	return state
}

// settled waits until the kernel's state has what is wanted in it and did not change between two looks.
func (d *daemon) settled(want ...string) string {
	d.t.Helper()
	var last string
	eventually(d.t, "the kernel comes to rest", func() error {
		state, err := kernelState(d.node)
		if err != nil {
			return err
		}
		before := last
		last = state
		for _, w := range want {
			if !strings.Contains(state, w) {
				return &missing{w, state}
			}
		}
		if state != before {
			return fmt.Errorf("it changes: (-before +now)\n%s", cmp.Diff(before, state))
		}
		return nil
	})
	return last
}

// comes waits until the kernel's state is the one wanted.
func (d *daemon) comes(what, want string) {
	d.t.Helper()
	eventually(d.t, what, func() error {
		state, err := kernelState(d.node)
		if err == nil && state != want {
			err = fmt.Errorf("(-want +have)\n%s", cmp.Diff(want, state))
		}
		return err
	})
}

// segments is the text of interfaces that are VXLANs on a link, with an address each.
func segments(count int, link string, more func(i int) string) string {
	var b strings.Builder
	for i := 1; i <= count; i++ {
		extra := ""
		if more != nil {
			extra = more(i)
		}
		fmt.Fprintf(&b, "  vx%d: {vxlan: {vni: %d, group: \"ff05::%x\", link: %s%s}, addresses: [\"2001:db8:%x::1/64\"]}\n", i, i, i, link, extra, 0x1000+i)
	}
	return b.String()
}

// What is in force already is not written again: nobody who watches sees anything, and no session ends.
func TestCommitTouchesOnlyWhatChanges(t *testing.T) {
	t.Parallel()
	router, cobra, guest := host(t, "router"), host(t, "cobra"), host(t, "guest")
	cable(t, end(router, "gre1"), end(cobra, "eth0"))
	cable(t, end(router, "lan0"), end(guest, "eth0"))
	must(t, cobra.IP("addr add fc00:fe1b::5/126 dev eth0 nodad"))
	bird(t, cobra, fmt.Sprintf(birdNeighbor, "172.16.5.1", "fc01:100:200:500::/56", "fc00:fe1b::5", 65001, "fc00:fe1b::6", "", ""))
	config := func(more func(int) string) string {
		return `
system: {router_id: 172.16.4.1}
interfaces:
  gre1: {addresses: ["fc00:fe1b::6/126"]}
  lan0:
    mtu: 1500
    addresses: ["2001:db8:7::1/64", 192.0.2.1/24]
    advertise: {max_interval: 600s}
    dhcpv6: {pools: {guests: {range: "2001:db8:7::100-2001:db8:7::1ff"}}, delegate: {sites: {pool: "2001:db8:f000::/40", length: 56}}}
` + segments(300, "lan0", more) + `
routes: {"2001:db8:9::/48": {via: "2001:db8:7::9"}, "2001:db8:a::/48": {unreachable: true}, "203.0.113.0/24": {via: 192.0.2.9}}
bgp:
  asn: 65004
  filters: {all: [{accept: {}}]}
  neighbors: {cobra: {address: "fc00:fe1b::5", remote_as: 65001, import: all, export: all}}
  announce: [connected, static]
`
	}
	first := config(nil)
	d := run(t, router, first)
	eventually(t, "route of the neighbor", router.Expect("ip -6 route show fc01:100:200:500::/56", "via fc00:fe1b::5 dev gre1 proto 168"))
	eventually(t, "our last segment at the neighbor", cobra.Expect("ip -6 route show 2001:db8:112c::/64", "via fc00:fe1b::6"))
	d.apply(first) // returns when all is in force
	before := d.settled("2001:db8:112c::/64", "2001:db8:9::/48", "203.0.113.0/24", "fc01:100:200:500::/56")
	since := established(t, cobra)
	revision := d.running().GetId()
	w := watch(t, router)

	for name, text := range map[string]string{
		"the same text":           first,
		"another comment":         "# The same, and more words.\n" + first + "# end\n",
		"another order and style": d.cli("config", "show"),
	} {
		d.apply(text)
		if seen := w.seen(); len(seen) != 0 {
			t.Errorf("%s: the kernel was written to:\n%s", name, strings.Join(seen, "\n"))
		}
		if after := d.state(); after != before {
			t.Errorf("%s: the kernel has another state (-before +after)\n%s", name, cmp.Diff(before, after))
		}
	}
	if now := d.running(); now.GetId() == revision {
		t.Errorf("texts with other comments are no revisions of their own: %v", now)
	}
	d.apply(first)
	revision = d.running().GetId()
	d.apply(first)
	if now := d.running(); now.GetId() != revision {
		t.Errorf("the text that runs became revision %d, it was %d", now.GetId(), revision)
	}
	w.seen()

	t.Run("one attribute of one of 300", func(t *testing.T) {
		for _, attribute := range []string{", ttl: 9", ", ttl: 9}, mtu: 1400, description: {"} {
			changed := config(func(i int) string {
				if i == 77 {
					return attribute
				}
				return ""
			})
			changed = strings.Replace(changed, ", description: {}", "", 1)
			link := w.index("vx77")
			d.apply(changed)
			seen := w.seen()
			if len(seen) == 0 {
				t.Errorf("%s: nothing was done", attribute)
			}
			for _, s := range seen {
				if !strings.HasSuffix(s, fmt.Sprintf(" link %d", link)) {
					t.Errorf("%s: something else than link %d was touched: %s", attribute, link, s)
				}
			}
			if now := w.index("vx77"); now != link {
				t.Errorf("%s: the device was made anew: index %d, then %d", attribute, link, now)
			}
		}
		must(t, router.Expect("ip -d link show vx77", "ttl 9", "mtu 1400")())
		d.cli("config", "rollback")
		d.cli("config", "rollback")
		d.apply(first)
		d.comes("the first state", before)
	})

	if now := established(t, cobra); now.Sub(since).Abs() > time.Second/10 {
		t.Errorf("the session is up since %s, it was since %s", now, since)
	}
}

// established tells since when BIRD's session with us is up, by its clock, which is a millisecond off now and then.
func established(t *testing.T, n *netns.Node) time.Time {
	t.Helper()
	out, err := birdc(n, "show protocols hypervisor")
	must(t, err)
	up := lines(out, "hypervisor", "Established")
	if len(up) != 1 {
		t.Fatalf("no session:\n%s", out)
	}
	since, err := time.Parse(time.TimeOnly, strings.Fields(up[0])[4])
	must(t, err)
	return since
}

// A revision that nobody confirms is gone a second after its time at the latest.
func TestCommitConfirm(t *testing.T) {
	t.Parallel()
	router, guest := host(t, "router"), host(t, "guest")
	cable(t, end(router, "lan0"), end(guest, "eth0"))
	const good = `
interfaces:
  lan0: {addresses: ["2001:db8:7::1/64"]}
  vx1: {vxlan: {vni: 1, group: "ff05::1", link: lan0}, addresses: ["2001:db8:8::1/64"]}
routes: {"2001:db8:9::/48": {via: "2001:db8:7::9"}}
`
	const mistake = `
interfaces:
  lan0: {addresses: [192.0.2.1/24], mtu: 1400}
  vx2: {vxlan: {vni: 2, group: "ff05::2", link: lan0}, addresses: ["2001:db8:8::2/64"]}
routes: {"2001:db8:9::/48": {unreachable: true}}
`
	d := run(t, router, strings.Replace(good, "lan0: {", "lan0: {mtu: 1500, ", 1))
	before := d.settled("2001:db8:9::/48", "2001:db8:8::/64")
	first := d.running().GetId()

	result := func(id uint64) string {
		for _, r := range d.history() {
			if r.GetId() == id {
				return r.GetResult()
			}
		}
		return "forgotten"
	}
	t.Run("nobody confirms", func(t *testing.T) {
		d.apply(mistake, "--confirm", "2s")
		must(t, router.Expect("ip -6 addr show dev vx2", "2001:db8:8::2/64")())
		waits := d.running()
		if waits.GetResult() != "unconfirmed" || waits.GetConfirmBy() == nil || waits.GetId() == first {
			t.Fatalf("in force: %v", waits)
		}
		deadline := waits.GetConfirmBy().AsTime()
		during := d.settled("2001:db8:8::2/64")
		for d.state() == during {
			if late := time.Since(deadline); late > soon {
				t.Fatal("it stays")
			}
		}
		if early := time.Until(deadline); early > 0 {
			t.Errorf("it was dropped %s before its time", early)
		}
		d.comes("the revision before", before)
		if late := time.Since(deadline); late > time.Second {
			t.Errorf("it was in force %s too long", late)
		}
		eventually(t, "history", func() error {
			if now := d.running(); now.GetId() != first || result(waits.GetId()) != "reverted" {
				return fmt.Errorf("in force %v, revision %d is %s", now, waits.GetId(), result(waits.GetId()))
			}
			return nil
		})
	})
	t.Run("kill -9 in time to confirm", func(t *testing.T) {
		d.apply(mistake, "--confirm", "1h")
		waits := d.running()
		d.kill()
		must(t, router.Expect("ip -6 addr show dev vx2", "2001:db8:8::2/64")())
		d.start()
		d.comes("the revision before", before)
		if now := d.running(); now.GetId() != first || result(waits.GetId()) != "reverted" {
			t.Errorf("in force %v, revision %d is %s", now, waits.GetId(), result(waits.GetId()))
		}
	})
	t.Run("kill -9, and the time is over before the start", func(t *testing.T) {
		d.apply(mistake, "--confirm", "1s")
		deadline := d.running().GetConfirmBy().AsTime()
		d.kill()
		eventually(t, "the deadline", func() error {
			if left := time.Until(deadline); left > 0 {
				return fmt.Errorf("in %s", left)
			}
			return nil
		})
		d.start()
		d.comes("the revision before", before)
	})
	t.Run("only one waits", func(t *testing.T) {
		d.apply(mistake, "--confirm", "1h")
		if _, err := router.Run(sixfold, "config", "apply", d.put("other.yaml", "{}\n")); err == nil || !strings.Contains(err.Error(), "config confirm") {
			t.Errorf("another commit while one waits: %v", err)
		}
		d.cli("config", "cancel")
		d.comes("the revision before", before)
		if now := d.running(); now.GetId() != first {
			t.Errorf("in force %v", now)
		}
	})
	t.Run("confirmed, it survives kill -9", func(t *testing.T) {
		d.apply(mistake, "--confirm", "1h")
		id := d.running().GetId()
		d.cli("config", "confirm")
		after := d.settled("2001:db8:8::2/64")
		d.kill()
		d.start()
		if now := d.running(); now.GetId() != id || now.GetResult() != "applied" || now.GetConfirmBy() != nil {
			t.Errorf("in force %v", now)
		}
		d.comes("the confirmed revision", after)
		d.cli("config", "rollback")
		d.comes("rolled back", before)
		if now := d.running(); now.GetRollbackTo() != first {
			t.Errorf("in force %v", now)
		}
	})
}

// A commit that fails half way puts back what was there, and says why.
func TestCommitFails(t *testing.T) {
	t.Parallel()
	router, guest := host(t, "router"), host(t, "guest")
	cable(t, end(router, "lan0"), end(guest, "eth0"))
	// Somebody's own device has the name of the last segment.
	must(t, router.IP("link add vx9 type bridge", "link set vx9 up"))
	d := run(t, router, "interfaces:\n  lan0: {addresses: [\"2001:db8:7::1/64\"], mtu: 1500}\n"+segments(4, "lan0", nil))
	before := d.settled("vx4")
	first := d.running().GetId()
	w := watch(t, router)
	_, err := router.Run(sixfold, "config", "apply", d.put("bad.yaml", "interfaces:\n  lan0: {addresses: [192.0.2.1/24], mtu: 1400}\n"+segments(9, "lan0", nil)))
	if err == nil || !strings.Contains(err.Error(), "vx9") || !strings.Contains(err.Error(), "not ours") {
		t.Errorf("a segment whose name is taken: %v", err)
	}
	if seen := w.seen(); len(seen) > 0 {
		t.Errorf("what can be foreseen was begun: %v", seen)
	}

	// Somebody listens on the port of BGP, which only opening it shows.
	var taken net.Listener
	must(t, router.Do(func() (err error) {
		taken, err = net.Listen("tcp", "[::]:1179")
		return err
	}))
	defer taken.Close()
	_, err = router.Run(sixfold, "config", "apply", d.put("bad.yaml", "bgp: {asn: 65000, router_id: 192.0.2.1, port: 1179}\ninterfaces:\n  lan0: {addresses: [192.0.2.1/24], mtu: 1400}\n"+segments(8, "lan0", nil)))
	if err == nil || !strings.Contains(err.Error(), "1179") {
		t.Errorf("a port that is taken: %v", err)
	}
	if len(w.seen()) == 0 {
		t.Error("it failed before it did anything: this shows nothing")
	}
	d.comes("what was there", before)
	if now := d.running(); now.GetId() != first {
		t.Errorf("in force: %v", now)
	}
	if newest := d.history()[0]; newest.GetResult() != "failed" || !strings.Contains(newest.GetReason(), "1179") {
		t.Errorf("history has %v", newest)
	}
	_, err = router.Run(sixfold, "config", "apply", d.put("good.yaml", "{}\n"), "--base", "77")
	if err == nil || !strings.Contains(err.Error(), "exit status") {
		t.Errorf("made from a revision that does not run: %v", err)
	}
	d.comes("what was there", before)
}
