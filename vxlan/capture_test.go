package vxlan

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/sixfold-router/sixfold/integration/netns"
)

// flows is how many inner frames are compared, of as many flows: each has a source port of its own.
const flows = 48

// marker is the source of the inner frames, by which they are told from what the kernel sends itself.
var marker = []byte{2, 0xaa, 0xbb, 0xcc, 0xdd, 0xee}

// innerFrame is an Ethernet frame of one flow: IPv4 with DF, IPv4 without, IPv6, or an ARP request, with all kinds of traffic classes.
func innerFrame(n int) []byte {
	to := []byte{2, 0, 0, 0, 0, byte(n)}
	udp := []byte{0x10, byte(n), 0x20, 0, 0, 16, 0, 0, 1, 2, 3, 4, 5, 6, 7, byte(n)}
	switch n % 4 {
	case 0, 1:
		header := []byte{0x45, byte(n << 2), 0, 36, 0, byte(n), 0x40 * byte(n%2), 0, 33, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, byte(n)}
		binary.BigEndian.PutUint16(header[10:], checksumOf(0, header))
		return join(to, marker, []byte{8, 0}, header, udp)
	case 2:
		header := join([]byte{0x60 | byte(n>>4), byte(n << 4), 0, 0, 0, 16, 17, 44}, net.ParseIP("2001:db8::1"), net.ParseIP("2001:db8::2"))
		return join(to, marker, []byte{0x86, 0xdd}, header, udp)
	}
	arp := []byte{0, 1, 8, 0, 6, 4, 0, 1, 2, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 10, 0, 0, 1, 0, 0, 0, 0, 0, 0, 10, 0, 0, byte(n)}
	return join([]byte{255, 255, 255, 255, 255, 255}, marker, []byte{8, 6}, arp)
}

// checksumOf is the internet checksum (RFC 1071) over b, from an initial sum.
func checksumOf(sum uint32, b []byte) uint16 {
	for i := 0; i+1 < len(b); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(b[i:]))
	}
	if len(b)%2 == 1 {
		sum += uint32(b[len(b)-1]) << 8
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}

// rawSocket opens a socket that sends and hears frames of a link of a node.
func rawSocket(t *testing.T, n *netns.Node, link string) int {
	t.Helper()
	fd := -1
	err := n.Do(func() error {
		l, err := net.InterfaceByName(link)
		if err != nil {
			return err
		}
		if fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0x0300); err != nil { // ETH_P_ALL
			return err
		}
		return unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: 0x0300, Ifindex: l.Index})
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	return fd
}

// wholeChecksums has the kernel compute checksums before a frame leaves, rather than leave them to a card.
func wholeChecksums(t *testing.T, link string) {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	value := [2]uint32{unix.ETHTOOL_STXCSUM, 0}
	request := struct {
		name [unix.IFNAMSIZ]byte
		data unsafe.Pointer
		_    [16]byte
	}{data: unsafe.Pointer(&value)}
	copy(request.name[:], link)
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCETHTOOL, uintptr(unsafe.Pointer(&request))); errno != 0 {
		t.Fatal(errno)
	}
}

// capture sends the inner frames into vx, and returns the frames that the host gets, in the order of their inner frames.
func capture(t *testing.T, h *netns.Node) [][]byte {
	t.Helper()
	out, in := rawSocket(t, netns.Own(), "vx"), rawSocket(t, h, "p0")
	if err := unix.SetsockoptTimeval(in, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Usec: 100_000}); err != nil {
		t.Fatal(err)
	}
	var got [][]byte
	b := make([]byte, 1<<16)
	for n := range flows {
		frame := innerFrame(n)
		if _, err := unix.Write(out, frame); err != nil {
			t.Fatal(err)
		}
		deadline := time.Now().Add(5 * time.Second)
		for len(got) == n {
			size, _, err := unix.Recvfrom(in, b, 0)
			if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINTR) {
				if time.Now().After(deadline) {
					t.Fatalf("inner frame %d did not come", n)
				}
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			if slices.Equal(b[max(size-len(frame), 0):size], frame) {
				got = append(got, slices.Clone(b[:size]))
			}
		}
	}
	return got
}

