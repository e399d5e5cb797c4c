package mld

import (
	"fmt"
	"testing"

	"golang.org/x/sys/unix"
)

// TestHostile sends what no host may: each is dropped and counted, and the next good report is heard.
func TestHostile(t *testing.T) {
	h := cable(t, "lan0")
	h.Sh(t, "ip addr add 2001:db8::2/64 dev eth0 nodad")
	l := linkOf(t, "lan0")
	l.Querier = true
	m := start(t, config(l))
	link, local := h.Link(t, "eth0")
	var s *socket
	if err := h.Do(func() (err error) { s, err = openListener(); return err }); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.close() })
	const global = "2001:db8::2"
	good := message{Type: typeReport1, Group: addr("ff1e::1")}.raw()
	send := func(b []byte, source string, hops int, alert []byte) {
		t.Helper()
		err := s.control(func(fd int) error {
			if err := unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_HOPS, hops); err != nil {
				return err
			}
			if err := unix.SetsockoptString(fd, unix.IPPROTO_IPV6, unix.IPV6_HOPOPTS, string(alert)); err != nil {
				return err
			}
			info := &unix.Inet6Pktinfo{Ifindex: uint32(link.Index), Addr: addr(source).As16()}
			_, err := unix.SendmsgN(fd, b, unix.PktInfo6(info), &unix.SockaddrInet6{Addr: allMLDv2.As16(), ZoneId: uint32(link.Index)}, 0)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	self := local.WithZone("").String()
	report := func(rest ...byte) []byte { return append([]byte{typeReport2, 0, 0, 0, 0, 0}, rest...) }
	rsvp := []byte{0, 0, 5, 2, 0, 1, 1, 0}
	for _, tt := range []struct {
		reason string
		send   func()
	}{
		{DropHopLimit, func() { send(good, self, 64, routerAlert[:]) }},
		{DropSource, func() { send(good, global, 1, routerAlert[:]) }},
		{DropAlert, func() { send(good, self, 1, nil) }},
		{DropAlert, func() { send(good, self, 1, rsvp) }},
		{DropShort, func() { send(good[:20], self, 1, routerAlert[:]) }},
		{DropShort, func() { send(report(0, 9), self, 1, routerAlert[:]) }},
		{DropRecords, func() { send(report(0xff, 0xff), self, 1, routerAlert[:]) }},
		{DropGroup, func() { send(message{Type: typeReport1, Group: addr("2001:db8::1")}.raw(), self, 1, routerAlert[:]) }},
		{DropAnySource, func() { send(message{Type: typeReport1, Group: addr("ff3e::1")}.raw(), self, 1, routerAlert[:]) }},
	} {
		before := m.Links()[0].Dropped[tt.reason]
		tt.send()
		eventually(t, tt.reason, func() error {
			if s := m.Links()[0]; s.Dropped[tt.reason] == before {
				return fmt.Errorf("dropped %v", s.Dropped)
			}
			return nil
		})
	}
	if n := len(m.Groups()); n != 0 && groupOn(m, "lan0", "ff1e::1", "")() != nil {
		t.Errorf("%+v", m.Groups())
	}
	send(good, self, 1, routerAlert[:])
	eventually(t, "a good report", groupOn(m, "lan0", "ff1e::1", "EXCLUDE"))
}
