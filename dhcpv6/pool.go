package dhcpv6

import (
	"container/list"
	"net/netip"
	"time"

	"github.com/sixfold-router/sixfold/dhcpv6/lease"
)

// pool is an address or prefix pool of a link, with what is known to be taken of it, and what was advertised lately. Nothing
// in an Advertise is leased, but clients take a second or two to choose, and the lowest free prefix would be told to all who
// ask in that time. The space that has the pool guards what changes in it.
type pool struct {
	link, name  string
	pieces      lease.Pool
	never       []netip.Prefix // not to be given
	first, last netip.Addr
	reach       netip.Addr // the highest last of this pool and those before it in a space
	known       *lease.Allocator

	promises *list.List // of promise, the oldest first
	byKey    map[lease.Key]*list.Element
	byWhat   map[netip.Prefix]*list.Element

	kept map[netip.Prefix]lease.Key // places of clients that come from where the pool was before
}

// poolID is what makes two pools the same.
type poolID struct {
	link   string
	pieces lease.Pool
}

// promise is what an Advertise told.
type promise struct {
	key   lease.Key
	what  netip.Prefix
	until time.Time
}

// Promises are kept for so long, and so many of them in one pool.
const (
	promiseTime = 5 * time.Second
	maxPromises = 1024
)

func newPool(s *served, name string, pieces lease.Pool, reserved *reservedSet) *pool {
	p := &pool{
		link: s.Link, name: name, pieces: pieces, kept: map[netip.Prefix]lease.Key{},
		promises: list.New(), byKey: map[lease.Key]*list.Element{}, byWhat: map[netip.Prefix]*list.Element{},
	}
	switch pieces := pieces.(type) {
	case lease.AddressPool:
		p.first, p.last = pieces.First, pieces.Last
		for _, n := range s.Subnets {
			if n.Bits() < 127 {
				p.never = append(p.never, netip.PrefixFrom(n.Masked().Addr(), 128)) // the anycast address of its routers
			}
		}
	case lease.PrefixPool:
		p.first, p.last = pieces.Prefix.Masked().Addr(), lastOf(pieces.Prefix)
	}
	p.never = append(p.never, s.Exclude...)
	p.never = append(p.never, reserved.among(p.first, p.last)...)
	p.known = lease.NewAllocator(pieces, p.never...)
	return p
}

func (p *pool) id() poolID { return poolID{p.link, p.pieces} }

// promise notes that what was advertised to key.
func (p *pool) promise(key lease.Key, what netip.Prefix, now time.Time) {
	for _, e := range []*list.Element{p.byKey[key], p.byWhat[what]} {
		if e != nil {
			p.forget(e)
		}
	}
	if p.promises.Len() >= maxPromises {
		p.forget(p.promises.Front())
	}
	e := p.promises.PushBack(promise{key, what, now.Add(promiseTime)})
	p.byKey[key], p.byWhat[what] = e, e
	p.known.Take(what)
}

// forget ends a promise. It may be one that was ended before.
func (p *pool) forget(e *list.Element) {
	o := e.Value.(promise)
	if p.byWhat[o.what] != e {
		return
	}
	delete(p.byKey, o.key)
	delete(p.byWhat, o.what)
	p.promises.Remove(e)
	p.known.Free(o.what) // if it is leased, that is found out again
}

// leased ends the promises that a lease fulfils or replaces.
func (p *pool) leased(key lease.Key, what netip.Prefix) {
	for _, e := range []*list.Element{p.byKey[key], p.byWhat[what]} {
		if e != nil {
			p.forget(e)
		}
	}
	p.known.Take(what)
}

func (p *pool) expire(now time.Time) {
	for e := p.promises.Front(); e != nil && !now.Before(e.Value.(promise).until); e = p.promises.Front() {
		p.forget(e)
	}
}

// promised returns what was advertised to key.
func (p *pool) promised(key lease.Key) (netip.Prefix, bool) {
	if e := p.byKey[key]; e != nil {
		return e.Value.(promise).what, true
	}
	return netip.Prefix{}, false
}

func (p *pool) promisedToAnother(key lease.Key, what netip.Prefix) bool {
	e := p.byWhat[what]
	return e != nil && e.Value.(promise).key != key
}

// oldest returns of what was advertised the oldest that is right.
func (p *pool) oldest(right func(netip.Prefix) bool) (netip.Prefix, bool) {
	for e := p.promises.Front(); e != nil; e = e.Next() {
		if what := e.Value.(promise).what; right(what) {
			return what, true
		}
	}
	return netip.Prefix{}, false
}

// lastOf returns the highest address of a prefix.
func lastOf(p netip.Prefix) netip.Addr {
	if !p.IsValid() || p.IsSingleIP() {
		return p.Addr()
	}
	b := p.Addr().As16()
	bits := p.Bits()
	for i := bits / 8; i < 16; i++ {
		b[i] |= 0xff >> max(0, bits-8*i)
	}
	return netip.AddrFrom16(b)
}
