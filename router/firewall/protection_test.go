package firewall

import (
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sixfold-router/sixfold/integration/netns"
	"github.com/sixfold-router/sixfold/router/firewall/packet"
)

// dropsOf returns how many packets were dropped for a reason.
func dropsOf(t *testing.T, m *Manager, reason string) uint64 {
	t.Helper()
	have, err := m.kernel.read()
	if err != nil {
		t.Fatal(err)
	}
	return have.counters[dropPrefix+reason].Packets
}

// forge sends an ICMPv6 message to all nodes from a node, with a hop limit.
func forge(t *testing.T, n *netns.Node, hops int, message ...byte) {
	t.Helper()
	link, _ := n.Link(t, "eth0")
	err := n.Do(func() error {
		fd, err := unix.Socket(unix.AF_INET6, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_ICMPV6)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		if err := unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_HOPS, hops); err != nil {
			return err
		}
		to := &unix.SockaddrInet6{ZoneId: uint32(link.Index), Addr: netip.MustParseAddr("ff02::1").As16()}
		return unix.Sendto(fd, message, 0, to)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func protected(p Protection) Config {
	return Config{Zones: []Zone{{Name: "wan", Interfaces: []string{"wan0"}}}, Protection: &p}
}

func TestOnlyNeighborsReachBGP(t *testing.T) {
	host, server := lab(t)
	mirror(t, netns.Own(), 179)
	m := newManager(t)
	c := protected(Protection{Neighbors: []netip.Prefix{netip.MustParsePrefix("2001:db8:1::2/128"), netip.MustParsePrefix("192.0.2.9/32")}, BGPPorts: []uint16{179}})
	apply(t, m, c)
	settled(t, m, c)
	sees(t, server, "[2001:db8:1::1]:179", "2001:db8:1::2")
	refused(t, server, "192.0.2.1:179")
	refused(t, host, "[fd00::1]:179")
	if n := dropsOf(t, m, "bgp-source"); n < 2 {
		t.Errorf("%d packets counted as from others than neighbors", n)
	}
	c = protected(Protection{BGPPorts: []uint16{179}, Exempt: []string{"lab0"}})
	apply(t, m, c)
	sees(t, host, "[fd00::1]:179", "fd00::2")
	refused(t, server, "[2001:db8:1::1]:179")
}

// Discovery from beyond the link is counted and dropped, and that of the link works.
func TestDiscoveryIsOfTheLink(t *testing.T) {
	_, server := lab(t)
	m := newManager(t)
	c := protected(Protection{NeighborRate: 1000, ICMPRate: 1000, DHCPv6Rate: 1000, BGPRate: 100, ConnectionRate: 100})
	apply(t, m, c)
	settled(t, m, c)
	advertisement := []byte{134, 0, 0, 0, 64, 0, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0}
	report := []byte{143, 0, 0, 0, 0, 0, 0, 0}
	forge(t, server, 64, advertisement...)
	forge(t, server, 255, advertisement...)
	forge(t, server, 64, report...)
	forge(t, server, 1, report...)
	netns.Within(t, 5*time.Second, "two packets dropped for their hop limit", func() error {
		if n := dropsOf(t, m, "hop-limit"); n != 2 {
			return fmt.Errorf("%d were", n)
		}
		return nil
	})
	server.Sh(t, "ip -6 neigh flush dev eth0; ping -c 1 -W 2 2001:db8:1::1")
	sh(t, "ip -6 neigh flush dev wan0; ping -c 1 -W 2 2001:db8:1::2")
}

func TestDHCPv6ToClientsIsOfTheLink(t *testing.T) {
	_, server := lab(t)
	m := newManager(t)
	apply(t, m, protected(Protection{}))
	link, _ := server.Link(t, "eth0")
	_, router := netns.Own().Link(t, "wan0")
	for _, to := range []string{"[2001:db8:1::1]:546", fmt.Sprintf("[%s%%%d]:546", router, link.Index)} {
		if err := server.Do(func() error {
			c, err := net.Dial("udp", to)
			if err == nil {
				_, err = c.Write([]byte{7, 0, 0, 0})
				c.Close()
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	netns.Within(t, 5*time.Second, "the packet from a global address is dropped", func() error {
		if n := dropsOf(t, m, "dhcpv6-source"); n != 1 {
			return fmt.Errorf("%d were", n)
		}
		return nil
	})
}

// Floods are cut down by class, and leave the other classes alone.
func TestFloods(t *testing.T) {
	host, server := lab(t)
	mirror(t, netns.Own(), 7)
	m := newManager(t)
	c := protected(Protection{ICMPRate: 20, NeighborRate: 20, ConnectionRate: 20})
	apply(t, m, c)
	settled(t, m, c)
	server.Run("ping", "-q", "-i", "0.001", "-c", "500", "-W", "1", "2001:db8:1::1")
	if n := dropsOf(t, m, "icmp-rate"); n < 200 {
		t.Errorf("%d of 500 echo requests dropped at 20 a second", n)
	}
	for range 200 {
		forge(t, server, 255, 136, 0, 0, 0, 0, 0, 0, 0, 0x20, 1, 0x0d, 0xb8, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2)
	}
	netns.Within(t, 5*time.Second, "neighbor advertisements are dropped", func() error {
		if n := dropsOf(t, m, "discovery-rate"); n < 100 {
			return fmt.Errorf("%d of 200 at 20 a second", n)
		}
		return nil
	})
	host.Sh(t, "ip -6 neigh flush dev eth0")
	for range 60 {
		server.Do(func() error {
			c, err := net.DialTimeout("tcp", "[2001:db8:1::1]:7", 20*time.Millisecond)
			if err == nil {
				c.Close()
			}
			return nil
		})
	}
	if n := dropsOf(t, m, "connection-rate"); n == 0 {
		t.Error("no connection was too much")
	}
	// Another interface, and another /64, has its own count.
	sees(t, host, "[fd00::1]:7", "fd00::2")
}

// What the evaluation says of packets is what the rules are for.
func TestEvaluateProtection(t *testing.T) {
	r := Compile(protected(Protection{
		Neighbors: []netip.Prefix{netip.MustParsePrefix("2001:db8::5/128")}, BGPPorts: []uint16{179}, Exempt: []string{"em0"}, ICMPRate: 1, NeighborRate: 1, ConnectionRate: 1,
	}))
	base := Packet{
		Hook: Input, In: "wan0", Src: netip.MustParseAddr("2001:db8::6"), Dst: netip.MustParseAddr("2001:db8::1"), DstLocal: true,
		Protocol: packet.TCP, DstPort: 179, TCPFlags: flagSYN, HopLimit: 64, State: StateNew, Routing: -1,
	}
	with := func(change func(*Packet)) Packet { p := base; change(&p); return p }
	for name, tt := range map[string]struct {
		p    Packet
		want Action
	}{
		"a stranger to BGP":       {base, Drop},
		"a neighbor":              {with(func(p *Packet) { p.Src = netip.MustParseAddr("2001:db8::5") }), Accept},
		"by the management":       {with(func(p *Packet) { p.In = "em0" }), Accept},
		"from a member of a VRF":  {with(func(p *Packet) { p.In, p.Slave = "mgmt", "em0" }), Accept},
		"another port":            {with(func(p *Packet) { p.DstPort = 22 }), Accept},
		"a router from afar":      {with(func(p *Packet) { p.Protocol, p.ICMPType = packet.ICMPv6, 134 }), Drop},
		"a router without fe80::": {with(func(p *Packet) { p.Protocol, p.ICMPType, p.HopLimit = packet.ICMPv6, 134, 255 }), Drop},
		"a router": {with(func(p *Packet) {
			p.Protocol, p.ICMPType, p.HopLimit, p.Src = packet.ICMPv6, 134, 255, netip.MustParseAddr("fe80::1")
		}), Accept},
		"an echo request": {with(func(p *Packet) { p.Protocol, p.ICMPType = packet.ICMPv6, 128 }), Accept},
	} {
		if got := r.Evaluate(tt.p); got.Action != tt.want {
			t.Errorf("%s: %+v, want %s", name, got, tt.want)
		}
	}
}
