package firewall

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sixfold-router/sixfold/integration/netns"
	"github.com/sixfold-router/sixfold/router/firewall/packet"
)

// lab is a host behind the router, and a server beyond it.
func lab(t *testing.T) (host, server *netns.Node) {
	t.Helper()
	host, server = netns.Host(t, "host"), netns.Host(t, "server")
	netns.Cable(t, netns.End{Node: netns.Own(), Name: "lab0"}, netns.End{Node: host, Name: "eth0"})
	netns.Cable(t, netns.End{Node: netns.Own(), Name: "wan0"}, netns.End{Node: server, Name: "eth0"})
	sh(t, `sysctl -qw net.ipv6.conf.all.forwarding=1 net.ipv4.ip_forward=1
		ip addr add fd00::1/64 dev lab0 nodad; ip addr add 10.0.0.1/24 dev lab0
		ip addr add 2001:db8:1::1/64 dev wan0 nodad; ip addr add 192.0.2.1/24 dev wan0`)
	host.Sh(t, "ip addr add fd00::2/64 dev eth0 nodad; ip addr add 10.0.0.2/24 dev eth0; ip -6 route add default via fd00::1; ip route add default via 10.0.0.1")
	server.Sh(t, "ip addr add 2001:db8:1::2/64 dev eth0 nodad; ip addr add 192.0.2.2/24 dev eth0; ip -6 route add 2001:db8:aa::/64 via 2001:db8:1::1")
	return host, server
}

// mirror answers connections to a port of a node with the address that they come from, and the segment size that is sent to it.
func mirror(t *testing.T, n *netns.Node, port int) {
	t.Helper()
	var l net.Listener
	err := n.Do(func() (err error) {
		l, err = net.Listen("tcp", fmt.Sprintf("[::]:%d", port))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			from := c.RemoteAddr().(*net.TCPAddr).AddrPort().Addr().Unmap()
			size := 0
			if raw, err := c.(*net.TCPConn).SyscallConn(); err == nil {
				raw.Control(func(fd uintptr) { size, _ = unix.GetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_MAXSEG) })
			}
			fmt.Fprintf(c, "%s %d\n", from, size)
			c.Close()
		}
	}()
}

// dial connects, from a node, and returns what the mirror saw.
func dial(t *testing.T, n *netns.Node, to string) (seen string, size int, err error) {
	t.Helper()
	err = n.Do(func() error {
		c, err := net.DialTimeout("tcp", to, 2*time.Second)
		if err != nil {
			return err
		}
		defer c.Close()
		c.SetDeadline(time.Now().Add(2 * time.Second))
		b, err := io.ReadAll(c)
		if err != nil && len(b) == 0 {
			return err
		}
		_, err = fmt.Sscan(strings.TrimSpace(string(b)), &seen, &size)
		return err
	})
	return seen, size, err
}

// sees fails unless the mirror at the other end saw the address.
func sees(t *testing.T, n *netns.Node, to, want string) {
	t.Helper()
	if seen, _, err := dial(t, n, to); err != nil || seen != want {
		t.Errorf("%s to %s: seen as %s, %v; want %s\n%s", n.Name, to, seen, err, want, sh(t, "nft list table inet sixfold"))
	}
}

// refused fails if a connection is made.
func refused(t *testing.T, n *netns.Node, to string) {
	t.Helper()
	seen, _, err := dial(t, n, to)
	var timeout net.Error
	if err == nil || !(errors.As(err, &timeout) || errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.EACCES)) {
		t.Errorf("%s to %s: seen as %s, %v; want no connection", n.Name, to, seen, err)
	}
}

func labZones() Config {
	return Config{
		Zones:    []Zone{{Name: "lab", Interfaces: []string{"lab0"}}, {Name: "wan", Interfaces: []string{"wan0"}}},
		Policies: []Policy{{Where: "policies[0]", From: "lab", To: "wan", End: Accept}},
	}
}

