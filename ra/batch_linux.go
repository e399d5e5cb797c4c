package ra

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	sendBuffer    = 8 << 20 // what thousands of links have on their way at a time
	receiveBuffer = 1 << 20
	crowdedBuffer = sendBuffer / 2 // with this much on its way, answers give way to what is scheduled
	// sendWait is how long the packets of a batch wait together, in milliseconds, until what others have on their way left.
	sendWait = 50
)

// batchSocket is the raw socket of a Sender, bound to no interface. It moves many packets with one system call, sendmmsg(2) and
// recvmmsg(2), and waits for packets in that call and not in the runtime's poller: an answer leaves sooner so.
//
// Solicitations arrive without joining their group on links that forward: the kernel is a member there, and a socket with
// IPV6_MULTICAST_ALL, the default, gets what the kernel gets.
//
// It serves links of VRFs, too: the kernel leaves messages of neighbor discovery on the link that they came in by, and does not pass
// them on to the device of the VRF, as it does with all else; and what is sent on a link is looked up in the table of its VRF.
type batchSocket struct {
	fd       int
	ended    atomic.Bool
	mute     bool // multicast loopback is off
	in       *receiving
	schedule *sending // of write
	answers  *sending // of answer
	frames   *framer  // nil: they cannot be sent
}

// mmsghdr is struct mmsghdr of recvmmsg(2).
type mmsghdr struct {
	header unix.Msghdr
	length uint32
}

// pktinfo is a control message that says by which interface and from which address a packet goes. Of this length the kernel needs
// no memory for it.
type pktinfo struct {
	header unix.Cmsghdr
	info   unix.Inet6Pktinfo
}

// sending is what the kernel reads a batch from.
type sending struct {
	headers [maxBatch]mmsghdr
	parts   [maxBatch]unix.Iovec
	names   [maxBatch]unix.RawSockaddrInet6
	control [maxBatch]pktinfo
}

// receiving is where the kernel puts a batch.
type receiving struct {
	headers [maxBatch]mmsghdr
	parts   [maxBatch]unix.Iovec
	names   [maxBatch]unix.RawSockaddrInet6
	control [maxBatch][128]byte
	bytes   [maxBatch][maxSolicitation]byte
}

// openBatch opens a socket in the network namespace of the calling thread that receives router solicitations.
func openBatch() (*batchSocket, error) {
	fd, err := unix.Socket(unix.AF_INET6, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_ICMPV6)
	if err != nil {
		return nil, fmt.Errorf("open raw ICMPv6 socket: %w", err)
	}
	if err := prepare(fd, typeSolicitation); err != nil {
		return nil, errors.Join(err, unix.Close(fd))
	}
	// Smaller ones do as well, with more losses: that is what a process without the right to force them gets.
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, sendBuffer)
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, receiveBuffer)
	s := &batchSocket{fd: fd, in: &receiving{}, schedule: newSending(), answers: newSending()}
	if s.frames, err = openFramer(); err != nil {
		s.frames = nil // without the right to it all goes the usual way
	}
	for n := range s.in.headers {
		h := &s.in.headers[n].header
		s.in.parts[n].Base = &s.in.bytes[n][0]
		s.in.parts[n].SetLen(maxSolicitation)
		h.Iov = &s.in.parts[n]
		h.SetIovlen(1)
		h.Name = (*byte)(unsafe.Pointer(&s.in.names[n]))
		h.Control = &s.in.control[n][0]
	}
	return s, nil
}

func newSending() *sending {
	b := &sending{}
	for n := range b.headers {
		h, name, control := &b.headers[n].header, &b.names[n], &b.control[n]
		name.Family = unix.AF_INET6
		control.header.Level, control.header.Type = unix.IPPROTO_IPV6, unix.IPV6_PKTINFO
		control.header.SetLen(unix.CmsgLen(unix.SizeofInet6Pktinfo))
		h.Name, h.Namelen = (*byte)(unsafe.Pointer(name)), unix.SizeofSockaddrInet6
		h.Control = (*byte)(unsafe.Pointer(control))
		h.SetControllen(unix.CmsgLen(unix.SizeofInet6Pktinfo))
		h.Iov = &b.parts[n]
		h.SetIovlen(1)
	}
	return b
}

