package dhcpv6

import (
	"net/netip"
	"slices"
	"time"

	"github.com/sixfold-router/sixfold/dhcpv6/lease"
)

// former returns how long what is within p may still be used, if p is of an earlier prefix that runs out.
func (s *served) former(now time.Time, p netip.Prefix) (time.Duration, bool) {
	left := time.Duration(0)
	for _, f := range s.Former {
		if f.Prefix.Bits() <= p.Bits() && f.Prefix.Contains(p.Addr()) {
			left = max(left, remaining(now, Forever, f.Until))
		}
	}
	return left, left > 0
}

// runOut lets a client keep what it holds of a prefix that runs out, deprecated, beside what it got instead. A client that asks anew
// holds only what it says.
func (h *handler) runOut(r *result, had []lease.Lease, m assignment) {
	if !m.commit {
		return
	}
	for _, l := range had {
		left, ok := h.in.former(h.now, l.Prefix)
		if !ok || len(r.give) >= 2*maxLeases || has(r.give, l.Prefix) || h.touchesTaken(l.Prefix) || h.foreign(l.Prefix) {
			continue
		}
		if !m.withdraw && !slices.Contains(r.ia.leases, l.Prefix) {
			continue
		}
		// A lease is never extended by this.
		if !l.Valid.IsZero() {
			left = min(left, remaining(h.now, Forever, l.Valid))
		}
		if left <= 0 {
			continue
		}
		if l.Preferred.IsZero() || l.Preferred.After(h.now) {
			l.Preferred = h.now
		}
		l.Valid, l.Updated = end(h.now, left), h.now
		l.MAC, l.Client, l.Contact = h.req.mac, h.req.nextHop, h.contact
		r.give = append(r.give, l)
		r.lives = append(r.lives, lifetime{0, left})
		h.taken = append(h.taken, l.Prefix)
	}
}
