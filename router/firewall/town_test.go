package firewall

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sixfold-router/sixfold/integration/netns"
)

// patience is how long a packet may take that is to arrive, and how long one is waited for that is not.
const patience = 250 * time.Millisecond

// town is a router with a host in each of three zones, which serve TCP and UDP on some ports.
type town struct {
	t               *testing.T
	wan, lan, guest *netns.Node
	addresses       map[*netns.Node][2]netip.Addr // IPv6, IPv4
	names           map[*netns.Node]string        // links of the router to them
}

// ports are what every host serves.
func ports() []uint16 { return []uint16{22, 80, 443, 8123} }

func newTown(t *testing.T) *town {
	t.Helper()
	l := &town{t: t, addresses: map[*netns.Node][2]netip.Addr{}, names: map[*netns.Node]string{}}
	sh(t, "sysctl -qw net.ipv6.conf.all.forwarding=1 net.ipv4.ip_forward=1 net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0 net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0")
	for i, h := range []struct {
		node **netns.Node
		name string
	}{{&l.wan, "wan"}, {&l.lan, "lan"}, {&l.guest, "guest"}} {
		n := netns.Host(t, h.name)
		*h.node = n
		netns.Cable(t, netns.End{Node: netns.Own(), Name: h.name + "0"}, netns.End{Node: n, Name: "eth0"})
		sh(t, "ip addr add 2001:db8:%d::1/64 dev %s0 nodad; ip addr add 192.0.%d.1/24 dev %s0", i+1, h.name, i+1, h.name)
		n.Sh(t, "ip addr add 2001:db8:%d::2/64 dev eth0 nodad; ip addr add 192.0.%d.2/24 dev eth0; ip -6 route add default via 2001:db8:%d::1; ip route add default via 192.0.%d.1", i+1, i+1, i+1, i+1)
		l.addresses[n] = [2]netip.Addr{netip.MustParseAddr(fmt.Sprintf("2001:db8:%d::2", i+1)), netip.MustParseAddr(fmt.Sprintf("192.0.%d.2", i+1))}
		l.names[n] = h.name + "0"
		for _, port := range ports() {
			l.serve(n, port)
		}
	}
	for _, a := range []*netns.Node{l.wan, l.lan, l.guest} {
		for _, b := range []*netns.Node{l.wan, l.lan, l.guest} {
			for _, to := range l.addresses[b] {
				netns.Within(t, 5*time.Second, "the lab is connected", func() error { return l.tcp(a, to, 22) })
			}
		}
	}
	return l
}

// serve answers on a port: TCP with the address of the client, UDP with what came.
func (l *town) serve(n *netns.Node, port uint16) {
	l.t.Helper()
	var tcp net.Listener
	var udp net.PacketConn
	err := n.Do(func() (err error) {
		if tcp, err = net.Listen("tcp", fmt.Sprintf(":%d", port)); err != nil {
			return err
		}
		udp, err = net.ListenPacket("udp", fmt.Sprintf(":%d", port))
		return err
	})
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { tcp.Close(); udp.Close() })
	go func() {
		for {
			c, err := tcp.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				buffer := make([]byte, 512)
				fmt.Fprintf(c, "%s\n", c.RemoteAddr())
				for {
					n, err := c.Read(buffer)
					if err != nil {
						return
					}
					c.Write(buffer[:n])
				}
			}()
		}
	}()
	go func() {
		buffer := make([]byte, 512)
		for {
			n, from, err := udp.ReadFrom(buffer)
			if err != nil {
				return
			}
			udp.WriteTo(buffer[:n], from)
		}
	}()
}

// dial opens a connection.
func (l *town) dial(n *netns.Node, source, to netip.Addr, port uint16) (net.Conn, error) {
	d := net.Dialer{Timeout: patience}
	if source.IsValid() {
		d.LocalAddr = &net.TCPAddr{IP: source.AsSlice()}
	}
	// The dialer may use another thread, so the socket is made here.
	var c net.Conn
	err := n.Do(func() (err error) {
		c, err = d.DialContext(context.Background(), "tcp", netip.AddrPortFrom(to, port).String())
		return err
	})
	return c, err
}

// tcp connects and hears the greeting.
func (l *town) tcp(n *netns.Node, to netip.Addr, port uint16) error {
	c, err := l.dial(n, netip.Addr{}, to, port)
	if err != nil {
		return err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	_, err = c.Read(make([]byte, 64))
	return err
}

// udp sends a packet and hears it back.
func (l *town) udp(n *netns.Node, source, to netip.Addr, port uint16) error {
	var c net.Conn
	d := net.Dialer{}
	if source.IsValid() {
		d.LocalAddr = &net.UDPAddr{IP: source.AsSlice()}
	}
	err := n.Do(func() (err error) {
		c, err = d.Dial("udp", netip.AddrPortFrom(to, port).String())
		return err
	})
	if err != nil {
		return err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	if _, err := c.Write([]byte("hello")); err != nil {
		return err
	}
	_, err = c.Read(make([]byte, 64))
	return err
}

func (l *town) ping(n *netns.Node, to netip.Addr) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if _, err := n.Ping(ctx, to); err != nil {
		return context.DeadlineExceeded
	}
	return nil
}

// fate says what became of a packet.
func fate(err error) string {
	var timeout net.Error
	switch {
	case err == nil:
		return "passes"
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, unix.ECONNRESET):
		return "refused"
	case errors.Is(err, syscall.EACCES), errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, unix.EPERM):
		return "prohibited"
	case errors.As(err, &timeout) && timeout.Timeout(), errors.Is(err, context.DeadlineExceeded):
		return "lost"
	}
	return err.Error()
}