func (s *batchSocket) read(packets []packet) (int, error) {
	n := min(len(packets), maxBatch)
	for {
		for i := range n {
			h := &s.in.headers[i].header
			h.Namelen = unix.SizeofSockaddrInet6
			h.SetControllen(len(s.in.control[i]))
		}
		got, _, errno := unix.Syscall6(unix.SYS_RECVMMSG, uintptr(s.fd), uintptr(unsafe.Pointer(&s.in.headers[0])), uintptr(n), unix.MSG_WAITFORONE, 0, 0)
		switch {
		case s.ended.Load():
			return 0, os.ErrDeadlineExceeded
		case errno == unix.EINTR:
			continue
		case errno != 0:
			return 0, os.NewSyscallError("recvmmsg", errno)
		}
		for i := range int(got) {
			s.in.unpack(i, &packets[i])
		}
		return int(got), nil
	}
}

// unpack describes the packet in place n, whose bytes stay where they are until the next read.
func (b *receiving) unpack(n int, p *packet) {
	h := &b.headers[n]
	*p = packet{message: b.bytes[n][:h.length], info: packetInfo{hopLimit: -1, truncated: h.header.Flags&unix.MSG_TRUNC != 0}}
	if b.names[n].Family == unix.AF_INET6 {
		p.info.source = netip.AddrFrom16(b.names[n].Addr)
	}
	rest := b.control[n][:h.header.Controllen]
	for len(rest) >= unix.SizeofCmsghdr {
		header, data, more, err := unix.ParseOneSocketControlMessage(rest)
		if err != nil {
			return
		}
		rest = more
		switch {
		case header.Level != unix.IPPROTO_IPV6:
		case header.Type == unix.IPV6_PKTINFO && len(data) >= unix.SizeofInet6Pktinfo:
			p.info.index = int(binary.NativeEndian.Uint32(data[16:]))
		case header.Type == unix.IPV6_HOPLIMIT && len(data) >= 4:
			p.info.hopLimit = int(binary.NativeEndian.Uint32(data))
		}
	}
}

func (s *batchSocket) write(out []outgoing, loop bool) {
	if s.mute == loop {
		value := 0
		if loop {
			value = 1
		}
		if err := unix.SetsockoptInt(s.fd, unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_LOOP, value); err != nil {
			for n := range out {
				out[n].err = os.NewSyscallError("set IPV6_MULTICAST_LOOP", err)
			}
			return
		}
		s.mute = !loop
	}
	for len(out) > 0 {
		if s.frames != nil {
			out = out[s.frames.write(out):]
		}
		n := min(1, len(out)) // what is first did not leave as a frame
		for n < min(len(out), maxBatch) && (s.frames == nil || !out[n].direct) {
			n++
		}
		s.send(s.schedule, out[:n], sendWait)
		out = out[n:]
	}
}

func (s *batchSocket) answer(out []outgoing) {
	if waiting, err := unix.IoctlGetInt(s.fd, unix.SIOCOUTQ); err == nil && waiting > crowdedBuffer {
		for n := range out {
			out[n].err = errCrowded
		}
		return
	}
	for len(out) > 0 {
		n := min(len(out), maxBatch)
		s.send(s.answers, out[:n], 0)
		out = out[n:]
	}
}

