package integration

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/sixfold-router/sixfold/integration/netns"
)

// wiretap reads what passes a link of a host of router advertisements and DHCPv6.
type wiretap struct {
	t    *testing.T
	fd   int
	told []string
}

// tap begins now.
func tap(t *testing.T, n *netns.Node, link string) *wiretap {
	t.Helper()
	w := &wiretap{t: t}
	must(t, n.Do(func() error {
		l, err := net.InterfaceByName(link)
		if err != nil {
			return err
		}
		protocol := binary.NativeEndian.Uint16(binary.BigEndian.AppendUint16(nil, unix.ETH_P_IPV6))
		if w.fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, int(protocol)); err != nil {
			return err
		}
		return unix.Bind(w.fd, &unix.SockaddrLinklayer{Protocol: protocol, Ifindex: l.Index})
	}))
	t.Cleanup(func() { unix.Close(w.fd) })
	must(t, unix.SetsockoptInt(w.fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 4<<20))
	return w
}

// seen returns all packets so far that are of interest, a line each.
func (w *wiretap) seen() []string {
	w.t.Helper()
	buf := make([]byte, 1<<16)
	for {
		n, _, err := unix.Recvfrom(w.fd, buf, 0)
		if err == unix.EAGAIN {
			return w.told
		}
		must(w.t, err)
		if text := packetWords(buf[:n]); text != "" {
			w.told = append(w.told, text)
		}
	}
}

// count is how many lines there are so far with the words, and forget makes it begin anew.
func (w *wiretap) count(words ...string) int {
	w.t.Helper()
	return len(lines(strings.Join(w.seen(), "\n"), words...))
}

func (w *wiretap) forget() {
	w.t.Helper()
	w.seen()
	w.told = nil
}

// packetWords describes an IPv6 packet without extension headers; it is empty for what is of no interest.
func packetWords(b []byte) string {
	const header = 40
	if len(b) < header+8 {
		return ""
	}
	payload := b[header:]
	switch kind := b[6]; {
	case kind == unix.IPPROTO_ICMPV6 && payload[0] == 134 && len(payload) >= 16:
		words := fmt.Sprintf("RA lifetime=%d", binary.BigEndian.Uint16(payload[6:]))
		for options := payload[16:]; len(options) >= 8 && options[1] > 0 && len(options) >= 8*int(options[1]); options = options[8*int(options[1]):] {
			if options[0] == 3 && options[1] == 4 {
				prefix := netip.PrefixFrom(netip.AddrFrom16([16]byte(options[16:32])), int(options[2]))
				words += fmt.Sprintf(" prefix=%s/%d/%d", prefix, binary.BigEndian.Uint32(options[4:]), binary.BigEndian.Uint32(options[8:]))
			}
		}
		return words
	case kind == unix.IPPROTO_UDP && (binary.BigEndian.Uint16(payload[2:]) == 547 || binary.BigEndian.Uint16(payload[2:]) == 546) && len(payload) > 8:
		names := map[byte]string{1: "Solicit", 2: "Advertise", 3: "Request", 4: "Confirm", 5: "Renew", 6: "Rebind", 7: "Reply", 8: "Release", 9: "Decline", 10: "Reconfigure"}
		return "DHCPv6 " + names[payload[8]]
	}
	return ""
}
