package kernel

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// What can happen to a neighbor.
const (
	NeighborNew    = "new"    // it was not known
	NeighborMoved  = "moved"  // its address is at another hardware address
	NeighborFailed = "failed" // it does not answer any more
	NeighborBack   = "back"   // it answers again
)

// NeighborEvent tells of an entry of the neighbor table.
type NeighborEvent struct {
	Neighbor
	Action string           // one of the constants
	Was    net.HardwareAddr // the hardware address before, if it moved
}

// maxNeighbors bounds the neighbors that are remembered: whoever is on a link can invent them.
const maxNeighbors = 16384

// neighborOn names a neighbor.
type neighborOn struct {
	index int
	addr  netip.Addr
}

// neighborMemory tells news of neighbors from the churn between reachable, stale, delay and probe. Neighbors that the kernel
// forgets are remembered, as long as there is room: when they come back it is no news.
type neighborMemory map[neighborOn]knownNeighbor

// knownNeighbor is what was last known of a neighbor.
type knownNeighbor struct {
	mac    string
	failed bool
}

// see takes what the kernel says of a neighbor and returns what of it is news, if anything is.
func (m neighborMemory) see(index int, n Neighbor, gone bool) (action string, was net.HardwareAddr) {
	key := neighborOn{index, n.Address}
	old, known := m[key]
	failed := n.State == "failed"
	switch {
	case gone:
		return "", nil
	case len(n.MAC) == 0 || bytes.Equal(n.MAC, make([]byte, len(n.MAC))):
		if !known || !failed || old.failed {
			return "", nil // nobody has answered there: a scan, most often
		}
		old.failed = true
		m[key] = old
		return NeighborFailed, nil
	case !known && failed:
		return "", nil
	case !known:
		m.room()
	}
	mac := string(n.MAC)
	m[key] = knownNeighbor{mac: mac, failed: failed}
	switch {
	case !known:
		return NeighborNew, nil
	case old.mac != mac:
		return NeighborMoved, net.HardwareAddr(old.mac)
	case failed && !old.failed:
		return NeighborFailed, nil
	case old.failed && !failed:
		return NeighborBack, nil
	}
	return "", nil
}

// room makes room for one more neighbor if need be, at the cost of any other.
func (m neighborMemory) room() {
	for k := range m {
		if len(m) < maxNeighbors {
			return
		}
		delete(m, k)
	}
}

// neighborEvents is a socket filter that lets through entries of IPv4 and IPv6 neighbors, without those of bridges, and without
// the states that come and go with traffic.
func neighborEvents() []unix.SockFilter {
	// A filter loads in network byte order what netlink has in the order of the machine.
	swap16 := func(v uint16) uint32 { return uint32(binary.BigEndian.Uint16(native.AppendUint16(nil, v))) }
	const (
		ldh = unix.BPF_LD | unix.BPF_H | unix.BPF_ABS
		ldb = unix.BPF_LD | unix.BPF_B | unix.BPF_ABS
		jeq = unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K
		ret = unix.BPF_RET | unix.BPF_K
	)
	return []unix.SockFilter{
		{Code: ldb, K: unix.NLMSG_HDRLEN}, // ndm_family
		{Code: jeq, K: unix.AF_INET, Jt: 1},
		{Code: jeq, K: unix.AF_INET6, Jf: 6},
		{Code: ldh, K: unix.NLMSG_HDRLEN + 8}, // ndm_state
		{Code: jeq, K: swap16(unix.NUD_INCOMPLETE), Jt: 4},
		{Code: jeq, K: swap16(unix.NUD_DELAY), Jt: 3},
		{Code: jeq, K: swap16(unix.NUD_PROBE), Jt: 2},
		{Code: jeq, K: swap16(unix.NUD_NOARP), Jt: 1},
		{Code: ret, K: 0xffffffff},
		{Code: ret, K: 0},
	}
}

// watchNeighbors calls OnNeighbor with what happens to neighbors until ctx ends. Those that are there already are no news.
func (m *Monitor) watchNeighbors(ctx context.Context) error {
	// A flood of neighbors is not worth the buffer that links are: what overflows is read anew.
	const buffer = 1 << 20
	ev, err := listen(buffer, neighborEvents(), unix.RTNLGRP_NEIGH)
	if err != nil {
		return err
	}
	defer context.AfterFunc(ctx, ev.close)()
	defer ev.close()
	w := neighborWatch{monitor: m, known: neighborMemory{}}
	if err := w.read(ctx, false); err != nil {
		return err
	}
	for {
		overflow, err := ev.receive(w.event)
		switch {
		case ctx.Err() != nil || errors.Is(err, os.ErrClosed):
			return nil
		case err != nil:
			return fmt.Errorf("receive neighbor events: %w", err)
		case overflow:
			if err := w.read(ctx, true); err != nil {
				m.log.Debug("read neighbors again", "error", err)
			}
		}
	}
}

// neighborWatch is one run of watchNeighbors.
type neighborWatch struct {
	monitor *Monitor
	known   neighborMemory
	links   *Links // that names was made from
	names   map[int]string
}

// read looks at all neighbors, and tells what of it is news.
func (w *neighborWatch) read(ctx context.Context, tell bool) error {
	if err := w.monitor.Refresh(ctx); err != nil { // for the names of their links
		return err
	}
	all, err := w.monitor.Neighbors(ctx)
	if err != nil {
		return err
	}
	links := w.monitor.Links()
	for _, n := range all {
		w.see(links[n.Link].Index, n, false, tell)
	}
	return nil
}

// event takes one notification.
func (w *neighborWatch) event(h syscall.NlMsghdr, data []byte) {
	if h.Type != unix.RTM_NEWNEIGH && h.Type != unix.RTM_DELNEIGH {
		return
	}
	if index, n, ok := parseNeighbor(data); ok && !n.Address.IsMulticast() {
		w.see(index, n, h.Type == unix.RTM_DELNEIGH, true)
	}
}

func (w *neighborWatch) see(index int, n Neighbor, gone, tell bool) {
	action, was := w.known.see(index, n, gone)
	if action == "" || !tell {
		return
	}
	if links := w.monitor.links.Load(); links != w.links {
		w.links, w.names = links, w.monitor.names()
	}
	if n.Link = w.names[index]; n.Link != "" {
		w.monitor.OnNeighbor(NeighborEvent{n, action, was})
	}
}
