package mld

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// packet is what comes with a received message.
type packet struct {
	source   netip.Addr
	index    int // interface it came in by
	hopLimit int // -1: unknown
	alert    bool
	long     bool // longer than the buffer
}

// socket is a raw ICMPv6 socket that is bound to no interface.
type socket struct {
	file   *os.File // the descriptor, in the runtime's poller
	closed atomic.Bool
	raw    interface {
		Read(func(fd uintptr) bool) error
		Control(func(fd uintptr)) error
	}
}

// bufferBytes holds the answers of some thousand hosts to one query.
const bufferBytes = 4 << 20

// routerAlert is a hop-by-hop header with the Router Alert option for MLD (RFC 2711 2.1) and padding. The kernel writes the first
// byte.
var routerAlert = [8]byte{0, 0, 5, 2, 0, 0, 1, 0}

// openRaw opens a raw ICMPv6 socket in the network namespace of the calling thread that receives messages of these types.
func openRaw(types ...int) (*socket, error) {
	fd, err := unix.Socket(unix.AF_INET6, unix.SOCK_RAW|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, unix.IPPROTO_ICMPV6)
	if err != nil {
		return nil, fmt.Errorf("open raw ICMPv6 socket: %w", err)
	}
	var accept unix.ICMPv6Filter
	for i := range accept.Data {
		accept.Data[i] = 0xffffffff // a set bit blocks
	}
	for _, t := range types {
		accept.Data[t>>5] &^= 1 << (t & 31)
	}
	if err := unix.SetsockoptICMPv6Filter(fd, unix.SOL_ICMPV6, unix.ICMPV6_FILTER, &accept); err != nil {
		return nil, errors.Join(fmt.Errorf("set ICMPv6 filter: %w", err), unix.Close(fd))
	}
	// Without the privilege for more, it has the size that the system allows.
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, bufferBytes) != nil {
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, bufferBytes); err != nil {
			return nil, errors.Join(fmt.Errorf("set SO_RCVBUF: %w", err), unix.Close(fd))
		}
	}
	file := os.NewFile(uintptr(fd), "icmpv6")
	raw, err := file.SyscallConn()
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return &socket{file: file, raw: raw}, nil
}

// openListener opens the socket for the messages of hosts and other routers, and for our queries.
func openListener() (*socket, error) {
	s, err := openRaw(typeQuery, typeReport1, typeDone, typeReport2)
	if err != nil {
		return nil, err
	}
	err = s.control(func(fd int) error {
		for _, o := range []struct {
			name          string
			option, value int
		}{
			{"IPV6_RECVPKTINFO", unix.IPV6_RECVPKTINFO, 1},
			{"IPV6_RECVHOPLIMIT", unix.IPV6_RECVHOPLIMIT, 1},
			{"IPV6_RECVHOPOPTS", unix.IPV6_RECVHOPOPTS, 1},
			{"IPV6_MULTICAST_HOPS", unix.IPV6_MULTICAST_HOPS, 1},
		} {
			if err := unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, o.option, o.value); err != nil {
				return fmt.Errorf("set %s: %w", o.name, err)
			}
		}
		return os.NewSyscallError("set IPV6_HOPOPTS", unix.SetsockoptString(fd, unix.IPPROTO_IPV6, unix.IPV6_HOPOPTS, string(routerAlert[:])))
	})
	if err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

// control calls f with the descriptor.
func (s *socket) control(f func(fd int) error) error {
	var err error
	if cerr := s.raw.Control(func(fd uintptr) { err = f(int(fd)) }); cerr != nil {
		return cerr
	}
	return err
}

// read blocks until a message comes, interrupt is called, which gives os.ErrDeadlineExceeded, or close, which gives os.ErrClosed.
func (s *socket) read(b []byte) (int, packet, error) {
	var oob [512]byte
	var n, oobn, flags int
	var from unix.Sockaddr
	var err error
	if rerr := s.raw.Read(func(fd uintptr) bool {
		n, oobn, flags, from, err = unix.Recvmsg(int(fd), b, oob[:], 0)
		return !errors.Is(err, unix.EAGAIN) && !errors.Is(err, unix.EINTR)
	}); rerr != nil {
		if s.closed.Load() {
			rerr = os.ErrClosed
		}
		return 0, packet{}, rerr
	}
	if err != nil {
		return 0, packet{}, os.NewSyscallError("recvmsg", err)
	}
	p := packet{hopLimit: -1, long: flags&unix.MSG_TRUNC != 0}
	if a, ok := from.(*unix.SockaddrInet6); ok {
		p.source = netip.AddrFrom16(a.Addr)
	}
	messages, err := unix.ParseSocketControlMessage(oob[:oobn])
	if err != nil {
		return n, p, nil // a hop-by-hop header that does not fit: there is no telling what is in it, and the message is dropped
	}
	for _, m := range messages {
		switch {
		case m.Header.Level != unix.IPPROTO_IPV6:
		case m.Header.Type == unix.IPV6_PKTINFO && len(m.Data) >= unix.SizeofInet6Pktinfo:
			p.index = int(binary.NativeEndian.Uint32(m.Data[16:]))
		case m.Header.Type == unix.IPV6_HOPLIMIT && len(m.Data) >= 4:
			p.hopLimit = int(binary.NativeEndian.Uint32(m.Data))
		case m.Header.Type == unix.IPV6_HOPOPTS:
			p.alert = alerted(m.Data)
		}
	}
	return n, p, nil
}

// alerted reports whether a hop-by-hop header has the Router Alert option with the value for MLD (RFC 2711 2.1).
func alerted(b []byte) bool {
	if len(b) < 2 {
		return false
	}
	b = b[2:]
	for len(b) > 0 {
		switch {
		case b[0] == 0: // Pad1
			b = b[1:]
			continue
		case len(b) < 2 || len(b) < 2+int(b[1]):
			return false
		case b[0] == 5:
			return b[1] == 2 && b[2] == 0 && b[3] == 0
		}
		b = b[2+int(b[1]):]
	}
	return false
}

// ask sends a query. It never waits: a full send buffer is an error.
func (s *socket) ask(index int, source netip.Addr, q query) error {
	info := &unix.Inet6Pktinfo{Ifindex: uint32(index), Addr: source.As16()}
	to := &unix.SockaddrInet6{Addr: q.Destination.As16()}
	if q.Destination.IsLinkLocalMulticast() {
		to.ZoneId = uint32(index) // the kernel wants no zone with other addresses
	}
	return s.control(func(fd int) error {
		_, err := unix.SendmsgN(fd, q.encode(), unix.PktInfo6(info), to, unix.MSG_DONTWAIT)
		return os.NewSyscallError("sendmsg", err)
	})
}

// interrupt ends a read that blocks, and every later one.
func (s *socket) interrupt() { _ = s.file.SetReadDeadline(time.Unix(1, 0)) } // it can only fail on a closed file

func (s *socket) close() error {
	s.closed.Store(true)
	return s.file.Close()
}
