package config

import "net/netip"

// excluded reads the part of each piece of a pool that its client leaves unused (RFC 6603), relative to the piece.
func (b *builder) excluded(text string, length int, s *spot) netip.Prefix {
	if text == "" {
		return netip.Prefix{}
	}
	p, err := parsePrefix(text)
	switch {
	case err != nil:
		b.errorf(s, "%v; written from the beginning of a piece: ::/64 is its first /64", err)
	case p.Addr().Is4():
		b.errorf(s, "%s is IPv4, and delegated pieces are IPv6", text)
	case p != p.Masked():
		b.errorf(s, "%s has bits set beyond its length; did you mean %s?", text, spread(p.Masked()))
	case length == 0 || length > 128:
		// The length has been complained of.
	case p.Bits() <= length:
		b.errorf(s, "a /%d is not a part of a delegated /%d: a part has a longer prefix", p.Bits(), length)
	case !fits(p.Addr(), length):
		b.errorf(s, "%s does not lie in a piece of length %d, which it is written from the beginning of: ::/%d is the first of its kind", text, length, p.Bits())
	default:
		return p
	}
	return netip.Prefix{}
}