func TestMasquerade(t *testing.T) {
	host, server := lab(t)
	mirror(t, server, 7)
	m := newManager(t)
	c := labZones()
	c.Masquerades = []Masquerade{
		{Name: "lab", From: netip.MustParsePrefix("fd00::/64"), Out: "wan"},
		{Name: "lab4", From: netip.MustParsePrefix("10.9.0.0/24"), FormerFrom: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/24")}, Out: "wan"},
		{Name: "waits", Out: "wan"},
	}
	apply(t, m, c)
	settled(t, m, c)
	sees(t, host, "[2001:db8:1::2]:7", "2001:db8:1::1")
	sees(t, host, "192.0.2.2:7", "192.0.2.1")
	refused(t, server, "[2001:db8:1::1]:7")
}

func TestPrefixTranslation(t *testing.T) {
	host, server := lab(t)
	mirror(t, server, 7)
	mirror(t, host, 7)
	m := newManager(t)
	c := labZones()
	c.Policies = append(c.Policies, Policy{Where: "policies[1]", From: "wan", To: "lab", End: Accept})
	c.Translations = []Translation{{Name: "lab", Inside: netip.MustParsePrefix("fd00::/64"), Outside: netip.MustParsePrefix("2001:db8:aa::/64"), Out: "wan"}}
	apply(t, m, c)
	settled(t, m, c)
	sees(t, host, "[2001:db8:1::2]:7", "2001:db8:aa::2")
	sees(t, server, "[2001:db8:aa::2]:7", "2001:db8:1::2")
	sees(t, host, "[2001:db8:aa::2]:7", "2001:db8:aa::2") // from inside, by the outside address

	// Renumbered: what is new has the new prefix, and only this rule is written.
	server.Sh(t, "ip -6 route add 2001:db8:bb::/64 via 2001:db8:1::1")
	c.Translations = []Translation{{Name: "lab", Inside: netip.MustParsePrefix("fd00::/64"), Outside: netip.MustParsePrefix("2001:db8:bb::/64"), Out: "wan"}}
	apply(t, m, c)
	settled(t, m, c)
	sees(t, host, "[2001:db8:1::2]:7", "2001:db8:bb::2")
	sees(t, server, "[2001:db8:bb::2]:7", "2001:db8:1::2")
	refused(t, server, "[2001:db8:aa::2]:7")

	// Renumbered while the old prefix runs out: who still has the old address gets through, and what lasts since before goes on.
	server.Sh(t, "ip -6 route add 2001:db8:cc::/64 via 2001:db8:1::1")
	lasting := talk(t, host, server)
	lasting("before")
	outside := func(p string) netip.Prefix { return netip.MustParsePrefix(p) }
	c.Translations = []Translation{{Name: "lab", Inside: outside("fd00::/64"), Outside: outside("2001:db8:cc::/64"), FormerOutside: []netip.Prefix{outside("2001:db8:bb::/64")}, Out: "wan"}}
	apply(t, m, c)
	settled(t, m, c)
	lasting("renumbered")
	sees(t, host, "[2001:db8:1::2]:7", "2001:db8:cc::2")
	sees(t, server, "[2001:db8:cc::2]:7", "2001:db8:1::2")
	sees(t, server, "[2001:db8:bb::2]:7", "2001:db8:1::2")
	c.Translations[0].FormerOutside = nil
	apply(t, m, c)
	lasting("the old prefix has run out")
	refused(t, server, "[2001:db8:bb::2]:7")
}

// talk opens a connection from inside to the server, and returns what says a word over it and hears it back.
func talk(t *testing.T, inside, server *netns.Node) func(word string) {
	t.Helper()
	var l net.Listener
	var c net.Conn
	err := server.Do(func() (err error) {
		l, err = net.Listen("tcp", "[2001:db8:1::2]:9")
		return err
	})
	if err == nil {
		t.Cleanup(func() { l.Close() })
		err = inside.Do(func() (err error) {
			c, err = net.DialTimeout("tcp", "[2001:db8:1::2]:9", 20*time.Second)
			return err
		})
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	other, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { other.Close() })
	return func(word string) {
		t.Helper()
		for _, way := range [][2]net.Conn{{c, other}, {other, c}} {
			way[1].SetReadDeadline(time.Now().Add(20 * time.Second))
			heard := make([]byte, len(word))
			if _, err := way[0].Write([]byte(word)); err != nil {
				t.Fatalf("%s: %v", word, err)
			}
			if _, err := io.ReadFull(way[1], heard); err != nil || string(heard) != word {
				t.Fatalf("%s: heard %q, %v", word, heard, err)
			}
		}
	}
}

func TestPortForward(t *testing.T) {
	host, server := lab(t)
	mirror(t, host, 80)
	mirror(t, host, 8443)
	m := newManager(t)
	c := labZones()
	tcp := []Protocol{packet.TCP}
	c.Forwards = []Forward{
		{Name: "web", In: "wan", Protocols: tcp, Ports: []PortRange{packet.Port(8080)}, To: netip.MustParseAddr("fd00::2"), ToPort: 80},
		{Name: "one", In: "wan", Address: netip.MustParseAddr("192.0.2.9"), Former: []netip.Addr{netip.MustParseAddr("192.0.2.1")}, Protocols: tcp, Ports: []PortRange{{First: 8440, Last: 8449}}, To: netip.MustParseAddr("10.0.0.2")},
		{Name: "reflect", In: "lab", Address: netip.MustParseAddr("2001:db8:1::1"), Protocols: tcp, Ports: []PortRange{packet.Port(8080)}, To: netip.MustParseAddr("fd00::2"), ToPort: 80},
	}
	apply(t, m, c)
	settled(t, m, c)
	sees(t, server, "[2001:db8:1::1]:8080", "2001:db8:1::2")
	sees(t, server, "192.0.2.1:8443", "192.0.2.2")
	sees(t, host, "[2001:db8:1::1]:8080", "fd00::1") // back through us: it would else answer itself
	refused(t, server, "[2001:db8:1::1]:81")
	server.Sh(t, "ip -6 route add fd00::/64 via 2001:db8:1::1")
	refused(t, server, "[fd00::2]:80") // only what was sent on passes

	r := Compile(c)
	p, where := r.Translate(Packet{
		In: "wan0", Src: netip.MustParseAddr("2001:db8:1::2"), Dst: netip.MustParseAddr("2001:db8:1::1"), DstLocal: true,
		Protocol: packet.TCP, DstPort: 8080, State: StateNew, Routing: -1,
	})
	p.Hook, p.Out = ForwardHook, "lab0"
	if got := r.Evaluate(p); where != "firewall.forwards.web" || p.Dst != netip.MustParseAddr("fd00::2") || p.DstPort != 80 || got.Action != Accept || got.Where != where {
		t.Errorf("evaluated as %+v, %q: %+v", p, where, got)
	}
}

func TestSegmentSize(t *testing.T) {
	host, server := lab(t)
	mirror(t, server, 7)
	m := newManager(t)
	c := labZones()
	c.Masquerades = []Masquerade{{Name: "lab", From: netip.MustParsePrefix("fd00::/64"), Out: "wan"}}
	size := func(clamp ...MSSClamp) int {
		t.Helper()
		c.MSSClamps = clamp
		apply(t, m, c)
		settled(t, m, c)
		_, n, err := dial(t, host, "[2001:db8:1::2]:7")
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	const headers, options = 60, 12
	if n := size(); n != 1500-headers-options {
		t.Errorf("segments of %d without a clamp", n)
	}
	if n := size(MSSClamp{Out: "wan", MSS: 1000}); n != 1000-options {
		t.Errorf("segments of %d with a clamp of 1000", n)
	}
	sh(t, "ip link set wan0 mtu 1400")
	if n := size(MSSClamp{Out: "wan"}); n != 1400-headers-options {
		t.Errorf("segments of %d over a link of 1400", n)
	}
}
