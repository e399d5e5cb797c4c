package dhcpv6

import (
	"net/netip"
	"slices"
	"time"

	"github.com/sixfold-router/sixfold/dhcpv6/lease"
)

// former returns the earlier prefix that p is within, if it runs out, and how long what is within it may still be used.
func (s *served) former(now time.Time, p netip.Prefix) (of Former, left time.Duration) {
	for _, f := range s.Former {
		if f.Prefix.Bits() > p.Bits() || !f.Prefix.Contains(p.Addr()) {
			continue
		}
		if l := remaining(now, Forever, f.Until); l > left {
			of, left = f, l
		}
	}
	return of, left
}

// runOut lets a client keep what it holds of a prefix that runs out, deprecated, beside what it got instead. A client that asks anew
// holds only what it says.
func (h *handler) runOut(r *result, had []lease.Lease, m assignment) {
	if !m.commit {
		return
	}
	for _, l := range had {
		of, left := h.in.former(h.now, l.Prefix)
		if left <= 0 || len(r.give) >= 2*maxLeases || has(r.give, l.Prefix) || h.touchesTaken(l.Prefix) || h.foreign(l.Prefix) {
			continue
		}
		if !m.withdraw && !slices.Contains(r.ia.leases, l.Prefix) {
			continue
		}
		rest := remaining(h.now, Forever, l.Valid)
		left = min(left, max(rest, of.Valid))
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
