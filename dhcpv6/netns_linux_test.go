package dhcpv6

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	dhcp6 "github.com/insomniacslk/dhcp/dhcpv6"

	"github.com/sixfold-router/sixfold/dhcpv6/lease"
	"github.com/sixfold-router/sixfold/integration/netns"
	"github.com/sixfold-router/sixfold/router/rib"
)

func TestMain(m *testing.M) { os.Exit(netns.Isolate(m)) }

// host is a host with one end of a link, c0, whose other end eth1 is the server's.
type host struct {
	*netns.Node
	t *testing.T
}

func newHost(t *testing.T) *host {
	t.Helper()
	return &host{Node: netns.Host(t, "client"), t: t}
}

// link makes the link anew; ll is the link-local address of the host, or empty for that of the kernel.
func (h *host) link(mac net.HardwareAddr, ll string) {
	h.t.Helper()
	// No error: there may be none.
	netns.Own().Run("ip", "link", "del", "eth1")
	mode := 0 // from the MAC
	if ll != "" {
		mode = 1 // none
	}
	if err := h.Sysctl(fmt.Sprintf("net.ipv6.conf.default.addr_gen_mode=%d", mode)); err != nil {
		h.t.Fatal(err)
	}
	netns.Cable(h.t, netns.End{Node: netns.Own(), Name: "eth1"}, netns.End{Node: h.Node, Name: "c0", MAC: mac.String()})
	if ll != "" {
		h.Sh(h.t, "ip addr add %s/64 dev c0 nodad", ll)
	}
	netns.Own().Sh(h.t, "ip addr add 2001:db8::1/64 dev eth1 nodad")
	netns.Within(h.t, 20*time.Second, "link-local address of the host", h.Expect("ip -6 addr show dev c0 scope link -tentative", "fe80::"))
}

// liveConfig is the seed's, for the link as it is now.
func liveConfig(t *testing.T) Config {
	t.Helper()
	link, local := netns.Own().Link(t, "eth1")
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
	l.Server = New(log, store, l.table.In(rib.MainTable))
	ctx, cancel := context.WithCancel(context.Background())
	ran := make(chan error, 2)
	go func() { ran <- l.Run(ctx) }()
	go func() { ran <- store.Run(ctx) }()
	if err := l.Apply(ctx, c); err != nil {
		t.Fatal(err)
	}
	netns.Within(t, 20*time.Second, "server hears", l.hears)
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

func (l *live) hears() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.hearing == nil {
		return errors.New("no sockets")
	}
	return nil
}

// socket opens a UDP socket of the host.
func (h *host) socket(port int) *net.UDPConn {
	h.t.Helper()
	var conn *net.UDPConn
	err := h.Do(func() (err error) {
		conn, err = net.ListenUDP("udp6", &net.UDPAddr{Port: port})
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { conn.Close() })
	return conn
}

// exchange sends a message, again and again, until an answer comes.
func (h *host) exchange(c *net.UDPConn, payload []byte, to string) []byte {
	h.t.Helper()
	addr, err := netip.ParseAddrPort(to)
	if err != nil {
		h.t.Fatal(err)
	}
	if a := addr.Addr(); a.IsMulticast() {
		link, _ := h.Link(h.t, "c0")
		addr = netip.AddrPortFrom(a.WithZone(fmt.Sprint(link.Index)), addr.Port())
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
			h := &host{Node: h.Node, t: t}
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
	h.Sh(t, "ip addr add 2001:db8::2/64 dev c0 nodad")
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
			h := &host{Node: h.Node, t: t}
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
	argv := append([]string{"-6", "-d", "-lf", leases, "-pf", filepath.Join(dir, "pid"), "-cf", filepath.Join(dir, "conf"), "-sf", "/bin/true"}, args...)
	client, err := h.Start("dhclient", append(argv, "c0")...)
	if err != nil {
		h.t.Fatal(err)
	}
	defer client.Kill()
	var text []byte
	found := regexp.MustCompile(re)
	netns.Within(h.t, 30*time.Second, "lease of dhclient", func() error {
		if text, err = os.ReadFile(leases); err != nil {
			return err
		}
		if !found.Match(text) {
			return fmt.Errorf("no %s:\n%s\nand it said\n%s%s", re, text, client.Stdout(), client.Stderr())
		}
		return nil
	})
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
