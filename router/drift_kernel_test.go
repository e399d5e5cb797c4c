package router

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sixfold-router/sixfold/integration/netns"
	"github.com/sixfold-router/sixfold/router/event"
)

const driftConfig = `
interfaces:
  eth5: {addresses: ["192.168.0.1/24"], dad: false}
  vxlan1000:
    vxlan: {vni: 1000, group: 239.0.3.232, link: eth5}
    addresses: ["2001:db8:114::1/64"]
    dad: false
    advertise: {max_interval: 30s}
    dhcpv6: {pools: {guests: {range: "2001:db8:114::100-2001:db8:114::ffff"}}}
routes:
  "2001:db8:77::/48": {via: "2001:db8:114::9"}
  "2001:db8:78::/48": {unreachable: true}
`

// found returns what drift there is after the entry with that number, without what depends on time.
func (m *machine) found(after uint64) []string {
	m.t.Helper()
	all, err := m.Drift(m.t.Context())
	if err != nil {
		m.t.Fatal(err)
	}
	var out []string
	for _, d := range all {
		if d.ID > after {
			out = append(out, strings.TrimSuffix(fmt.Sprintf("%s %s: %s: %s", d.Unit, d.Object, d.What, d.Problem), ": "))
		}
	}
	slices.Sort(out)
	return out
}

// complete waits until all that driftConfig asks for is there.
func (m *machine) complete() {
	m.t.Helper()
	netns.Within(m.t, 20*time.Second, "all of the configuration in force", func() error {
		out := netns.Own().Sh(m.t, "ip addr; ip -6 route; cat /proc/sys/net/ipv6/conf/vxlan1000/accept_ra 2>/dev/null || true")
		for _, want := range []string{"192.168.0.1/24", "2001:db8:114::1/64", "2001:db8:77::/48 via 2001:db8:114::9", "unreachable 2001:db8:78::/48"} {
			if !strings.Contains(out, want) {
				return fmt.Errorf("no %s in\n%s", want, out)
			}
		}
		if ads := m.ra.Status(); len(ads) != 1 || ads[0].Sent == 0 {
			return fmt.Errorf("nothing is advertised: %+v", ads)
		}
		return nil
	})
}

func TestDriftOfARouter(t *testing.T) {
	m := &machine{t: t}
	m.link("eth5")
	state := t.TempDir()
	first := boot(t, state, driftConfig)
	first.complete()
	if got := first.found(0); got != nil {
		t.Errorf("a fresh start found %q", got)
	}
	first.stop()
	m = boot(t, state, driftConfig) // over what the first left
	m.complete()
	reader := m.Events().Reader(0)
	var last uint64
	for _, tt := range []struct {
		name, do string
		want     []string
	}{
		{"address", "ip addr del 2001:db8:114::1/64 dev vxlan1000", []string{"kernel vxlan1000: address 2001:db8:114::1/64 was missing"}},
		{"route", "ip route del unreachable 2001:db8:78::/48", []string{"fib 2001:db8:78::/48: the route was missing"}},
		{"device", "ip link del vxlan1000", []string{"vxlan vxlan1000: the device was missing"}},
		{"MTU", "ip link set vxlan1000 mtu 1300", []string{"vxlan vxlan1000: it was with MTU 1300, not 1450"}},
		{"sysctl with an event", "sysctl -qw net.ipv6.conf.vxlan1000.forwarding=0",
			[]string{"kernel vxlan1000: sysctl net/ipv6/conf/vxlan1000/forwarding was 0, not 1"}},
		{"sysctl without", "sysctl -qw net.ipv6.conf.vxlan1000.accept_ra=1",
			[]string{"kernel vxlan1000: sysctl net/ipv6/conf/vxlan1000/accept_ra was 1, not 0"}},
		{"foreign", "ip addr add 2001:db8:f::1/64 dev eth5 nodad; ip route add 2001:db8:66::/48 via 2001:db8:f::2", nil},
		{"flap", "ip link set eth5p down; ip link set eth5p up", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := &machine{Router: m.Router, t: t}
			netns.Own().Sh(t, "%s", tt.do)
			netns.Within(t, minLook+10*time.Second, "what was found", func() error {
				if diff := cmp.Diff(tt.want, m.found(last)); diff != "" {
					return errors.New(diff)
				}
				return nil
			})
			m.complete()
			// A further look finds nothing more.
			if err := m.reconcile(t.Context()); err != nil {
				t.Error(err)
			}
			if diff := cmp.Diff(tt.want, m.found(last)); diff != "" {
				t.Errorf("drift (-want +got):\n%s", diff)
			}
			last += uint64(len(tt.want))
		})
	}
	if out := netns.Own().Sh(t, "ip addr show eth5; ip -6 route"); !strings.Contains(out, "2001:db8:f::1/64") || !strings.Contains(out, "2001:db8:66::/48") {
		t.Errorf("what is not ours is gone:\n%s", out)
	}
	kinds := map[string][]string{}
	all, err := reader.Next(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range all {
		if e.Text == "" || e.Subject == "" || e.Time.IsZero() {
			t.Errorf("event %+v", e)
		}
		kinds[e.Kind] = append(kinds[e.Kind], e.Subject+" "+e.Action)
	}
	for kind, want := range map[string][]string{
		event.Drift: {"vxlan1000 found", "2001:db8:78::/48 found"},
		event.Link:  {"vxlan1000 gone", "vxlan1000 appeared"},
		event.RA:    {"vxlan1000 stopped", "vxlan1000 started"},
	} {
		for _, w := range want {
			if !slices.Contains(kinds[kind], w) {
				t.Errorf("no event %s %q in %q", kind, w, kinds[kind])
			}
		}
	}
}
