package router

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sixfold-router/sixfold/integration/netns"
)

const guests = `
interfaces:
  "tap*":
    addresses: ["fe80::1/64", "2001:db8:ffff::1/128"]
    dad: false
    advertise: {prefixes: {"2001:db8:5::/64": {}}}
    dhcpv6: {delegate: {guests: {pool: "2001:db8:1::/48", length: 64}}}
    arp: {proxy: true}
    sysctls: {ipv4.rp_filter: 2}
  tap0: {description: the exception}
`

// plugged tells what is missing until a guest's link is configured.
func plugged(name string) error {
	out, err := os.ReadFile("/proc/net/if_inet6")
	if err != nil {
		return err
	}
	seen := map[string]bool{}
	for line := range strings.Lines(string(out)) {
		f := strings.Fields(line)
		if len(f) == 6 && f[5] == name {
			seen[f[0]] = true
		}
	}
	for _, a := range []string{"fe800000000000000000000000000001", "20010db8ffff00000000000000000001"} {
		if !seen[a] {
			return fmt.Errorf("%s has not %s", name, a)
		}
	}
	for path, want := range map[string]string{"ipv4/conf/" + name + "/rp_filter": "2", "ipv4/conf/" + name + "/proxy_arp": "1", "ipv6/conf/" + name + "/accept_ra": "0"} {
		if got, err := os.ReadFile("/proc/sys/net/" + path); err != nil || strings.TrimSpace(string(got)) != want {
			return fmt.Errorf("%s is %q, not %s (%v)", path, got, want, err)
		}
	}
	return nil
}

func (m *machine) sh(format string, args ...any) {
	m.t.Helper()
	netns.Own().Sh(m.t, format, args...)
}

// served counts the links with a pattern that are advertised on and served by DHCPv6.
func (m *machine) served() (advertised, dhcpv6 int) {
	for _, s := range m.ra.Status() {
		if strings.HasPrefix(s.Interface.Link, "tap") {
			advertised++
		}
	}
	for _, s := range m.dhcp.Status().Interfaces {
		if strings.HasPrefix(s.Link, "tap") {
			dhcpv6++
		}
	}
	return advertised, dhcpv6
}

