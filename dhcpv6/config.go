package dhcpv6

import (
	"net"
	"net/netip"
	"time"
)

// Config is the whole desired state: the interfaces to serve, by link name.
type Config struct {
	DUID       []byte // server identifier; never empty
	Interfaces map[string]Interface

	// Relays are the sources of relayed messages that are believed about the client's link-layer address (option 79,
	// RFC 6939). Others are believed only when they come in on a link that is not served: on a served link any client
	// could write such a message.
	Relays []netip.Prefix

	// Device is the interface index of the VRF that the interfaces are in; 0: they are in none. Relays are heard, and reached, by
	// its routes.
	Device int

	// Elsewhere are interfaces, by index, that another server of this process sees to.
	Elsewhere map[int]bool

	// Rate is how many messages a second one client (link-layer source, or relay and peer) may send, with twice as many
	// at once. 0 means DefaultRate, a negative number no limit.
	Rate int
}

// DefaultRate is the limit of messages a second from one client.
const DefaultRate = 100

// Interface is what is served on one link. Every value is final.
type Interface struct {
	Link      string
	Index     int        // interface index; 0 for a link that is only heard of through relays
	LinkLocal netip.Addr // our link-local address on the link, the source of replies

	Subnets      []netip.Prefix // prefixes on the link: what an address must be in to be right for it
	Pools        []AddressPool
	Delegate     []PrefixPool
	Reservations []Reservation
	Exclude      []netip.Prefix // never given from a pool: our own addresses on the link, prefixes in use elsewhere

	RapidCommit      bool
	Preference       uint8         // option 7; 0 sends none
	Renew, Rebind    time.Duration // T1 and T2; 0: 0.5 and 0.8 of the shortest preferred lifetime
	Preferred, Valid time.Duration // of addresses, and of prefixes whose pool has none; at most Forever
	DNS              []netip.Addr
	Domains          []string

	// Reconfigure has clients that accept it told at once when what they hold is no longer right (RFC 8415 18.3.11).
	Reconfigure bool

	// Former are earlier prefixes that run out, because a delegation of ours lets them or the operator wants it: what clients hold
	// within them, whatever pool or reservation it came from, is renewed with a preferred lifetime of zero and the valid one that is
	// left, beside what they get instead; nothing new is given of them. The subnets of the link within them belong into Subnets as
	// long as hosts may use them.
	Former []Former

	// Follow says what is cut from a delegation, whether that is held or not.
	Follow Follow
}

// Former is an earlier prefix that runs out.
type Former struct {
	Prefix netip.Prefix
	Until  time.Time     // end of its valid lifetime; zero: none, so that each lease has its own
	Valid  time.Duration // what a renewal of a lease gives, up to Until; 0: what the lease has left
}

// Follow names pools of prefixes and reservations that follow a delegation: what a client has of them and they no longer have, is
// not ours any longer, so that it is not routed to the client even while the lease lasts.
type Follow struct {
	Delegate, Reservations []string
}

// Until caps lifetimes with the end of the delegation that a pool was cut from. Zero times: no cap.
type Until struct {
	Preferred, Valid time.Time
}

// AddressPool is a range of addresses, both ends included.
type AddressPool struct {
	Name        string
	First, Last netip.Addr
	Until       Until
}

// PrefixPool is a prefix delegated in pieces of Length.
type PrefixPool struct {
	Name             string
	Prefix           netip.Prefix
	Length           int
	Preferred, Valid time.Duration
	Until            Until

	// Exclude is the part of each piece that its client leaves unused behind itself (RFC 6603), relative to the piece: ::/64 is the
	// first /64 of it. It is longer than Length; invalid: none.
	Exclude netip.Prefix
}

// Reservation gives the client with the MAC, the DUID, or both, these addresses and prefixes.
type Reservation struct {
	Name      string
	MAC       net.HardwareAddr // compared with the link-layer source of the received frame
	DUID      []byte
	Addresses []netip.Addr
	Prefixes  []netip.Prefix
	Until     Until
}

// Forever is the infinite lifetime of RFC 8415 7.7.
const Forever = 0xffffffff * time.Second
