package ra

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/sixfold-router/sixfold/integration/netns"
)

// lan makes a link r0 here and h0 of a host, and returns the host and what to advertise on r0.
func lan(t *testing.T, name string) (*netns.Node, Interface) {
	t.Helper()
	h := netns.Host(t, name)
	netns.Cable(t, netns.End{Node: netns.Own(), Name: "r0"}, netns.End{Node: h, Name: "h0"})
	link, local := netns.Own().Link(t, "r0")
	i := Interface{
		Link: "r0", Index: link.Index, MAC: link.HardwareAddr, LinkLocal: local, MinInterval: 3 * time.Second, MaxInterval: 4 * time.Second,
		HopLimit: 64, LinkMTU: 1400, RouterLifetime: 30 * time.Minute,
		Prefixes: []Prefix{{
			Prefix: netip.MustParsePrefix("2001:db8:1::/64"), OnLink: true, Autonomous: true,
			Valid: time.Hour, Preferred: 30 * time.Minute,
		}},
		RDNSS: []netip.Addr{netip.MustParseAddr("2001:db8::53")}, DNSSL: []string{"lan.example"}, DNSLifetime: time.Hour, DNSSLLifetime: time.Hour,
	}
	return h, i
}

// run starts a Sender and returns it with the function that stops it.
func run(t *testing.T, c Config) (*Sender, func()) {
	t.Helper()
	s := New(slog.New(slog.DiscardHandler))
	if err := s.Apply(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	stopped := false
	stop := func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	}
	t.Cleanup(stop)
	return s, stop
}

// noDefault returns a check that the host has no default route.
func noDefault(h *netns.Node) func() error {
	return func() error {
		out, err := h.Run("ip", "-6", "route", "show", "default")
		if err == nil && strings.TrimSpace(out) != "" {
			err = errors.New(out)
		}
		return err
	}
}

func TestKernelHost(t *testing.T) {
	h, i := lan(t, "slaac")
	_, stop := run(t, Config{Interfaces: map[string]Interface{"r0": i}})
	eventually(t, "address", h.Expect("ip -6 addr show dev h0", "inet6 2001:db8:1:", "dynamic"))
	eventually(t, "route", h.Expect("ip -6 route show default", "via "+i.LinkLocal.String(), "dev h0"))
	eventually(t, "MTU", h.Expect("cat /proc/sys/net/ipv6/conf/h0/mtu", "1400"))
	eventually(t, "hop limit", h.Expect("cat /proc/sys/net/ipv6/conf/h0/hop_limit", "64"))
	stop()
	eventually(t, "default route is gone after the final advertisement", noDefault(h))
	if out := h.Sh(t, "ip -6 addr show dev h0"); !strings.Contains(out, "2001:db8:1:") {
		t.Errorf("the address went with the router:\n%s", out)
	}
}

func TestKernelSilentEnd(t *testing.T) {
	h, i := lan(t, "silent")
	s, stop := run(t, Config{Interfaces: map[string]Interface{"r0": i}})
	eventually(t, "route", h.Expect("ip -6 route show default", "dev h0"))
	s.KeepSilent()
	stop() // over a veth pair, what was sent has arrived when the send returns
	if out := h.Sh(t, "ip -6 route show default"); !strings.Contains(out, "dev h0") {
		t.Errorf("the default route went with a router that restarts: %q", out)
	}
}

func TestKernelUnconfigured(t *testing.T) {
	h, i := lan(t, "unconf")
	s, _ := run(t, Config{Interfaces: map[string]Interface{"r0": i}})
	eventually(t, "route", h.Expect("ip -6 route show default", "dev h0"))
	if err := s.Apply(t.Context(), Config{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "default route is gone", noDefault(h))
}

// TestKernelSolicited is about answers: the periodic advertisements are far away.
func TestKernelSolicited(t *testing.T) {
	for _, forwarding := range []string{"1", "0"} {
		t.Run("forwarding "+forwarding, func(t *testing.T) {
			sh(t, "echo %s > /proc/sys/net/ipv6/conf/all/forwarding", forwarding)
			t.Cleanup(func() { sh(t, "echo 1 > /proc/sys/net/ipv6/conf/all/forwarding") })
			h, i := lan(t, "rdisc")
			s, _ := run(t, Config{Interfaces: map[string]Interface{"r0": i}})
			eventually(t, "first advertisement", func() error {
				if s.Status()[0].Sent == 0 {
					return errors.New("not sent")
				}
				return nil
			})
			out := h.Sh(t, "rdisc6 -1 -w 3000 h0")
			for _, want := range []string{
				"2001:db8:1::/64", "Recursive DNS server     : 2001:db8::53", "lan.example", "from " + i.LinkLocal.String(),
				"MTU                      :         1400 bytes", i.MAC.String(),
			} {
				if !strings.Contains(strings.ToLower(out), strings.ToLower(want)) {
					t.Errorf("rdisc6 shows no %q:\n%s", want, out)
				}
			}
			if st := s.Status()[0]; st.Solicited == 0 {
				t.Errorf("status %+v: no solicitation counted, dropped %v", st, s.Counters().Dropped)
			}
		})
	}
}

// TestKernelWatch looks at our own advertisements from the router itself.
func TestKernelWatch(t *testing.T) {
	_, i := lan(t, "watch")
	run(t, Config{Interfaces: map[string]Interface{"r0": i}})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	all, err := Solicit(ctx, i.Index, true)
	if err != nil || len(all) != 1 {
		t.Fatalf("Solicit: %v, %v", all, err)
	}
	r := all[0]
	if r.Router != i.LinkLocal || r.Index != i.Index || r.MTU != 1400 || len(r.Prefixes) != 1 || r.RDNSS[0].Servers[0] != i.RDNSS[0] {
		t.Errorf("received %+v", r)
	}
}

// TestKernelTentative starts on a link whose address cannot be used yet.
func TestKernelTentative(t *testing.T) {
	sh(t, "echo 1 > /proc/sys/net/ipv6/conf/default/accept_dad")
	t.Cleanup(func() { sh(t, "echo 0 > /proc/sys/net/ipv6/conf/default/accept_dad") })
	h, i := lan(t, "tentative")
	s, _ := run(t, Config{Interfaces: map[string]Interface{"r0": i}})
	eventually(t, "route", h.Expect("ip -6 route show default", "dev h0"))
	if st := s.Status()[0]; st.LastError != "" {
		t.Errorf("status %+v", st)
	}
}

// TestKernelIndexChange makes the link anew under the same name.
func TestKernelIndexChange(t *testing.T) {
	h, i := lan(t, "index1")
	s, _ := run(t, Config{Interfaces: map[string]Interface{"r0": i}})
	eventually(t, "route", h.Expect("ip -6 route show default", "dev h0"))
	sh(t, "ip link del r0")
	h, i = lan(t, "index2")
	if err := s.Apply(t.Context(), Config{Interfaces: map[string]Interface{"r0": i}}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "route", h.Expect("ip -6 route show default", "dev h0"))
	eventually(t, "answer", h.Expect("rdisc6 -1 -w 3000 h0", "2001:db8:1::/64"))
}
