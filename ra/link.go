package ra

import (
	"net/netip"
	"slices"
	"time"
)

// link is what a Sender knows of one link.
type link struct {
	status   Status // status.Interface is what Apply wanted; its slices are not changed
	schedule schedule
	hosts    limiter
	position int  // in Sender.due; -1: it is not there, having nothing to send by itself
	joined   bool // there is a group membership to leave

	messages [][]byte  // the advertisement, encoded; nil: not yet. The bytes are never changed
	lasting  time.Time // until when messages are right; zero: for ever
}

// content is the advertisement at now.
func (l *link) content(now time.Time) ([][]byte, error) {
	if l.messages == nil || !l.lasting.IsZero() && now.After(l.lasting) {
		messages, err := Encode(l.status.Interface, now)
		if err != nil {
			return nil, err
		}
		l.messages, l.lasting = messages, Lasting(l.status.Interface, now)
	}
	return l.messages, nil
}

// become takes over another configuration of the same link.
func (l *link) become(i Interface) {
	l.status.Interface, l.messages = i, nil
}

// toAll is the multicast address of all nodes, alone.
var toAll = []netip.Addr{allNodes}

// audience is who gets what nobody asked for.
func (i *Interface) audience() []netip.Addr {
	switch {
	case len(i.Clients) > 0:
		return i.Clients
	case i.UnicastOnly:
		return nil
	}
	return toAll
}

// serves reports whether a host may ask.
func (i *Interface) serves(host netip.Addr) bool {
	return (len(i.Clients) == 0 || slices.Contains(i.Clients, host)) && !slices.Contains(i.Excluded, host)
}

// rate is how many answers a second one host may have.
func (i *Interface) rate() int { return max(i.SolicitRate, 1) }
