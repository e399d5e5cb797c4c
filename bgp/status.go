package bgp

import (
	"net/netip"
	"time"
)

// Status is the state of the speaker, as a copy.
type Status struct {
	ASN       uint32
	RouterID  netip.Addr
	Running   bool
	Neighbors []NeighborStatus // by name
}

// NeighborStatus is the state of one session.
type NeighborStatus struct {
	Neighbor      Neighbor
	State         string // idle, connect, active, opensent, openconfirm, established, shutdown
	Since         time.Time
	Received      uint64 // routes received, before the import filter
	Accepted      uint64 // routes after it
	Advertised    uint64
	Flaps         uint64
	LastError     string
	LimitExceeded bool
}

// Path is one path of a prefix.
type Path struct {
	Prefix    netip.Prefix
	Best      bool
	Neighbor  string // name; empty for paths of our own
	NextHop   netip.Addr
	Link      string // interface of a link-local next hop
	ASPath    string
	Origin    string // igp, egp, incomplete
	LocalPref uint32
	MED       uint32
	Community []string
	Source    string // bgp, or the source in the rib of a path of our own
	Age       time.Time
	Unusable  string // why the path is not in the rib although best; empty: it is
}

// PathFilter selects paths.
type PathFilter struct {
	Prefix   netip.Prefix // exact, or all if invalid
	Neighbor string       // of received paths; empty: all
	// Advertised lists what is announced to Neighbor instead of what was received from it.
	Advertised bool
}
