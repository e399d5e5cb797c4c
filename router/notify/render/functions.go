package render

import (
	"fmt"
	"math/big"
	"net/netip"
)

// The functions of templates take a prefix as text and return text, so that one can be put into another. Of no prefix they make
// nothing.

// subnet returns the nth prefix of a length within a prefix, from 0.
func subnet(prefix string, length, n int) (string, error) {
	p, ok, err := read(prefix)
	if !ok || err != nil {
		return "", err
	}
	if length < p.Bits() || length > p.Addr().BitLen() {
		return "", fmt.Errorf("there is no /%d in %s", length, p)
	}
	if n < 0 || length-p.Bits() < 62 && n >= 1<<(length-p.Bits()) {
		return "", fmt.Errorf("%s has %d subnets of length %d, and there is no number %d", p, uint64(1)<<(length-p.Bits()), length, n)
	}
	size := p.Addr().BitLen()
	at := new(big.Int).SetBytes(p.Addr().AsSlice())
	at.Or(at, new(big.Int).Lsh(big.NewInt(int64(n)), uint(size-length)))
	a, _ := netip.AddrFromSlice(at.FillBytes(make([]byte, size/8)))
	return netip.PrefixFrom(a, length).String(), nil
}

// host returns the address with the given host part in a prefix.
func host(prefix, part string) (string, error) {
	p, ok, err := read(prefix)
	if !ok || err != nil {
		return "", err
	}
	a, err := netip.ParseAddr(part)
	if err != nil {
		return "", fmt.Errorf("%q is not an address, as ::1", part)
	}
	joined, err := join(p, a)
	return joined.String(), err
}

// cut returns an address or prefix that is written relative to a prefix, as "NAME ADDRESS/LENGTH" in the configuration.
func cut(prefix, relative string) (string, error) {
	p, ok, err := read(prefix)
	if !ok || err != nil {
		return "", err
	}
	r, err := netip.ParsePrefix(relative)
	if err != nil {
		return "", fmt.Errorf("%q is not a prefix, as 0:0:0:1::1/64", relative)
	}
	if r.Bits() < p.Bits() {
		return "", fmt.Errorf("%s is too small for a /%d", p, r.Bits())
	}
	a, err := join(p, r.Addr())
	if err != nil {
		return "", err
	}
	return netip.PrefixFrom(a, r.Bits()).String(), nil
}

// addr returns the address of a prefix.
func addr(prefix string) (string, error) {
	p, err := netip.ParsePrefix(prefix)
	if prefix == "" {
		return "", nil
	} else if err != nil {
		return "", fmt.Errorf("%q is not a prefix", prefix)
	}
	return p.Addr().String(), nil
}

// network returns a prefix without its host bits.
func network(prefix string) (string, error) {
	p, ok, err := read(prefix)
	if !ok || err != nil {
		return "", err
	}
	return p.String(), nil
}

// bits returns the length of a prefix.
func bits(prefix string) (int, error) {
	p, _, err := read(prefix)
	return max(p.Bits(), 0), err
}

// read takes a prefix from its text; ok is false for none.
func read(prefix string) (p netip.Prefix, ok bool, err error) {
	if prefix == "" {
		return p, false, nil
	}
	p, err = netip.ParsePrefix(prefix)
	if err != nil {
		return p, false, fmt.Errorf("%q is not a prefix", prefix)
	}
	return p.Masked(), true, nil
}

// join puts an address whose first bits are zero into a prefix.
func join(p netip.Prefix, a netip.Addr) (netip.Addr, error) {
	if a.BitLen() != p.Addr().BitLen() || a.Zone() != "" {
		return a, fmt.Errorf("%s is not an address in %s", a, p)
	}
	if head, err := a.Prefix(p.Bits()); err != nil || !head.Addr().IsUnspecified() {
		return a, fmt.Errorf("%s is too small for %s", p, a)
	}
	b, s := p.Addr().AsSlice(), a.AsSlice()
	for i := range b {
		b[i] |= s[i]
	}
	out, _ := netip.AddrFromSlice(b)
	return out, nil
}
