package bgp

import (
	"errors"
	"net/netip"
)

// hop is a next hop that the kernel can use. Link is set where the address alone does not tell the way.
type hop struct {
	via  netip.Addr
	link string
}

var broadcast = netip.AddrFrom4([4]byte{255, 255, 255, 255})

// resolve makes the next hop of a path usable. peer is the address of the neighbor that announced the path, with its zone if
// link-local; own reports the addresses of this router.
//
// Over a link-local session a next hop is often written as :: followed by the link-local address (RFC 2545 3), of which GoBGP
// keeps the first half only. Both that and a plain link-local next hop stand for the neighbor itself, on the interface of the
// session. A global next hop is returned without a link: whether it is on a link or behind a gateway is found by the kernel
// when the route is written, which is how internal peers' next hops are resolved.
func resolve(prefix netip.Prefix, next, peer netip.Addr, own func(netip.Addr) bool) (hop, error) {
	if prefix.Addr().Is4() || !next.Is4In6() {
		next = next.Unmap()
	}
	switch {
	case !next.IsValid():
		return hop{}, errors.New("no next hop")
	case next.Is6() && (next.IsUnspecified() || next.IsLinkLocalUnicast()):
		if peer.Zone() == "" || !peer.Is6() || !peer.IsLinkLocalUnicast() {
			return hop{}, errors.New("next hop " + next.String() + " says no interface, and the session is not link-local")
		}
		return hop{via: peer.WithZone(""), link: peer.Zone()}, nil
	case next.Is4In6():
		return hop{}, errors.New("next hop " + next.String() + " is not an IPv6 router")
	case next.IsUnspecified():
		return hop{}, errors.New("next hop is unspecified")
	case next.IsMulticast() || next == broadcast:
		return hop{}, errors.New("next hop " + next.String() + " is not unicast")
	case next.IsLoopback():
		return hop{}, errors.New("next hop " + next.String() + " is a loopback address")
	case prefix.Addr().Is6() && next.Is4():
		return hop{}, errors.New("next hop " + next.String() + " is not an IPv6 router")
	case own(next.WithZone("")):
		return hop{}, errors.New("next hop " + next.String() + " is our own address")
	}
	return hop{via: next.WithZone("")}, nil
}
