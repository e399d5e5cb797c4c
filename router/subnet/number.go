package subnet

import (
	"encoding/binary"
	"math/big"
	"math/bits"
	"net/netip"
)

// number is an address as an unsigned integer of 128 bits; of IPv4 the lowest 32.
type number struct{ hi, lo uint64 }

func numberOf(a netip.Addr) number {
	if a.Is4() {
		b := a.As4()
		return number{lo: uint64(binary.BigEndian.Uint32(b[:]))}
	}
	b := a.As16()
	return number{hi: binary.BigEndian.Uint64(b[:8]), lo: binary.BigEndian.Uint64(b[8:])}
}

// addr is the reverse of numberOf for a family of 32 or 128 bits.
func (n number) addr(width int) netip.Addr {
	if width == 32 {
		var b [4]byte
		binary.BigEndian.PutUint32(b[:], uint32(n.lo))
		return netip.AddrFrom4(b)
	}
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], n.hi)
	binary.BigEndian.PutUint64(b[8:], n.lo)
	return netip.AddrFrom16(b)
}

// power is 2^i for i from 0 to 127.
func power(i int) number {
	if i >= 64 {
		return number{hi: 1 << (i - 64)}
	}
	return number{lo: 1 << i}
}

// ones is 2^i - 1 for i from 0 to 128.
func ones(i int) number {
	switch {
	case i >= 128:
		return number{^uint64(0), ^uint64(0)}
	case i >= 64:
		return number{1<<(i-64) - 1, ^uint64(0)}
	}
	return number{lo: 1<<i - 1}
}

func (n number) or(m number) number  { return number{n.hi | m.hi, n.lo | m.lo} }
func (n number) xor(m number) number { return number{n.hi ^ m.hi, n.lo ^ m.lo} }
func (n number) and(m number) number { return number{n.hi & m.hi, n.lo & m.lo} }

// plus is the sum modulo 2^128.
func (n number) plus(m number) number {
	lo, carry := bits.Add64(n.lo, m.lo, 0)
	hi, _ := bits.Add64(n.hi, m.hi, carry)
	return number{hi, lo}
}

func (n number) less(m number) bool { return n.hi < m.hi || n.hi == m.hi && n.lo < m.lo }

// shifted is n·2^i modulo 2^128, for i from 0 to 128.
func (n number) shifted(i int) number {
	if i >= 64 {
		return number{hi: n.lo << (i - 64)}
	}
	return number{n.hi<<i | n.lo>>(64-i), n.lo << i}
}

// numberFrom takes the lowest 128 bits of a number that is not negative.
func numberFrom(b *big.Int) number {
	low := new(big.Int).And(b, new(big.Int).SetUint64(^uint64(0))).Uint64()
	high := new(big.Int).And(new(big.Int).Rsh(b, 64), new(big.Int).SetUint64(^uint64(0))).Uint64()
	return number{high, low}
}

// width is the number of bits of the addresses of p.
func width(p netip.Prefix) int { return p.Addr().BitLen() }

// Last returns the last address of p.
func Last(p netip.Prefix) netip.Addr {
	return numberOf(p.Masked().Addr()).or(ones(width(p) - p.Bits())).addr(width(p))
}

// Count returns the number of subnets of the given length in p, or of addresses if the length is that of an address.
func Count(p netip.Prefix, length int) *big.Int {
	if length < p.Bits() {
		return new(big.Int)
	}
	return new(big.Int).Lsh(big.NewInt(1), uint(length-p.Bits()))
}
