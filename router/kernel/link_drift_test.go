package kernel

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// driftLog collects what a writer tells.
type driftLog []string

func (l *driftLog) add(object, what string, problem error) {
	if problem != nil {
		what = fmt.Sprintf("%s: %v", what, problem)
	}
	*l = append(*l, object+": "+what)
}

// take returns what was told since the last call, sorted.
func (l *driftLog) take() []string {
	out := *l
	*l = nil
	slices.Sort(out)
	return out
}

// addMarked adds an address that looks like ours.
func addMarked(t *testing.T, index int, prefix string) {
	t.Helper()
	c, err := dial()
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	if err := c.do(addressRequest(addressOp{"add", prefixes(prefix)[0], false}, index, false)); err != nil {
		t.Fatal(err)
	}
}

func TestLinkDrift(t *testing.T) {
	veth(t, "lan0", "lan1")
	w := NewLinks(discard(), NewMonitor(discard()))
	var log driftLog
	w.OnDrift = log.add
	cfg := Config{Forwarding: true, Links: map[string]Link{
		"lan0": {MTU: 1400, Addresses: addresses("2001:db8::1/64", "192.0.2.1/24")},
	}}
	apply(t, NewLinks(discard(), NewMonitor(discard())), Config{Links: map[string]Link{"lan0": {Addresses: addresses("2001:db8:9::1/64")}}})
	ip(t, "addr add 2001:db8:f::1/64 dev lan0 nodad")
	apply(t, w, cfg)
	if got := log.take(); got != nil {
		t.Fatalf("the first Apply found %q", got)
	}
	for _, tt := range []struct {
		name, do string
		want     []string
	}{
		{"nothing", "true", nil},
		{"address removed", "ip addr del 2001:db8::1/64 dev lan0", []string{"lan0: address 2001:db8::1/64 was missing"}},
		{"IPv4 address removed", "ip addr del 192.0.2.1/24 dev lan0", []string{"lan0: address 192.0.2.1/24 was missing"}},
		{"address with our mark", "mark lan0", []string{"lan0: address 2001:db8:7::1/64 with our mark was added"}},
		{"on a link that is not configured", "mark lan1", []string{"lan1: address 2001:db8:7::1/64 with our mark was added"}},
		{"foreign address", "ip addr add 2001:db8:6::1/64 dev lan0 nodad; ip addr del 2001:db8:f::1/64 dev lan0", nil},
		{"MTU", "ip link set lan0 mtu 1300", []string{"lan0: MTU was 1300, not 1400"}},
		{"MTU without IPv6", "ip link set lan0 mtu 1000", []string{"lan0: MTU was 1000, not 1400"}},
		{"down", "ip link set lan0 down", []string{"lan0: the link was down"}},
		{"down and its addresses gone", "sysctl -qw net.ipv6.conf.lan0.keep_addr_on_down=0; ip link set lan0 down",
			[]string{"lan0: sysctl net/ipv6/conf/lan0/keep_addr_on_down was 0, not 1", "lan0: the link was down"}},
		{"flap", "ip link set lan0 down; ip link set lan0 up", nil},
		{"accept_ra", "sysctl -qw net.ipv6.conf.lan0.accept_ra=1", []string{"lan0: sysctl net/ipv6/conf/lan0/accept_ra was 1, not 0"}},
		{"no IPv6", "sysctl -qw net.ipv6.conf.lan0.disable_ipv6=1", []string{"lan0: sysctl net/ipv6/conf/lan0/disable_ipv6 was 1, not 0"}},
		{"forwarding", "sysctl -qw net.ipv6.conf.all.forwarding=0", []string{"net/ipv6/conf/all/forwarding: it was 0, not 1"}},
		{"forwarding of a link", "sysctl -qw net.ipv4.conf.lan0.forwarding=0", []string{"lan0: sysctl net/ipv4/conf/lan0/forwarding was 0, not 1"}},
		{"sysctl of others", "sysctl -qw net.ipv6.conf.lan1.accept_ra=2", nil},
		{"a new link of the same name", "ip link del lan0; ip link add lan0 type veth peer name lan1", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if link, ok := strings.CutPrefix(tt.do, "mark "); ok { // Debian's ip cannot
				addMarked(t, w.monitor.Links()[link].Index, "2001:db8:7::1/64")
			} else {
				sh(t, tt.do)
			}
			apply(t, w, cfg)
			if diff := cmp.Diff(tt.want, log.take()); diff != "" {
				t.Errorf("found (-want +got):\n%s", diff)
			}
			unchanged(t, w, cfg)
			if got := log.take(); got != nil {
				t.Errorf("found again: %q", got)
			}
			have := ip(t, "addr show lan0")
			for _, a := range cfg.Links["lan0"].Addresses {
				if !strings.Contains(have, a.Prefix.String()) {
					t.Errorf("%s is not back:\n%s", a.Prefix, have)
				}
			}
		})
	}
	cfg.Links["lan0"] = Link{MTU: 1350, AcceptRA: true, Addresses: addresses("2001:db8:3::1/64")}
	apply(t, w, cfg)
	delete(cfg.Links, "lan0")
	apply(t, w, cfg)
	if got := log.take(); got != nil {
		t.Errorf("a change of the configuration is taken for drift: %q", got)
	}
}

// What cannot be mended is told at each look, and once more when it is.
func TestLinkDriftThatStays(t *testing.T) {
	veth(t, "lan0", "lan1")
	w := NewLinks(discard(), NewMonitor(discard()))
	var log driftLog
	w.OnDrift = log.add
	cfg := Config{Links: map[string]Link{"lan0": {Addresses: addresses("2001:db8::1/64")}}}
	apply(t, w, cfg)
	sh(t, "ip addr del 2001:db8::1/64 dev lan0; sysctl -qw net.ipv6.conf.lan0.accept_ra=1")
	w.fault = func(string) error { return errors.New("no") }
	for range 2 {
		if err := w.Apply(context.Background(), cfg); err == nil {
			t.Fatal("no error")
		}
		want := []string{
			"lan0: address 2001:db8::1/64 was missing: add 2001:db8::1/64 to lan0: no",
			"lan0: sysctl net/ipv6/conf/lan0/accept_ra was 1, not 0: no",
		}
		if diff := cmp.Diff(want, log.take()); diff != "" {
			t.Errorf("found (-want +got):\n%s", diff)
		}
	}
	w.fault = nil
	apply(t, w, cfg)
	want := []string{"lan0: address 2001:db8::1/64 was missing", "lan0: sysctl net/ipv6/conf/lan0/accept_ra was 1, not 0"}
	if diff := cmp.Diff(want, log.take()); diff != "" {
		t.Errorf("mended (-want +got):\n%s", diff)
	}
}

// The kernel tells at once of a changed forwarding setting.
func TestMonitorHearsOfForwarding(t *testing.T) {
	veth(t, "lan0", "lan1")
	m := NewMonitor(discard())
	told := make(chan struct{}, 1)
	background(t, m.Run)
	apply(t, NewLinks(discard(), m), Config{Forwarding: true, Links: map[string]Link{"lan0": {}}})
	for _, family := range []string{"ipv6", "ipv4"} {
		path := "/proc/sys/net/" + family + "/conf/lan0/forwarding"
		stop := m.Watch(func() { notify(told) })
		eventually(t, "a word of "+path, func() bool {
			if err := errors.Join(os.WriteFile(path, []byte("0"), 0), os.WriteFile(path, []byte("1"), 0)); err != nil {
				t.Fatal(err)
			}
			select {
			case <-told:
				return true
			default:
				return false
			}
		})
		stop()
		drain(told)
	}
}
