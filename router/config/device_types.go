package config

import (
	"time"
)

// VLAN is an interface for one VLAN of another.
type VLAN struct {
	Link   string
	ID     uint16
	Dot1AD bool // 802.1ad instead of 802.1Q
}

// VLANRange is the VLANs From to To, both included.
type VLANRange struct{ From, To uint16 }

// Bridge is a switch.
type Bridge struct {
	STP                     bool
	Priority                uint16
	HelloTime, ForwardDelay time.Duration
	MaxAge, AgeingTime      time.Duration
	VLANFiltering           bool
	PVID                    uint16 // 0: none
	Dot1AD                  bool   // VLANs are told apart by 802.1ad tags
	Tagged                  []VLANRange
	MulticastSnooping       *bool // nil: where the bridge is a querier
}

// Dummy is an interface that goes nowhere.
type Dummy struct{}

// GRE is a point-to-point tunnel. Local and Remote are of one family, as far as that is known.
type GRE struct {
	Local  Host
	Remote Host // never of a delegation of ours
	Link   string
	Key    *uint32
	TTL    uint8
	TOS    uint8
}

// Bond makes one interface of several.
type Bond struct {
	Mode               string // as in the configuration; never empty
	MIIMon             time.Duration
	UpDelay, DownDelay time.Duration
	FastLACP           bool
	HashPolicy         string // empty: the mode has none
	Primary            string
	MinLinks           uint32
}

// BridgePort is how an interface is a port of its bridge. Pointers are nil where nothing is said.
type BridgePort struct {
	PVID                           *uint16
	Tagged, Untagged               []VLANRange
	Isolated, Hairpin              bool
	Cost                           uint32 // 0: the kernel's
	Priority                       uint16
	Learning, Flood                bool
	MulticastFlood, BroadcastFlood bool
	BPDUGuard, RootGuard           bool
	FastLeave                      bool
}

// Kind is the word of the section that makes the interface: vxlan, vlan, bridge, dummy, gre or bond; empty: the router does not make it.
func (i *Interface) Kind() string {
	switch {
	case i.VXLAN != nil:
		return "vxlan"
	case i.VLAN != nil:
		return "vlan"
	case i.Bridge != nil:
		return "bridge"
	case i.Dummy != nil:
		return "dummy"
	case i.GRE != nil:
		return "gre"
	case i.Bond != nil:
		return "bond"
	}
	return ""
}

// Lower is the interface that this one lies on; empty: none that is configured.
func (i *Interface) Lower() string {
	switch {
	case i.VXLAN != nil:
		return i.VXLAN.Link
	case i.VLAN != nil:
		return i.VLAN.Link
	case i.GRE != nil:
		return i.GRE.Link
	}
	return ""
}
