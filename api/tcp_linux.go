package api

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"
)

// maxTCP is how many connections a listener has at once, those that did not finish their handshake included.
const maxTCP = 128

// endpoint is where a listener listens.
type endpoint struct {
	addr   netip.AddrPort
	device string // empty: all
	index  int    // of the device: one that is made anew has another, and a socket stays bound to the old one
}

func (e endpoint) String() string {
	if e.device == "" {
		return e.addr.String()
	}
	return e.addr.String() + " on " + e.device
}

// deviceIndex returns the index of a device, 0 if there is none.
func deviceIndex(name string) int {
	request, err := unix.NewIfreq(name)
	if err != nil || name == "" {
		return 0
	}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0
	}
	defer unix.Close(fd)
	if err := unix.IoctlIfreq(fd, unix.SIOCGIFINDEX, request); err != nil {
		return 0
	}
	return int(request.Uint32())
}

// tcpListener bounds its connections, and can end them.
type tcpListener struct {
	net.Listener
	at     endpoint
	conns  *connections
	closed atomic.Bool // it was closed on purpose
}

// connections are those of an endpoint; a listener that takes the place of another goes on with them.
type connections struct {
	mu  sync.Mutex
	all map[*tcpConn]struct{} // guarded by mu
}

// tcpConn is a connection of a tcpListener.
type tcpConn struct {
	net.Conn
	in *connections
}

// listenTCP opens a listener. Its address need not be there yet: it may come with a delegation or after duplicate address
// detection (IPV6_FREEBIND, ip(7) IP_FREEBIND).
func listenTCP(ctx context.Context, at endpoint) (*tcpListener, error) {
	c := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
		var failed error
		err := raw.Control(func(fd uintptr) {
			level, option := unix.IPPROTO_IPV6, unix.IPV6_FREEBIND
			if at.addr.Addr().Unmap().Is4() {
				level, option = unix.IPPROTO_IP, unix.IP_FREEBIND
			}
			failed = unix.SetsockoptInt(int(fd), level, option, 1)
			if failed == nil && at.device != "" {
				if failed = unix.BindToDevice(int(fd), at.device); failed != nil {
					failed = fmt.Errorf("bind to device %s: %w", at.device, failed)
				}
			}
		})
		return errors.Join(err, failed)
	}}
	network := "tcp6"
	if at.addr.Addr().Unmap().Is4() {
		network = "tcp4"
	}
	l, err := c.Listen(ctx, network, at.addr.String())
	if err != nil {
		return nil, fmt.Errorf("api.tcp: listen on %s: %w", at, err)
	}
	return &tcpListener{Listener: l, at: at, conns: &connections{all: map[*tcpConn]struct{}{}}}, nil
}

// Accept implements net.Listener. Connections that are too many are closed.
func (l *tcpListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		c := &tcpConn{conn, l.conns}
		if l.closed.Load() || !l.conns.add(c) {
			_ = conn.Close()
			continue
		}
		return c, nil
	}
}

func (c *connections) add(conn *tcpConn) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.all) >= maxTCP {
		return false
	}
	c.all[conn] = struct{}{}
	return true
}

// Close implements net.Conn.
func (c *tcpConn) Close() error {
	c.in.mu.Lock()
	delete(c.in.all, c)
	c.in.mu.Unlock()
	return c.Conn.Close()
}

// Close stops listening. Connections stay.
func (l *tcpListener) Close() error {
	l.closed.Store(true)
	return l.Listener.Close()
}

// hangUp ends the connections.
func (c *connections) hangUp() {
	c.mu.Lock()
	all := slices.Collect(maps.Keys(c.all))
	c.mu.Unlock()
	for _, conn := range all {
		_ = conn.Close()
	}
}
