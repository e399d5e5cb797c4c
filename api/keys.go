package api

import (
	"encoding/binary"
	"net/netip"
	"strings"

	"github.com/sixfold-router/sixfold/bgp"
	"github.com/sixfold-router/sixfold/router"
)

// The keys that lists are sorted by, as strings whose order is the order of the list.

// addrKey sorts IPv6 before IPv4, then by value.
func addrKey(a netip.Addr) string {
	b := a.As16()
	family := "\x06"
	if a.Is4() {
		family = "\x64"
	}
	return family + string(b[:])
}

// prefixKey sorts by address, then by length: a prefix stands before what is in it.
func prefixKey(p netip.Prefix) string {
	if !p.IsValid() {
		return ""
	}
	return addrKey(p.Addr()) + string([]byte{byte(p.Bits())})
}

// routeKey sorts by family and table, then by prefix; of one prefix the route in use comes first.
func routeKey(r router.RouteStatus) string {
	k := r.Route.Key()
	prefix := prefixKey(k.Prefix)
	if prefix == "" {
		prefix = "\x00"
	}
	order := []byte{boolKey(!r.InKernel), boolKey(!r.Best)}
	order = binary.BigEndian.AppendUint32(order, r.Route.Metric)
	return prefix[:1] + string(binary.BigEndian.AppendUint32(nil, k.Table)) + prefix[1:] + string(order) + r.Source + "\x00" + r.Route.Link + "\x00" + r.Route.Via.String()
}

// pathKey sorts by prefix, the best path first, then by neighbor.
func pathKey(p bgp.Path) string {
	return prefixKey(p.Prefix) + string([]byte{boolKey(!p.Best)}) + strings.Join([]string{natural(p.Neighbor), p.Source, p.NextHop.String()}, "\x00")
}

func boolKey(b bool) byte {
	if b {
		return 1
	}
	return 0
}

func numberKey(n uint64) string { return string(binary.BigEndian.AppendUint64(nil, n)) }
