package dhcpv6

import (
	"errors"
	"net/netip"

	"golang.org/x/sys/unix"
)

// send sends a datagram from an address of ours, which may be invalid to let the kernel choose, on the interface with the
// index, or wherever the routes lead if that is 0. It never blocks: where the queue is full, the datagram is lost, as on a wire.
func (s *sockets) send(payload []byte, to netip.AddrPort, from netip.Addr, index int) error {
	sa := &unix.SockaddrInet6{Port: int(to.Port()), Addr: to.Addr().As16()}
	if to.Addr().IsLinkLocalUnicast() {
		sa.ZoneId = uint32(index)
	}
	info := &unix.Inet6Pktinfo{Ifindex: uint32(index)}
	if from.IsValid() {
		info.Addr = from.As16()
	}
	oob := unix.PktInfo6(info)
	var err error
	errWait := s.rawUDP.Write(func(fd uintptr) bool {
		err = unix.Sendmsg(int(fd), payload, oob, sa, unix.MSG_DONTWAIT)
		return true
	})
	return errors.Join(err, errWait)
}

// tell sends a message to a client on a link: to the link-layer address that its frame had, where it had one. The kernel would look
// each client up in its neighbor table, which all links share and which invented clients fill, and would keep what waits for an answer
// in the socket's send buffer, until nothing more fits for those that exist. What is larger than the link is left to the kernel to
// fragment.
func (s *sockets) tell(payload []byte, to neighbor, from netip.Addr) error {
	if len(to.mac) == 6 && from.IsValid() {
		sa := &unix.SockaddrLinklayer{Protocol: protocolIPv6(), Ifindex: to.index, Halen: 6}
		copy(sa.Addr[:], to.mac)
		frame := buildFrame(from, to.address, payload)
		var err error
		errWait := s.rawFrames.Write(func(fd uintptr) bool {
			err = unix.Sendto(int(fd), frame, unix.MSG_DONTWAIT, sa)
			return true
		})
		if err = errors.Join(err, errWait); !errors.Is(err, unix.EMSGSIZE) {
			return err
		}
	}
	return s.send(payload, netip.AddrPortFrom(to.address, clientPort), from, to.index)
}
