package device

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/vishvananda/netlink/nl"
)

// vlanSet is the VLANs that a port of a bridge takes, with how (BRIDGE_VLAN_INFO flags).
type vlanSet map[uint16]uint16

// vlanFlags are those that count.
const vlanFlags = nl.BRIDGE_VLAN_INFO_PVID | nl.BRIDGE_VLAN_INFO_UNTAGGED

func vlansOf(pvid uint16, tagged, untagged []Range) vlanSet {
	set := vlanSet{}
	for _, r := range tagged {
		for v := int(r.From); v <= int(r.To); v++ {
			set[uint16(v)] = 0
		}
	}
	for _, r := range untagged {
		for v := int(r.From); v <= int(r.To); v++ {
			set[uint16(v)] = nl.BRIDGE_VLAN_INFO_UNTAGGED
		}
	}
	if pvid != 0 {
		set[pvid] = vlanFlags
	}
	return set
}

// vlanRun is neighbouring VLANs with the same flags.
type vlanRun struct {
	Range
	flags uint16
}

// runs returns the VLANs of a set in few messages. The kernel takes no PVID in a run.
func (s vlanSet) runs() []vlanRun {
	var out []vlanRun
	for _, v := range slices.Sorted(maps.Keys(s)) {
		if n := len(out) - 1; n >= 0 && out[n].To+1 == v && out[n].flags == s[v] && s[v]&nl.BRIDGE_VLAN_INFO_PVID == 0 {
			out[n].To = v
			continue
		}
		out = append(out, vlanRun{Range{v, v}, s[v]})
	}
	return out
}

// change returns what to add to s, and what to take away, to make it want. To add a PVID takes it from the one before.
func (s vlanSet) change(want vlanSet) (add, drop vlanSet) {
	add, drop = vlanSet{}, vlanSet{}
	for v, flags := range want {
		if now, ok := s[v]; !ok || now != flags {
			add[v] = flags
		}
	}
	for v, flags := range s {
		if _, ok := want[v]; !ok {
			drop[v] = flags
		}
	}
	return add, drop
}

// String returns "1 (pvid), 300-309, 7 (untagged)".
func (s vlanSet) String() string {
	var out []string
	for _, r := range s.runs() {
		text := fmt.Sprint(r.From)
		if r.To != r.From {
			text = fmt.Sprintf("%d-%d", r.From, r.To)
		}
		switch {
		case r.flags&nl.BRIDGE_VLAN_INFO_PVID != 0 && r.flags&nl.BRIDGE_VLAN_INFO_UNTAGGED != 0:
			text += " (pvid)"
		case r.flags&nl.BRIDGE_VLAN_INFO_PVID != 0:
			text += " (pvid, tagged)"
		case r.flags&nl.BRIDGE_VLAN_INFO_UNTAGGED != 0:
			text += " (untagged)"
		}
		out = append(out, text)
	}
	return strings.Join(out, ", ")
}
