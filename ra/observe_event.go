package ra

import (
	"net/netip"
	"time"
)

// RouterEventKind says what happened to another router.
type RouterEventKind string

// What can happen.
const (
	RouterMet      RouterEventKind = "router-met"      // it was not heard before
	RouterRogue    RouterEventKind = "router-rogue"    // it should not advertise here; told again while it goes on
	RouterResigned RouterEventKind = "router-resigned" // it is no default router any more
	RouterTook     RouterEventKind = "router-took"     // it is a default router now
	RouterDiffers  RouterEventKind = "router-differs"  // it says what does not agree with what we say
	RouterAgrees   RouterEventKind = "router-agrees"   // it agrees again
	RouterLost     RouterEventKind = "router-lost"     // it was not heard for its lifetime
	RouterFlood    RouterEventKind = "router-flood"    // there are more routers than are remembered
	RouterImpostor RouterEventKind = "router-impostor" // somebody advertises in our name what we do not say
)

// RouterEvent tells of another router.
type RouterEvent struct {
	Kind   RouterEventKind
	Link   string
	Router netip.Addr
	MAC    string // of its source link-layer option; empty: it sent none
	What   string // what it says, what differs, or for how long it was not heard
	Known  bool   // it may be here
	Count  uint64 // of RouterFlood: advertisements that were not looked at, of RouterImpostor: those in our name, so far
	Untold int    // events of the link since the last, which were not told of
}

// tell calls OnEvent with what happened on a link, unless much happens there. Callers hold mu.
func (o *Observer) tell(l *observedLink, now time.Time, e RouterEvent) {
	if !l.tells.take(tellBurst, tellRefill, now) {
		l.untold++
		return
	}
	o.announce(l, e)
}

// announce calls OnEvent. It is for what is rare by itself, and told of however much was told of before: a flood is what the rest is
// about. Callers hold mu.
func (o *Observer) announce(l *observedLink, e RouterEvent) {
	e.Link, e.Untold, l.untold = l.name, l.untold, 0
	if o.OnEvent != nil {
		o.OnEvent(e)
	}
}
