package dhcpv6

import (
	"net/netip"
	"slices"
	"time"

	"github.com/sixfold-router/sixfold/dhcpv6/lease"
	"github.com/sixfold-router/sixfold/router/rib"
)

// routeOf returns the route of a delegated prefix: via the link-local address of the client on its link, or via its relay
// (RFC 8987 4.2), which the table finds by itself.
func routeOf(l lease.Lease) (rib.Route, bool) {
	if l.Key.Kind != lease.Prefix || l.State != lease.Bound || !l.Client.IsValid() {
		return rib.Route{}, false
	}
	r := rib.Route{Prefix: l.Prefix, Via: l.Client}
	if l.Client.IsLinkLocalUnicast() {
		r.Link = l.Key.Link
	}
	return r, true
}

// deserted reports whether a delegated prefix is no longer ours: it was given of something that follows a delegation, and that has
// moved away or is not there at the moment. What still runs out is ours.
func (c *catalog) deserted(now time.Time, l lease.Lease) bool {
	in := c.links[l.Key.Link]
	if in == nil || l.Key.Kind != lease.Prefix {
		return false
	}
	if _, left := in.former(now, l.Prefix); left > 0 {
		return false
	}
	if l.Reserved {
		return slices.Contains(in.Follow.Reservations, l.Pool) && c.reserved.of[l.Prefix] == nil
	}
	return slices.Contains(in.Follow.Delegate, l.Pool) && !slices.ContainsFunc(in.Delegate, func(p PrefixPool) bool {
		return p.Name == l.Pool && p.Prefix.Bits() <= l.Prefix.Bits() && p.Prefix.Contains(l.Prefix.Addr())
	})
}

// restoreRoutes puts the routes of all leases into the table.
func (s *Server) restoreRoutes() {
	s.decide.Lock()
	defer s.decide.Unlock()
	now, cat := time.Now(), s.catalog.Load()
	var routes []rib.Route
	s.store.Walk(func(l lease.Lease) bool {
		if r, ok := routeOf(l); ok && !ended(l, now) && !cat.deserted(now, l) {
			routes = append(routes, r)
		}
		return true
	})
	s.table.Replace(rib.Delegated, routes)
	s.routed = true
}

// reroute takes away the routes of prefixes that are no longer ours, or puts them back. It does nothing before Run has put the
// routes of the leases into the table.
func (s *Server) reroute(old, next *catalog) {
	s.decide.Lock()
	routed := s.routed
	s.decide.Unlock()
	if !routed {
		return
	}
	for name, in := range next.links {
		was := old.links[name]
		if was == nil && len(in.Follow.Delegate)+len(in.Follow.Reservations) > 0 || was != nil && !sameSources(was, in) {
			s.restoreRoutes()
			return
		}
	}
}

// sameSources reports whether what deserted looks at is the same.
func sameSources(a, b *served) bool {
	return slices.Equal(a.Former, b.Former) && slices.Equal(a.Follow.Delegate, b.Follow.Delegate) &&
		slices.Equal(a.Follow.Reservations, b.Follow.Reservations) &&
		slices.EqualFunc(a.Delegate, b.Delegate, func(p, q PrefixPool) bool { return p.Name == q.Name && p.Prefix == q.Prefix }) &&
		slices.EqualFunc(a.Reservations, b.Reservations, func(r, q Reservation) bool { return r.Name == q.Name && slices.Equal(r.Prefixes, q.Prefixes) })
}

// route makes the routes follow a change that is on disk.
func route(table *rib.Instance, c lease.Change) {
	var add []rib.Route
	var del []netip.Prefix
	for _, ref := range c.Delete {
		if ref.Key.Kind == lease.Prefix {
			del = append(del, ref.Prefix)
		}
	}
	for _, l := range c.Put {
		if r, ok := routeOf(l); ok {
			add = append(add, r)
		} else if l.Key.Kind == lease.Prefix {
			del = append(del, l.Prefix) // where it led to before is no longer right
		}
	}
	if len(add)+len(del) > 0 {
		table.Update(rib.Delegated, add, del)
	}
}
