package subnet

import (
	"fmt"
	"math/big"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Reverse returns the zones of the reverse DNS that hold the names of p, in order: one if the length is at a boundary of digits
// (4 bits in ip6.arpa, 8 in in-addr.arpa), else up to 8, or 128 of IPv4. Of an address it is the name itself. An IPv4 prefix
// longer than /24 gives the name of RFC 2317.
func Reverse(p netip.Prefix) []string {
	p = p.Masked()
	step := 4
	if width(p) == 32 {
		if p.Bits() > 24 && p.Bits() < 32 {
			b := p.Addr().As4()
			return []string{fmt.Sprintf("%d/%d.%d.%d.%d.in-addr.arpa", b[3], p.Bits(), b[2], b[1], b[0])}
		}
		step = 8
	}
	whole := (p.Bits() + step - 1) / step * step
	var names []string
	s, err := Split(p, whole)
	if err != nil {
		return nil
	}
	for z := range s.From(new(big.Int)) {
		names = append(names, zone(z))
	}
	return names
}

// zone names a prefix whose length is at a boundary.
func zone(p netip.Prefix) string {
	var labels []string
	suffix := "ip6.arpa"
	if p.Addr().Is4() {
		suffix = "in-addr.arpa"
		b := p.Addr().As4()
		for _, octet := range b[:p.Bits()/8] {
			labels = append(labels, strconv.Itoa(int(octet)))
		}
	} else {
		b := p.Addr().As16()
		for i := range p.Bits() / 4 {
			labels = append(labels, strconv.FormatUint(uint64(b[i/2]>>(4*(1-i%2))&15), 16))
		}
	}
	slices.Reverse(labels)
	return strings.Join(append(labels, suffix), ".")
}

// ParseReverse is the reverse of Reverse: it reads the name of a zone or an address.
func ParseReverse(name string) (netip.Prefix, error) {
	wrong := fmt.Errorf("%q is not a name of the reverse DNS such as 8.b.d.0.1.0.0.2.ip6.arpa", name)
	text := strings.ToLower(strings.TrimSuffix(name, "."))
	if rest, ok := cutZone(text, "ip6.arpa"); ok {
		var b [16]byte
		if len(rest) > 32 {
			return netip.Prefix{}, wrong
		}
		for i, l := range rest {
			d, err := strconv.ParseUint(l, 16, 4)
			if err != nil || len(l) != 1 {
				return netip.Prefix{}, wrong
			}
			b[i/2] |= byte(d) << (4 * (1 - i%2))
		}
		return netip.PrefixFrom(netip.AddrFrom16(b), 4*len(rest)), nil
	}
	rest, ok := cutZone(text, "in-addr.arpa")
	if !ok || len(rest) > 4 {
		return netip.Prefix{}, wrong
	}
	var b [4]byte
	bits := 8 * len(rest)
	for i, l := range rest {
		if i == 3 {
			if first, length, has := strings.Cut(l, "/"); has {
				n, err := strconv.ParseUint(length, 10, 8)
				if err != nil || n < 25 || n > 31 || strconv.FormatUint(n, 10) != length {
					return netip.Prefix{}, wrong
				}
				l, bits = first, int(n)
			}
		}
		d, err := strconv.ParseUint(l, 10, 8)
		if err != nil || strconv.FormatUint(d, 10) != l {
			return netip.Prefix{}, wrong
		}
		b[i] = byte(d)
	}
	p := netip.PrefixFrom(netip.AddrFrom4(b), bits)
	if p != p.Masked() {
		return netip.Prefix{}, wrong
	}
	return p, nil
}

// cutZone takes the suffix off a name and returns the labels that are left, the most significant first.
func cutZone(name, suffix string) ([]string, bool) {
	if name == suffix {
		return nil, true
	}
	rest, ok := strings.CutSuffix(name, "."+suffix)
	if !ok {
		return nil, false
	}
	labels := strings.Split(rest, ".")
	slices.Reverse(labels)
	return labels, true
}
