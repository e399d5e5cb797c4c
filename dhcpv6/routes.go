package dhcpv6

import (
	"net/netip"

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
