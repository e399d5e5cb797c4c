package lease

import (
	"net"
	"net/netip"
	"time"
)

// Kind says what a lease is of.
type Kind uint8

// The kinds of leases.
const (
	Address Kind = iota // IA_NA
	Prefix              // IA_PD
)

// String returns "address" or "prefix".
func (k Kind) String() string {
	if k == Prefix {
		return "prefix"
	}
	return "address"
}

// Key identifies the binding of a client: its DUID, the kind of identity association, its IAID, and the link it is on.
// DUID holds the raw bytes. Keys are comparable.
type Key struct {
	DUID string
	Kind Kind
	IAID uint32
	Link string
}

// State is the state of a lease.
type State uint8

// The states of leases.
const (
	Bound    State = iota // the client has it until Lease.Valid
	Declined              // a client found the address in use by another: kept from everybody until Lease.Valid
)

// Lease is one address or prefix that one client has. An address is a /128.
type Lease struct {
	Key       Key
	Prefix    netip.Prefix
	State     State
	Preferred time.Time        // end of the preferred lifetime
	Valid     time.Time        // end of the valid lifetime; zero means never
	MAC       net.HardwareAddr // link-layer source of the frame that the lease was given on; nil if unknown
	Client    netip.Addr       // link-local address of the client, without zone: next hop of a delegated prefix
	Pool      string           // name of the pool or reservation it came from
	Reserved  bool             // it came from a reservation
	Updated   time.Time        // when it was last given or extended
	Contact   *Contact         // how the client can be told to renew; nil: it cannot
}
