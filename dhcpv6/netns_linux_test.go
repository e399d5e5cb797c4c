package dhcpv6

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	dhcp6 "github.com/insomniacslk/dhcp/dhcpv6"
	"golang.org/x/sys/unix"

	"github.com/sixfold-router/sixfold/dhcpv6/lease"
	"github.com/sixfold-router/sixfold/router/rib"
)

// TestMain runs the tests again as a process with a network namespace of its own, so that all its threads are in it.
func TestMain(m *testing.M) {
	const mark = "DHCPV6_TEST_NETNS"
	// Only a fuzz worker is left alone: it talks over inherited descriptors and needs no network. The process that starts the
	// workers runs all other tests first, and must not do that in the network of the machine.
	worker := slices.ContainsFunc(os.Args, func(a string) bool { return strings.HasPrefix(a, "-test.fuzzworker") })
	if os.Getenv(mark) != "" || os.Getuid() != 0 || worker {
		os.Exit(m.Run())
	}
	runtime.LockOSThread() // Pdeathsig is about the thread
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Env = append(os.Environ(), mark+"=1")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Run(); err != nil {
		if cmd.ProcessState == nil || !cmd.ProcessState.Exited() { // an exit code has been explained already
			fmt.Fprintln(os.Stderr, "run in a network namespace:", err)
		}
		os.Exit(1)
	}
}

func run1(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// poll tries until ok or too late.
func poll(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not after 20 s", what)
		}
		<-time.After(10 * time.Millisecond)
	}
}

// host is a network namespace with one end of a link, c0, whose other end eth1 is the server's.
type host struct {
	t   *testing.T
	pid int
}

func newHost(t *testing.T) *host {
	t.Helper()
	// The process that holds the namespace ends with its input, that is, with this one.
	cmd := exec.Command("cat")
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNET}
	input, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { input.Close(); cmd.Wait() })
	h := &host{t: t, pid: cmd.Process.Pid}
	own, err := os.Readlink("/proc/self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	poll(t, "namespace of the host", func() bool {
		ns, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/net", h.pid))
		return err == nil && ns != own
	})
	noDAD := `for f in /proc/sys/net/ipv6/conf/*/accept_dad; do echo 0 >$f; done`
	run1(t, "sh", "-c", noDAD)
	h.run("sh", "-c", noDAD)
	return h
}

func (h *host) argv(args ...string) []string {
	return append([]string{"-t", fmt.Sprint(h.pid), "-n", "--"}, args...)
}

func (h *host) run(args ...string) string {
	h.t.Helper()
	return run1(h.t, "nsenter", h.argv(args...)...)
}

// link makes the link anew; ll is the link-local address of the host, or empty for that of the kernel.
func (h *host) link(mac net.HardwareAddr, ll string) {
	h.t.Helper()
	exec.Command("ip", "link", "del", "eth1").Run()
	run1(h.t, "ip", "link", "add", "eth1", "type", "veth", "peer", "name", "c0", "address", mac.String(), "netns", fmt.Sprint(h.pid))
	h.t.Cleanup(func() { exec.Command("ip", "link", "del", "eth1").Run() })
	if ll != "" {
		h.run("ip", "link", "set", "c0", "addrgenmode", "none")
		h.run("ip", "addr", "add", ll+"/64", "dev", "c0", "nodad")
	}
	h.run("ip", "link", "set", "c0", "up")
	run1(h.t, "ip", "link", "set", "eth1", "up")
	run1(h.t, "ip", "addr", "add", "2001:db8::1/64", "dev", "eth1", "nodad")
	poll(h.t, "link-local address of the host", func() bool {
		return strings.Contains(h.run("ip", "-6", "addr", "show", "dev", "c0", "scope", "link", "-tentative"), "fe80::")
	})
}

// config is the seed's, for the link as it is now.
func liveConfig(t *testing.T) Config {
	t.Helper()
	link, err := net.InterfaceByName("eth1")
	if err != nil {
		t.Fatal(err)
	}
	var local netip.Addr
	poll(t, "link-local address of eth1", func() bool {
		addrs, _ := link.Addrs()
		for _, a := range addrs {
			p, err := netip.ParsePrefix(a.String())
			if err == nil && p.Addr().IsLinkLocalUnicast() && p.Addr().Is6() {
				local = p.Addr()
				return true
			}
		}
		return false
	})
	c := seedConfig()
	in := c.Interfaces["eth1"]
	in.Index, in.LinkLocal = link.Index, local
	c.Interfaces["eth1"] = in
	return c
}

// live is a server with real sockets and a real store.
type live struct {
	*Server
	table *rib.Table
}

func startLive(t *testing.T, dir string, c Config) (*live, func()) {
	t.Helper()
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	store, err := lease.Open(dir, log)
	if err != nil {
		t.Fatal(err)
	}
	l := &live{table: &rib.Table{}}
	l.Server = New(log, store, l.table)
	ctx, cancel := context.WithCancel(context.Background())
	ran := make(chan error, 2)
	go func() { ran <- l.Run(ctx) }()
	go func() { ran <- store.Run(ctx) }()
	if err := l.Apply(ctx, c); err != nil {
		t.Fatal(err)
	}
	poll(t, "server to hear", func() bool { return l.hears() })
	stopped := false
	stop := func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		for range 2 {
			if err := <-ran; err != nil {
				t.Errorf("Run: %v", err)
			}
		}
		store.Close()
	}
	t.Cleanup(stop)
	return l, stop
}

