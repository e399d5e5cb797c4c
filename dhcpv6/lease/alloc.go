package lease

import (
	"cmp"
	"math"
	"math/bits"
	"net/netip"
	"slices"
)

// Bounds of the work of one Pick, in calls of taken.
const (
	maxProbes  = 4096 // for a free piece; a nearly full pool is learnt in several calls
	maxRecheck = 8    // of pieces in a full pool, for one that became free unnoticed
)

// maxKnown is how many taken pieces an Allocator remembers before it starts afresh.
const maxKnown = 1 << 22

// Allocator finds free pieces of one pool. It asks the taken function, which is the truth, and remembers the pieces that are
// taken in a bitmap of several levels, so that each is asked for once, and a full block of any size is passed over in one
// step. What it remembers is only a hint: Free makes a piece known as free at once; where that was forgotten, the piece is
// found again by and by, once the pool is full. Take, with the leases at hand, spares it the learning.
//
// An Allocator is not safe for concurrent use. A pool that changes gets a new Allocator.
type Allocator struct {
	pool    Pool
	never   []span // pieces that are not given, in order, apart from one another
	known   sparse
	recheck uint64 // position to look at next in a full pool
}

// span is a row of pieces, both ends included.
type span struct{ first, last uint64 }

// NewAllocator returns an allocator that knows of no lease yet. A piece that touches one of the prefixes in never is not
// given; those of them that are not in the pool are ignored.
func NewAllocator(pool Pool, never ...netip.Prefix) *Allocator {
	a := &Allocator{pool: pool}
	var all []span
	for _, p := range never {
		if s, ok := spanOf(pool, p); ok {
			all = append(all, s)
		}
	}
	slices.SortFunc(all, func(x, y span) int { return cmp.Compare(x.first, y.first) })
	for _, s := range all {
		if n := len(a.never); n > 0 && (s.first == 0 || s.first-1 <= a.never[n-1].last) {
			a.never[n-1].last = max(a.never[n-1].last, s.last)
		} else {
			a.never = append(a.never, s)
		}
	}
	return a
}

// Pool returns the pool.
func (a *Allocator) Pool() Pool { return a.pool }

// Pick returns a piece that is free and may be given, and false if it found none. It does not make it taken: the caller
// does, by what taken reports from then on.
//
// The first choice is the hint, if it is in the pool and free: of an address pool exactly that address, of a prefix pool the
// piece at the address of the hint, whatever its length (RFC 8168); a hint that is invalid, elsewhere, or has only a length
// (::/N) is passed over. Without it, an address pool gives the first free address from a place that hash decides, so that a
// client gets the same one again where it can (see [Key.Hash]); a prefix pool gives the lowest free prefix. Addresses with an
// identifier that RFC 5453 reserves, such as the subnet-router anycast address, are never given. Beyond the first
// 2^64 pieces of a pool only a hint leads.
func (a *Allocator) Pick(taken func(netip.Prefix) bool, hint netip.Prefix, hash uint64) (netip.Prefix, bool) {
	if p := a.pool.suits(hint); p.IsValid() && a.may(p) && !taken(p) {
		return p, true
	}
	last, ok := a.pool.last()
	if !ok {
		return netip.Prefix{}, false
	}
	s := search{Allocator: a, taken: taken, probes: maxProbes}
	start := mix(hash)
	if last < math.MaxUint64 {
		start %= last + 1
	}
	if !a.pool.scattered() {
		if p, ok := s.from(0, last); ok {
			return p, true
		}
		if s.probes > 0 {
			return s.again(last)
		}
		// Much is taken that is not known yet, as after a start without Take. Any free piece is better than none.
		s.probes = maxProbes
	}
	if p, ok := s.from(start, last); ok {
		return p, true
	}
	if start > 0 {
		if p, ok := s.from(0, start-1); ok {
			return p, true
		}
	}
	if s.probes > 0 {
		return s.again(last)
	}
	return netip.Prefix{}, false
}

// Take says that p, a piece or a part of one, is taken.
func (a *Allocator) Take(p netip.Prefix) {
	if n, ok := a.pool.position(p); ok {
		a.remember(n)
	}
}

// Free says that p, a piece or a part of one, may be free again. What is not in the pool is ignored.
func (a *Allocator) Free(p netip.Prefix) {
	if n, ok := a.pool.position(p); ok {
		a.known.clear(n)
		return
	}
	last, ok := a.pool.last()
	if !ok || !p.IsValid() {
		return
	}
	first, end := a.pool.At(0), a.pool.At(last)
	_, inside := a.pool.position(netip.PrefixFrom(p.Addr(), 128))
	if p.Bits() < first.Bits() && (inside || p.Overlaps(first) || p.Overlaps(end)) {
		a.known = sparse{} // p is many pieces, a lease from the time before the pool was changed
	}
}

