package api

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// maxTCP is how many connections a listener has at once, those that did not finish their handshake included.
const maxTCP = 128

// endpoint is where a listener listens.
type endpoint struct {
	addr   netip.AddrPort
	device string // empty: all
}

func (e endpoint) String() string {
	if e.device == "" {
		return e.addr.String()
	}
	return e.addr.String() + " on " + e.device
}

// tcpListener bounds its connections, and can end them.
type tcpListener struct {
	net.Listener
	at endpoint

	mu     sync.Mutex // guards what follows
	conns  map[*tcpConn]struct{}
	closed bool // it was closed on purpose
}

// tcpConn is a connection of a tcpListener.
type tcpConn struct {
	net.Conn
	listener *tcpListener
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
	return &tcpListener{Listener: l, at: at, conns: map[*tcpConn]struct{}{}}, nil
}

// Accept implements net.Listener. Connections that are too many are closed.
func (l *tcpListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		l.mu.Lock()
		if l.closed || len(l.conns) >= maxTCP {
			l.mu.Unlock()
			_ = conn.Close()
			continue
		}
		c := &tcpConn{conn, l}
		l.conns[c] = struct{}{}
		l.mu.Unlock()
		return c, nil
	}
}

// Close implements net.Conn.
func (c *tcpConn) Close() error {
	c.listener.mu.Lock()
	delete(c.listener.conns, c)
	c.listener.mu.Unlock()
	return c.Conn.Close()
}

// Close stops listening. Connections stay.
func (l *tcpListener) Close() error {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	return l.Listener.Close()
}

func (l *tcpListener) isClosed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.closed
}

// hangUp ends the connections that the listener had.
func (l *tcpListener) hangUp() {
	l.mu.Lock()
	conns := make([]*tcpConn, 0, len(l.conns))
	for c := range l.conns {
		conns = append(conns, c)
	}
	l.mu.Unlock()
	for _, c := range conns {
		_ = c.Close()
	}
}
