package dhcpv6

import (
	"cmp"
	"net/netip"
	"slices"
	"sync"
	"time"

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

// space finds what is free, and counts leases by link. The leases themselves are the truth; the pools here hold what is known
// of them, and follow each change that is on disk. It is safe for concurrent use.
type space struct {
	mu    sync.Mutex     // guards all below and what the pools hold
	links map[string]int // leases by link
	pools []*pool        // of the configuration, by first address
	kept  map[netip.Prefix]kept
}

func newSpace(all []lease.Lease) *space {
	s := &space{links: map[string]int{}, kept: map[netip.Prefix]kept{}}
	for _, l := range all {
		s.links[l.Key.Link]++
	}
	return s
}

// serve makes the pools of cat those that follow the leases. A pool that was there before is kept with what it knows; a new
// one learns which of its pieces all has taken. It changes cat, which nobody else has yet.
func (s *space) serve(cat *catalog, all func() []lease.Lease) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := map[poolID]*pool{}
	for _, p := range s.pools {
		before[p.id()] = p
	}
	s.pools = nil
	fresh := &space{}
	for _, in := range cat.links {
		for _, list := range [][]*pool{in.addresses, in.prefixes} {
			for i, p := range list {
				if old := before[p.id()]; old != nil && old.name == p.name && slices.Equal(old.never, p.never) {
					list[i] = old
				} else {
					fresh.pools = append(fresh.pools, p)
				}
				s.pools = append(s.pools, list[i])
			}
		}
	}
	sortPools(s.pools)
	if len(fresh.pools) == 0 {
		return
	}
	sortPools(fresh.pools)
	// No change can be missed: those on disk by now are in all, and the others wait for the mutex in follow.
	leases := all()
	for _, l := range leases {
		for p := range fresh.over(l.Prefix) {
			p.known.Take(l.Prefix)
		}
	}
	s.keep(cat, fresh.pools, leases)
}

// sortPools puts pools into the order that over needs.
func sortPools(pools []*pool) {
	slices.SortFunc(pools, func(a, b *pool) int {
		return cmp.Or(a.first.Compare(b.first), a.last.Compare(b.last), cmp.Compare(a.link, b.link))
	})
	var reach netip.Addr
	for _, p := range pools {
		if reach.Less(p.last) {
			reach = p.last
		}
		p.reach = reach
	}
}

// over yields the pools that q has addresses of.
func (s *space) over(q netip.Prefix) func(yield func(*pool) bool) {
	return func(yield func(*pool) bool) {
		first, last := q.Masked().Addr(), lastOf(q)
		i, _ := slices.BinarySearchFunc(s.pools, last, func(p *pool, a netip.Addr) int {
			if p.first.Compare(a) <= 0 {
				return -1
			}
			return 1
		})
		for i--; i >= 0 && first.Compare(s.pools[i].reach) <= 0; i-- {
			if first.Compare(s.pools[i].last) <= 0 && !yield(s.pools[i]) {
				return
			}
		}
	}
}

// count returns how many leases the link has.
func (s *space) count(link string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.links[link]
}

// delta is what a change of the store means to a space.
type delta struct {
	put  []lease.Lease
	new  []string      // links, one for each lease that is not in place of another
	gone []lease.Lease // leases that end
}

// deltaOf returns what c will mean, from the leases as they are before it.
func deltaOf(view leases, c lease.Change) delta {
	d := delta{put: c.Put}
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
			d.new = append(d.new, l.Key.Link)
		}
	}
	return d
}

// follow notes a change that was made.
func (s *space) follow(d delta) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range d.gone {
		if s.links[l.Key.Link]--; s.links[l.Key.Link] <= 0 {
			delete(s.links, l.Key.Link)
		}
		s.leave(l.Prefix)
		for p := range s.over(l.Prefix) {
			p.known.Free(l.Prefix)
		}
	}
	for _, link := range d.new {
		s.links[link]++
	}
	for _, l := range d.put {
		for p := range s.over(l.Prefix) {
			p.known.Take(l.Prefix)
			p.leased(l.Key, l.Prefix)
			delete(p.kept, l.Prefix)
		}
	}
}

// wish is what a binding asks a pool for.
type wish struct {
	key     lease.Key
	now     time.Time
	hint    netip.Prefix              // may be invalid
	promise bool                      // it is only for an Advertise
	busy    func(p netip.Prefix) bool // given to another association of the same message
	denied  func(p netip.Prefix) bool // for good, by the configuration
}

// pick finds a free piece of the pool. A piece that was advertised to another client lately is given only when there is no
// other; what was advertised to this one comes first, unless it has another wish.
func (s *space) pick(view leases, p *pool, w wish) (netip.Prefix, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p.expire(w.now)
	var passed []netip.Prefix
	defer func() {
		for _, q := range passed {
			p.known.Free(q) // it may not come to be leased
		}
	}()
	taken := func(q netip.Prefix) bool {
		if w.busy(q) {
			passed = append(passed, q)
			return true
		}
		return p.promisedToAnother(w.key, q) || p.keptForAnother(w.key, q) || view.Overlaps(q) || w.denied(q)
	}
	own, promised := p.promised(w.key)
	promised = promised && !taken(own)
	piece, found := own, promised
	if !promised || w.hint.IsValid() {
		piece, found = p.known.Pick(taken, w.hint, w.key.Hash())
		if promised && !piece.Overlaps(w.hint) {
			piece, found = own, true
		}
	}
	if !found {
		piece, found = p.oldest(func(q netip.Prefix) bool {
			return !w.busy(q) && !p.keptForAnother(w.key, q) && !view.Overlaps(q) && !w.denied(q)
		})
	}
	if found && w.promise {
		p.promise(w.key, piece, w.now)
	}
	return piece, found
}

// promise notes that a piece is advertised to a client.
func (s *space) promise(key lease.Key, q netip.Prefix, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for p := range s.over(q) {
		p.promise(key, q, now)
	}
}

// promisedToAnother reports whether a piece was advertised to another client lately.
func (s *space) promisedToAnother(key lease.Key, q netip.Prefix, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for p := range s.over(q) {
		p.expire(now)
		if p.promisedToAnother(key, q) {
			return true
		}
	}
	return false
}
