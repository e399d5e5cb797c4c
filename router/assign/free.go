package assign

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// Free returns what is left of an IPv6 prefix without what is taken, as the fewest prefixes, in ascending order. What of taken
// lies outside does not count; host bits do not either.
func Free(within netip.Prefix, taken []netip.Prefix) []netip.Prefix {
	within = within.Masked()
	var inside []netip.Prefix
	for _, p := range taken {
		if p.IsValid() && p.Overlaps(within) {
			inside = append(inside, p.Masked())
		}
	}
	slices.SortFunc(inside, func(a, b netip.Prefix) int {
		return cmp.Or(a.Addr().Compare(b.Addr()), cmp.Compare(a.Bits(), b.Bits()))
	})
	return free(nil, within, inside)
}

func free(out []netip.Prefix, block netip.Prefix, taken []netip.Prefix) []netip.Prefix {
	if len(taken) == 0 {
		return append(out, block)
	}
	// The first of a sorted list is the largest of those at its address: if any covers the block, it does.
	if taken[0].Bits() <= block.Bits() {
		return out
	}
	low, high := halves(block)
	n, _ := slices.BinarySearchFunc(taken, high.Addr(), func(p netip.Prefix, a netip.Addr) int { return p.Addr().Compare(a) })
	return free(free(out, low, taken[:n]), high, taken[n:])
}

func halves(p netip.Prefix) (low, high netip.Prefix) {
	b := p.Addr().As16()
	b[p.Bits()/8] |= 0x80 >> (p.Bits() % 8)
	return netip.PrefixFrom(p.Addr(), p.Bits()+1), netip.PrefixFrom(netip.AddrFrom16(b), p.Bits()+1)
}

// take cuts a prefix of bits from the smallest of the free blocks that holds it, the lowest of several, and returns what is left.
func take(blocks []netip.Prefix, bits int) (place netip.Prefix, rest []netip.Prefix, ok bool) {
	best := -1
	for i, b := range blocks {
		if b.Bits() <= bits && (best < 0 || b.Bits() > blocks[best].Bits()) {
			best = i
		}
	}
	if best < 0 {
		return netip.Prefix{}, blocks, false
	}
	place = netip.PrefixFrom(blocks[best].Addr(), bits)
	left := Free(blocks[best], []netip.Prefix{place})
	return place, slices.Concat(blocks[:best], left, blocks[best+1:]), true
}

// Place returns the place of a prefix in a delegation: its bits without those of the delegation.
func Place(base, p netip.Prefix) netip.Prefix {
	a, b := p.Addr().As16(), base.Masked().Addr().As16()
	for i := range a {
		a[i] &^= b[i]
	}
	return netip.PrefixFrom(netip.AddrFrom16(a), p.Bits()).Masked()
}

// Text writes a place with the four groups that choose a subnet in full: 0:0:0:1::/64.
func Text(p netip.Prefix) string {
	if p.Addr().IsUnspecified() {
		return p.String()
	}
	b := p.Addr().As16()
	n := 8
	for n > 4 && b[2*n-2]|b[2*n-1] == 0 {
		n--
	}
	groups := make([]string, 0, 8)
	for i := range n {
		groups = append(groups, fmt.Sprintf("%x", uint16(b[2*i])<<8|uint16(b[2*i+1])))
	}
	text := strings.Join(groups, ":")
	if n < 8 {
		text += "::"
	}
	return fmt.Sprintf("%s/%d", text, p.Bits())
}
