package ra

import (
	"context"
	"log/slog"
	"net"
	"net/netip"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// lan makes a link r0 here and h0 in a namespace, and returns what to advertise on r0.
func lan(t *testing.T, ns string) Interface {
	t.Helper()
	namespace(t, ns)
	sh(t, "ip link add r0 type veth peer name h0 netns %s", ns)
	t.Cleanup(func() { sh(t, "ip link del r0 2>/dev/null || true") })
	sh(t, "ip link set r0 up; ip -n %s link set h0 up", ns)
	i := Interface{
		Link: "r0", MinInterval: 3 * time.Second, MaxInterval: 4 * time.Second,
		HopLimit: 64, LinkMTU: 1400, RouterLifetime: 30 * time.Minute,
		Prefixes: []Prefix{{
			Prefix: netip.MustParsePrefix("2001:db8:1::/64"), OnLink: true, Autonomous: true,
			Valid: time.Hour, Preferred: 30 * time.Minute,
		}},
		RDNSS: []netip.Addr{netip.MustParseAddr("2001:db8::53")}, DNSSL: []string{"lan.example"}, DNSLifetime: time.Hour,
	}
	eventually(t, "link-local address of r0", func() string {
		link, err := net.InterfaceByName("r0")
		if err != nil {
			return err.Error()
		}
		i.Index, i.MAC = link.Index, link.HardwareAddr
		addrs, err := link.Addrs()
		if err != nil {
			return err.Error()
		}
		for _, a := range addrs {
			if p, err := netip.ParsePrefix(a.String()); err == nil && p.Addr().IsLinkLocalUnicast() {
				i.LinkLocal = p.Addr()
				return ""
			}
		}
		return "none"
	})
	return i
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

func contains(command string, want ...string) func() string {
	return func() string {
		out, err := exec.Command("sh", "-c", command).CombinedOutput()
		if err != nil {
			return command + ": " + err.Error() + "\n" + string(out)
		}
		for _, w := range want {
			if !strings.Contains(string(out), w) {
				return command + ": no " + w + " in:\n" + string(out)
			}
		}
		return ""
	}
}

func TestKernelHost(t *testing.T) {
	i := lan(t, "slaac")
	_, stop := run(t, Config{Interfaces: map[string]Interface{"r0": i}})
	eventually(t, "address", contains("ip -n slaac -6 addr show dev h0", "inet6 2001:db8:1:", "dynamic"))
	eventually(t, "route", contains("ip -n slaac -6 route show default", "via "+i.LinkLocal.String(), "dev h0"))
	eventually(t, "MTU", contains("ip netns exec slaac cat /proc/sys/net/ipv6/conf/h0/mtu", "1400"))
	eventually(t, "hop limit", contains("ip netns exec slaac cat /proc/sys/net/ipv6/conf/h0/hop_limit", "64"))
	stop()
	eventually(t, "default route is gone after the final advertisement", func() string {
		return strings.TrimSpace(sh(t, "ip -n slaac -6 route show default"))
	})
	if out := sh(t, "ip -n slaac -6 addr show dev h0"); !strings.Contains(out, "2001:db8:1:") {
		t.Errorf("the address went with the router:\n%s", out)
	}
}

func TestKernelSilentEnd(t *testing.T) {
	i := lan(t, "silent")
	s, stop := run(t, Config{Interfaces: map[string]Interface{"r0": i}})
	eventually(t, "route", contains("ip -n silent -6 route show default", "dev h0"))
	s.KeepSilent()
	stop() // over a veth pair, what was sent has arrived when the send returns
	if out := sh(t, "ip -n silent -6 route show default"); !strings.Contains(out, "dev h0") {
		t.Errorf("the default route went with a router that restarts: %q", out)
	}
}

func TestKernelUnconfigured(t *testing.T) {
	i := lan(t, "unconf")
	s, _ := run(t, Config{Interfaces: map[string]Interface{"r0": i}})
	eventually(t, "route", contains("ip -n unconf -6 route show default", "dev h0"))
	if err := s.Apply(t.Context(), Config{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "default route is gone", func() string {
		return strings.TrimSpace(sh(t, "ip -n unconf -6 route show default"))
	})
}

// TestKernelSolicited is about answers: the periodic advertisements are far away.
func TestKernelSolicited(t *testing.T) {
	for _, forwarding := range []string{"1", "0"} {
		t.Run("forwarding "+forwarding, func(t *testing.T) {
			sh(t, "echo %s > /proc/sys/net/ipv6/conf/all/forwarding", forwarding)
			t.Cleanup(func() { sh(t, "echo 1 > /proc/sys/net/ipv6/conf/all/forwarding") })
			i := lan(t, "rdisc")
			s, _ := run(t, Config{Interfaces: map[string]Interface{"r0": i}})
			eventually(t, "first advertisement", func() string {
				if s.Status()[0].Sent == 0 {
					return "not sent"
				}
				return ""
			})
			out := sh(t, "ip netns exec rdisc rdisc6 -1 -w 3000 h0")
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
	i := lan(t, "watch")
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
	i := lan(t, "tentative")
	s, _ := run(t, Config{Interfaces: map[string]Interface{"r0": i}})
	eventually(t, "route", contains("ip -n tentative -6 route show default", "dev h0"))
	if st := s.Status()[0]; st.LastError != "" {
		t.Errorf("status %+v", st)
	}
}

// TestKernelIndexChange makes the link anew under the same name.
func TestKernelIndexChange(t *testing.T) {
	i := lan(t, "index1")
	s, _ := run(t, Config{Interfaces: map[string]Interface{"r0": i}})
	eventually(t, "route", contains("ip -n index1 -6 route show default", "dev h0"))
	sh(t, "ip link del r0")
	i = lan(t, "index2")
	if err := s.Apply(t.Context(), Config{Interfaces: map[string]Interface{"r0": i}}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "route", contains("ip -n index2 -6 route show default", "dev h0"))
	eventually(t, "answer", contains("ip netns exec index2 rdisc6 -1 -w 3000 h0", "2001:db8:1::/64"))
}
