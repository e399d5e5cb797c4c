package lease

import (
	"encoding/binary"
	"math"
	"math/bits"
	"net/netip"
)

// Pool is an AddressPool or a PrefixPool: pieces of equal size in a row. Neither holds state; an [Allocator] does.
type Pool interface {
	// Contains reports whether p is exactly one piece of the pool.
	Contains(p netip.Prefix) bool
	// Size is the number of pieces. A float holds it, for 2^64 of them and more are usual.
	Size() float64
	// At returns the piece at position n, the lowest being 0. There must be more than n.
	At(n uint64) netip.Prefix

	extent() (low, high wide, unit int)         // lowest and highest address; bits of an address that are within a piece
	last() (uint64, bool)                       // the highest position, capped at 2^64-1; false if the pool is empty
	position(netip.Prefix) (uint64, bool)       // of the piece that p is or lies in, if there is one below 2^64
	suits(hint netip.Prefix) netip.Prefix       // the piece that a hint asks for, or an invalid prefix
	skip(n uint64) (next uint64, reserved bool) // where the pieces end that may not be given, if n is among them; 0: nowhere
	scattered() bool                            // whether a client's piece is anywhere rather than the lowest
}

// AddressPool is a range of addresses, both ends included. Its pieces are /128s.
type AddressPool struct {
	First, Last netip.Addr
}

// PrefixPool is a prefix in pieces of Length.
type PrefixPool struct {
	Prefix netip.Prefix
	Length int
}

// wide is a number of 128 bits.
type wide struct{ hi, lo uint64 }

func toWide(a netip.Addr) wide {
	b := a.As16()
	return wide{binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])}
}

func (w wide) addr() netip.Addr {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], w.hi)
	binary.BigEndian.PutUint64(b[8:], w.lo)
	return netip.AddrFrom16(b)
}

func (w wide) plus(x wide) wide {
	lo, carry := bits.Add64(w.lo, x.lo, 0)
	hi, _ := bits.Add64(w.hi, x.hi, carry)
	return wide{hi, lo}
}

func (w wide) minus(x wide) wide {
	lo, borrow := bits.Sub64(w.lo, x.lo, 0)
	hi, _ := bits.Sub64(w.hi, x.hi, borrow)
	return wide{hi, lo}
}

func (w wide) less(x wide) bool { return w.hi < x.hi || w.hi == x.hi && w.lo < x.lo }

// A shift by 64 or more of a uint64 is 0 in Go, which both of these rely on.

func (w wide) right(n int) wide {
	if n >= 64 {
		return wide{0, w.hi >> (n - 64)}
	}
	return wide{w.hi >> n, w.lo>>n | w.hi<<(64-n)}
}

func (w wide) left(n int) wide {
	if n >= 64 {
		return wide{w.lo << (n - 64), 0}
	}
	return wide{w.hi<<n | w.lo>>(64-n), w.lo << n}
}

func (p AddressPool) valid() bool {
	return p.First.Is6() && p.Last.Is6() && p.First.WithZone("").Compare(p.Last.WithZone("")) <= 0
}

// Contains reports whether q is a /128 in the range.
func (p AddressPool) Contains(q netip.Prefix) bool {
	a := q.Addr()
	return p.valid() && q.Bits() == 128 && a.Is6() &&
		p.First.WithZone("").Compare(a) <= 0 && a.Compare(p.Last.WithZone("")) <= 0
}

// Size is the number of addresses, reserved ones among them.
func (p AddressPool) Size() float64 {
	if !p.valid() {
		return 0
	}
	d := toWide(p.Last).minus(toWide(p.First))
	return math.Ldexp(float64(d.hi), 64) + float64(d.lo) + 1
}

// At returns the address First + n as a /128.
func (p AddressPool) At(n uint64) netip.Prefix {
	return netip.PrefixFrom(toWide(p.First).plus(wide{0, n}).addr(), 128)
}

func (p AddressPool) extent() (low, high wide, unit int) { return toWide(p.First), toWide(p.Last), 0 }

func (p AddressPool) last() (uint64, bool) {
	if !p.valid() {
		return 0, false
	}
	return clamp(toWide(p.Last).minus(toWide(p.First))), true
}

func (p AddressPool) position(q netip.Prefix) (uint64, bool) {
	if !p.Contains(q) {
		return 0, false
	}
	d := toWide(q.Addr()).minus(toWide(p.First))
	return d.lo, d.hi == 0
}

func (p AddressPool) suits(hint netip.Prefix) netip.Prefix {
	if !p.Contains(hint) {
		return netip.Prefix{}
	}
	if _, reserved := reservedIID(toWide(hint.Addr()).lo); reserved {
		return netip.Prefix{}
	}
	return hint
}

