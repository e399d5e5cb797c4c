package vxlan

import (
	"bytes"
	"cmp"
	"fmt"
	"net/netip"
	"slices"
)

// entry is one remote in a forwarding table. Every device has at most one of each.
type entry struct {
	MAC    MAC
	Remote netip.Addr
	Via    int    // index of the link; 0: as the routes say
	Port   uint16 // 0: that of the device
	VNI    uint32 // 0: that of the device
}

func (e entry) compare(o entry) int {
	return cmp.Or(bytes.Compare(e.MAC[:], o.MAC[:]), e.Remote.Compare(o.Remote), cmp.Compare(e.Via, o.Via), cmp.Compare(e.Port, o.Port),
		cmp.Compare(e.VNI, o.VNI))
}

// String says it in words that follow "with" or "without".
func (e entry) String() string {
	if e.MAC == (MAC{}) {
		return "remote " + e.Remote.String()
	}
	return fmt.Sprintf("%s behind %s", e.MAC, e.Remote)
}

// entries is what the forwarding table of d has to have beside what is learnt. The kernel makes the first one, of a group, by itself.
func (d Device) entries(via int) []entry {
	var all []entry
	if d.Group.IsValid() {
		all = append(all, entry{Remote: d.Group, Via: via})
	}
	for _, r := range d.Remotes {
		all = append(all, entry{Remote: r, Via: via})
	}
	for _, s := range d.Static {
		all = append(all, entry{MAC: s.MAC, Remote: s.Remote, Via: via})
	}
	slices.SortFunc(all, entry.compare)
	return slices.Compact(all)
}

// missing returns those of want that have lacks. Both are sorted.
func missing(want, have []entry) []entry {
	var out []entry
	for _, e := range want {
		if _, ok := slices.BinarySearchFunc(have, e, entry.compare); !ok {
			out = append(out, e)
		}
	}
	return out
}

// exchange returns what to add to and what to drop from have to get want. An entry that is added for a hardware address replaces
// what is there of that address; only of flooding there can be several.
func exchange(want, have []entry) (add, drop []entry) {
	add = missing(want, have)
	for _, e := range missing(have, want) {
		replaced := e.MAC != (MAC{}) && slices.ContainsFunc(add, func(a entry) bool { return a.MAC == e.MAC })
		if !replaced {
			drop = append(drop, e)
		}
	}
	return add, drop
}

// moved is the forwarding table after the kernel changed the group or the link of a device: it exchanges the entry of the group, but
// leaves it at the old link when only the link changes.
func (t tunnel) moved(have []entry, c change) []entry {
	if !c.Group.IsValid() {
		return have
	}
	have = slices.DeleteFunc(slices.Clone(have), func(e entry) bool { return e == entry{Remote: t.Group, Via: t.Link} })
	if group := c.Group; !group.IsUnspecified() {
		next := entry{Remote: group, Via: c.link(t.Link)}
		if at, ok := slices.BinarySearchFunc(have, next, entry.compare); !ok {
			have = slices.Insert(have, at, next)
		}
	}
	return have
}

func sortRemotes(all []Remote) {
	slices.SortFunc(all, func(a, b Remote) int {
		if a.Configured != b.Configured {
			if a.Configured {
				return -1
			}
			return 1
		}
		return a.Address.Compare(b.Address)
	})
}
