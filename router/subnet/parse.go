package subnet

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// ParsePrefix reads a prefix without host bits: 2001:db8::/32.
func ParsePrefix(s string) (netip.Prefix, error) {
	p, err := ParseAddressPrefix(s)
	switch {
	case err != nil:
		return netip.Prefix{}, err
	case !strings.Contains(s, "/"):
		return netip.Prefix{}, fmt.Errorf("%s has no length: write %s/%d, or with the length that the prefix has", s, s, p.Bits())
	case p != p.Masked():
		return netip.Prefix{}, fmt.Errorf("%s is an address in a prefix: the prefix is %s", s, p.Masked())
	}
	return p, nil
}

// ParseAddressPrefix reads an address with or without a length: 2001:db8::1/64. Without one it is the whole address.
func ParseAddressPrefix(s string) (netip.Prefix, error) {
	text, length, has := strings.Cut(s, "/")
	a, err := ParseAddress(text)
	if err != nil {
		return netip.Prefix{}, err
	}
	if !has {
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	bits, err := ParseLength(length, a)
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("%s: %w", s, err)
	}
	return netip.PrefixFrom(a, bits), nil
}

// ParseAddress reads an address without zone and length. Brackets, as in a URL, are taken off. IPv4 in the last 32 bits of an IPv6
// address is understood.
func ParseAddress(s string) (netip.Addr, error) {
	text := s
	if strings.HasPrefix(text, "[") && strings.HasSuffix(text, "]") {
		text = text[1 : len(text)-1]
	}
	a, err := netip.ParseAddr(text)
	if err != nil {
		return netip.Addr{}, fmt.Errorf("%q is not an address such as 2001:db8::1 or 192.0.2.1", s)
	}
	if a.Zone() != "" {
		return netip.Addr{}, fmt.Errorf("%s has a zone, which is no part of an address: write %s", s, a.WithZone(""))
	}
	return a, nil
}

// ParseLength reads a prefix length, with or without a slash, for the family of a.
func ParseLength(s string, a netip.Addr) (int, error) {
	text := strings.TrimPrefix(s, "/")
	n, err := strconv.ParseUint(text, 10, 8)
	if err != nil || int(n) > a.BitLen() || text != strconv.FormatUint(n, 10) {
		return 0, fmt.Errorf("%q is not a length from 0 to %d", s, a.BitLen())
	}
	return int(n), nil
}
