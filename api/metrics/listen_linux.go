package metrics

import (
	"context"
	"fmt"
	"net"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"
)

// listener turns away clients past maxConnections.
type listener struct {
	net.Listener
	device int // index of the interface it is bound to; 0: none
	open   atomic.Int32
}

// listen opens the socket of a configuration. The address need not be there yet, or may still be checked for duplicates.
func listen(ctx context.Context, c Config) (*listener, error) {
	l := &listener{}
	lc := net.ListenConfig{KeepAlive: -1, Control: func(_, _ string, raw syscall.RawConn) error {
		var err error
		if ctl := raw.Control(func(fd uintptr) { l.device, err = prepare(int(fd), c) }); ctl != nil {
			return ctl
		}
		return err
	}}
	network := "tcp"
	if c.Listen.Addr().Is4() {
		network = "tcp4"
	}
	inner, err := lc.Listen(ctx, network, c.Listen.String())
	if err != nil {
		return nil, err
	}
	l.Listener = inner
	return l, nil
}

func prepare(fd int, c Config) (device int, err error) {
	if c.Listen.Addr().Is4() {
		err = unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_FREEBIND, 1)
	} else {
		err = unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_FREEBIND, 1)
	}
	if err != nil {
		return 0, fmt.Errorf("allow an address that is not there yet: %w", err)
	}
	if c.Device == "" {
		return 0, nil
	}
	if device, err = deviceIndex(c.Device); err != nil {
		return 0, err
	}
	if err := unix.BindToDevice(fd, c.Device); err != nil {
		return 0, fmt.Errorf("bind to %s: %w", c.Device, err)
	}
	return device, nil
}

// deviceIndex returns the number of an interface. It asks for the one, where net.InterfaceByName has the kernel list all.
func deviceIndex(name string) (int, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, err
	}
	defer unix.Close(fd)
	request, err := unix.NewIfreq(name)
	if err != nil {
		return 0, fmt.Errorf("interface %s: %w", name, err)
	}
	if err := unix.IoctlIfreq(fd, unix.SIOCGIFINDEX, request); err != nil {
		return 0, fmt.Errorf("interface %s: %w", name, err)
	}
	return int(request.Uint32()), nil
}

// Accept returns the next client that there is room for.
func (l *listener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if l.open.Add(1) <= maxConnections {
			return &counted{Conn: c, open: &l.open}, nil
		}
		l.open.Add(-1)
		c.Close()
	}
}

// counted is a connection that tells when it ends.
type counted struct {
	net.Conn
	open   *atomic.Int32
	closed atomic.Bool
}

// Close ends the connection.
func (c *counted) Close() error {
	if !c.closed.Swap(true) {
		c.open.Add(-1)
	}
	return c.Conn.Close()
}
