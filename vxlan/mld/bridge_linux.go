package mld

import (
	"encoding/binary"
	"fmt"
	"iter"
	"net/netip"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Attributes of the multicast database of bridges (linux/if_bridge.h).
const (
	mdbaMDB       = 1
	mdbaEntry     = 1
	mdbaEntryInfo = 1
	mdbaTimer     = 1
	mdbaSources   = 2
	mdbaMode      = 3
	mdbaSource    = 4
	mdbaAddress   = 1
	mdbEntryBytes = 28 // struct br_mdb_entry
	modeInclude   = 1
	clockTick     = 10 * time.Millisecond // USER_HZ
)

// bridgeGroup is an entry of a bridge's database: a group on one of its ports, or of the machine itself on the bridge.
type bridgeGroup struct {
	bridge, port int // interface indexes
	group        netip.Addr
	include      bool
	sources      []netip.Addr
	left         time.Duration // 0: it does not end
}

// readBridges returns what the bridges of this namespace have learnt of IPv6 groups.
func readBridges() ([]bridgeGroup, error) {
	reply, err := syscall.NetlinkRIB(unix.RTM_GETMDB, unix.AF_BRIDGE)
	if err != nil {
		return nil, fmt.Errorf("list the groups of bridges: %w", err)
	}
	messages, err := syscall.ParseNetlinkMessage(reply)
	if err != nil {
		return nil, fmt.Errorf("list the groups of bridges: %w", err)
	}
	var out []bridgeGroup
	for _, m := range messages {
		if m.Header.Type == unix.RTM_NEWMDB || m.Header.Type == unix.RTM_GETMDB {
			out = append(out, parseBridge(m.Data)...)
		}
	}
	return out, nil
}

// parseBridge reads a message about one bridge: struct br_port_msg and attributes.
func parseBridge(b []byte) []bridgeGroup {
	if len(b) < 8 {
		return nil
	}
	bridge := int(binary.NativeEndian.Uint32(b[4:]))
	var out []bridgeGroup
	for kind, database := range attributes(b[8:]) {
		if kind != mdbaMDB {
			continue
		}
		for kind, entry := range attributes(database) {
			if kind != mdbaEntry {
				continue
			}
			for kind, info := range attributes(entry) {
				if g, ok := parseBridgeGroup(info); ok && kind == mdbaEntryInfo {
					g.bridge = bridge
					out = append(out, g)
				}
			}
		}
	}
	return out
}

// parseBridgeGroup reads a struct br_mdb_entry and its attributes.
func parseBridgeGroup(b []byte) (bridgeGroup, bool) {
	if len(b) < mdbEntryBytes || binary.BigEndian.Uint16(b[24:]) != unix.ETH_P_IPV6 {
		return bridgeGroup{}, false
	}
	g := bridgeGroup{port: int(binary.NativeEndian.Uint32(b)), group: netip.AddrFrom16([16]byte(b[8:24]))}
	if !g.group.IsMulticast() {
		return bridgeGroup{}, false
	}
	for kind, value := range attributes(b[mdbEntryBytes:]) {
		switch {
		case kind == mdbaTimer && len(value) >= 4:
			g.left = time.Duration(binary.NativeEndian.Uint32(value)) * clockTick
		case kind == mdbaMode && len(value) >= 1:
			g.include = value[0] == modeInclude
		case kind == mdbaSource && len(value) >= 16:
			g.sources = append(g.sources, netip.AddrFrom16([16]byte(value)))
			g.include = true
		case kind == mdbaSources:
			for _, source := range attributes(value) {
				for kind, address := range attributes(source) {
					if kind == mdbaAddress && len(address) == 16 {
						g.sources = append(g.sources, netip.AddrFrom16([16]byte(address)))
					}
				}
			}
		}
	}
	return g, true
}

// attributes yields netlink attributes by type, without the flags in it.
func attributes(b []byte) iter.Seq2[uint16, []byte] {
	return func(yield func(uint16, []byte) bool) {
		for len(b) >= 4 {
			size := int(binary.NativeEndian.Uint16(b))
			if size < 4 || size > len(b) {
				return
			}
			if !yield(binary.NativeEndian.Uint16(b[2:])&0x3fff, b[4:size]) {
				return
			}
			b = b[min((size+3)&^3, len(b)):]
		}
	}
}

// linkName returns the name of a link of this namespace, or its number.
func linkName(index int) string {
	unknown := fmt.Sprintf("if#%d", index)
	fd, err := unix.Socket(unix.AF_INET6, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return unknown
	}
	defer unix.Close(fd)
	request, err := unix.NewIfreq("")
	if err != nil {
		return unknown
	}
	request.SetUint32(uint32(index))
	if err := unix.IoctlIfreq(fd, unix.SIOCGIFNAME, request); err != nil {
		return unknown
	}
	return request.Name()
}

// bridgeStatus returns the groups of the bridges that the kernel asks on. Callers hold mu.
func (m *Manager) bridgeStatus(now time.Time) []GroupStatus {
	if m.sys == nil || !slices.ContainsFunc(names(m.want.Links), func(name string) bool { return m.want.Links[name].Kernel }) {
		return nil
	}
	found, err := m.sys.bridges()
	if err != nil {
		m.log.Debug("read the groups of bridges", "error", err)
		return nil
	}
	var out []GroupStatus
	at := map[membership]int{}
	for _, g := range found {
		name := m.byIndex[g.bridge]
		if !m.want.Links[name].Kernel || solicited(g.group) {
			continue
		}
		key := membership{g.bridge, g.group}
		n, known := at[key]
		if !known {
			n = len(out)
			at[key] = n
			out = append(out, GroupStatus{Link: name, Group: g.group})
		}
		out[n].add(g, now)
	}
	for i := range out {
		slices.Sort(out[i].Ports)
	}
	return out
}

// add puts an entry of one port to those of the others.
func (s *GroupStatus) add(g bridgeGroup, now time.Time) {
	if g.port == g.bridge {
		s.Joined = true
	} else if port := linkName(g.port); !slices.Contains(s.Ports, port) {
		s.Ports = append(s.Ports, port)
	}
	until := now.Add(g.left)
	if g.left > 0 && !g.include && until.After(s.Until) {
		s.Until = until
	}
	s.Exclude = s.Exclude || !g.include
	for _, a := range g.sources {
		switch {
		case g.include && !slices.ContainsFunc(s.Sources, func(o Source) bool { return o.Address == a }):
			s.Sources = append(s.Sources, Source{a, until})
		case !g.include && !slices.Contains(s.Excluded, a):
			s.Excluded = append(s.Excluded, a)
		}
	}
}