// outer is what of a frame stands before the inner one, without what differs from packet to packet: the identification of IPv4 and the
// checksum of its header, which has to be right.
func outer(t *testing.T, frame []byte, n int) []byte {
	t.Helper()
	head := slices.Clone(frame[:len(frame)-len(innerFrame(n))])
	if head[12] == 8 {
		if sum := checksumOf(0, head[14:34]); sum != 0 {
			t.Errorf("frame %d: the checksum of the outer header is wrong by %#x", n, sum)
		}
		clear(head[18:20])
		clear(head[24:26])
	}
	return head
}

// checkUDP looks at the outer UDP checksum, and returns the source port.
func checkUDP(t *testing.T, frame []byte, checksum bool) uint16 {
	t.Helper()
	udp, pseudo := frame[34:], frame[26:34]
	if frame[12] == 0x86 {
		udp, pseudo = frame[54:], frame[22:54]
	}
	var sum uint32
	for i := 0; i < len(pseudo); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(pseudo[i:]))
	}
	switch given := binary.BigEndian.Uint16(udp[6:]); {
	case !checksum && given != 0:
		t.Errorf("there is a UDP checksum %#x", given)
	case checksum && (given == 0 || checksumOf(sum+17+uint32(len(udp)), udp) != 0):
		t.Errorf("the UDP checksum %#x is wrong", given)
	}
	return binary.BigEndian.Uint16(udp)
}

// TestOuterHeaders compares what leaves through our device with what leaves through one that `ip link` makes: for the same inner frames
// every octet from the Ethernet to the VXLAN header is the same, source ports and checksums among them.
func TestOuterHeaders(t *testing.T) {
	usual := kernelPorts(t)
	for _, tt := range []struct {
		name  string
		edit  func(*Device)
		plain string // of ip link add vx type vxlan id 1000 dstport 4789
		ports [2]uint16
		none  bool // no UDP checksum
	}{
		{name: "the seed's group", edit: func(d *Device) { d.TTL = 5 }, plain: "group 239.0.3.232 dev u0 ttl 5"},
		{name: "IPv6 group", edit: func(d *Device) { d.Group, d.TTL = group6, 5 }, plain: "group ff05::3e8 dev u0 ttl 5"},
		{name: "local address", edit: func(d *Device) { d.Local = netip.MustParseAddr("192.168.7.9") }, plain: "group 239.0.3.232 local 192.168.7.9 dev u0 ttl 64"},
		{name: "a remote", edit: func(d *Device) { d.Group, d.Link, d.Remotes = netip.Addr{}, "", addrs("192.168.7.2") }, plain: "remote 192.168.7.2 ttl 64"},
		{name: "an IPv6 remote over a link", edit: func(d *Device) { d.Group, d.Remotes = netip.Addr{}, addrs("fd07::2") }, plain: "remote fd07::2 dev u0 ttl 64"},
		{name: "dscp", edit: func(d *Device) { d.TOS = 46 << 2 }, plain: "group 239.0.3.232 dev u0 ttl 64 tos 0xb8"},
		{name: "dscp inherit", edit: func(d *Device) { d.TOS = TOSInherit }, plain: "group 239.0.3.232 dev u0 ttl 64 tos inherit"},
		{name: "dscp inherit over IPv6", edit: func(d *Device) { d.Group, d.TOS = group6, TOSInherit }, plain: "group ff05::3e8 dev u0 ttl 64 tos inherit"},
		{name: "df set", edit: func(d *Device) { d.DF = DFSet }, plain: "group 239.0.3.232 dev u0 ttl 64 df set"},
		{name: "df inherit", edit: func(d *Device) { d.DF = DFInherit }, plain: "group 239.0.3.232 dev u0 ttl 64 df inherit"},
		{name: "source ports", edit: func(d *Device) { d.PortLow, d.PortHigh = 5000, 5999 }, plain: "group 239.0.3.232 dev u0 ttl 64 srcport 5000 5999",
			ports: [2]uint16{5000, 5999}},
		{name: "no checksum", edit: func(d *Device) { d.NoChecksum = true }, plain: "group 239.0.3.232 dev u0 ttl 64 noudpcsum", none: true},
		{name: "no checksum over IPv6", edit: func(d *Device) { d.Group, d.NoChecksum = group6, true },
			plain: "group ff05::3e8 dev u0 ttl 64 udp6zerocsumtx udp6zerocsumrx", none: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := wire(t, "capture")
			sh(t, "ip addr add 192.168.7.9/24 dev u0; ip addr add fd07::1/64 dev u0 nodad")
			h.Sh(t, "ip addr add fd07::2/64 dev p0 nodad")
			wholeChecksums(t, "u0")
			// The neighbors are known before the first frame.
			eventually(t, "IPv4", netns.Own().Expect("ping -c1 -W1 192.168.7.2"))
			eventually(t, "IPv6", netns.Own().Expect("ping -c1 -W1 fd07::2"))
			m := manager()
			t.Cleanup(func() { apply(t, m, Config{}) })
			applyTwice(t, m, config(device("vx", 1000, func(d *Device) { d.TTL = 64; tt.edit(d) })))
			ours := capture(t, h)
			apply(t, m, Config{})
			sh(t, "ip link add vx type vxlan id 1000 dstport 4789 %s; ip link set vx up", tt.plain)
			theirs := capture(t, h)
			sh(t, "ip link del vx")

			ports := map[uint16]bool{}
			low, high := usual[0], usual[1]
			if tt.ports[0] != 0 {
				low, high = tt.ports[0], tt.ports[1]
			}
			for n := range flows {
				if diff := cmp.Diff(outer(t, theirs[n], n), outer(t, ours[n], n)); diff != "" {
					t.Errorf("outer headers of frame %d (-plain +ours):\n%s", n, diff)
				}
				port := checkUDP(t, ours[n], !tt.none)
				ports[port] = true
				if port < low || port > high {
					t.Errorf("frame %d has source port %d, not one of %d to %d", n, port, low, high)
				}
			}
			if len(ports) < flows/4 {
				t.Errorf("%d flows have %d source ports", flows, len(ports))
			}
		})
	}
}

