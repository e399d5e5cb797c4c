package device

import (
	"net"
	"net/netip"
	"time"
)

// Config is the whole desired state: all devices of this router, and what it says of other links.
type Config struct {
	Devices map[string]Device // by name
	// Members says of links, ours or not, what they are ports of. A link that is not in it is left alone, but leaves the master
	// that an earlier Apply gave it.
	Members map[string]Member
	// MACs are hardware addresses of links that are no Devices. A link that is in it no more gets back what it had, as far as this
	// process knows.
	MACs map[string]net.HardwareAddr
}

// Device is one link to make. Exactly one of the pointers is set, or Dummy.
type Device struct {
	Name string
	MAC  net.HardwareAddr // nil: as it is

	VLAN   *VLAN
	Bridge *Bridge
	Dummy  bool
	GRE    *GRE
	Bond   *Bond
	VRF    *VRF
}

// VLAN is one VLAN of another link.
type VLAN struct {
	Link     string
	ID       uint16   // 1 to 4094
	Protocol Protocol // 0: 802.1Q
}

// Protocol is the EtherType of a VLAN tag.
type Protocol uint16

// The VLAN tags.
const (
	Dot1Q  Protocol = 0x8100 // IEEE 802.1Q
	Dot1AD Protocol = 0x88a8 // IEEE 802.1ad
)

// String returns 802.1q or 802.1ad.
func (p Protocol) String() string {
	if p == Dot1AD {
		return "802.1ad"
	}
	return "802.1q"
}

// Bridge is a switch. Times are kept by the kernel in hundredths of a second. A zero value is the kernel's default, where 0 is not a
// value of its own.
type Bridge struct {
	STP           bool
	Priority      uint16        // of the spanning tree; 32768 is usual
	HelloTime     time.Duration // 0: 2s
	ForwardDelay  time.Duration // 0 is a value, but only without STP
	MaxAge        time.Duration // 0: 20s
	AgeingTime    time.Duration // 0 is a value: hosts are forgotten at once
	VLANFiltering bool
	PVID          uint16   // of new ports and of the bridge itself; 0: none
	VLANProtocol  Protocol // 0: 802.1Q
	Tagged        []Range  // VLANs that the bridge itself takes with their tag

	// Multicast (RFC 4541, RFC 3810 9). What is 0 has the default of the kernel.
	MulticastSnooping     bool
	MulticastQuerier      bool
	MLDVersion            uint8         // 1 or 2; 0: 1
	QueryInterval         time.Duration // 0: 125s
	QueryResponseInterval time.Duration // 0: 10s
	LastMemberInterval    time.Duration // 0: 1s
	LastMemberCount       uint32        // 0: 2
	StartupQueryInterval  time.Duration // 0: a quarter of 125s
	StartupQueryCount     uint32        // 0: 2
	MembershipInterval    time.Duration // 0: 260s
	QuerierInterval       time.Duration // after which another querier is given up; 0: 255s
}

// Range is the VLANs From to To, both included.
type Range struct{ From, To uint16 }

// GRE is a point-to-point tunnel. Local and Remote are of one address family, which decides between the kernel's gre and ip6gre.
type GRE struct {
	Local, Remote netip.Addr
	Link          string  // that outer packets leave by; empty: as the routes say
	Key           *uint32 // RFC 2890; nil: none
	TTL           uint8
	TOS           uint8
}

// Bond makes one link of several.
type Bond struct {
	Mode               BondMode
	MIIMon             time.Duration // milliseconds
	UpDelay, DownDelay time.Duration // multiples of MIIMon
	FastLACP           bool          // in mode 802.3ad
	HashPolicy         HashPolicy    // in modes that spread packets
	Primary            string        // in modes with an active port; empty: none
	MinLinks           uint32        // in mode 802.3ad
}

// VRF is a device whose ports use a routing table of their own.
type VRF struct{ Table uint32 }

// Member says what a link is a port of.
type Member struct {
	Master string // bridge, bond or VRF; empty: of none of ours
	Port   Port   // counts if the master is a bridge
}

// Port is how a link is a port of a bridge. DefaultPort is a port of which nothing is said.
type Port struct {
	// VLANs count on a bridge that filters by them.
	PVID             *uint16 // 0: none; nil: that of the bridge
	Tagged, Untagged []Range

	Isolated       bool
	Cost           uint32 // 0: as it is
	Priority       uint16
	Hairpin        bool
	Learning       bool
	Flood          bool
	MulticastFlood bool
	BroadcastFlood bool
	BPDUGuard      bool
	RootGuard      bool
	FastLeave      bool
}

// DefaultPort returns the port that the kernel makes.
func DefaultPort() Port {
	return Port{Priority: 32, Learning: true, Flood: true, MulticastFlood: true, BroadcastFlood: true}
}
