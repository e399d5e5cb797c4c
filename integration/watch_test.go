package integration

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/sixfold-router/sixfold/integration/netns"
)

// watcher is told by the kernel of a host whatever is written to its links, addresses, routes and next hops.
type watcher struct {
	t    *testing.T
	node *netns.Node
	fd   int
}

// watch begins now.
func watch(t *testing.T, n *netns.Node) *watcher {
	t.Helper()
	w := &watcher{t: t, node: n}
	must(t, n.Do(func() (err error) {
		w.fd, err = unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_ROUTE)
		return err
	}))
	t.Cleanup(func() { unix.Close(w.fd) })
	must(t, unix.SetsockoptInt(w.fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 16<<20))
	must(t, unix.Bind(w.fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}))
	for _, group := range []int{
		unix.RTNLGRP_LINK, unix.RTNLGRP_IPV4_IFADDR, unix.RTNLGRP_IPV6_IFADDR, unix.RTNLGRP_IPV4_ROUTE, unix.RTNLGRP_IPV6_ROUTE,
		unix.RTNLGRP_IPV4_RULE, unix.RTNLGRP_IPV6_RULE, unix.RTNLGRP_NEXTHOP, unix.RTNLGRP_IPV4_NETCONF, unix.RTNLGRP_IPV6_NETCONF,
	} {
		must(t, unix.SetsockoptInt(w.fd, unix.SOL_NETLINK, unix.NETLINK_ADD_MEMBERSHIP, group))
	}
	return w
}

// index is that of a link now.
func (w *watcher) index(name string) int {
	w.t.Helper()
	var link *net.Interface
	must(w.t, w.node.Do(func() (err error) {
		link, err = net.InterfaceByName(name)
		return err
	}))
	return link.Index
}

// seen returns what the kernel told since the call before, a line a message. The kernel tells before a write returns to the writer.
func (w *watcher) seen() []string {
	w.t.Helper()
	var out []string
	buf := make([]byte, 1<<16)
	for {
		n, _, err := unix.Recvfrom(w.fd, buf, 0)
		if errors.Is(err, unix.EAGAIN) {
			return out
		}
		must(w.t, err) // ENOBUFS too: what was lost cannot be told
		messages, err := syscall.ParseNetlinkMessage(buf[:n])
		must(w.t, err)
		for _, m := range messages {
			out = append(out, describe(m))
		}
	}
}

var messageNames = map[uint16]string{
	unix.RTM_NEWLINK: "new link", unix.RTM_DELLINK: "del link", unix.RTM_NEWADDR: "new address", unix.RTM_DELADDR: "del address",
	unix.RTM_NEWROUTE: "new route", unix.RTM_DELROUTE: "del route", unix.RTM_NEWNEXTHOP: "new next hop", unix.RTM_DELNEXTHOP: "del next hop",
	unix.RTM_NEWRULE: "new rule", unix.RTM_DELRULE: "del rule", unix.RTM_NEWNETCONF: "new sysctl", unix.RTM_DELNETCONF: "del sysctl",
}

// describe names a message and the link that it is about, 0 if about none.
func describe(m syscall.NetlinkMessage) string {
	header, attribute := 0, uint16(0) // where attributes begin, and the one with the link
	switch t := m.Header.Type; t {
	case unix.RTM_NEWLINK, unix.RTM_DELLINK, unix.RTM_NEWADDR, unix.RTM_DELADDR:
		// The same place in both headers.
		return fmt.Sprintf("%s link %d", messageNames[t], binary.NativeEndian.Uint32(m.Data[4:8]))
	case unix.RTM_NEWROUTE, unix.RTM_DELROUTE:
		header, attribute = unix.SizeofRtMsg, unix.RTA_OIF
	case unix.RTM_NEWNEXTHOP, unix.RTM_DELNEXTHOP:
		header, attribute = unix.SizeofNhmsg, unix.NHA_OIF
	case unix.RTM_NEWNETCONF, unix.RTM_DELNETCONF:
		header, attribute = 4, 1 // NETCONFA_IFINDEX
	}
	link := uint32(0)
	for rest := m.Data[min(header, len(m.Data)):]; header > 0 && len(rest) >= 4; {
		size := int(binary.NativeEndian.Uint16(rest))
		if size < 4 || size > len(rest) {
			break
		}
		if binary.NativeEndian.Uint16(rest[2:]) == attribute && size == 8 {
			link = binary.NativeEndian.Uint32(rest[4:])
		}
		rest = rest[min((size+3)&^3, len(rest)):]
	}
	return fmt.Sprintf("%s link %d", messageNames[m.Header.Type], link)
}