func TestHotPlug(t *testing.T) {
	state := t.TempDir()
	m := boot(t, state, guests)
	t.Cleanup(func() { m.commit("", 0) })
	if pending, err := m.Pending(t.Context()); err != nil || len(pending) != 1 || pending[0].What != "interfaces.tap0" {
		t.Errorf("pending: %v, %v", pending, err)
	}

	// The machine that the test runs on may be busy with something else; it is not so each time.
	fastest := time.Hour
	for n := 1; n <= 8; n++ {
		name := fmt.Sprintf("tap%d", n)
		m.sh("ip link add %s type veth peer name g%d && ip link set g%d up", name, n, n)
		t.Cleanup(func() { m.sh("ip link del g%d 2>/dev/null || true", n) })
		began := time.Now()
		netns.Within(t, 10*time.Second, "a new link configured", func() error { return plugged(name) })
		fastest = min(fastest, time.Since(began))
	}
	if fastest > 100*time.Millisecond {
		t.Errorf("a new link was configured after %v at best", fastest)
	}
	// The tap of a machine that does not run yet has no carrier: it gets its settings, and is not served.
	m.sh("ip tuntap add dev tap9 mode tap")
	netns.Within(t, 10*time.Second, "a tap configured", func() error { return plugged("tap9") })
	netns.Within(t, 10*time.Second, "the links served", func() error {
		if a, d := m.served(); a != 8 || d != 8 {
			return fmt.Errorf("%d are advertised on, %d served", a, d)
		}
		return nil
	})
	all, err := m.Interfaces(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range all {
		switch {
		case i.Name == "tap3" && i.Pattern != "tap*", i.Name == "tap0" && (i.Pattern != "" || !i.Configured), i.Name == "tap*", i.Name == "g3" && i.Configured:
			t.Errorf("shown as %+v", i)
		}
	}

	// A name decides, also one that changes.
	m.sh("ip link set tap4 name other4 && ip link set g5 name tap500")
	netns.Within(t, 10*time.Second, "renamed links", func() error {
		if err := plugged("tap500"); err != nil {
			return err
		}
		out := netns.Own().Sh(t, "ip addr show other4; cat /proc/sys/net/ipv4/conf/other4/rp_filter")
		if strings.Contains(out, "2001:db8:ffff::1") || strings.Contains(out, "fe80::1/64") || !strings.HasSuffix(strings.TrimSpace(out), "0") {
			return fmt.Errorf("the link that lost its name still has what it was given:\n%s", out)
		}
		return nil
	})
	m.sh("ip link del other4; ip link del tap500; ip link del tap9")

	// Removed links leave nothing behind.
	m.sh("for n in 1 2 3 6 7 8; do ip link del g$n; done")
	netns.Within(t, 10*time.Second, "nothing left", func() error {
		if a, d := m.served(); a != 0 || d != 0 {
			return fmt.Errorf("%d are advertised on, %d served", a, d)
		}
		for _, e := range m.table.Entries(nil) {
			return fmt.Errorf("a route is left: %v", e)
		}
		text, err := os.ReadFile(filepath.Join(state, "state", "links"))
		if err != nil {
			return err
		}
		if kept := origins(t, text); len(kept) > 0 {
			return fmt.Errorf("kept of %v: %s", kept, text)
		}
		return nil
	})
}

// origins returns the links of which a file remembers how they were found: those it begins with, as later lines have it.
func origins(t *testing.T, text []byte) (links []int) {
	kept := map[int]bool{}
	d := json.NewDecoder(bytes.NewReader(text))
	for d.More() {
		var line struct {
			Links    map[int]any
			Link     int
			Settings map[string]any
		}
		if err := d.Decode(&line); err != nil {
			t.Fatalf("%v in %s", err, text)
		}
		for index := range line.Links {
			kept[index] = true
		}
		if line.Link != 0 {
			kept[line.Link] = len(line.Settings) > 0
		}
	}
	maps.DeleteFunc(kept, func(_ int, has bool) bool { return !has })
	return slices.Sorted(maps.Keys(kept))
}

func TestHotPlugOfMany(t *testing.T) {
	const n = 200
	m := boot(t, t.TempDir(), guests)
	t.Cleanup(func() { m.commit("", 0) })
	began := time.Now()
	m.sh("for n in $(seq %d); do echo link add tap$n type veth peer name g$n; echo link set g$n up; done | ip -batch -", n)
	t.Cleanup(func() { m.sh("for n in $(seq %d); do echo link del g$n; done | ip -batch - 2>/dev/null || true", n) })
	made := time.Since(began)
	netns.Within(t, time.Minute, "all links configured", func() error {
		for i := 1; i <= n; i++ {
			if err := plugged(fmt.Sprintf("tap%d", i)); err != nil {
				return err
			}
		}
		return nil
	})
	t.Logf("%d links were made in %v, and all were configured %v after that", n, made, time.Since(began)-made)
	netns.Within(t, 30*time.Second, "all links served", func() error {
		if a, d := m.served(); a != n || d != n {
			return fmt.Errorf("%d are advertised on, %d served", a, d)
		}
		return nil
	})
	if units, err := m.Units(t.Context()); err != nil {
		t.Error(err)
	} else {
		for _, u := range units {
			if u.Problem != "" {
				t.Errorf("%s: %s", u.Name, u.Problem)
			}
		}
	}
	if drift := m.found(0); len(drift) > 0 {
		t.Errorf("drift: %q", drift)
	}
	before := m.written()
	if err := m.reconcile(t.Context()); err != nil {
		t.Error(err)
	}
	if n := m.written() - before; n != 0 {
		t.Errorf("nothing was left to do, but applying wrote %d times", n)
	}
	m.sh("for n in $(seq %d); do echo link del g$n; done | ip -batch -", n)
	netns.Within(t, 30*time.Second, "no link served", func() error {
		if a, d := m.served(); a != 0 || d != 0 {
			return fmt.Errorf("%d are advertised on, %d served", a, d)
		}
		return nil
	})
}
