package config

import (
	"net"
	"net/netip"
	"time"

	"github.com/sixfold-router/sixfold/router/rib"
)

// Config is a checked configuration in Go types. It is complete: defaults that do not depend on the state of the machine
// are filled in. Maps of the schema are slices here, sorted by name. A Config is not changed after Load returned it.
type Config struct {
	Warnings   []Error // what is allowed but seldom wise, in the order of the file
	Hostname   string
	RouterID   netip.Addr // IPv4, or invalid
	DUID       []byte     // nil: the router keeps one of its own
	ULA        *Local     `json:",omitempty"` // nil: none
	Interfaces []Interface
	Routes     []Route
	Local      []Expr // prefixes of which every address is ours
	BGP        *BGP   // nil: no BGP
	API        API
	Metrics    *Metrics    // nil: none
	VRFs       []VRF       // the management instance among them
	Management *Management // nil: none
	Firewall   *Firewall   // nil: nothing is filtered
	Multicast  *Multicast  // nil: none is forwarded
}

// Expr is an address or prefix as configured: literal, or relative to a prefix that is delegated to us under the name
// Delegation, or to a part of that which the router chooses. Prefix keeps its host bits: "isp ::1/64" has Prefix ::1/64.
type Expr struct {
	Delegation string // empty: literal
	Auto       Slot   `json:",omitzero"` // what Prefix is relative to; zero: the whole delegation
	Prefix     netip.Prefix
}

// Host is the address of a machine as configured: literal, or relative to a prefix that is delegated to us.
type Host struct {
	Delegation string // empty: literal
	Auto       Slot   `json:",omitzero"`
	Addr       netip.Addr
}

// Interface is what is configured for one link.
type Interface struct {
	Name           string // of a link, or a pattern: see Expand
	Pattern        string // of an interface that Expand made: the pattern that it came from
	Description    string
	Addresses      []Expr
	MTU            int // 0: as it is
	AcceptRA       bool
	RequestAddress bool
	DAD            bool
	Delegations    []Delegation
	Client         *Client // nil: nothing is said
	Advertise      *Advertise
	DHCPv6         *DHCPv6
	VXLAN          *VXLAN
	VLAN           *VLAN
	Bridge         *Bridge
	Dummy          *Dummy
	GRE            *GRE
	Bond           *Bond
	MAC            net.HardwareAddr // nil: as it is
	Master         string           // bridge or bond that it is a port of; empty: none of ours
	BridgePort     *BridgePort      // nil: a port of which nothing is said
	Sysctls        []Sysctl         // what is set by name, and by arp and dad; ordered by name
	MLD            *MLD
	KnownRouters   *KnownRouters `json:",omitempty"` // nil: not said
}

// Delegation is a prefix to ask for on an interface.
type Delegation struct {
	Name            string
	Hint            netip.Prefix // :: with the wanted length, or a prefix; invalid: no hint
	ExcludedAddress netip.Addr   // our address in what the server excludes for the uplink, its first 64 bits zero; invalid: none
	RapidCommit     bool
	IAID            uint32     // 0: derived from interface and name, but for:
	ZeroIAID        bool       `json:",omitempty"` // the identifier is 0
	OnChange        []Consumer `json:",omitempty"`
}

// Advertise is how a link is advertised. Pointers are nil where the value follows from other configuration.
type Advertise struct {
	MaxInterval, MinInterval   time.Duration
	Managed, OtherConfig       *bool
	HopLimit                   uint8
	LinkMTU                    int // 0: that of the interface, where configured
	ReachableTime, RetransTime time.Duration
	RouterLifetime             time.Duration
	Preference                 Preference
	Prefix                     PrefixOptions // defaults for all prefixes
	Prefixes                   []AdvertisedPrefix
	DNS                        []Expr
	Domains                    []string
	DNSFrom                    string // delegation or uplink whose DNS servers and domains are advertised too; empty: none
	DNSLifetime                time.Duration
	DomainsLifetime            time.Duration
	AdvertiseExtra
	RouterWhile *RouterWhile `json:",omitempty"` // nil: see the schema
	RoutesFrom  *RoutesFrom  `json:",omitempty"` // nil: none
}

// Preference is the default router preference of RFC 4191, with its wire values.
type Preference uint8

// The router preferences.
const (
	Medium Preference = 0
	High   Preference = 1
	Low    Preference = 3
)

