package dhcpv6

import (
	"net/netip"
	"slices"
)

// reservedSet is every reserved address and prefix, of all links.
type reservedSet struct {
	of      map[netip.Prefix]*Reservation
	sorted  []netip.Prefix
	lengths []int // that occur in sorted
}

func newReservedSet(all map[netip.Prefix]*Reservation) reservedSet {
	s := reservedSet{of: all}
	for p := range all {
		s.sorted = append(s.sorted, p)
		if !slices.Contains(s.lengths, p.Bits()) {
			s.lengths = append(s.lengths, p.Bits())
		}
	}
	slices.SortFunc(s.sorted, netip.Prefix.Compare)
	return s
}

// overlaps reports whether p contains something that is reserved, or is contained in it.
func (s *reservedSet) overlaps(p netip.Prefix) bool {
	for _, bits := range s.lengths {
		if bits <= p.Bits() {
			if _, ok := s.of[netip.PrefixFrom(p.Addr(), bits).Masked()]; ok {
				return true
			}
		}
	}
	i, _ := slices.BinarySearchFunc(s.sorted, p, func(r, p netip.Prefix) int { return r.Addr().Compare(p.Addr()) })
	return i < len(s.sorted) && p.Contains(s.sorted[i].Addr())
}

// among returns what of the set touches the addresses from first to last.
func (s *reservedSet) among(first, last netip.Addr) []netip.Prefix {
	var out []netip.Prefix
	for _, bits := range s.lengths {
		p := netip.PrefixFrom(first, bits).Masked()
		if _, ok := s.of[p]; ok && p.Addr() != first {
			out = append(out, p)
		}
	}
	i, _ := slices.BinarySearchFunc(s.sorted, first, func(r netip.Prefix, a netip.Addr) int { return r.Addr().Compare(a) })
	for ; i < len(s.sorted) && s.sorted[i].Addr().Compare(last) <= 0; i++ {
		out = append(out, s.sorted[i])
	}
	return out
}