// may reports whether p is a piece that may be given. Beyond the first 2^64 pieces it cannot tell, and taken has to.
func (a *Allocator) may(p netip.Prefix) bool {
	n, ok := a.pool.position(p)
	if !ok {
		return true
	}
	_, reserved := a.skip(n)
	return !reserved
}

// skip returns where the pieces end that may not be given, if n is among them; 0 means nowhere.
func (a *Allocator) skip(n uint64) (next uint64, reserved bool) {
	if next, reserved := a.pool.skip(n); reserved {
		return next, true
	}
	i, found := slices.BinarySearchFunc(a.never, n, func(s span, n uint64) int { return cmp.Compare(s.first, n) })
	if !found {
		i--
	}
	if i < 0 || a.never[i].last < n {
		return n, false
	}
	return a.never[i].last + 1, true
}

func (a *Allocator) remember(n uint64) {
	if a.known.count >= maxKnown {
		a.known = sparse{}
	}
	a.known.set(n)
}

// search is one Pick under way.
type search struct {
	*Allocator
	taken  func(netip.Prefix) bool
	probes int // left
}

// from returns the first free piece at the positions from n to last.
func (s *search) from(n, last uint64) (netip.Prefix, bool) {
	for {
		var ok bool
		if n, ok = s.known.next(n); !ok || n > last {
			return netip.Prefix{}, false
		}
		if next, reserved := s.skip(n); reserved {
			if next == 0 {
				return netip.Prefix{}, false
			}
			n = next
			continue
		}
		if s.probes == 0 {
			return netip.Prefix{}, false
		}
		s.probes--
		p := s.pool.At(n)
		if !s.taken(p) {
			return p, true
		}
		s.remember(n)
	}
}

// again looks at a few pieces that are known as taken, others each time.
func (s *search) again(last uint64) (netip.Prefix, bool) {
	for range min(maxRecheck-1, last) + 1 {
		n := s.recheck
		if n > last {
			n = 0
		}
		s.recheck = n + 1
		if next, reserved := s.skip(n); reserved {
			s.recheck = next
			continue
		}
		if p := s.pool.At(n); !s.taken(p) {
			s.known.clear(n)
			return p, true
		}
	}
	return netip.Prefix{}, false
}

// Hash is where in an address pool a client's addresses begin: the same for the same DUID, kind and IAID.
func (k Key) Hash() uint64 {
	const prime = 1099511628211 // of FNV-1a
	h := uint64(14695981039346656037)
	for i := range len(k.DUID) {
		h = (h ^ uint64(k.DUID[i])) * prime
	}
	h = (h ^ uint64(k.Kind)) * prime
	return (h ^ uint64(k.IAID)) * prime
}

// mix spreads what differs in any bit over all bits (the end of SplitMix64), for hashes that are none.
func mix(h uint64) uint64 {
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	return h ^ h>>31
}

// sparse is a set of numbers that finds the next number not in it in a few steps. The zero value is empty.
type sparse struct {
	count int
	// Bit b of word w of level 0 says that w*64+b is in the set; of a level above, that the word w*64+b of the level below
	// is full. Words of zeros are not kept.
	levels [11]map[uint64]uint64
}

const full = math.MaxUint64

func (s *sparse) set(n uint64) {
	for i := range s.levels {
		if s.levels[i] == nil {
			s.levels[i] = make(map[uint64]uint64)
		}
		old := s.levels[i][n>>6]
		now := old | 1<<(n&63)
		if now == old {
			return
		}
		if i == 0 {
			s.count++
		}
		s.levels[i][n>>6] = now
		if now != full {
			return
		}
		n >>= 6
	}
}

func (s *sparse) clear(n uint64) {
	for i := range s.levels {
		old := s.levels[i][n>>6]
		now := old &^ (1 << (n & 63))
		if now == old {
			return
		}
		if i == 0 {
			s.count--
		}
		if now == 0 {
			delete(s.levels[i], n>>6)
		} else {
			s.levels[i][n>>6] = now
		}
		if old != full {
			return
		}
		n >>= 6
	}
}

// next returns the lowest number that is at least n and not in the set.
func (s *sparse) next(n uint64) (uint64, bool) {
	for i := range s.levels {
		if i > 0 && n>>(64-6*i) != 0 {
			return 0, false
		}
		free := ^s.levels[i][n>>6] & (full << (n & 63))
		if free == 0 {
			n = n>>6 + 1
			continue
		}
		n = n&^63 | uint64(bits.TrailingZeros64(free))
		if i > 0 && n>>(64-6*i) != 0 {
			return 0, false
		}
		for ; i > 0; i-- {
			n = n<<6 | uint64(bits.TrailingZeros64(^s.levels[i-1][n]))
		}
		return n, true
	}
	return 0, false
}
