package ra

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// conn is what a Sender needs of its socket; tests put channels in its place.
type conn interface {
	// read blocks until a packet comes or interrupt is called, which gives os.ErrDeadlineExceeded.
	read(b []byte) (int, packetInfo, error)
	// write sends one ICMPv6 message. An invalid source leaves the choice to the kernel. loop says whether this machine hears what
	// is sent to a group that it is a member of. It is called from one goroutine at a time.
	write(b []byte, index int, source, destination netip.Addr, loop bool) error
	join(index int, group netip.Addr) error
	leave(index int, group netip.Addr) error
	interrupt()
	close() error
}

var (
	allNodes   = netip.MustParseAddr("ff02::1")
	allRouters = netip.MustParseAddr("ff02::2")
)

// socket is a raw ICMPv6 socket that is bound to no interface. Package net would look up the name of the interface of every
// packet, and its table of names is filled by dumps of all links; so this one deals in interface indexes.
//
// It serves links of VRFs, too: the kernel leaves messages of neighbor discovery on the link that they came in by, and does not pass
// them on to the device of the VRF, as it does with all else; and what is sent on a link is looked up in the table of its VRF.
type socket struct {
	file *os.File // the descriptor, in the runtime's poller
	mute bool     // multicast loopback is off; of whoever calls write
	raw  interface {
		Read(func(fd uintptr) bool) error
		Write(func(fd uintptr) bool) error
		Control(func(fd uintptr)) error
	}
}

// openSocket opens a socket in the network namespace of the calling thread that receives ICMPv6 messages of one type.
func openSocket(accept int) (*socket, error) {
	fd, err := unix.Socket(unix.AF_INET6, unix.SOCK_RAW|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, unix.IPPROTO_ICMPV6)
	if err != nil {
		return nil, fmt.Errorf("open raw ICMPv6 socket: %w", err)
	}
	if err := prepare(fd, accept); err != nil {
		return nil, errors.Join(err, unix.Close(fd))
	}
	file := os.NewFile(uintptr(fd), "icmpv6")
	raw, err := file.SyscallConn()
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return &socket{file: file, raw: raw}, nil
}

// openDeaf is openSocket, but what this machine itself sends to groups does not wake it.
func openDeaf(accept int) (*socket, error) {
	s, err := openSocket(accept)
	if err != nil {
		return nil, err
	}
	const packetType, all = 0xfffff000 + 4, 1 << 31 // SKF_AD_OFF + SKF_AD_PKTTYPE of linux/filter.h
	program := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_B | unix.BPF_ABS, K: packetType},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.PACKET_LOOPBACK, Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K},
		{Code: unix.BPF_RET | unix.BPF_K, K: all},
	}
	if cerr := s.raw.Control(func(fd uintptr) {
		err = unix.SetsockoptSockFprog(int(fd), unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]})
	}); cerr != nil || err != nil {
		return nil, errors.Join(cerr, os.NewSyscallError("set SO_ATTACH_FILTER", err), s.close())
	}
	return s, nil
}

func prepare(fd, accept int) error {
	var filter unix.ICMPv6Filter
	for i := range filter.Data {
		filter.Data[i] = 0xffffffff // a set bit blocks
	}
	filter.Data[accept>>5] &^= 1 << (accept & 31)
	if err := unix.SetsockoptICMPv6Filter(fd, unix.SOL_ICMPV6, unix.ICMPV6_FILTER, &filter); err != nil {
		return fmt.Errorf("set ICMPv6 filter: %w", err)
	}
	for _, o := range []struct {
		name          string
		option, value int
	}{
		{"IPV6_RECVPKTINFO", unix.IPV6_RECVPKTINFO, 1},
		{"IPV6_RECVHOPLIMIT", unix.IPV6_RECVHOPLIMIT, 1},
		{"IPV6_MULTICAST_HOPS", unix.IPV6_MULTICAST_HOPS, infiniteHops},
		{"IPV6_UNICAST_HOPS", unix.IPV6_UNICAST_HOPS, infiniteHops},
	} {
		if err := unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, o.option, o.value); err != nil {
			return fmt.Errorf("set %s: %w", o.name, err)
		}
	}
	return nil
}

