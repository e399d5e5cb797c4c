package kernel

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"

	"github.com/sixfold-router/sixfold/router/rib"
)

const (
	maxRecursion = 8  // routes between a next hop and the gateway that is on a link of ours
	maxSteps     = 32 // routes looked at for one next hop: neighbors choose both next hops and the routes to them
)

// way is how packets for a next hop leave this router.
type way struct {
	via    netip.Addr // a router on link: the next hop itself, or the one to which another route points
	link   int32
	onlink bool   // the route that led here says that via is on link although no prefix does
	reason string // why there is no way; empty: there is one
}

// hopKey is an address as a next hop in one table: in another it is another machine.
type hopKey struct {
	table uint32
	addr  netip.Addr
}

func (h hopKey) compare(o hopKey) int {
	return cmp.Or(cmp.Compare(h.table, o.table), h.addr.Compare(o.addr))
}

// nexthops knows which routes have a next hop without a link, and where each of these next hops was found to be. So a change of
// a route or link costs a look at the next hops that it may concern, and at the routes of those that moved.
type nexthops struct {
	known map[hopKey]*nexthop
	of    map[rib.Key]*nexthop
	order []hopKey // of known, sorted; nil: to be made anew
}

type nexthop struct {
	hopKey
	way   way
	users map[rib.Key]struct{}
}

func newNexthops() nexthops {
	return nexthops{known: map[hopKey]*nexthop{}, of: map[rib.Key]*nexthop{}}
}

// use notes that the route with key k has the next hop addr. It reports whether that next hop is a new one, to be resolved.
func (n *nexthops) use(k rib.Key, addr netip.Addr) (h *nexthop, isNew bool) {
	if h := n.of[k]; h != nil {
		if h.addr == addr {
			return h, false
		}
		n.release(k)
	}
	at := hopKey{k.Table, addr}
	h, ok := n.known[at]
	if !ok {
		h = &nexthop{hopKey: at, users: map[rib.Key]struct{}{}}
		n.known[at], n.order = h, nil
	}
	h.users[k], n.of[k] = struct{}{}, h
	return h, !ok
}

// release notes that the route with key k has no next hop to resolve any more.
func (n *nexthops) release(k rib.Key) {
	h := n.of[k]
	if h == nil {
		return
	}
	delete(n.of, k)
	delete(h.users, k)
	if len(h.users) == 0 {
		delete(n.known, h.hopKey)
		n.order = nil
	}
}

// within returns the next hops that lie in one of the prefixes.
func (n *nexthops) within(prefixes []rib.Key) map[hopKey]*nexthop {
	if len(n.known) == 0 || len(prefixes) == 0 {
		return nil
	}
	if n.order == nil {
		n.order = make([]hopKey, 0, len(n.known))
		for a := range n.known {
			n.order = append(n.order, a)
		}
		slices.SortFunc(n.order, hopKey.compare)
	}
	found := map[hopKey]*nexthop{}
	for _, p := range prefixes {
		i, _ := slices.BinarySearchFunc(n.order, hopKey{p.Table, p.Prefix.Addr()}, hopKey.compare)
		for ; i < len(n.order) && n.order[i].table == p.Table && p.Prefix.Contains(n.order[i].addr); i++ {
			found[n.order[i]] = n.known[n.order[i]]
		}
		if len(found) == len(n.known) {
			break
		}
	}
	return found
}

// move resolves next hops again and returns the routes of those that are elsewhere now.
func (s *fibState) move(hops map[hopKey]*nexthop, r resolver) []rib.Key {
	var keys []rib.Key
	for _, h := range hops {
		w := s.resolve(h.hopKey, r)
		if w == h.way {
			continue
		}
		h.way = w
		for k := range h.users {
			keys = append(keys, k)
			if f := s.failed[k]; f != nil {
				f.tries = 0
			}
		}
	}
	return keys
}

// resolve finds the way to a next hop: by the longest matching prefix over the prefixes that are connected in its table, our
// routes of that table and those of others in it, through further next hops if need be (RFC 4271 5.1.3, 9.1.2.1).
//
// A route never leads to its own next hop, and a default route that neighbors announced leads to none: when the route that
// really leads there goes, all would otherwise point at one neighbor. Routes that themselves have no way are not in the kernel
// and therefore passed over; one that is unreachable, blackhole or prohibit is there, and ends the search.
func (s *fibState) resolve(h hopKey, r resolver) way {
	l := search{state: s, resolver: r, table: h.table, steps: maxSteps}
	return l.find(h.addr)
}

// search is one resolution.
type search struct {
	state    *fibState
	resolver resolver
	table    uint32
	steps    int
	passed   []netip.Prefix // routes that wait for their next hop to be resolved
}

