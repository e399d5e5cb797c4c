package dhcpv6

import (
	"net/netip"
	"slices"
	"time"

	"github.com/sixfold-router/sixfold/dhcpv6/lease"
)

// A pool that is cut from a delegation moves when that changes. Its clients keep their places then: the same host part of an
// address, the same number of a delegated piece. Until they have come to renew, nobody else is given these places.

// place returns where in the pools the first of what a binding had, or else of what the client says that it holds, would be. The
// piece is invalid if there is no such place, and may be taken.
func (s *served) place(kind lease.Kind, had []lease.Lease, listed []netip.Prefix) netip.Prefix {
	pools := s.addresses
	if kind == lease.Prefix {
		pools = s.prefixes
	}
	for _, l := range had {
		if _, q := s.nearest(pools, l.Pool, l.Prefix); q.IsValid() {
			return q
		}
	}
	if len(had) == 0 {
		for _, l := range listed {
			if _, q := s.nearest(pools, "", l); q.IsValid() {
				return q
			}
		}
	}
	return netip.Prefix{}
}

// nearest returns in which pool of the name, or in which pool if none has the name, a lease has the place that is most like its
// own. A pool may be in several parts.
func (s *served) nearest(pools []*pool, name string, l netip.Prefix) (in *pool, place netip.Prefix) {
	named := slices.ContainsFunc(pools, func(p *pool) bool { return p.name == name })
	most := -1
	for _, p := range pools {
		if named && p.name != name {
			continue
		}
		if q := s.placeOf(p, l); q.IsValid() {
			if same := alike(q, l); same > most {
				in, place, most = p, q, same
			}
		}
	}
	return in, place
}

// alike counts the bits that two prefixes of one length have in common, from the end on.
func alike(a, b netip.Prefix) int {
	x, y := a.Addr().As16(), b.Addr().As16()
	n := 0
	for i := a.Bits() - 1; i >= 0 && (x[i/8]^y[i/8])&(0x80>>(i%8)) == 0; i-- {
		n++
	}
	return n
}

// placeOf returns the piece of the pool at the place of a lease of an earlier one. It is invalid for what is in the pool anyway.
func (s *served) placeOf(p *pool, l netip.Prefix) netip.Prefix {
	if p.pieces.Contains(l) {
		return netip.Prefix{}
	}
	switch pieces := p.pieces.(type) {
	case lease.AddressPool:
		if l.Bits() != 128 {
			return netip.Prefix{}
		}
		for _, n := range s.Subnets {
			if !n.Contains(pieces.First) {
				continue
			}
			a := splice(n.Addr(), l.Addr(), n.Bits())
			if q := netip.PrefixFrom(a, 128); pieces.Contains(q) && s.usable(a) {
				return q
			}
		}
	case lease.PrefixPool:
		if l.Bits() == pieces.Length {
			return netip.PrefixFrom(splice(pieces.Prefix.Addr(), l.Addr(), pieces.Prefix.Bits()), pieces.Length)
		}
	}
	return netip.Prefix{}
}

// splice returns an address with the first bits of one and the rest of another.
func splice(high, low netip.Addr, bits int) netip.Addr {
	a, b := high.As16(), low.As16()
	for i := range b {
		mask := byte(0xff)
		switch {
		case bits >= 8*(i+1):
			mask = 0
		case bits > 8*i:
			mask >>= bits - 8*i
		}
		b[i] = a[i]&^mask | b[i]&mask
	}
	return netip.AddrFrom16(b)
}

// kept is a place that a lease of an earlier pool has in one of now.
type kept struct {
	in    *pool
	place netip.Prefix
}

// keep notes the places that leases without a pool have in the new pools among fresh. mu is held.
func (s *space) keep(cat *catalog, fresh []*pool, all []lease.Lease) {
	names := map[poolName][]*pool{}
	for _, p := range fresh {
		names[poolName{p.link, p.kind(), p.name}] = append(names[poolName{p.link, p.kind(), p.name}], p)
	}
	for _, l := range all {
		pools := names[poolName{l.Key.Link, l.Key.Kind, l.Pool}]
		if len(pools) == 0 || l.State != lease.Bound || l.Reserved {
			continue
		}
		in := cat.links[l.Key.Link]
		if _, ok := in.offerOf(time.Time{}, l.Key.Kind, l.Prefix); ok {
			continue
		}
		p, q := in.nearest(pools, l.Pool, l.Prefix)
		if p == nil {
			continue
		}
		if _, other := p.kept[q]; !other {
			p.kept[q] = l.Key
			s.kept[l.Prefix] = kept{p, q}
		}
	}
}

// poolName is how the configuration and a lease tell of a pool.
type poolName struct {
	link string
	kind lease.Kind
	name string
}

// leave ends what is kept for a lease that is gone. mu is held.
func (s *space) leave(l netip.Prefix) {
	k, ok := s.kept[l]
	if !ok {
		return
	}
	delete(s.kept, l)
	delete(k.in.kept, k.place)
	k.in.known.Free(k.place) // if it is leased, that is found out again
}

// keptForAnother reports whether a piece is the place of a client that has not come to renew yet.
func (s *space) keptForAnother(key lease.Key, q netip.Prefix) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for p := range s.over(q) {
		if p.keptForAnother(key, q) {
			return true
		}
	}
	return false
}

// keptForAnother is that of the space, for one pool.
func (p *pool) keptForAnother(key lease.Key, q netip.Prefix) bool {
	owner, ok := p.kept[q]
	return ok && owner != key
}

func (p *pool) kind() lease.Kind {
	if _, ok := p.pieces.(lease.PrefixPool); ok {
		return lease.Prefix
	}
	return lease.Address
}
