package ra

import (
	"encoding/binary"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"
)

// framer sends advertisements to all nodes past the kernel's routing table. That has a route to multicast addresses for each link, all
// with the same prefix, and looks through them one by one for the link of a packet: with 4,000 links that is most of the work of an
// advertisement. What it lacks of the raw socket nobody misses where there are many links: the firewall's output chain does not see these
// packets, and this machine does not hear them. Nor does the kernel look whether the source is an address of the link.
//
// It serves links with Ethernet addresses, and the sending goroutine alone.
type framer struct {
	fd    int
	ether map[int]bool // by index: whether the link has Ethernet addresses; absent: not known

	headers [maxBatch]mmsghdr
	parts   [maxBatch][2]unix.Iovec
	names   [maxBatch]unix.RawSockaddrLinklayer
	begin   [maxBatch][headerLength + checksummed]byte // what is before the part of a message that is sent as it is
}

const (
	headerLength = 40 // of IPv6
	checksummed  = 4  // of an ICMPv6 message: type, code and checksum
	protocolICMP = unix.IPPROTO_ICMPV6
	maxKnown     = 1 << 16 // links of which the kind is remembered
)

// openFramer opens a packet socket in the network namespace of the calling thread. It receives nothing.
func openFramer() (*framer, error) {
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, sendBuffer)
	f := &framer{fd: fd, ether: map[int]bool{}}
	protocol := binary.NativeEndian.Uint16([]byte{unix.ETH_P_IPV6 >> 8, unix.ETH_P_IPV6 & 0xff})
	toAll := [8]byte{0x33, 0x33, 0, 0, 0, 1} // ff02::1 (RFC 2464 7)
	for n := range f.headers {
		h, name := &f.headers[n].header, &f.names[n]
		*name = unix.RawSockaddrLinklayer{Family: unix.AF_PACKET, Protocol: protocol, Halen: 6, Addr: toAll}
		h.Name, h.Namelen = (*byte)(unsafe.Pointer(name)), unix.SizeofSockaddrLinklayer
		f.parts[n][0].Base = &f.begin[n][0]
		f.parts[n][0].SetLen(len(f.begin[n]))
		h.Iov = &f.parts[n][0]
		h.SetIovlen(2)
	}
	return f, nil
}

// takes reports whether a packet can be sent as a frame.
func (f *framer) takes(o *outgoing) bool {
	return o.direct && o.destination == allNodes && o.source.IsValid() && len(o.message) > checksummed && f.isEther(o.index)
}

// isEther reports whether a link has Ethernet addresses.
func (f *framer) isEther(index int) bool {
	is, known := f.ether[index]
	if !known {
		if len(f.ether) >= maxKnown {
			clear(f.ether)
		}
		is = hardware(f.fd, index) == unix.ARPHRD_ETHER
		f.ether[index] = is
	}
	return is
}

// forget has the kind of a link looked up again: its index may have been that of another.
func (f *framer) forget(index int) { delete(f.ether, index) }

func (f *framer) close() error { return unix.Close(f.fd) }

// hardware returns the kind of the addresses of a link; one that does not exist has none.
func hardware(fd, index int) uint16 {
	r, err := unix.NewIfreq("")
	if err != nil {
		return unix.ARPHRD_NONE
	}
	r.SetUint32(uint32(index))
	if unix.IoctlIfreq(fd, unix.SIOCGIFNAME, r) != nil {
		return unix.ARPHRD_NONE
	}
	if r, err = unix.NewIfreq(r.Name()); err != nil || unix.IoctlIfreq(fd, unix.SIOCGIFHWADDR, r) != nil {
		return unix.ARPHRD_NONE
	}
	return r.Uint16()
}

// write sends packets as frames until one cannot be, and returns how many left: of the next the raw socket finds out why.
func (f *framer) write(out []outgoing) (left int) {
	n := 0
	for n < len(out) && n < maxBatch && f.takes(&out[n]) {
		o := &out[n]
		o.err = nil
		f.names[n].Ifindex = int32(o.index)
		frame(f.begin[n][:], o)
		f.parts[n][1].Base = &o.message[checksummed]
		f.parts[n][1].SetLen(len(o.message) - checksummed)
		n++
	}
	for left < n {
		sent, _, errno := unix.Syscall6(unix.SYS_SENDMMSG, uintptr(f.fd), uintptr(unsafe.Pointer(&f.headers[left])), uintptr(n-left), unix.MSG_DONTWAIT, 0, 0)
		if errno == unix.EINTR {
			continue
		}
		if errno != 0 {
			break
		}
		left += int(sent)
	}
	for i := range n {
		f.parts[i][1].Base = nil // the bytes are the caller's
	}
	return left
}

// frame writes the IPv6 header of a packet and the beginning of its message, with the checksum, to b.
func frame(b []byte, o *outgoing) {
	source, destination := o.source.WithZone("").As16(), o.destination.As16()
	length := len(o.message)
	b[0], b[1], b[2], b[3] = 6<<4, 0, 0, 0
	binary.BigEndian.PutUint16(b[4:], uint16(length))
	b[6], b[7] = protocolICMP, infiniteHops
	copy(b[8:], source[:])
	copy(b[24:], destination[:])
	copy(b[headerLength:], o.message[:checksummed])
	binary.BigEndian.PutUint16(b[headerLength+2:], checksum(o.source, o.destination, o.message))
}

// checksum is that of an ICMPv6 message (RFC 4443 2.3), whatever it has in its place.
func checksum(source, destination netip.Addr, message []byte) uint16 {
	a, b := source.As16(), destination.As16()
	sum := uint64(len(message)) + protocolICMP
	add := func(b []byte) {
		for ; len(b) >= 2; b = b[2:] {
			sum += uint64(binary.BigEndian.Uint16(b))
		}
		if len(b) > 0 {
			sum += uint64(b[0]) << 8
		}
	}
	add(a[:])
	add(b[:])
	add(message[:2])
	add(message[checksummed:])
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}
