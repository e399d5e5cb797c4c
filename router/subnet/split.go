package subnet

import (
	"fmt"
	"iter"
	"math/big"
	"net/netip"
)

// Subnets are the subnets of one length in a prefix, in order.
type Subnets struct {
	prefix netip.Prefix
	length int
}

// Split cuts p into subnets of the given length.
func Split(p netip.Prefix, length int) (Subnets, error) {
	switch {
	case length > width(p):
		return Subnets{}, fmt.Errorf("%s has no subnets of length %d: an address has %d bits", p, length, width(p))
	case length < p.Bits():
		return Subnets{}, fmt.Errorf("/%d is larger than %s: give a length from %d to %d", length, p, p.Bits(), width(p))
	}
	return Subnets{p.Masked(), length}, nil
}

// Count returns how many there are.
func (s Subnets) Count() *big.Int { return Count(s.prefix, s.length) }

// From returns those from the one with number n on; the first has number 0.
func (s Subnets) From(n *big.Int) iter.Seq[netip.Prefix] {
	return func(yield func(netip.Prefix) bool) {
		if n.Sign() < 0 || n.Cmp(s.Count()) >= 0 {
			return
		}
		w := width(s.prefix)
		host := w - s.length
		at := numberOf(s.prefix.Addr()).plus(numberFrom(n).shifted(host))
		last := numberOf(Last(s.prefix)).and(ones(128).xor(ones(host)))
		for {
			if !yield(netip.PrefixFrom(at.addr(w), s.length)) || at == last {
				return
			}
			at = at.plus(power(host))
		}
	}
}
