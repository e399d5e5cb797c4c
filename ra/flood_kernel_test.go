package ra

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/ipv6"
	"golang.org/x/sys/unix"
)

// spoofed is an Ethernet frame with a router solicitation from an invented host. It has no link-layer address: the kernel would
// remember each by itself, in a neighbor table that all namespaces of the machine share.
func spoofed(n uint32, mac net.HardwareAddr) []byte {
	f := make([]byte, 14+ipv6.HeaderLen+8)
	copy(f, []byte{0x33, 0x33, 0, 0, 0, 2})
	copy(f[6:], mac)
	f[12], f[13] = 0x86, 0xdd
	ip := f[14:]
	ip[0], ip[5], ip[6], ip[7] = 0x60, 8, unix.IPPROTO_ICMPV6, infiniteHops
	source, group := netip.MustParseAddr("fe80::bad:0:0").As16(), allRouters.As16()
	binary.BigEndian.PutUint32(source[12:], n)
	copy(ip[8:], source[:])
	copy(ip[24:], group[:])
	icmp := ip[ipv6.HeaderLen:]
	icmp[0] = typeSolicitation
	sum := uint32(8 + unix.IPPROTO_ICMPV6)
	for i := 8; i < len(ip); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(ip[i:]))
	}
	for sum > 0xffff {
		sum = sum&0xffff + sum>>16
	}
	binary.BigEndian.PutUint16(icmp[2:], ^uint16(sum))
	return f
}

// TestKernelFlood: ten thousand solicitations of as many invented hosts leave few of them in the neighbor table, no memory and
// nothing that waits, and a real host is served.
func TestKernelFlood(t *testing.T) {
	h, i := lan(t, "flood")
	i.MinInterval, i.MaxInterval = 200*time.Second, 600*time.Second
	s, _ := run(t, Config{Interfaces: map[string]Interface{"r0": i}})
	eventually(t, "first advertisement", func() error {
		if s.Status()[0].Sent == 0 {
			return errors.New("not sent")
		}
		return nil
	})
	var before runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	link, _ := h.Link(t, "h0")
	const hosts = 10000
	if err := h.Do(func() error {
		fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		to := &unix.SockaddrLinklayer{Ifindex: link.Index}
		for n := range uint32(hosts) {
			if err := unix.Sendto(fd, spoofed(n, link.HardwareAddr), 0, to); err != nil && !errors.Is(err, unix.ENOBUFS) {
				return fmt.Errorf("frame %d: %w", n, err)
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the flood is over", func() error {
		if st := s.Status()[0]; st.Solicited < hosts/100 {
			return fmt.Errorf("%d solicitations arrived", st.Solicited)
		}
		return nil
	})
	eventually(t, "a host is served", h.Expect("rdisc6 -1 -r 1 -w 4000 h0", "from "+i.LinkLocal.String()))
	st := s.Status()[0]
	t.Logf("%d arrived, %d were answered by unicast", st.Solicited, st.Answered)
	if st.Answered > hosts/4 {
		t.Errorf("%d of %d were answered by unicast", st.Answered, st.Solicited)
	}
	neighbors, err := strconv.Atoi(strings.TrimSpace(sh(t, "ip -6 neigh show dev r0 nud all | grep -c fe80::bad || :")))
	if err != nil || neighbors > newHostsBurst+30*newHosts {
		t.Errorf("%d invented neighbors are remembered (%v)", neighbors, err)
	}
	s.mu.Lock()
	waiting, remembered := len(s.queue), len(s.links["r0"].hosts.full)
	s.mu.Unlock()
	if waiting > 0 || remembered > maxHosts {
		t.Errorf("%d answers wait, %d hosts are remembered", waiting, remembered)
	}
	var now runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&now)
	if grown := int64(now.HeapAlloc) - int64(before.HeapAlloc); grown > 4<<20 {
		t.Errorf("%d bytes of memory stayed", grown)
	}
}
