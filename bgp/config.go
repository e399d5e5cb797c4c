package bgp

import (
	"net/netip"
	"time"

	"github.com/sixfold-router/sixfold/router/rib"
)

// Config is the whole desired state of the speaker. A zero ASN means: no BGP.
type Config struct {
	ASN        uint32
	RouterID   netip.Addr // IPv4
	Port       uint16     // TCP port to listen on
	Device     string     // VRF device that listener and sessions are bound to; empty: the default instance
	Index      int        // interface index of Device: another one is another device, and all start anew
	Neighbors  map[string]Neighbor
	Filters    map[string]Filter
	PrefixSets map[string][]Pattern
	Announce   []rib.Source // sources in the rib that are originated, besides what neighbors are told of each other's routes
}

// Pattern matches the prefixes of the same family that share the first bits of Prefix (as many as both have) and whose
// length is from Min to Max.
type Pattern struct {
	Prefix   netip.Prefix
	Min, Max int
}

// Filter is a list of rules. The first rule that matches and has Accept or Reject decides; a route that no rule decides is
// rejected.
type Filter struct {
	Rules []Rule
}

// Rule matches when all conditions that are set hold. Its changes apply also if it does not decide.
type Rule struct {
	PrefixSet    string     // name of a prefix set; empty: any prefix
	LearnedFrom  string     // name of a neighbor; empty: from anywhere
	Source       rib.Source // 0: any
	Action       Action
	PrependCount int
	PrependASN   uint32 // 0: our own
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

// Neighbor is a peer. Import and Export are names of filters; without one nothing is accepted or announced (RFC 8212).
type Neighbor struct {
	Name         string
	Address      netip.Addr // with its zone if link-local
	RemoteAS     uint32
	NextHopSelf  bool // for internal peers; external ones always get our own address
	Import       string
	Export       string
	ImportLimit  int // accepted routes; 0: no limit
	Password     string
	Passive      bool
	Multihop     uint8 // TTL for an external peer; 0: directly connected
	HoldTime     time.Duration
	LocalAddress netip.Addr
	Shutdown     bool
	Description  string
}