func (l *live) hears() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.conn != nil
}

// socket opens a UDP socket in the namespace of the host.
func (h *host) socket(port int) *net.UDPConn {
	h.t.Helper()
	type result struct {
		conn net.PacketConn
		err  error
	}
	c := make(chan result)
	go func() {
		runtime.LockOSThread() // and never unlock: the thread ends with the goroutine
		conn, err := func() (net.PacketConn, error) {
			ns, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", h.pid))
			if err != nil {
				return nil, err
			}
			defer ns.Close()
			if err := unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET); err != nil {
				return nil, err
			}
			return net.ListenPacket("udp6", fmt.Sprintf("[::]:%d", port))
		}()
		c <- result{conn, err}
	}()
	r := <-c
	if r.err != nil {
		h.t.Fatal(r.err)
	}
	h.t.Cleanup(func() { r.conn.Close() })
	return r.conn.(*net.UDPConn)
}

// exchange sends a message, again and again, until an answer comes.
func (h *host) exchange(c *net.UDPConn, payload []byte, to string) []byte {
	h.t.Helper()
	addr, err := netip.ParseAddrPort(to)
	if err != nil {
		h.t.Fatal(err)
	}
	if a := addr.Addr(); a.IsMulticast() {
		index := strings.SplitN(h.run("ip", "-o", "link", "show", "dev", "c0"), ":", 2)[0]
		addr = netip.AddrPortFrom(a.WithZone(index), addr.Port())
	}
	buf := make([]byte, 4096)
	for range 20 {
		if _, err := c.WriteToUDPAddrPort(payload, addr); err != nil {
			h.t.Fatal(err)
		}
		c.SetReadDeadline(time.Now().Add(time.Second))
		if n, _, err := c.ReadFromUDPAddrPort(buf); err == nil {
			return buf[:n]
		}
	}
	h.t.Fatalf("no answer to %x from %s", payload, to)
	return nil
}

// lease does the four messages, and returns what the Reply looks like.
func (h *host) lease(c *net.UDPConn, duid []byte, ias string) string {
	h.t.Helper()
	e := &env{t: h.t}
	message := func(line string) []byte {
		m := e.build(strings.Fields(line + " noclient " + ias))
		m.AddOption(&dhcp6.OptionGeneric{OptionCode: dhcp6.OptionClientID, OptionData: duid})
		return m.ToBytes()
	}
	h.exchange(c, message("solicit x"), "[ff02::1:2]:547")
	reply, err := dhcp6.MessageFromBytes(h.exchange(c, message("request x server"), "[ff02::1:2]:547"))
	if err != nil {
		h.t.Fatal(err)
	}
	return render(verdict{reply: reply})
}

const seedAddress = "2001:db8::5054:ff:fed6:c2a9"

func TestReservationByFrame(t *testing.T) {
	h := newHost(t)
	other := net.HardwareAddr{0x52, 0x54, 0, 0, 0, 1}
	uuid := append([]byte{0, 4}, "0123456789abcdef"...)
	llt := append([]byte{0, 1, 0, 1, 1, 2, 3, 4}, reserved...)
	for _, tt := range []struct {
		name string
		mac  net.HardwareAddr
		ll   string
		duid []byte
		want bool
	}{
		{"reserved MAC, DUID-UUID, random link-local address", reserved, "fe80::dead:beef:1:2", uuid, true},
		{"another MAC that writes the reserved one into its DUID and address", other, "fe80::5054:ff:fed6:c2a9", llt, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := &host{t: t, pid: h.pid}
			h.link(tt.mac, tt.ll)
			s, stop := startLive(t, t.TempDir(), liveConfig(t))
			defer stop()
			got := h.lease(h.socket(clientPort), tt.duid, "na=1")
			if strings.Contains(got, seedAddress+" ") != tt.want || !strings.Contains(got, "2001:db8::") {
				t.Errorf("reserved address given: %v, want %v, in\n%s", !tt.want, tt.want, got)
			}
			for _, l := range s.Leases() {
				if l.MAC.String() != tt.mac.String() || l.Client != netip.MustParseAddr(tt.ll) {
					t.Errorf("the lease has MAC %s and client %s, want %s and %s", l.MAC, l.Client, tt.mac, tt.ll)
				}
			}
		})
	}
}

// TestLinkComesBack replaces the link of a running server.
func TestLinkComesBack(t *testing.T) {
	h := newHost(t)
	h.link(reserved, "fe80::c")
	s, _ := startLive(t, t.TempDir(), liveConfig(t))
	for range 2 {
		c := h.socket(clientPort)
		if got := h.lease(c, duidOf("x"), "na=1"); !strings.Contains(got, seedAddress) {
			t.Errorf("got\n%s\nwant %s", got, seedAddress)
		}
		c.Close()
		h.link(reserved, "fe80::c")
		if err := s.Apply(t.Context(), liveConfig(t)); err != nil {
			t.Error(err)
		}
	}
}