// kernelPorts is the range of source ports that the kernel chooses from.
func kernelPorts(t *testing.T) (ports [2]uint16) {
	t.Helper()
	text, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range")
	if err == nil {
		_, err = fmt.Sscan(string(text), &ports[0], &ports[1])
	}
	if err != nil {
		t.Fatal(err)
	}
	return ports
}

// TestMTUEdge pings with the largest packet that the derived MTU has, and with one octet more.
func TestMTUEdge(t *testing.T) {
	for _, tt := range []struct {
		name       string
		edit       func(*Device)
		plain      string
		lower, mtu int
	}{
		{"IPv4 group", func(*Device) {}, "group 239.0.3.232 dev p0", 1500, 1450},
		{"IPv6 group", func(d *Device) { d.Group = group6 }, "group ff05::3e8 dev p0", 1500, 1430},
		{"jumbo frames", func(*Device) {}, "group 239.0.3.232 dev p0", 9000, 8950},
		{"IPv6 remote", func(d *Device) { d.Group, d.Remotes = netip.Addr{}, addrs("fd07::2") }, "remote fd07::1 dev p0", 1500, 1430},
		{"IPv4 remote without a link", func(d *Device) { d.Group, d.Link, d.Remotes = netip.Addr{}, "", addrs("192.168.7.2") }, "remote 192.168.7.1", 1500, 1450},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := wire(t, "edge")
			sh(t, "ip link set u0 mtu %d; ip addr add fd07::1/64 dev u0 nodad", tt.lower)
			h.Sh(t, "ip link set p0 mtu %d; ip addr add fd07::2/64 dev p0 nodad", tt.lower)
			m := manager()
			t.Cleanup(func() { apply(t, m, Config{}) })
			// The outer packets must fit by themselves: over IPv4 they may not be fragmented.
			d := device("vx", 1000, tt.edit)
			if !d.OverIPv6() {
				d.DF = DFSet
			}
			applyTwice(t, m, config(d))
			sh(t, "ip addr add 10.0.0.1/24 dev vx")
			h.Sh(t, "ip link add vx mtu 1400 type vxlan id 1000 dstport 4789 %s ttl 5; ip link set vx mtu %d up; ip addr add 10.0.0.2/24 dev vx", tt.plain, tt.mtu)
			const headers = 20 + 8
			eventually(t, "the derived MTU", netns.Own().Expect(fmt.Sprintf("ping -c1 -W1 -M do -s %d 10.0.0.2", tt.mtu-headers)))
			if err := netns.Own().Expect(fmt.Sprintf("ping -c1 -W1 -M do -s %d 10.0.0.2", tt.mtu-headers+1))(); err == nil {
				t.Errorf("a packet of %d octets passes", tt.mtu+1)
			}
			if out := h.Sh(t, "nstat -asz IpReasmReqds Ip6ReasmReqds"); strings.Count(out, " 0 ") < 2 {
				t.Errorf("outer packets came in fragments:\n%s", out)
			}
		})
	}
}