// PrefixOptions are the options of an advertised prefix. Autonomous nil means: on for a /64.
type PrefixOptions struct {
	OnLink           bool
	Autonomous       *bool
	Valid, Preferred time.Duration
	// Nobody chose the valid or the preferred lifetime: it is the default, which is shorter for a prefix that may change.
	ValidDefault, PreferredDefault bool `json:",omitempty"`
	PrefixExtra
}

// AdvertisedPrefix sets the options of one prefix.
type AdvertisedPrefix struct {
	Prefix  Expr
	Options PrefixOptions
	Skip    bool
}

// Forever is an infinite lifetime; all lifetimes in the configuration are at most this.
const Forever = 0xffffffff * time.Second

// DHCPv6 is what is served on a link.
type DHCPv6 struct {
	DNSFrom          string // delegation or uplink whose DNS servers and domains are handed out too; empty: none
	RapidCommit      bool
	Preference       uint8
	Renew, Rebind    time.Duration // 0: from the preferred lifetime
	Preferred, Valid time.Duration
	DNS              []Expr
	Domains          []string
	Pools            []AddressPool
	Delegate         []PrefixPool
	Reservations     []Reservation
	Former           []FormerPrefix `json:",omitempty"` // what pools and reservations were cut from before, and clients keep for a while
	NoReconfigure    bool           `json:",omitempty"` // do not tell clients that accept it when what they hold changes
}

// FormerPrefix is a prefix that is given no more, and that clients keep what they have of until then.
type FormerPrefix struct {
	Prefix Expr
	Until  time.Time `json:",omitzero"` // zero: each lease ends when it would have
}

// AddressPool is a range of addresses, both ends included.
type AddressPool struct {
	Name        string
	Delegation  string // empty: First and Last are literal
	Auto        Slot   `json:",omitzero"`
	First, Last netip.Addr
}

// PrefixPool is a prefix to delegate in pieces.
type PrefixPool struct {
	Name             string
	Pool             Expr
	Rest             bool `json:",omitempty"` // all of Pool.Delegation that nothing uses; Pool has no prefix
	Length           int
	Preferred, Valid time.Duration
	Exclude          netip.Prefix `json:",omitzero"` // part of each piece that is not to be used, relative to it; invalid: none
}

// Reservation is for the client with the MAC, the DUID, or both.
type Reservation struct {
	Name      string
	MAC       net.HardwareAddr
	DUID      []byte
	Addresses []Expr // host addresses: /128
	Prefixes  []Expr
}

// Route is a static route.
type Route struct {
	Prefix    Expr
	Kind      rib.Kind
	Via       Host
	Interface string
	Metric    uint32 // 0: the default of router/kernel
}

// BGP is the speaker.
type BGP struct {
	ASN        uint32
	RouterID   netip.Addr
	Port       uint16
	PrefixSets []PrefixSet
	Filters    []Filter
	Neighbors  []Neighbor
	Announce   []rib.Source
	Aggregates []Expr
}

// PrefixSet is a named list of patterns.
type PrefixSet struct {
	Name     string
	Patterns []Pattern
}

// Pattern matches the prefixes that share the first bits of Prefix (as many as both have) and whose length is from Min to Max.
type Pattern struct {
	Prefix   Expr
	Min, Max int
}

// Filter is a named list of rules.
type Filter struct {
	Name  string
	Rules []Rule
}

// Rule matches when all conditions that are set hold.
type Rule struct {
	PrefixSet    string
	LearnedFrom  string     // neighbor name
	Source       rib.Source // 0: any
	Action       Action
	PrependCount int
	PrependASN   uint32
	LocalPref    *uint32
	MED          *uint32
}

// Action ends a filter, or not.
type Action uint8

// The actions of a rule.
const (
	Continue Action = iota
	Accept
	Reject
)

// Neighbor is a BGP peer.
type Neighbor struct {
	Name         string
	Address      Host // with zone if link-local
	RemoteAS     uint32
	Description  string
	NextHopSelf  bool
	Import       string // filter name; empty: nothing
	Export       string
	ImportLimit  int // 0: none
	Password     string
	Passive      bool
	Multihop     uint8 // 0: directly connected
	HoldTime     time.Duration
	LocalAddress Host
	Shutdown     bool
}
