package dhcpv6

import (
	"net/netip"

	dhcp6 "github.com/insomniacslk/dhcp/dhcpv6"
)

// exclude tells in each prefix of an IA_PD which part of it the client leaves unused behind itself (RFC 6603), if it asked for that.
func (h *handler) exclude(o dhcp6.Option) dhcp6.Option {
	pd, ok := o.(*dhcp6.OptIAPD)
	if !ok || !h.asked(dhcp6.OptionPDExclude) {
		return o
	}
	for _, p := range pd.Options.Prefixes() {
		piece, ok := prefixOf(p)
		if !ok || p.ValidLifetime == 0 {
			continue
		}
		for _, pool := range h.in.Delegate {
			if pool.Exclude.IsValid() && piece.Bits() == pool.Length && pool.Prefix.Contains(piece.Addr()) {
				p.Options.Add(&dhcp6.OptionGeneric{OptionCode: dhcp6.OptionPDExclude, OptionData: excluded(pool.Exclude, piece.Bits())})
				break
			}
		}
	}
	return o
}

// excluded encodes option 67: the length of the excluded prefix, and those of its bits that come after the delegated ones, from
// the highest bit of the first byte on (RFC 6603 4.2).
func excluded(p netip.Prefix, delegated int) []byte {
	out := make([]byte, 1+(p.Bits()-delegated+7)/8)
	out[0] = byte(p.Bits())
	a := p.Addr().As16()
	for i := delegated; i < p.Bits(); i++ {
		if a[i/8]&(0x80>>(i%8)) != 0 {
			n := i - delegated
			out[1+n/8] |= 0x80 >> (n % 8)
		}
	}
	return out
}

func prefixOf(o *dhcp6.OptIAPrefix) (netip.Prefix, bool) {
	if o.Prefix == nil {
		return netip.Prefix{}, false
	}
	a, ok := netip.AddrFromSlice(o.Prefix.IP)
	bits, _ := o.Prefix.Mask.Size()
	return netip.PrefixFrom(a, bits), ok
}
