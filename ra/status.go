package ra

import "time"

// Status is what one interface of a Sender did, as a copy.
type Status struct {
	Interface Interface
	Sent      uint64    // advertisements sent, multicast and unicast
	Solicited uint64    // valid solicitations received
	Answered  uint64    // of these, answered by unicast
	Last      time.Time // when the last multicast advertisement was sent; zero: not yet
	Next      time.Time // when the next is due
	Errors    uint64    // sends that failed
	LastError string    // the newest failure, empty if the last send worked
}

// Counters are totals over all links of a Sender, as a copy.
type Counters struct {
	// Dropped counts received packets that were not answered, by reason: one of the Drop constants.
	Dropped map[string]uint64
}

// Why a solicitation was dropped. The first six are the checks of RFC 4861 6.1.1.
const (
	DropHopLimit     = "hop limit"           // it is not 255: it came through a router
	DropCode         = "code"                // the ICMP code is not 0
	DropShort        = "too short"           // less than 8 bytes
	DropOption       = "malformed option"    // an option has length 0 or runs over the end
	DropLinkLayer    = "link-layer address"  // a source link-layer address although the source is ::
	DropSource       = "source"              // neither :: nor a unicast address
	DropType         = "type"                // not a solicitation at all
	DropTruncated    = "too long"            // longer than any solicitation has reason to be
	DropUnconfigured = "link not advertised" // it came from a link that we do not advertise on
	DropRate         = "rate limit"          // this host asks too often
	DropBusy         = "queue full"          // more answers are waiting than we keep
	DropClient       = "client list"         // this host is not one of the link's clients
	DropImpostor     = "in our name"         // an advertisement that somebody else sent from our address
	DropUnicastOnly  = "unicast only"        // it came from ::, or from too many hosts, and nothing goes out by multicast
)