func TestRelaySockets(t *testing.T) {
	h := newHost(t)
	h.link(reserved, "fe80::c")
	h.run("ip", "addr", "add", "2001:db8::2/64", "dev", "c0", "nodad")
	c := liveConfig(t)
	c.Relays = []netip.Prefix{netip.MustParsePrefix("2001:db8::2/128")}
	startLive(t, t.TempDir(), c)
	solicit := (&env{t: t}).build(strings.Fields("solicit x na=1")).ToBytes()
	lla := opt(dhcp6.OptionClientLinkLayerAddr, []byte{0, 1}, reserved)
	for _, tt := range []struct {
		name, to string
		port     int
		opts     []byte
	}{
		{"unicast", "[2001:db8::1]:547", serverPort, nil},
		{"all servers", "[ff05::1:3]:547", serverPort, nil},
		{"relay source port", "[2001:db8::1]:547", 4711, opt(dhcp6.OptionRelayPort, []byte{0, 0})},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := &host{t: t, pid: h.pid}
			request := relayed(0, "2001:db8::2", lla, tt.opts, opt(dhcp6.OptionRelayMsg, solicit))
			reply := h.exchange(h.socket(tt.port), request, tt.to)
			checkMirror(t, request, reply)
			m, err := dhcp6.RelayMessageFromBytes(reply)
			if err != nil {
				t.Fatal(err)
			}
			inner, err := m.GetInnerMessage()
			if err != nil {
				t.Fatal(err)
			}
			if got := render(verdict{reply: inner}); !strings.Contains(got, seedAddress) {
				t.Errorf("got\n%s\nwant %s", got, seedAddress)
			}
		})
	}
}

// dhclient runs ISC's client until its lease file has what re matches.
func (h *host) dhclient(re string, args ...string) string {
	h.t.Helper()
	dir := h.t.TempDir()
	leases := filepath.Join(dir, "leases")
	for name, text := range map[string]string{leases: "", filepath.Join(dir, "conf"): "also request dhcp6.name-servers, dhcp6.domain-search;\n"} {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			h.t.Fatal(err)
		}
	}
	argv := append([]string{"dhclient", "-6", "-d", "-lf", leases, "-pf", filepath.Join(dir, "pid"), "-cf", filepath.Join(dir, "conf"), "-sf", "/bin/true"}, args...)
	cmd := exec.Command("nsenter", h.argv(append(argv, "c0")...)...)
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	runtime.LockOSThread() // Pdeathsig is about the thread
	defer runtime.UnlockOSThread()
	if err := cmd.Start(); err != nil {
		h.t.Fatal(err)
	}
	var text []byte
	found := regexp.MustCompile(re)
	deadline := time.Now().Add(30 * time.Second)
	for !found.Match(text) && time.Now().Before(deadline) {
		<-time.After(50 * time.Millisecond)
		text, _ = os.ReadFile(leases)
	}
	cmd.Process.Kill()
	cmd.Wait()
	if !found.Match(text) {
		h.t.Fatalf("dhclient has no %s:\n%s\nand said\n%s", re, text, out.String())
	}
	return string(text)
}

func TestDHClient(t *testing.T) {
	h := newHost(t)
	h.link(reserved, "")
	dir := t.TempDir()
	s, stop := startLive(t, dir, liveConfig(t))
	text := h.dhclient(`iaaddr `+seedAddress, "-D", "LL")
	for _, want := range []string{"name-servers 2001:db8::53", `domain-search "example.net`, "renew 1000", "rebind 2000", "preferred-life 3000", "max-life 4000"} {
		if !strings.Contains(text, want) {
			t.Errorf("the lease file has no %s:\n%s", want, text)
		}
	}
	text = h.dhclient(`iaprefix `, "-P")
	prefix := netip.MustParsePrefix(regexp.MustCompile(`iaprefix (\S+)`).FindStringSubmatch(text)[1])
	if !netip.MustParsePrefix("2001:db8:fff::/48").Overlaps(prefix) || prefix.Bits() != 60 {
		t.Errorf("dhclient got %s, want a /60 of 2001:db8:fff::/48", prefix)
	}
	route := rib.Route{Prefix: prefix, Via: netip.MustParseAddr("fe80::5054:ff:fed6:c2a9"), Link: "eth1", Table: rib.MainTable}
	if e, ok := s.table.Best(route.Key()); !ok || e.Route != route || e.Source != rib.Delegated {
		t.Errorf("route %v, want %v", e, route)
	}
	stop()
	s, _ = startLive(t, dir, liveConfig(t))
	if e, ok := s.table.Best(route.Key()); !ok || e.Route != route {
		t.Errorf("route after a restart %v, want %v", e, route)
	}
	if n := len(s.Leases()); n != 2 {
		t.Errorf("%d leases after a restart, want 2", n)
	}
}
