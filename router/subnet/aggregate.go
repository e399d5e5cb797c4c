package subnet

import (
	"fmt"
	"iter"
	"net/netip"
	"slices"
)

// Sum returns the fewest prefixes that cover exactly what all of the given cover, IPv4 first, in order.
func Sum(prefixes []netip.Prefix) []netip.Prefix {
	all := make([]netip.Prefix, len(prefixes))
	for i, p := range prefixes {
		all[i] = p.Masked()
	}
	slices.SortFunc(all, netip.Prefix.Compare)
	var out []netip.Prefix
	for _, p := range all {
		if n := len(out); n > 0 && out[n-1].Overlaps(p) {
			continue // sorted by address and length: what overlaps is within
		}
		out = append(out, p)
		// The pair of two halves may be the half of a pair itself.
		for n := len(out); n > 1; n-- {
			parent, ok := joined(out[n-2], out[n-1])
			if !ok {
				break
			}
			out = append(out[:n-2], parent)
		}
	}
	return out
}

// joined returns the prefix that a and b are the halves of.
func joined(a, b netip.Prefix) (netip.Prefix, bool) {
	if a.Bits() != b.Bits() || a.Bits() == 0 || a.Addr().BitLen() != b.Addr().BitLen() || a == b {
		return netip.Prefix{}, false
	}
	pa := netip.PrefixFrom(a.Addr(), a.Bits()-1).Masked()
	return pa, pa == netip.PrefixFrom(b.Addr(), b.Bits()-1).Masked()
}

// Free returns the subnets of p with the given length that overlap none of used, in order.
func Free(p netip.Prefix, used []netip.Prefix, length int) (iter.Seq[netip.Prefix], error) {
	if _, err := Split(p, length); err != nil {
		return nil, err
	}
	p = p.Masked()
	for _, u := range used {
		if u.Addr().BitLen() != width(p) {
			return nil, fmt.Errorf("%s is of another family than %s", u, p)
		}
	}
	taken := Sum(used)
	w := width(p)
	return func(yield func(netip.Prefix) bool) {
		size, last := power0(w-length), numberOf(Last(p))
		at, rest := numberOf(p.Addr()), taken
		for {
			candidate := netip.PrefixFrom(at.addr(w), length)
			end := numberOf(Last(candidate))
			for len(rest) > 0 && numberOf(Last(rest[0])).less(at) {
				rest = rest[1:]
			}
			if len(rest) > 0 && candidate.Overlaps(rest[0]) {
				// To the first subnet past what is taken: it may hold many.
				end = numberOf(Last(rest[0])).or(ones(w - length))
			} else if !yield(candidate) {
				return
			}
			if !end.less(last) || size == (number{}) {
				return
			}
			at = end.plus(number{lo: 1})
		}
	}, nil
}

// power0 is 2^i, or 0 for 2^128, which a number cannot hold.
func power0(i int) number {
	if i == 128 {
		return number{}
	}
	return power(i)
}
