package bgp

import (
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/osrg/gobgp/v4/pkg/apiutil"
	"github.com/sixfold-router/sixfold/router/rib"
)

// routes turns new best paths into what is to be added to the rib and what removed. A best path that cannot be used leaves its
// prefix without a route: the next best would not be what neighbors are told.
func (s *Speaker) routes(best map[netip.Prefix]*apiutil.Path) (add []rib.Route, del []netip.Prefix) {
	for prefix, p := range best {
		if p != nil {
			if r, err := route(prefix, p, s.has); err == nil {
				add = append(add, r)
				continue
			}
		}
		del = append(del, prefix)
	}
	return add, del
}

func route(prefix netip.Prefix, p *apiutil.Path, own func(netip.Addr) bool) (rib.Route, error) {
	h, err := resolve(prefix, nextHopOf(p), p.PeerAddress, own)
	if err != nil {
		return rib.Route{}, err
	}
	return rib.Route{Prefix: prefix, Via: h.via, Link: h.link}, nil
}

// ownAddresses knows the addresses of this router, on whatever link. They are read at most once in a while: the kernel refuses a route via an
// address that appeared just now, all the same.
type ownAddresses struct {
	mu    sync.Mutex
	addrs map[netip.Addr]bool
	read  time.Time
}

const ownAddressesAge = 5 * time.Second

func (o *ownAddresses) has(a netip.Addr) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if now := time.Now(); o.addrs == nil || now.Sub(o.read) > ownAddressesAge {
		o.read = now
		// On an error the old ones are better than none.
		if list, err := net.InterfaceAddrs(); err == nil {
			o.addrs = make(map[netip.Addr]bool, len(list))
			for _, l := range list {
				if p, err := netip.ParsePrefix(l.String()); err == nil {
					o.addrs[p.Addr().Unmap()] = true
				}
			}
		}
	}
	return o.addrs[a]
}
