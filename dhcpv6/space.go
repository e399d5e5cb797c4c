package dhcpv6

import (
	"encoding/binary"
	"hash/fnv"
	"math"
	"math/bits"
	"net/netip"
	"slices"
	"sync"

	"github.com/sixfold-router/sixfold/dhcpv6/lease"
)

// maxLeasesPerLink bounds what clients that invent identifiers can fill the memory with, however large the pools are.
const maxLeasesPerLink = 1 << 20

// leases is what handle sees of the lease store.
type leases interface {
	Get(lease.Key) []lease.Lease
	ByPrefix(netip.Prefix) (lease.Lease, bool)
	Overlaps(netip.Prefix) bool // some lease contains the prefix or is contained in it
}

// space finds what is free. It keeps what is needed to do so quickly in pools that are full or nearly so, and counts leases
// by link. It is safe for concurrent use.
type space struct {
	mu    sync.Mutex           // guards all below
	links map[string]int       // leases by link
	freed [64]netip.Prefix     // given back lately: where to look first when a pool is nearly full
	next  int                  // place in freed
	epoch uint64               // counts what could have freed something
	full  map[poolRange]uint64 // pools in which nothing was free at an epoch
}

// poolRange identifies a pool by what it covers. Pieces are 128 bits long for addresses.
type poolRange struct {
	first  netip.Addr
	slots  uint64  // number of pieces, at most 2^63
	size   float64 // number of pieces
	length int
}

func newSpace(all []lease.Lease) *space {
	s := &space{links: map[string]int{}, full: map[poolRange]uint64{}}
	for _, l := range all {
		s.links[l.Key.Link]++
	}
	return s
}

// count returns how many leases the link has.
func (s *space) count(link string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.links[link]
}

// delta is what a change of the store means to a space.
type delta struct {
	added []string      // links, one for each new lease
	gone  []lease.Lease // leases that end
}

// deltaOf returns what c will mean, from the leases as they are before it.
func deltaOf(view leases, c lease.Change) delta {
	var d delta
	deleted := func(p netip.Prefix) bool {
		return slices.ContainsFunc(d.gone, func(l lease.Lease) bool { return l.Prefix == p })
	}
	for _, ref := range c.Delete {
		if l, ok := view.ByPrefix(ref.Prefix); ok && l.Key == ref.Key {
			d.gone = append(d.gone, l)
		}
	}
	for _, l := range c.Put {
		if _, ok := view.ByPrefix(l.Prefix); !ok || deleted(l.Prefix) {
			d.added = append(d.added, l.Key.Link)
		}
	}
	return d
}

// follow notes a change that was made.
func (s *space) follow(d delta) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, link := range d.added {
		s.links[link]++
	}
	for _, l := range d.gone {
		if s.links[l.Key.Link]--; s.links[l.Key.Link] <= 0 {
			delete(s.links, l.Key.Link)
		}
		s.freed[s.next] = l.Prefix
		s.next = (s.next + 1) % len(s.freed)
		s.epoch++
	}
}

// reconfigured forgets what was found out about pools.
func (s *space) reconfigured() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.full)
	s.epoch++
}

func rangeOfAddresses(p AddressPool) poolRange {
	first, last := numberOf(p.First), numberOf(p.Last)
	lo, borrow := bits.Sub64(last.lo, first.lo, 0)
	hi, under := bits.Sub64(last.hi, first.hi, borrow)
	r := poolRange{first: p.First, length: 128}
	if under == 0 {
		r.size = math.Ldexp(float64(hi), 64) + float64(lo) + 1
	}
	switch {
	case under != 0:
	case hi != 0 || lo >= math.MaxInt64:
		r.slots = 1 << 63
	default:
		r.slots = lo + 1
	}
	return r
}

func rangeOfPrefixes(p PrefixPool) poolRange {
	r := poolRange{first: p.Prefix.Masked().Addr(), length: p.Length}
	if free := p.Length - p.Prefix.Bits(); p.Prefix.IsValid() && free >= 0 && p.Length <= 128 {
		r.slots = 1 << min(free, 63)
		r.size = math.Ldexp(1, free)
	}
	return r
}

func (r poolRange) piece(i uint64) netip.Prefix {
	return netip.PrefixFrom(numberOf(r.first).plus(i, 128-r.length).addr(), r.length)
}

func (r poolRange) contains(p netip.Prefix) bool {
	return p.Bits() == r.length && r.first.Compare(p.Addr()) <= 0 && p.Addr().Compare(r.piece(r.slots-1).Addr()) <= 0
}

// probes is how many places are tried by hash before looking at one place after the other.
const probes = 64

// pick finds a free piece of the pool that ok agrees to. The places tried first follow from the seed alone, so that a client
// gets the same piece as long as it is free, an Advertise tells what the Request will get, and two clients seldom meet.
//
// A pool in which there was nothing counts as full until a lease ends, if sure is set: ok depends on nothing but the
// configuration.
func (s *space) pick(view leases, r poolRange, seed uint64, sure bool, ok func(netip.Prefix) bool) (netip.Prefix, bool) {
	if r.slots == 0 {
		return netip.Prefix{}, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if at, known := s.full[r]; known && at == s.epoch {
		return netip.Prefix{}, false
	}
	try := func(p netip.Prefix) bool { return !view.Overlaps(p) && ok(p) }
	for n := range uint64(probes) {
		if p := r.piece(mix(seed+n) % r.slots); try(p) {
			return p, true
		}
	}
	for _, p := range s.freed {
		if p.IsValid() && r.contains(p) && try(p) {
			return p, true
		}
	}
	// Nearly full. A pool with more pieces than a link may have leases does not get here but by exclusions.
	start := mix(seed) % r.slots
	for n := range min(r.slots, maxLeasesPerLink) {
		i := start + n
		if i >= r.slots {
			i -= r.slots
		}
		if p := r.piece(i); try(p) {
			return p, true
		}
	}
	if sure {
		s.full[r] = s.epoch
	}
	return netip.Prefix{}, false
}

// seedOf is the place in a pool that a binding starts to look at.
func seedOf(k lease.Key) uint64 {
	h := fnv.New64a()
	h.Write([]byte(k.DUID))
	var b [5]byte
	b[0] = byte(k.Kind)
	binary.BigEndian.PutUint32(b[1:], k.IAID)
	h.Write(b[:])
	return h.Sum64()
}

// mix is the finalizer of splitmix64: neighbouring numbers end up far apart.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
