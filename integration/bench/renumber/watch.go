package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/sixfold-router/sixfold/integration/netns"
)

const replied = "Reply of the ISP"

// watcher notes when the new prefix is seen: in packets, and in what the kernel tells.
type watcher struct {
	fds  []int
	done sync.WaitGroup

	mu     sync.Mutex // guards what follows
	prefix []byte     // the first 48 bits of the new prefix; nil: nothing is noted
	seen   map[string][]time.Time
	links  map[int]bool // that advertised it
}

// watch opens its sockets in the namespace of the router.
func watch(router *netns.Node) (*watcher, error) {
	w := &watcher{}
	err := router.Do(func() error {
		packets, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, int(htons(unix.ETH_P_ALL)))
		if err != nil {
			return fmt.Errorf("open packet socket: %w", err)
		}
		w.fds = append(w.fds, packets)
		err = errors.Join(unix.SetsockoptInt(packets, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 32<<20),
			unix.SetsockoptInt(packets, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1))
		for _, groups := range []struct {
			protocol int
			list     []int
		}{
			{unix.NETLINK_ROUTE, []int{unix.RTNLGRP_IPV6_IFADDR, unix.RTNLGRP_IPV6_ROUTE}},
			{unix.NETLINK_NETFILTER, []int{unix.NFNLGRP_NFTABLES}},
		} {
			fd, e := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, groups.protocol)
			if e != nil {
				return errors.Join(err, e)
			}
			w.fds = append(w.fds, fd)
			err = errors.Join(err, unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 32<<20), unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}))
			for _, group := range groups.list {
				err = errors.Join(err, unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_ADD_MEMBERSHIP, group))
			}
		}
		for _, fd := range w.fds {
			err = errors.Join(err, unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Usec: 200000}))
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	w.seen = map[string][]time.Time{}
	for n, fd := range w.fds {
		w.done.Go(func() { w.read(fd, []func([]byte, time.Time, int){w.packet, w.route, w.filter}[n]) })
	}
	return w, nil
}

func htons(v uint16) uint16 { return v<<8 | v>>8 }

// begin notes what has a prefix from now on.
func (w *watcher) begin(prefix string) {
	a := netip.MustParsePrefix(prefix).Addr().As16()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.prefix, w.seen, w.links = a[:6], map[string][]time.Time{}, map[int]bool{}
}

// end returns what was noted.
func (w *watcher) end() map[string][]time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	seen := w.seen
	w.prefix, w.seen = nil, map[string][]time.Time{}
	return seen
}

func (w *watcher) close() {
	w.mu.Lock()
	fds := w.fds
	w.fds = nil
	w.mu.Unlock()
	w.done.Wait()
	for _, fd := range fds {
		_ = unix.Close(fd)
	}
}

func (w *watcher) read(fd int, each func([]byte, time.Time, int)) {
	b, oob := make([]byte, 1<<16), make([]byte, 256)
	for {
		w.mu.Lock()
		open := w.fds != nil
		w.mu.Unlock()
		if !open {
			return
		}
		n, control, _, from, err := unix.Recvmsg(fd, b, oob, 0)
		if err != nil {
			continue
		}
		index := 0
		if sa, ok := from.(*unix.SockaddrLinklayer); ok {
			index = sa.Ifindex
		}
		at := stamp(oob[:control])
		w.mu.Lock()
		if w.prefix != nil && bytes.Contains(b[:n], w.prefix) {
			each(b[:n], at, index)
		}
		w.mu.Unlock()
	}
}

// stamp is when the kernel saw a packet, or else now.
func stamp(control []byte) time.Time {
	all, err := unix.ParseSocketControlMessage(control)
	if err == nil {
		for _, m := range all {
			if m.Header.Level == unix.SOL_SOCKET && m.Header.Type == unix.SCM_TIMESTAMPNS && len(m.Data) >= int(unsafe.Sizeof(unix.Timespec{})) {
				return time.Unix(int64(binary.NativeEndian.Uint64(m.Data)), int64(binary.NativeEndian.Uint64(m.Data[8:])))
			}
		}
	}
	return time.Now()
}

func (w *watcher) note(what string, at time.Time) { w.seen[what] = append(w.seen[what], at) }

// packet looks at an IPv6 packet with the new prefix in it. w.mu is held.
func (w *watcher) packet(b []byte, at time.Time, index int) {
	const header, reply, advertisement = 40, 7, 134
	if len(b) < header+9 || b[0]>>4 != 6 {
		return
	}
	payload := b[header:]
	switch b[6] {
	case unix.IPPROTO_UDP:
		if binary.BigEndian.Uint16(payload[2:]) == 546 && payload[8] == reply && len(w.seen[replied]) == 0 {
			w.note(replied, at)
		}
	case unix.IPPROTO_ICMPV6:
		if payload[0] == advertisement && !w.links[index] {
			w.links[index] = true
			w.note("advertisement on a LAN", at)
		}
	case unix.IPPROTO_TCP:
		if binary.BigEndian.Uint16(payload) == 179 || binary.BigEndian.Uint16(payload[2:]) == 179 {
			w.note("BGP UPDATE, the new prefix", at)
		}
	}
}

// route looks at what rtnetlink tells. w.mu is held.
func (w *watcher) route(b []byte, at time.Time, _ int) {
	for len(b) >= unix.SizeofNlMsghdr {
		size := int(binary.NativeEndian.Uint32(b))
		if size < unix.SizeofNlMsghdr || size > len(b) {
			return
		}
		body := b[unix.SizeofNlMsghdr:size]
		switch binary.NativeEndian.Uint16(b[4:]) {
		case unix.RTM_NEWADDR:
			if bytes.Contains(body, w.prefix) && body[3] == unix.RT_SCOPE_UNIVERSE && binary.NativeEndian.Uint32(body[4:]) > 0 && w.fresh(body) {
				w.note("address of a LAN", at)
			}
		case unix.RTM_NEWROUTE:
			if len(body) >= unix.SizeofRtMsg && body[7] == unix.RTN_UNREACHABLE && bytes.Contains(body, w.prefix) {
				w.note("unreachable route of the aggregate", at)
			}
		}
		b = b[min(len(b), (size+3)&^3):]
	}
}

// fresh reports whether an address is told of for the first time: the kernel tells again when detection of duplicates is over.
func (w *watcher) fresh(body []byte) bool {
	index := -int(binary.NativeEndian.Uint32(body[4:]))
	known := w.links[index]
	w.links[index] = true
	return !known
}

// filter looks at what nftables tells. w.mu is held.
func (w *watcher) filter(_ []byte, at time.Time, _ int) {
	if len(w.seen["firewall set"]) == 0 {
		w.note("firewall set", at)
	}
}
