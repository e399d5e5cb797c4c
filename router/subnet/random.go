package subnet

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"io"
	"math/big"
	"net/netip"
)

// Random returns a random address of p that a host may have: not the subnet-router anycast address or the addresses reserved for
// anycast (RFC 2526) and other interface identifiers of RFC 5453, and of IPv4 not the network and the broadcast address.
func Random(p netip.Prefix) (netip.Addr, error) { return randomFrom(rand.Reader, p) }

func randomFrom(r io.Reader, p netip.Prefix) (netip.Addr, error) {
	for {
		a, err := fill(r, p, width(p))
		if err != nil || !reserved(a, p.Bits()) {
			return a, err
		}
	}
}

// RandomSubnet returns a random subnet of p with the given length.
func RandomSubnet(p netip.Prefix, length int) (netip.Prefix, error) {
	if _, err := Split(p, length); err != nil {
		return netip.Prefix{}, err
	}
	a, err := fill(rand.Reader, p, length)
	return netip.PrefixFrom(a, length), err
}

// fill sets the bits of p from its length up to length at random, and those past it to zero.
func fill(r io.Reader, p netip.Prefix, length int) (netip.Addr, error) {
	var b [16]byte
	if _, err := io.ReadFull(r, b[:]); err != nil {
		return netip.Addr{}, fmt.Errorf("read random bits: %w", err)
	}
	w := width(p)
	noise := number{binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])}
	noise = noise.and(ones(w - p.Bits()).xor(ones(w - length)))
	return numberOf(p.Masked().Addr()).or(noise).addr(w), nil
}

// Hosts returns how many addresses Random chooses from.
func Hosts(p netip.Prefix) *big.Int {
	n := Count(p, width(p))
	host := width(p) - p.Bits()
	take := int64(0)
	switch {
	case host < 2:
	case width(p) == 32:
		take = 2
	case host == 64:
		take = 1 + 128 + 0x5213
	case host < 8:
		take = 1
	case p.Bits() < 64:
		// Each of its /64s has addresses that are reserved.
		return n.Sub(n, new(big.Int).Mul(Count(p, 64), big.NewInt(1+128+0x5213)))
	default:
		take = 1 + 128
	}
	return n.Sub(n, big.NewInt(take))
}

// reserved reports whether no host may have the address, in a subnet of the given length.
func reserved(a netip.Addr, length int) bool {
	n := numberOf(a)
	w := a.BitLen()
	if w-length < 2 {
		return false // point-to-point: RFC 6164, RFC 3021
	}
	if w == 32 {
		host := n.and(ones(w - length))
		return host == number{} || host == ones(w-length)
	}
	if length <= 64 {
		return reservedIdentifier(n.lo)
	}
	host := n.and(ones(w - length))
	// The highest 128 are anycast addresses (RFC 2526), unless there would be nothing else.
	top := ones(w - length).xor(ones(7))
	return host == number{} || w-length >= 8 && host.and(top) == top
}

// reservedIdentifier reports whether an interface identifier is in the registry of RFC 5453.
func reservedIdentifier(id uint64) bool {
	return id == 0 || id >= 0x02005efffe000000 && id <= 0x02005efffe005212 || id >= 0xfdffffffffffff80 && id <= 0xfdffffffffffffff
}
