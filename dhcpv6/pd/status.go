package pd

import "time"

// Status is the state of one identity association on one uplink, as a copy.
type Status struct {
	Link       string
	Name       string // of the delegation; empty for an address
	IAID       uint32
	State      string // soliciting, requesting, bound, renewing, rebinding, confirming, declining, releasing, released, waiting
	Since      time.Time
	Delegation *Delegation // nil: nothing held
	Problem    string      // why it does not get ahead, with the server's status message; empty: all is well

	Kind           string    // address, prefix, or information: DNS servers and domains alone
	DUID           []byte    // our identifier on the link
	Hint           string    // what is asked for, as a /56 or a prefix; empty: no hint
	Message        string    // what is being sent: Solicit, Request, …; empty: nothing
	Attempts       int       // how often it was sent
	Next           time.Time // when something is sent again; zero: nothing is due
	Reconfigurable bool      // the server gave us a key for its Reconfigure messages
	Resolver       *Resolver // of kind information; nil: nothing known
}
