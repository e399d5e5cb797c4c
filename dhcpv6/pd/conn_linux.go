package pd

import (
	"errors"
	"fmt"
	"net/netip"
	"os"

	"golang.org/x/sys/unix"
)

// Ports and the group of RFC 8415 7.1 and 7.2.
const (
	clientPort = 546
	serverPort = 547
)

// allServers is All_DHCP_Relay_Agents_and_Servers.
var allServers = netip.MustParseAddr("ff02::1:2").As16()

// packetConn is the socket of one uplink.
type packetConn struct {
	file  *os.File // in the runtime's poller: Close ends a Read
	index int
}

// listen opens the client's socket on a link, in a VRF or in none: bound to a link, it hears what comes in there whatever that belongs
// to. It works with interface indexes only: the net package would look up zone
// names, for which it lists all links of the machine.
func listen(index int, local netip.Addr) (conn, error) {
	fd, err := unix.Socket(unix.AF_INET6, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.IPPROTO_UDP)
	if err != nil {
		return nil, fmt.Errorf("socket: %w", err)
	}
	set := func(level, option, value int) {
		if err == nil {
			err = unix.SetsockoptInt(fd, level, option, value)
		}
	}
	set(unix.SOL_SOCKET, unix.SO_REUSEADDR, 1) // another client may serve another link
	set(unix.SOL_SOCKET, unix.SO_BINDTOIFINDEX, index)
	set(unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1)
	set(unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_IF, index)
	set(unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_LOOP, 0)
	if err == nil {
		err = unix.Bind(fd, &unix.SockaddrInet6{Port: clientPort, ZoneId: uint32(index), Addr: local.As16()})
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open [%s%%%d]:%d: %w", local, index, clientPort, err), unix.Close(fd))
	}
	return &packetConn{file: os.NewFile(uintptr(fd), "dhcpv6 client"), index: index}, nil
}

// Read waits for a datagram. One that is longer than p is cut to its length.
func (c *packetConn) Read(p []byte) (n int, from netip.Addr, err error) {
	raw, err := c.file.SyscallConn()
	if err != nil {
		return 0, from, err
	}
	var sa unix.Sockaddr
	var rerr error
	err = raw.Read(func(fd uintptr) bool {
		for rerr = unix.EINTR; rerr == unix.EINTR; {
			n, sa, rerr = unix.Recvfrom(int(fd), p, 0)
		}
		return rerr != unix.EAGAIN
	})
	if err = errors.Join(err, rerr); err != nil {
		return 0, from, err
	}
	if sa6, ok := sa.(*unix.SockaddrInet6); ok {
		from = netip.AddrFrom16(sa6.Addr)
	}
	return n, from, nil
}

// Write sends a datagram to all servers on the link. It does not wait: a full queue is an error.
func (c *packetConn) Write(p []byte) error {
	raw, err := c.file.SyscallConn()
	if err != nil {
		return err
	}
	var werr error
	err = raw.Control(func(fd uintptr) {
		werr = unix.Sendto(int(fd), p, unix.MSG_DONTWAIT, &unix.SockaddrInet6{Port: serverPort, ZoneId: uint32(c.index), Addr: allServers})
	})
	return errors.Join(err, werr)
}

// Close closes the socket and ends a Read.
func (c *packetConn) Close() error { return c.file.Close() }