func (l *search) find(addr netip.Addr) way {
	lengths := &l.state.lengths[family(addr)]
	for bits := addr.BitLen(); bits >= 0; bits-- {
		p, err := addr.Prefix(bits)
		if err != nil {
			break
		}
		k := rib.Key{Table: l.table, Prefix: p}
		if link, ok := l.resolver.onLink[k]; ok {
			return way{via: addr, link: link}
		}
		if !lengths[bits] {
			continue
		}
		for _, c := range l.state.candidates(k, l.resolver) {
			if l.steps--; l.steps < 0 {
				return way{reason: fmt.Sprintf("next hop %s is behind too many routes", addr)}
			}
			if w, ok := l.through(addr, p, c); ok {
				return w
			}
		}
	}
	return way{reason: fmt.Sprintf("next hop %s is not reachable", addr)}
}

// through returns the way to addr through one route, and whether that decides.
func (l *search) through(addr netip.Addr, p netip.Prefix, c kroute) (way, bool) {
	if c.kind != rib.Unicast {
		return way{reason: fmt.Sprintf("next hop %s is not reachable: %s is %s", addr, p, c.kind)}, true
	}
	if c.link == 0 {
		if slices.Contains(l.passed, p) || len(l.passed) == maxRecursion {
			return way{}, false
		}
		l.passed = append(l.passed, p)
		w := l.find(c.via)
		l.passed = l.passed[:len(l.passed)-1]
		return w, w.reason == ""
	}
	link, ok := l.resolver.byIndex[c.link]
	switch {
	case !ok || !link.up:
		return way{}, false
	case link.loopback:
		return way{reason: fmt.Sprintf("next hop %s is not reachable: %s is on a loopback device", addr, p)}, true
	case c.via.IsValid():
		return way{via: c.via, link: c.link, onlink: c.onlink}, true
	}
	return way{via: addr, link: c.link}, true
}

// candidates returns the routes of a prefix that next hops may be resolved through, those that the kernel prefers first.
func (s *fibState) candidates(k rib.Key, r resolver) []kroute {
	out := s.others[k]
	own, ok := kroute{}, false
	if e, found := s.best(k); found {
		if Protocol(e.Source) != 0 {
			var err error
			own, err = r.route(e)
			ok = err == nil
		}
	} else if _, stale := s.stale[k]; stale {
		own, ok = s.have[k] // its source may still want it: next hops do not move meanwhile
	}
	if !ok || k.Prefix.Bits() == 0 && own.proto == ProtoBGP {
		return out
	}
	i, _ := slices.BinarySearchFunc(out, own.metric, func(o kroute, m uint32) int { return cmp.Compare(o.metric, m) })
	return slices.Insert(slices.Clip(out), i, own)
}

// foreign takes note of a route of others that came or went. It reports whether what it knows is in doubt.
func (s *fibState) foreign(e foreignEvent) (doubt bool) {
	if !s.tables[e.key.Table] {
		return false
	}
	k, list := e.key, s.others[e.key]
	at := slices.Index(list, e.route)
	switch {
	case e.gone && at < 0:
		return len(list) > 0
	case e.gone:
		if list = slices.Delete(slices.Clone(list), at, at+1); len(list) == 0 {
			delete(s.others, k)
		} else {
			s.others[k] = list
		}
		return false
	case at >= 0:
		return false
	}
	// With the same metric it takes the place of the other, or is a further next hop: only the kernel can tell.
	doubt = slices.ContainsFunc(list, func(o kroute) bool { return o.metric == e.route.metric })
	s.others[k] = insertForeign(slices.Clone(list), e.route)
	s.seen(k.Prefix)
	return doubt
}

func insertForeign(list []kroute, r kroute) []kroute {
	i, _ := slices.BinarySearchFunc(list, r.metric, func(o kroute, m uint32) int { return cmp.Compare(o.metric, m) })
	return slices.Insert(list, i, r)
}

// seen notes that there are routes of this length. It is never taken back.
func (s *fibState) seen(p netip.Prefix) { s.lengths[family(p.Addr())][p.Bits()] = true }

func family(a netip.Addr) int {
	if a.Is4() {
		return 0
	}
	return 1
}

// foreignEvent is a route of others that came or went.
type foreignEvent struct {
	key   rib.Key
	route kroute
	gone  bool
}

// foreignRoute reports whether next hops may be resolved through a route of others, and returns it with its first next hop.
func foreignRoute(p parsedRoute) (kroute, bool) {
	r := p.route
	if len(p.hops) > 0 {
		r.link, r.via = p.hops[0].link, p.hops[0].via
	}
	if _, ours := protocolSource(r.proto); ours || p.cloned {
		return r, false
	}
	a := p.key.Prefix.Addr()
	return r, !a.IsLinkLocalUnicast() && !a.IsMulticast()
}
