package vxlan

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// dumpTries is how often a dump that was interrupted by a change is repeated; the last is taken as it is: a later event wakes Run.
const dumpTries = 4

func retried[T any](dump func() ([]T, error)) ([]T, error) {
	for try := 1; ; try++ {
		all, err := dump()
		if errors.Is(err, netlink.ErrDumpInterrupted) {
			if try < dumpTries {
				continue
			}
			err = nil
		}
		return all, err
	}
}

// links lists all links.
func (k *kernel) links() ([]netlink.Link, error) {
	return retried(k.handle.LinkList)
}

// snapshot reads all links as plan wants them.
func (k *kernel) snapshot() (snapshot, error) {
	links, err := k.links()
	if err != nil {
		return nil, err
	}
	s := make(snapshot, 0, len(links))
	for _, l := range links {
		a := l.Attrs()
		p := present{
			Name: a.Name, Index: a.Index, MTU: a.MTU, Group: a.Group, MAC: a.HardwareAddr, Kind: l.Type(),
			Up: a.RawFlags&unix.IFF_UP != 0,
		}
		if v, ok := l.(*netlink.Vxlan); ok {
			p.Vxlan = tunnel{
				VNI: uint32(v.VxlanId), Group: addr(v.Group), Link: v.VtepDevIndex, Local: addr(v.SrcAddr),
				TTL: uint8(v.TTL), Port: uint16(v.Port), Learning: v.Learning,
			}
		}
		s = append(s, p)
	}
	return s, nil
}

// addr converts; nil and :: become invalid, which is how the kernel's "none" reads everywhere here.
func addr(ip net.IP) netip.Addr {
	a, _ := netip.AddrFromSlice(ip)
	if a.IsUnspecified() {
		return netip.Addr{}
	}
	return a
}

// states of forwarding entries, the strongest first.
var states = []struct {
	bit  int
	name string
}{
	{netlink.NUD_PERMANENT, "permanent"},
	{netlink.NUD_NOARP, "static"},
	{netlink.NUD_REACHABLE, "reachable"},
	{netlink.NUD_STALE, "stale"},
}

// forwarding lists the forwarding entries of all VXLAN devices, by interface index.
func (k *kernel) forwarding() (map[int][]ForwardingEntry, error) {
	neighbours, err := retried(func() ([]netlink.Neigh, error) { return k.handle.NeighList(0, unix.AF_BRIDGE) })
	if err != nil {
		return nil, err
	}
	all := map[int][]ForwardingEntry{}
	for _, n := range neighbours {
		remote := addr(n.IP)
		if n.Flags&netlink.NTF_SELF == 0 || !remote.IsValid() {
			continue // of a bridge or of a network card
		}
		state := "none"
		for _, s := range states {
			if n.State&s.bit != 0 {
				state = s.name
				break
			}
		}
		all[n.LinkIndex] = append(all[n.LinkIndex], ForwardingEntry{
			MAC: n.HardwareAddr.String(), Remote: remote.String(), State: state,
		})
	}
	for _, entries := range all {
		slices.SortFunc(entries, func(a, b ForwardingEntry) int {
			if c := strings.Compare(a.MAC, b.MAC); c != 0 {
				return c
			}
			return strings.Compare(a.Remote, b.Remote)
		})
	}
	return all, nil
}