func (p AddressPool) skip(n uint64) (uint64, bool) {
	iid := toWide(p.First).plus(wide{0, n}).lo
	end, reserved := reservedIID(iid)
	if !reserved {
		return n, false
	}
	next := n + (end - iid) + 1
	if next <= n {
		next = 0
	}
	return next, true
}

func (p AddressPool) scattered() bool { return true }

// ReservedIdentifier reports whether no host is to have the address, because RFC 5453 reserves its interface identifier.
func ReservedIdentifier(a netip.Addr) bool {
	_, reserved := reservedIID(toWide(a).lo)
	return reserved
}

// reservedIID reports whether an interface identifier is one of those that RFC 5453 reserves, and where their block ends:
// the subnet-router anycast address (RFC 4291 2.6.1), the IANA Ethernet block, the subnet anycast addresses (RFC 2526).
func reservedIID(iid uint64) (end uint64, reserved bool) {
	switch {
	case iid == 0:
		return 0, true
	case iid>>24 == 0x02005efffe:
		return 0x0200_5eff_feff_ffff, true
	case iid>>7 == 0xfdff_ffff_ffff_ff80>>7:
		return 0xfdff_ffff_ffff_ffff, true
	}
	return 0, false
}

func (p PrefixPool) valid() bool {
	return p.Prefix.IsValid() && p.Prefix.Addr().Is6() && p.Length >= p.Prefix.Bits() && p.Length <= 128
}

// Contains reports whether q is a piece: of Length, in the pool, and with no bits beyond.
func (p PrefixPool) Contains(q netip.Prefix) bool {
	return p.valid() && q.Bits() == p.Length && q == q.Masked() && p.Prefix.Contains(q.Addr())
}

// Size is the number of pieces.
func (p PrefixPool) Size() float64 {
	if !p.valid() {
		return 0
	}
	return math.Ldexp(1, p.Length-p.Prefix.Bits())
}

// At returns the piece at position n.
func (p PrefixPool) At(n uint64) netip.Prefix {
	base := toWide(p.Prefix.Masked().Addr())
	return netip.PrefixFrom(base.plus(wide{0, n}.left(128-p.Length)).addr(), p.Length)
}

func (p PrefixPool) extent() (low, high wide, unit int) {
	low = toWide(p.Prefix.Masked().Addr())
	return low, low.plus(wide{math.MaxUint64, math.MaxUint64}.right(p.Prefix.Bits())), 128 - p.Length
}

func (p PrefixPool) last() (uint64, bool) {
	if !p.valid() {
		return 0, false
	}
	return clamp(wide{math.MaxUint64, math.MaxUint64}.right(p.Prefix.Bits()).right(128 - p.Length)), true
}

func (p PrefixPool) position(q netip.Prefix) (uint64, bool) {
	if !p.valid() || q.Bits() < p.Length || !p.Prefix.Contains(q.Addr()) {
		return 0, false
	}
	d := toWide(q.Addr()).minus(toWide(p.Prefix.Masked().Addr())).right(128 - p.Length)
	return d.lo, d.hi == 0
}

func (p PrefixPool) suits(hint netip.Prefix) netip.Prefix {
	if !p.valid() || !hint.IsValid() || hint.Addr().IsUnspecified() || !p.Prefix.Contains(hint.Addr()) {
		return netip.Prefix{}
	}
	return netip.PrefixFrom(hint.Addr(), p.Length).Masked()
}

func (p PrefixPool) skip(n uint64) (uint64, bool) { return n, false }

func (p PrefixPool) scattered() bool { return false }

// spanOf returns the pieces of a pool that touch q, of the first 2^64.
func spanOf(p Pool, q netip.Prefix) (span, bool) {
	last, ok := p.last()
	if !ok || !q.IsValid() || !q.Addr().Is6() {
		return span{}, false
	}
	low, high, unit := p.extent()
	from := toWide(q.Masked().Addr())
	to := from.plus(wide{math.MaxUint64, math.MaxUint64}.right(q.Bits()))
	if to.less(low) || high.less(from) {
		return span{}, false
	}
	if from.less(low) {
		from = low
	}
	if high.less(to) {
		to = high
	}
	from, to = from.minus(low).right(unit), to.minus(low).right(unit)
	return span{from.lo, min(clamp(to), last)}, from.hi == 0
}

func clamp(w wide) uint64 {
	if w.hi != 0 {
		return math.MaxUint64
	}
	return w.lo
}