func (s *socket) read(b []byte) (int, packetInfo, error) {
	var oob [128]byte
	var n, oobn, flags int
	var from unix.Sockaddr
	var err error
	if rerr := s.raw.Read(func(fd uintptr) bool {
		n, oobn, flags, from, err = unix.Recvmsg(int(fd), b, oob[:], 0)
		return !errors.Is(err, unix.EAGAIN) && !errors.Is(err, unix.EINTR)
	}); rerr != nil {
		return 0, packetInfo{}, rerr
	}
	if err != nil {
		return 0, packetInfo{}, os.NewSyscallError("recvmsg", err)
	}
	info := packetInfo{hopLimit: -1, truncated: flags&unix.MSG_TRUNC != 0}
	if a, ok := from.(*unix.SockaddrInet6); ok {
		info.source = netip.AddrFrom16(a.Addr)
	}
	messages, err := unix.ParseSocketControlMessage(oob[:oobn])
	if err != nil {
		return 0, packetInfo{}, os.NewSyscallError("recvmsg control data", err)
	}
	for _, m := range messages {
		switch {
		case m.Header.Level != unix.IPPROTO_IPV6:
		case m.Header.Type == unix.IPV6_PKTINFO && len(m.Data) >= unix.SizeofInet6Pktinfo:
			info.index = int(binary.NativeEndian.Uint32(m.Data[16:]))
		case m.Header.Type == unix.IPV6_HOPLIMIT && len(m.Data) >= 4:
			info.hopLimit = int(binary.NativeEndian.Uint32(m.Data))
		}
	}
	return n, info, nil
}

func (s *socket) write(b []byte, index int, source, destination netip.Addr, loop bool) error {
	if s.mute == loop {
		if err := s.setLoop(loop); err != nil {
			return err
		}
		s.mute = !loop
	}
	pktinfo := &unix.Inet6Pktinfo{Ifindex: uint32(index)}
	if source.IsValid() {
		pktinfo.Addr = source.As16()
	}
	to := &unix.SockaddrInet6{Addr: destination.As16()}
	if destination.IsLinkLocalUnicast() || destination.IsLinkLocalMulticast() {
		to.ZoneId = uint32(index) // the kernel wants no zone with other addresses
	}
	var err error
	// A full send buffer must not hold up the other links for long.
	if derr := s.file.SetWriteDeadline(time.Now().Add(time.Second)); derr != nil {
		return derr
	}
	if werr := s.raw.Write(func(fd uintptr) bool {
		_, err = unix.SendmsgN(int(fd), b, unix.PktInfo6(pktinfo), to, 0)
		return !errors.Is(err, unix.EAGAIN) && !errors.Is(err, unix.EINTR)
	}); werr != nil {
		return werr
	}
	return os.NewSyscallError("sendmsg", err)
}

func (s *socket) setLoop(on bool) error {
	value := 0
	if on {
		value = 1
	}
	var err error
	if cerr := s.raw.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_LOOP, value)
	}); cerr != nil {
		return cerr
	}
	return os.NewSyscallError("set IPV6_MULTICAST_LOOP", err)
}

func (s *socket) join(index int, group netip.Addr) error {
	err := s.membership(unix.IPV6_JOIN_GROUP, index, group)
	if errors.Is(err, unix.EADDRINUSE) {
		return nil // already a member
	}
	return os.NewSyscallError("join "+group.String(), err)
}

func (s *socket) leave(index int, group netip.Addr) error {
	return os.NewSyscallError("leave "+group.String(), s.membership(unix.IPV6_LEAVE_GROUP, index, group))
}

func (s *socket) membership(option, index int, group netip.Addr) error {
	var err error
	if cerr := s.raw.Control(func(fd uintptr) {
		err = unix.SetsockoptIPv6Mreq(int(fd), unix.IPPROTO_IPV6, option,
			&unix.IPv6Mreq{Multiaddr: group.As16(), Interface: uint32(index)})
	}); cerr != nil {
		return cerr
	}
	return err
}

// interrupt ends a read that blocks, and every later one.
func (s *socket) interrupt() { _ = s.file.SetReadDeadline(time.Unix(1, 0)) } // it can only fail on a closed file

func (s *socket) close() error { return s.file.Close() }
