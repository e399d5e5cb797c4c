package dhcpv6

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// inbound is one datagram as it came in.
type inbound struct {
	payload []byte // valid until the next read
	source  netip.AddrPort
	to      netip.Addr       // where it was sent to; only set for relayed messages
	index   int              // of the interface
	mac     net.HardwareAddr // link-layer source; nil where the link has none of Ethernet
	drop    string           // reason not to look at it
}

// sockets are the sockets of a server: one packet socket that sees the clients' messages on all interfaces with the link-layer
// source of each frame, one UDP socket for relays and for what is not sent to such a source, and one for each interface that only holds the
// memberships of the groups there. Memberships have sockets of their own because the kernel limits what one socket may have
// (net.core.optmem_max), and because closing one is a leave that works for an interface that is gone, too.
type sockets struct {
	frames, udp       *os.File
	rawFrames, rawUDP syscall.RawConn
	buf, udpBuf       []byte // one reader each
	oob, udpOOB       []byte
	members           map[int]*os.File
}

// openSockets opens what hears clients on all interfaces of the network namespace, and relays on those in no VRF; or, with the
// index of a VRF device, on those in this VRF: the kernel gives no other socket what comes in there.
func openSockets(device int) (_ transport, err error) {
	s := &sockets{
		buf: make([]byte, 65536), udpBuf: make([]byte, maxDatagram+1),
		oob: make([]byte, 256), udpOOB: make([]byte, 256),
		members: map[int]*os.File{},
	}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	if s.frames, s.rawFrames, err = wrapSocket(openFrames()); err != nil {
		return nil, fmt.Errorf("open packet socket: %w", err)
	}
	if s.udp, s.rawUDP, err = wrapSocket(openUDP(device)); err != nil {
		return nil, fmt.Errorf("open UDP socket: %w", err)
	}
	return s, nil
}

func wrapSocket(fd int, err error) (*os.File, syscall.RawConn, error) {
	if err != nil {
		return nil, nil, err
	}
	f := os.NewFile(uintptr(fd), "dhcpv6")
	raw, err := f.SyscallConn()
	return f, raw, err
}

// openFrames opens the packet socket. It is bound to the protocol only once the filter is there, so that nothing else gets
// into its queue.
func openFrames() (fd int, err error) {
	fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	err = errors.Join(
		attach(fd, clientFilter),
		unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_AUXDATA, 1),
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 1<<21),
		unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: protocolIPv6()}),
	)
	if err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// protocolIPv6 is the type of frames with IPv6, in the byte order of the network.
func protocolIPv6() uint16 {
	return binary.NativeEndian.Uint16([]byte{unix.ETH_P_IPV6 >> 8, unix.ETH_P_IPV6 & 0xff})
}

func openUDP(device int) (fd int, err error) {
	fd, err = unix.Socket(unix.AF_INET6, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, unix.IPPROTO_UDP)
	if err != nil {
		return -1, err
	}
	err = errors.Join(
		unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1),
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1),
		unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, 1),
		unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_LOOP, 0),
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 1<<21),
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, 1<<21),
		attach(fd, relayFilter),
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_BINDTOIFINDEX, device), // 0 binds to none
		unix.Bind(fd, &unix.SockaddrInet6{Port: serverPort}),
	)
	if err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// clientFilter passes what goes to ff02::1:2 port 547 over UDP and is not a Relay-forward, from the IPv6 header on.
var clientFilter = []unix.SockFilter{
	{Code: unix.BPF_LD | unix.BPF_B | unix.BPF_ABS, K: 6},
	{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: nextUDP, Jf: 12},
	{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 24},
	{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: 0xff020000, Jf: 10},
	{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 28},
	{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: 0, Jf: 8},
	{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 32},
	{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: 0, Jf: 6},
	{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 36},
	{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: 0x00010002, Jf: 4},
	{Code: unix.BPF_LD | unix.BPF_H | unix.BPF_ABS, K: 42},
	{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: serverPort, Jf: 2},
	{Code: unix.BPF_LD | unix.BPF_B | unix.BPF_ABS, K: 48},
	{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: relayForward, Jf: 1},
	{Code: unix.BPF_RET | unix.BPF_K, K: 0},
	{Code: unix.BPF_RET | unix.BPF_K, K: 0xffff},
}

// relayFilter passes Relay-forward messages, and whatever else was not sent to a group: what clients send to the group is for
// the packet socket. Offsets are from the UDP header, and from the IPv6 header (SKF_NET_OFF).
var relayFilter = []unix.SockFilter{
	{Code: unix.BPF_LD | unix.BPF_B | unix.BPF_ABS, K: udpHeader},
	{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: relayForward, Jt: 2},
	{Code: unix.BPF_LD | unix.BPF_B | unix.BPF_ABS, K: 1<<32 - 0x100000 + 24},
	{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: 0xff, Jt: 1},
	{Code: unix.BPF_RET | unix.BPF_K, K: 0xffff},
	{Code: unix.BPF_RET | unix.BPF_K, K: 0},
}

const relayForward = 12

func attach(fd int, filter []unix.SockFilter) error {
	return unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER,
		&unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]})
}

