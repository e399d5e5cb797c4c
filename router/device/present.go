package device

import (
	"net"
	"slices"

	"github.com/vishvananda/netlink/nl"
)

// Mark is the link group (IFLA_GROUP) of the links that this package makes: "SIXD".
const Mark = 0x53495844

// Link group numbers that mark links. A link is in one group only, and these are numbers that nobody types.
const (
	groupOurs   = Mark
	groupDoomed = 0x5349585a // "SIXZ": made by us, about to be deleted together
	groupPort   = 0x53495850 // "SIXP": of others and in no group before, made a port by us
)

// present is one link that exists.
type present struct {
	Name      string
	Index     int
	Lower     int // index of the link below; 0: none
	Master    int // index of the bridge, bond or VRF it is a port of; 0: none
	Group     uint32
	MTU       int
	Up        bool
	Running   bool
	MAC       net.HardwareAddr
	Kind      string         // empty: hardware
	Data      map[int][]byte // attributes of its kind
	PortKind  string         // kind of its master
	PortData  map[int][]byte // attributes of the port
	VLANs     vlanSet        // as a port of a bridge or a bridge itself; nil: not read
	elsewhere bool           // Lower is in another network namespace
}

// kinds are those that this package makes.
func kinds() []string { return []string{"vlan", "bridge", "dummy", "gre", "ip6gre", "bond", "vrf"} }

// Owns reports whether a link of that kind in that link group was made by this package, in this process or an earlier one.
func Owns(kind string, group uint32) bool {
	return (group == groupOurs || group == groupDoomed) && slices.Contains(kinds(), kind)
}

func (p present) ours() bool { return Owns(p.Kind, p.Group) }

// snapshot is all links that exist.
type snapshot []present

func (s snapshot) byName() map[string]present {
	m := make(map[string]present, len(s))
	for _, p := range s {
		m[p.Name] = p
	}
	return m
}

func (s snapshot) byIndex() map[int]present {
	m := make(map[int]present, len(s))
	for _, p := range s {
		m[p.Index] = p
	}
	return m
}

// kind is the kernel's name for what d is; empty: nothing that can be made.
func (d Device) kind() string {
	switch {
	case d.VLAN != nil:
		return "vlan"
	case d.Bridge != nil:
		return "bridge"
	case d.Dummy:
		return "dummy"
	case d.GRE != nil:
		return d.GRE.kind()
	case d.Bond != nil:
		return "bond"
	case d.VRF != nil:
		return "vrf"
	}
	return ""
}

// lower is the link that d lies on; empty: none.
func (d Device) lower() string {
	switch {
	case d.VLAN != nil:
		return d.VLAN.Link
	case d.GRE != nil:
		return d.GRE.Link
	}
	return ""
}

// Text says what d is: "vlan 300 on eth5".
func (d Device) Text() string {
	switch {
	case d.VLAN != nil:
		return d.VLAN.text()
	case d.Bridge != nil:
		return d.Bridge.text()
	case d.GRE != nil:
		return d.GRE.text()
	case d.Bond != nil:
		return d.Bond.text()
	case d.VRF != nil:
		return d.VRF.text()
	}
	return "dummy"
}

// settings of d among the links that exist; was is d as it is, if it is there.
func (d Device) settings(names map[string]present, was present) []setting {
	switch {
	case d.VLAN != nil:
		return d.VLAN.settings()
	case d.Bridge != nil:
		all := d.Bridge.settings(number(was.Data[nl.IFLA_BR_STP_STATE]) != 0)
		if was.changes() {
			all = slices.DeleteFunc(all, func(s setting) bool { return s.attr == nl.IFLA_BR_AGEING_TIME })
		}
		return all
	case d.GRE != nil:
		return d.GRE.settings(names[d.GRE.Link].Index)
	case d.Bond != nil:
		primary := 0
		if p, ok := names[d.Bond.Primary]; ok && was.Index != 0 && p.Master == was.Index {
			primary = p.Index
		}
		return d.Bond.settings(primary)
	case d.VRF != nil:
		return d.VRF.settings()
	}
	return nil
}

// changes reports whether p is a bridge whose spanning tree changes: meanwhile it forgets hosts after twice the forward delay
// (IEEE 802.1D 8.5.3.12), and the kernel shows that time in place of the one that it goes back to.
func (p present) changes() bool {
	ageing, delay := number(p.Data[nl.IFLA_BR_AGEING_TIME]), number(p.Data[nl.IFLA_BR_FORWARD_DELAY])
	return number(p.Data[nl.IFLA_BR_TOPOLOGY_CHANGE]) != 0 && max(ageing, 2*delay)-min(ageing, 2*delay) <= 2
}
