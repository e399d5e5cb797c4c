package ra

import "net/netip"

// EventKind says what happened on a link that is advertised on.
type EventKind string

// What can happen.
const (
	Started   EventKind = "started"   // the first advertisement left
	Stopped   EventKind = "stopped"   // there will be no more
	Solicited EventKind = "solicited" // a host asked, and is answered
	Failed    EventKind = "failed"    // an advertisement could not be sent
	Recovered EventKind = "recovered" // they are sent again
)

// Event tells of a link.
type Event struct {
	Kind EventKind
	Link string
	Host netip.Addr // who asked; :: if it has no address yet
	Err  error      // why it failed
}

// tell calls OnEvent. Callers hold mu.
func (s *Sender) tell(e Event) {
	if s.OnEvent != nil {
		s.OnEvent(e)
	}
}
