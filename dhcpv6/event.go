package dhcpv6

import "github.com/sixfold-router/sixfold/dhcpv6/lease"

// EventKind says what happened to a lease.
type EventKind string

// What can happen to a lease.
const (
	Leased    EventKind = "leased"    // it is new
	Extended  EventKind = "extended"  // it was renewed, or asked for again
	Released  EventKind = "released"  // the client or the operator gave it back
	Declined  EventKind = "declined"  // the client found the address in use
	Withdrawn EventKind = "withdrawn" // it is not right for the client any longer
	Expired   EventKind = "expired"   // it ended
	Told      EventKind = "told"      // the client is told to renew; the lease is one that it has
	Silent    EventKind = "silent"    // the client was told to renew, and did not
	Conflict  EventKind = "conflict"  // it is reserved for the client, who cannot have it now
)

// Event tells of a lease, after the change is on disk.
type Event struct {
	Kind  EventKind
	Lease lease.Lease // of a Conflict, only what would have been given, and to whom
	Note  string      // why; may be empty
}
