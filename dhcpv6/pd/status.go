package pd

import "time"

// Status is the state of one identity association on one uplink, as a copy.
type Status struct {
	Link       string
	Name       string // of the delegation; empty for an address
	IAID       uint32
	State      string // soliciting, requesting, bound, renewing, rebinding, releasing, released, waiting
	Since      time.Time
	Delegation *Delegation // nil: nothing held
	Problem    string      // why it does not get ahead, with the server's status message; empty: all is well
}
