package firewall

import (
	"net/netip"
	"time"
)

// Router is the name that stands for this machine where a zone is named.
const Router = "router"

// Any is the name that stands for every zone where a zone is named.
const Any = "any"

// Config is the whole desired state. The zero Config wants no table. Lists are in the order of their names except where noted, so
// that equal configurations are equal values.
type Config struct {
	Zones        []Zone
	Policies     []Policy     // in the order in which they are tried
	AddressSets  []AddressSet // those that Addresses.Sets name
	PortSets     []PortSet    // those that Ports.Sets name
	Services     []Service    // what this router serves, which guarded zones may reach
	Logins       []Login      // by which people come to this router; nothing is let in for them, but a preview warns
	VTEPs        []VTEPFilter
	Masquerades  []Masquerade
	Translations []Translation
	Forwards     []Forward
	MSSClamps    []MSSClamp
	Protection   *Protection    // nil: none
	Stale        []netip.Prefix // IPv6 prefixes that are no longer ours: hosts that use them are told so
	StaleReady   bool           // have the rule for Stale also while there are none, so that one that comes changes no rule
}

// IsEmpty reports whether the configuration wants no table.
func (c Config) IsEmpty() bool {
	return len(c.Zones) == 0 && len(c.VTEPs) == 0 && len(c.Masquerades) == 0 && len(c.Translations) == 0 &&
		len(c.Forwards) == 0 && len(c.MSSClamps) == 0 && c.Protection == nil && len(c.Stale) == 0
}

// SourceCheck says how far the source address of a packet from a zone is believed (BCP 38, BCP 84).
type SourceCheck uint8

// The checks.
const (
	CheckOff    SourceCheck = iota
	CheckLoose              // there is a route to the source
	CheckStrict             // the route to the source is by the interface that the packet came in by
)

// String returns the word of the configuration.
func (c SourceCheck) String() string {
	return [...]string{"off", "loose", "strict"}[min(c, CheckStrict)]
}

// Zone is a set of interfaces.
type Zone struct {
	Name        string
	Interfaces  []string // names
	Bridges     []string // those of them that are bridges
	Slaves      bool     // some are in a VRF, and seen by the kernel under its name
	Stateless   bool
	SourceCheck SourceCheck
}

// Action is what becomes of a packet.
type Action uint8

// The actions.
const (
	Continue       Action = iota // it is not decided here
	Accept                       //
	Drop                         // without an answer
	Reject                       // with an ICMP error, or a TCP reset
	SimpleSecurity               // dropped, unless RFC 6092 wants it to pass; only at the end of a policy
)

// String returns the word of the configuration; that of Continue is empty.
func (a Action) String() string {
	return [...]string{"", "accept", "drop", "reject", "simple_security"}[min(a, SimpleSecurity)]
}

// Policy says what passes from one zone to another.
type Policy struct {
	Where    string // place in the configuration: firewall.policies[0]
	From, To string // a zone, Router or Any
	Rules    []PolicyRule
	End      Action // what becomes of packets that no rule decides
	Log      uint32 // of these, packets a second to log; 0: none
}

// PolicyRule matches a packet when all its conditions do.
type PolicyRule struct {
	Where        string // place in the configuration: firewall.policies[0].rules[2]
	Name         string // empty: none
	Sources      Addresses
	Destinations Addresses
	Protocols    []Protocol // none: all
	Ports        Ports      // of the destination
	SourcePorts  Ports
	ICMPTypes    []ICMPType // none: all
	Action       Action     // not SimpleSecurity
	Log          uint32     // packets a second; 0: none
}

// Addresses is a condition on an address. The zero value is none.
type Addresses struct {
	Text     []string       // as configured, for people and to recognise the rule when its prefixes change
	Prefixes []netip.Prefix // as they are now, without those of Sets
	Sets     []string
	Relative bool // some are in a delegated prefix: IPv6, known or not
	Pending  bool // some wait for a delegation
}

// Ports is a condition on a port. The zero value is none.
type Ports struct {
	Ranges []PortRange
	Sets   []string
}

// AddressSet is a named set.
type AddressSet struct {
	Name     string
	Prefixes []netip.Prefix
	Relative bool
}

// PortSet is a named set.
type PortSet struct {
	Name   string
	Ranges []PortRange
}

// Service is something that this router serves, by the rest of its configuration.
type Service struct {
	Name     string         // for people: bgp
	Links    []string       // on these; none: on all
	Protocol Protocol       //
	Port     uint16         // of ours; 0: the protocol has none
	Both     bool           // this router opens connections to this port of others as well
	Peers    []netip.Prefix // only with these; none: with all
}

// Login is a TCP port by which people come to this router.
type Login struct {
	Name string // SSH
	Port uint16
}

// VTEPFilter lets packets of a VXLAN segment in from those that it names only: the protocol has no authentication. What comes to a port
// that a filter has, and is of no segment with one, is dropped.
type VTEPFilter struct {
	Device  string
	VNI     uint32
	Port    uint16
	Sources []netip.Prefix // none: nothing is let in
	Links   []string       // that packets from Sources come in by; none: any
}

// Masquerade gives packets the address of the interface they leave by.
type Masquerade struct {
	Name string
	Text string       // From as configured, for people
	From netip.Prefix // invalid: waits for a delegation
	Out  string       // a zone

	FormerFrom []netip.Prefix // earlier ones that hosts may still have addresses of
}

// Translation translates a prefix into another of the same length, without state (RFC 6296).
type Translation struct {
	Name                    string
	InsideText, OutsideText string       // as configured, for people
	Inside, Outside         netip.Prefix // invalid: waits for a delegation
	Out                     string       // a zone

	// What they were and still is valid, while a server lets an earlier delegation run out. Connections that begin inside get an address of
	// Outside; those that others begin to a former outside address arrive inside as before.
	FormerInside, FormerOutside []netip.Prefix
}

// Forward sends connections on to another machine.
type Forward struct {
	Name        string
	In          string       // a zone
	AddressText string       // as configured, for people; empty: all of ours
	Address     netip.Addr   // ours; invalid: all of ours
	Former      []netip.Addr // what Address was, and still is valid
	Protocols   []Protocol
	Ports       []PortRange
	ToText      string     // as configured, for people
	To          netip.Addr // invalid: waits for a delegation
	ToPort      uint16     // 0: the one connected to
}

// MSSClamp lowers the maximum segment size of TCP connections that leave by a zone.
type MSSClamp struct {
	Out string
	MSS uint16 // 0: what the MTU of the route leaves
}

// Protection keeps others from disturbing this router. Rates are in packets a second; 0 is no limit.
type Protection struct {
	Exempt         []string       // interfaces that are never limited: those of the management instance
	Neighbors      []netip.Prefix // BGP neighbors
	BGPPorts       []uint16       // that we listen on; none: no BGP
	ICMPRate       uint32
	NeighborRate   uint32 // from each interface
	DHCPv6Rate     uint32
	BGPRate        uint32
	ConnectionRate uint32 // from each address, or each IPv6 /64
}

// Timeouts of connections after RFC 6092: REC-14 and REC-15 for UDP, REC-35 for TCP.
const (
	udpTimeout            = 5 * time.Minute
	tcpEstablishedTimeout = 24 * time.Hour
	tcpTransitoryTimeout  = 4 * time.Minute
)