// send sends at most maxBatch packets. One that the kernel refuses does not keep the others from leaving. If the buffer is full, it
// waits for room once, for that many milliseconds.
func (s *batchSocket) send(b *sending, out []outgoing, wait int) {
	for n := range out {
		o := &out[n]
		o.err = nil
		b.parts[n].Base = &o.message[0]
		b.parts[n].SetLen(len(o.message))
		name, info := &b.names[n], &b.control[n].info
		name.Addr, name.Scope_id = o.destination.As16(), 0
		if o.destination.IsLinkLocalUnicast() || o.destination.IsLinkLocalMulticast() {
			name.Scope_id = uint32(o.index) // the kernel wants no zone with other addresses
		}
		info.Addr, info.Ifindex = [16]byte{}, uint32(o.index)
		if o.source.IsValid() {
			info.Addr = o.source.As16()
		}
	}
	for from := 0; from < len(out); {
		sent, _, errno := unix.Syscall6(unix.SYS_SENDMMSG, uintptr(s.fd), uintptr(unsafe.Pointer(&b.headers[from])), uintptr(len(out)-from), unix.MSG_DONTWAIT, 0, 0)
		switch {
		case errno == 0:
			from += int(sent)
		case errno == unix.EINTR:
		case errno == unix.EAGAIN && wait > 0:
			_, _ = unix.Poll([]unix.PollFd{{Fd: int32(s.fd), Events: unix.POLLOUT}}, wait) // that it failed shows at the next try
			wait = 0
		case errno == unix.EAGAIN && b == s.answers:
			out[from].err = errCrowded
			from++
		case errno == unix.EINVAL && out[from].parting && s.bindFreely(true) == nil:
			// The kernel calls a source invalid that the link has no more.
			sent, _, errno = unix.Syscall6(unix.SYS_SENDMMSG, uintptr(s.fd), uintptr(unsafe.Pointer(&b.headers[from])), 1, unix.MSG_DONTWAIT, 0, 0)
			if err := s.bindFreely(false); errno != 0 || sent != 1 || err != nil {
				out[from].err = os.NewSyscallError("sendmsg", unix.EINVAL)
			}
			from++
		default:
			// It is about the first of those that were left.
			out[from].err = os.NewSyscallError("sendmsg", errno)
			from++
		}
	}
	for n := range out {
		b.parts[n].Base = nil // the bytes are the caller's
	}
}

// bindFreely has the kernel take any source address, or only those of the link again.
func (s *batchSocket) bindFreely(on bool) error {
	value := 0
	if on {
		value = 1
	}
	return unix.SetsockoptInt(s.fd, unix.SOL_IPV6, unix.IPV6_FREEBIND, value)
}

func (s *batchSocket) listen(link string, index int) (joined bool, err error) {
	if s.frames != nil {
		s.frames.forget(index)
	}
	b, err := os.ReadFile("/proc/sys/net/ipv6/conf/" + link + "/forwarding")
	if err == nil && strings.TrimSpace(string(b)) != "0" {
		return false, nil
	}
	err = unix.SetsockoptIPv6Mreq(s.fd, unix.IPPROTO_IPV6, unix.IPV6_JOIN_GROUP, &unix.IPv6Mreq{Multiaddr: allRouters.As16(), Interface: uint32(index)})
	if err != nil && !errors.Is(err, unix.EADDRINUSE) {
		return false, os.NewSyscallError("join "+allRouters.String(), err)
	}
	return true, nil
}

func (s *batchSocket) leave(index int) error {
	return os.NewSyscallError("leave "+allRouters.String(), unix.SetsockoptIPv6Mreq(s.fd, unix.IPPROTO_IPV6, unix.IPV6_LEAVE_GROUP,
		&unix.IPv6Mreq{Multiaddr: allRouters.As16(), Interface: uint32(index)}))
}

// interrupt ends a read that blocks, and every later one.
func (s *batchSocket) interrupt() {
	s.ended.Store(true)
	_ = unix.Shutdown(s.fd, unix.SHUT_RD) // it says that the socket is not connected, and wakes who reads
}

func (s *batchSocket) close() error {
	err := unix.Close(s.fd)
	if s.frames != nil {
		err = errors.Join(err, s.frames.close())
	}
	return err
}
