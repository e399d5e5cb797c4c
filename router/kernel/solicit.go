package kernel

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

// Router solicitations of a host (RFC 4861 10).
const (
	solicitInterval = 4 * time.Second // RTR_SOLICITATION_INTERVAL
	solicitTries    = 3               // MAX_RTR_SOLICITATIONS
)

// solicit asks the routers on a link for an advertisement, and asks again while Run runs and no default route came.
//
// The kernel does so by itself only when the link-local address of a link passes duplicate address detection. Setting
// accept_ra on a link that is up does not make it ask: the default route would come with the next periodic advertisement,
// up to half an hour later.
func (m *Monitor) solicit(l LinkState) error {
	from, ok := l.LinkLocal()
	if !ok || !l.Up || !l.Running || l.Loopback {
		return nil // the kernel will, when the link gets ready
	}
	if err := sendSolicitation(l, from); err != nil {
		return fmt.Errorf("solicit routers on %s: %w", l.Name, err)
	}
	m.mu.Lock()
	m.solicited[l.Index] = 1
	m.mu.Unlock()
	notify(m.soliciting)
	return nil
}

// solicitAgain repeats what was not answered and reports whether it is to be called again.
func (m *Monitor) solicitAgain(ctx context.Context) bool {
	answered := map[string]bool{}
	routes, err := m.Routes(ctx, 6)
	if err != nil {
		m.log.Debug("list routes", "error", err)
	}
	for _, r := range routes {
		if r.Prefix.Bits() == 0 && r.Protocol == "ra" {
			answered[r.Link] = true
		}
	}
	names, links := m.names(), m.Links()
	m.mu.Lock()
	defer m.mu.Unlock()
	for index, sent := range m.solicited {
		l := links[names[index]]
		from, ok := l.LinkLocal()
		if sent >= solicitTries || !ok || !l.Running || answered[l.Name] {
			delete(m.solicited, index)
			continue
		}
		if err := sendSolicitation(l, from); err != nil {
			m.log.Debug("solicit routers", "link", l.Name, "error", err)
		}
		m.solicited[index]++
	}
	return len(m.solicited) > 0
}

// sendSolicitation sends one Router Solicitation (RFC 4861 4.1) to all routers on the link.
func sendSolicitation(l LinkState, from netip.Addr) error {
	fd, err := unix.Socket(unix.AF_INET6, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.IPPROTO_ICMPV6)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	var none unix.ICMPv6Filter
	for i := range none.Data {
		none.Data[i] = ^uint32(0) // nothing is received here
	}
	if err := unix.SetsockoptICMPv6Filter(fd, unix.IPPROTO_ICMPV6, unix.ICMPV6_FILTER, &none); err != nil {
		return err
	}
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_HOPS, 255); err != nil {
		return err
	}
	if err := unix.Bind(fd, &unix.SockaddrInet6{Addr: from.As16(), ZoneId: uint32(l.Index)}); err != nil {
		return err
	}
	msg := []byte{133, 0, 0, 0, 0, 0, 0, 0} // the kernel fills in the checksum
	if len(l.MAC) == 6 {
		msg = append(append(msg, 1, 1), l.MAC...) // source link-layer address
	}
	allRouters := netip.MustParseAddr("ff02::2").As16()
	return unix.Sendto(fd, msg, 0, &unix.SockaddrInet6{Addr: allRouters, ZoneId: uint32(l.Index)})
}