// readClient blocks until a client's message comes in.
func (s *sockets) readClient() (in inbound, err error) {
	n, oob, flags, from, err := receive(s.rawFrames, s.buf, s.oob)
	if err != nil {
		return in, err
	}
	ll, ok := from.(*unix.SockaddrLinklayer)
	if !ok || flags&unix.MSG_TRUNC != 0 {
		return inbound{drop: "too-long"}, nil
	}
	in.index = ll.Ifindex
	if ll.Pkttype == unix.PACKET_OUTGOING || ll.Pkttype == unix.PACKET_OTHERHOST {
		in.drop = "not-for-us"
		return in, nil
	}
	if ll.Hatype == unix.ARPHRD_ETHER && ll.Halen == 6 {
		in.mac = net.HardwareAddr{ll.Addr[0], ll.Addr[1], ll.Addr[2], ll.Addr[3], ll.Addr[4], ll.Addr[5]}
	}
	var source netip.Addr
	source, in.payload, in.drop = parseFrame(s.buf[:n], checksummed(oob))
	in.source = netip.AddrPortFrom(source, clientPort)
	return in, nil
}

// checksummed reports whether the kernel says that the checksum needs no look: the card verified it, or the packet comes from
// this machine and has none yet.
func checksummed(oob []byte) bool {
	var ok bool
	eachControl(oob, func(level, kind int32, data []byte) {
		if level == unix.SOL_PACKET && kind == unix.PACKET_AUXDATA && len(data) >= 4 {
			ok = binary.NativeEndian.Uint32(data)&(unix.TP_STATUS_CSUMNOTREADY|unix.TP_STATUS_CSUM_VALID) != 0
		}
	})
	return ok
}

// readRelay blocks until a relay's message comes in.
func (s *sockets) readRelay() (in inbound, err error) {
	n, oob, flags, from, err := receive(s.rawUDP, s.udpBuf, s.udpOOB)
	if err != nil {
		return in, err
	}
	sa, ok := from.(*unix.SockaddrInet6)
	if !ok || flags&unix.MSG_TRUNC != 0 {
		return inbound{drop: "too-long"}, nil
	}
	in.payload = s.udpBuf[:n]
	in.source = netip.AddrPortFrom(netip.AddrFrom16(sa.Addr), uint16(sa.Port))
	eachControl(oob, func(level, kind int32, data []byte) {
		if level == unix.IPPROTO_IPV6 && kind == unix.IPV6_PKTINFO && len(data) >= 20 {
			in.to = netip.AddrFrom16([16]byte(data))
			in.index = int(binary.NativeEndian.Uint32(data[16:]))
		}
	})
	return in, nil
}

func receive(raw syscall.RawConn, buf, oob []byte) (n int, control []byte, flags int, from unix.Sockaddr, err error) {
	var oobn int
	errWait := raw.Read(func(fd uintptr) bool {
		n, oobn, flags, from, err = unix.Recvmsg(int(fd), buf, oob, unix.MSG_DONTWAIT)
		return err != unix.EAGAIN && err != unix.EINTR
	})
	return n, oob[:oobn], flags, from, errors.Join(err, errWait)
}

// eachControl calls f for each control message, which the kernel wrote.
func eachControl(oob []byte, f func(level, kind int32, data []byte)) {
	const header = unix.SizeofCmsghdr
	for len(oob) >= header {
		h := (*unix.Cmsghdr)(unsafe.Pointer(&oob[0]))
		if int(h.Len) < header || int(h.Len) > len(oob) {
			return
		}
		f(h.Level, h.Type, oob[header:int(h.Len)])
		oob = oob[min(unix.CmsgSpace(int(h.Len)-header), len(oob)):]
	}
}

// listen joins the groups on exactly the interfaces with the indexes, so that network cards and snooping switches let their
// messages through.
func (s *sockets) listen(indexes map[int]string) error {
	var errs []error
	for index, link := range indexes {
		if s.members[index] != nil {
			continue
		}
		f, err := join(index, allAgentsAndServers, allServers)
		if errors.Is(err, unix.ENODEV) {
			// It went since the configuration was made: who made it hears of that too, and gives its next index if it came back.
			continue
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("join groups on %s: %w", link, err))
			continue
		}
		s.members[index] = f
	}
	for index, f := range s.members {
		if indexes[index] == "" {
			f.Close()
			delete(s.members, index)
		}
	}
	return errors.Join(errs...)
}

func join(index int, groups ...netip.Addr) (*os.File, error) {
	fd, err := unix.Socket(unix.AF_INET6, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, unix.IPPROTO_UDP)
	if err != nil {
		return nil, err
	}
	for _, g := range groups {
		mreq := &unix.IPv6Mreq{Multiaddr: g.As16(), Interface: uint32(index)}
		if err := unix.SetsockoptIPv6Mreq(fd, unix.IPPROTO_IPV6, unix.IPV6_JOIN_GROUP, mreq); err != nil {
			unix.Close(fd)
			return nil, err
		}
	}
	return os.NewFile(uintptr(fd), "dhcpv6-groups"), nil
}

// passing reports whether an error of a read is not the end of the socket: an interface went down, or an ICMP error came back.
func passing(err error) bool {
	return errors.Is(err, unix.ENETDOWN) || errors.Is(err, unix.ENOBUFS) || errors.Is(err, unix.ECONNREFUSED) ||
		errors.Is(err, unix.EHOSTUNREACH) || errors.Is(err, unix.ENETUNREACH)
}

// interrupt makes reads return.
func (s *sockets) interrupt() {
	past := time.Unix(1, 0)
	s.frames.SetReadDeadline(past)
	s.udp.SetReadDeadline(past)
}

func (s *sockets) close() {
	for _, f := range []*os.File{s.frames, s.udp} {
		if f != nil {
			f.Close()
		}
	}
	for _, f := range s.members {
		f.Close()
	}
}
