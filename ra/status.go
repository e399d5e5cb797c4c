package ra

import "time"

// Status is what one interface of a Sender did, as a copy.
type Status struct {
	Interface Interface
	Sent      uint64    // advertisements sent, multicast and unicast
	Solicited uint64    // valid solicitations received
	Last      time.Time // when the last multicast advertisement was sent; zero: not yet
	Next      time.Time // when the next is due
	Errors    uint64    // sends that failed
	LastError string    // the newest failure, empty if the last send worked
}
