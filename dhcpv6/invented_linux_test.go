package dhcpv6

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	dhcp6 "github.com/insomniacslk/dhcp/dhcpv6"
	"golang.org/x/sys/unix"

	"github.com/sixfold-router/sixfold/integration/netns"
)

// TestInventedClients has somebody on the link ask as clients that are not there, each with a link-layer address of its own, faster than
// they can be looked for. A client that is there gets its answers at once, and the neighbor table is not filled.
func TestInventedClients(t *testing.T) {
	h := newHost(t)
	h.link(net.HardwareAddr{2, 0, 0, 0, 0, 9}, "fe80::9")
	c := liveConfig(t)
	c.Rate = -1
	server, _ := startLive(t, t.TempDir(), c)
	conn := h.socket(clientPort)
	link, _ := h.Link(t, "c0")
	const clients = 3000
	if err := h.Do(func() error {
		fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		to := &unix.SockaddrLinklayer{Ifindex: link.Index}
		for n := range uint32(clients) {
			mac := binary.BigEndian.AppendUint32([]byte{2, 0xba}, n)
			source := netip.MustParseAddr("fe80::bad:0:0").As16()
			binary.BigEndian.PutUint32(source[12:], n)
			duid := append([]byte{0, 3, 0, 1}, mac...)
			solicit := msg(dhcp6.MessageTypeSolicit, opt(dhcp6.OptionClientID, duid), opt(dhcp6.OptionIANA, make([]byte, 12)))
			frame := append([]byte{0x33, 0x33, 0, 1, 0, 2}, mac...)
			frame = append(append(frame, 0x86, 0xdd), frameOf(netip.AddrFrom16(source), solicit)...)
			if err := unix.Sendto(fd, frame, 0, to); err != nil && !errors.Is(err, unix.ENOBUFS) {
				return fmt.Errorf("frame %d: %w", n, err)
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if got := h.lease(conn, []byte{0, 3, 0, 1, 2, 0, 0, 0, 0, 9}, "na=1"); !strings.Contains(got, "2001:db8::") {
		t.Errorf("the client got %s", got)
	}
	t.Logf("a client has a lease after %v", time.Since(began).Round(time.Millisecond))
	s := server.Status()
	sent, lost := uint64(0), s.Dropped["send"]
	for _, l := range s.Interfaces {
		sent += l.Sent["Advertise"]
	}
	t.Logf("%d Advertise messages, %d not sent", sent, lost)
	if sent < clients/4 || lost > 0 {
		t.Errorf("%d Advertise messages were sent, and %d not", sent, lost)
	}
	known, err := strconv.Atoi(strings.TrimSpace(netns.Own().Sh(t, "ip -6 neigh show dev eth1 nud all | grep -c fe80::bad || :")))
	if err != nil || known > 0 {
		t.Errorf("%d invented clients are in the neighbor table (%v)", known, err)
	}
}
