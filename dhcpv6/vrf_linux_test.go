package dhcpv6

import (
	"context"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"testing"

	dhcp6 "github.com/insomniacslk/dhcp/dhcpv6"

	"github.com/sixfold-router/sixfold/dhcpv6/lease"
	"github.com/sixfold-router/sixfold/integration/netns"
	"github.com/sixfold-router/sixfold/integration/vm"
	"github.com/sixfold-router/sixfold/router/rib"
)

// vrfHost is a host on a link of a VRF, whose address on the server's side is the same in all.
type vrfHost struct {
	*host
	link, reserved string
	index          int // of the VRF device
	local          netip.Addr
}

// inVRF makes a VRF, empty: none, with a host on a link, and a route to a relay behind that host.
func inVRF(t *testing.T, name, link string, table int, reserved string) *vrfHost {
	t.Helper()
	h := &vrfHost{host: &host{Node: netns.Host(t, "host-"+link), t: t}, link: link, reserved: reserved}
	if err := h.Sysctl("net.ipv6.conf.all.accept_dad=0", "net.ipv6.conf.default.accept_dad=0"); err != nil {
		t.Fatal(err)
	}
	netns.Cable(t, netns.End{Node: netns.Own(), Name: link}, netns.End{Node: h.Node, Name: "c0"})
	if name != "" {
		netns.Own().Sh(t, "ip link add %s type vrf table %d && ip link set %s up && ip link set %s master %s", name, table, name, link, name)
		device, err := net.InterfaceByName(name)
		if err != nil {
			t.Fatal(err)
		}
		h.index = device.Index
	}
	netns.Own().Sh(t, "ip addr add 2001:db8::1/64 dev %s nodad", link)
	h.Sh(t, "ip addr add 2001:db8::2/64 dev c0 nodad && ip addr add 2001:db8:99::2/128 dev lo && ip addr add fe80::c/64 dev c0 nodad")
	netns.Own().Sh(t, "ip -6 route add 2001:db8:99::/64 via fe80::c dev %s table %d", link, table)
	_, h.local = netns.Own().Link(t, link)
	return h
}

// serve starts a server for the host.
func (h *vrfHost) serve(t *testing.T, table *rib.Table, number uint32) *Server {
	t.Helper()
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	store, err := lease.Open(t.TempDir(), log)
	if err != nil {
		t.Fatal(err)
	}
	s := New(log, store, table.In(number))
	c := seedConfig()
	in := c.Interfaces["eth1"]
	link, _ := netns.Own().Link(t, h.link)
	in.Link, in.Index, in.LinkLocal = h.link, link.Index, h.local
	in.Reservations = []Reservation{{Name: "one", DUID: duidOf("x"), Addresses: []netip.Addr{netip.MustParseAddr(h.reserved)}}}
	in.Delegate = []PrefixPool{{Name: "hosts", Prefix: netip.MustParsePrefix("2001:db8:fff::/60"), Length: 60}}
	c.Interfaces, c.Device = map[string]Interface{h.link: in}, h.index
	if err := s.Apply(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ran := make(chan error, 2)
	go func() { ran <- s.Run(ctx) }()
	go func() { ran <- store.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		for range 2 {
			if err := <-ran; err != nil {
				t.Errorf("Run: %v", err)
			}
		}
		store.Close()
	})
	return s
}

// Servers of two VRFs and of none hear and answer their own clients and relays, which all have the same addresses.
func TestServersInVRFs(t *testing.T) {
	if vm.Run(t, vm.UML) {
		return
	}
	hosts := []*vrfHost{
		inVRF(t, "blue", "eth1", 1010, "2001:db8::b"), inVRF(t, "red", "eth2", 1020, "2001:db8::c"), inVRF(t, "", "eth3", 254, "2001:db8::d"),
	}
	table := &rib.Table{}
	var servers []*Server
	for i, h := range hosts {
		servers = append(servers, h.serve(t, table, []uint32{1010, 1020, 254}[i]))
	}
	for i, h := range hosts {
		t.Run(h.link, func(t *testing.T) {
			h.host.t = t
			c := h.socket(clientPort)
			if got := h.lease(c, duidOf("x"), "na=1 pd=2"); !strings.Contains(got, h.reserved+" ") || !strings.Contains(got, "2001:db8:fff::/60") {
				t.Errorf("got\n%s", got)
			}
			c.Close()
			solicit := (&env{t: t}).build(strings.Fields("solicit x na=1")).ToBytes()
			for _, relay := range []struct{ from, to string }{
				{"[2001:db8::2]:547", "[2001:db8::1]:547"}, {"[2001:db8:99::2]:547", "[2001:db8::1]:547"}, {"[2001:db8::2]:547", "[ff05::1:3]:547"}, {"[fe80::c%c0]:547", "[ff02::1:2]:547"},
			} {
				request := relayed(0, "2001:db8::2", opt(dhcp6.OptionRelayMsg, solicit))
				from := h.bound(relay.from)
				reply := h.exchange(from, request, relay.to)
				from.Close()
				m, err := dhcp6.RelayMessageFromBytes(reply)
				if err != nil {
					t.Fatal(err)
				}
				inner, err := m.GetInnerMessage()
				if err != nil {
					t.Fatal(err)
				}
				if got := render(verdict{reply: inner}); !strings.Contains(got, h.reserved+" ") {
					t.Errorf("from %s to %s got\n%s", relay.from, relay.to, got)
				}
			}
			if e, ok := servers[i].table.Best(netip.MustParsePrefix("2001:db8:fff::/60")); !ok || e.Route.Link != h.link {
				t.Errorf("route %s, want one on %s", e.Route, h.link)
			}
			if n := len(servers[i].Leases()); n != 2 {
				t.Errorf("%d leases, want 2", n)
			}
			for reason, n := range servers[i].Status().Dropped {
				if reason == "link-not-served" && i != 2 {
					t.Errorf("%d messages of other instances are counted", n)
				}
			}
		})
	}
}

// bound opens a UDP socket of the host with an address.
func (h *vrfHost) bound(address string) *net.UDPConn {
	h.t.Helper()
	var conn *net.UDPConn
	err := h.Do(func() (err error) {
		conn, err = net.ListenUDP("udp6", net.UDPAddrFromAddrPort(netip.MustParseAddrPort(address)))
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { conn.Close() })
	return conn
}
