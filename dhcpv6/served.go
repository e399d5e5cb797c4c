package dhcpv6

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/sixfold-router/sixfold/dhcpv6/lease"
)

// catalog is a Config prepared for look-ups. It does not change once it is made.
type catalog struct {
	duid     []byte
	relays   []netip.Prefix
	rate     int
	device   int
	others   map[int]bool // what Config.Elsewhere says
	links    map[string]*served
	indexes  map[int]*served
	reserved reservedSet
}

// served is one interface of a catalog.
type served struct {
	Interface
	byMAC   map[string][]*Reservation
	byDUID  map[string][]*Reservation // those without a MAC
	dns     []byte                    // option 23, encoded; nil if there is nothing to tell
	domains []byte                    // option 24, encoded; nil if there is nothing to tell

	// What finds free pieces of Pools and Delegate, in their order.
	addresses, prefixes []*pool
}

// newCatalog checks what the protocol cannot do without, and prepares c.
func newCatalog(c Config) (*catalog, error) {
	if len(c.DUID) < minDUID || len(c.DUID) > maxDUID {
		return nil, fmt.Errorf("server DUID has %d bytes, want %d to %d", len(c.DUID), minDUID, maxDUID)
	}
	cat := &catalog{
		duid:    slices.Clone(c.DUID),
		relays:  slices.Clone(c.Relays),
		rate:    c.Rate,
		device:  c.Device,
		others:  maps.Clone(c.Elsewhere),
		links:   make(map[string]*served, len(c.Interfaces)),
		indexes: make(map[int]*served, len(c.Interfaces)),
	}
	reserved := map[netip.Prefix]*Reservation{}
	for link, i := range c.Interfaces {
		i.Link = link
		s := &served{Interface: i, byMAC: map[string][]*Reservation{}, byDUID: map[string][]*Reservation{}}
		cat.links[link] = s
		if i.Index != 0 {
			if other := cat.indexes[i.Index]; other != nil {
				return nil, fmt.Errorf("interfaces %s and %s have the same index %d", other.Link, link, i.Index)
			}
			cat.indexes[i.Index] = s
		}
		for n := range i.Reservations {
			r := &i.Reservations[n]
			switch {
			case len(r.MAC) > 0:
				s.byMAC[string(r.MAC)] = append(s.byMAC[string(r.MAC)], r)
			case len(r.DUID) > 0:
				s.byDUID[string(r.DUID)] = append(s.byDUID[string(r.DUID)], r)
			}
			for _, a := range r.Addresses {
				reserved[netip.PrefixFrom(a, a.BitLen())] = r
			}
			for _, p := range r.Prefixes {
				reserved[p.Masked()] = r
			}
		}
		for _, a := range i.DNS {
			s.dns = append(s.dns, a.AsSlice()...)
		}
		s.domains = encodeDomains(i.Domains)
	}
	cat.reserved = newReservedSet(reserved)
	for _, s := range cat.links {
		for _, p := range s.Pools {
			s.addresses = append(s.addresses, newPool(s, p.Name, lease.AddressPool{First: p.First, Last: p.Last}, &cat.reserved))
		}
		for _, p := range s.Delegate {
			s.prefixes = append(s.prefixes, newPool(s, p.Name, lease.PrefixPool{Prefix: p.Prefix, Length: p.Length}, &cat.reserved))
		}
	}
	return cat, nil
}

// byAddress returns the interface with the address in one of its subnets, the longest subnet first.
func (c *catalog) byAddress(a netip.Addr) *served {
	var best *served
	bits := -1
	for _, s := range c.links {
		for _, p := range s.Subnets {
			// The name decides between equals, so that the answer does not depend on the order of a map.
			if p.Contains(a) && (p.Bits() > bits || p.Bits() == bits && s.Link < best.Link) {
				best, bits = s, p.Bits()
			}
		}
	}
	return best
}

// believes reports whether what the relay at addr says about the client's link-layer address counts, when its datagram came
// in on the interface with the index.
func (c *catalog) believes(addr netip.Addr, index int) bool {
	for _, p := range c.relays {
		if p.Contains(addr) {
			return true
		}
	}
	return c.indexes[index] == nil
}

// match returns the reservations of the client: by the MAC of its frames, its DUID, or both where both are configured.
func (s *served) match(mac net.HardwareAddr, duid []byte) []*Reservation {
	var out []*Reservation
	if len(mac) > 0 {
		for _, r := range s.byMAC[string(mac)] {
			if len(r.DUID) == 0 || bytes.Equal(r.DUID, duid) {
				out = append(out, r)
			}
		}
	}
	return append(out, s.byDUID[string(duid)]...)
}

// onLink reports whether the address is in a subnet of the link.
func (s *served) onLink(a netip.Addr) bool {
	return slices.ContainsFunc(s.Subnets, func(p netip.Prefix) bool { return p.Contains(a) })
}

// offer says where an address or prefix comes from, and for how long it can be given now.
type offer struct {
	pool             string
	reserved         bool
	preferred, valid time.Duration
}

// offerOf returns the offer for prefix p of the kind from the pools of the link. It is false for what no pool has, and for
// what cannot be given because the delegation behind the pool has ended.
func (s *served) offerOf(now time.Time, kind lease.Kind, p netip.Prefix) (offer, bool) {
	if slices.ContainsFunc(s.Exclude, p.Overlaps) {
		return offer{}, false
	}
	if kind == lease.Address {
		for _, pool := range s.Pools {
			if a := p.Addr(); pool.First.Compare(a) <= 0 && a.Compare(pool.Last) <= 0 && s.usable(a) {
				return s.timed(now, offer{pool: pool.Name}, s.Preferred, s.Valid, pool.Until)
			}
		}
		return offer{}, false
	}
	for _, pool := range s.Delegate {
		if p.Bits() == pool.Length && pool.Prefix.Overlaps(p) {
			preferred, valid := s.lifetimes(pool)
			return s.timed(now, offer{pool: pool.Name}, preferred, valid, pool.Until)
		}
	}
	return offer{}, false
}

// usable reports whether a host on the link can have the address: it is in a subnet, is not the anycast address that all
// routers of the subnet have (RFC 4291 2.6.1), and its interface identifier is not a reserved one.
func (s *served) usable(a netip.Addr) bool {
	if lease.ReservedIdentifier(a) {
		return false
	}
	ok := false
	for _, p := range s.Subnets {
		if p.Contains(a) {
			if p.Bits() < 127 && p.Masked().Addr() == a {
				return false
			}
			ok = true
		}
	}
	return ok
}

func (s *served) lifetimes(p PrefixPool) (preferred, valid time.Duration) {
	preferred, valid = p.Preferred, p.Valid
	if valid == 0 {
		valid = s.Valid
	}
	if preferred == 0 {
		preferred = s.Preferred
	}
	return preferred, valid
}

// timed completes an offer with its lifetimes. It is false when nothing is left of them.
func (s *served) timed(now time.Time, o offer, preferred, valid time.Duration, until Until) (offer, bool) {
	o.valid = remaining(now, valid, until.Valid)
	o.preferred = min(remaining(now, preferred, until.Preferred), o.valid)
	return o, o.valid > 0
}

// remaining caps a lifetime at the time until, in whole seconds.
func remaining(now time.Time, lifetime time.Duration, until time.Time) time.Duration {
	lifetime = min(lifetime, Forever)
	if !until.IsZero() {
		lifetime = min(lifetime, until.Sub(now))
	}
	return max(lifetime.Truncate(time.Second), 0)
}

// delegateOrder returns the places in Delegate in the order to try for a wanted length: pools of the same, then of shorter
// ones, then of longer ones, nearest first (RFC 8168). Without a wish it is the configured order.
func (s *served) delegateOrder(length int) []int {
	order := make([]int, len(s.Delegate))
	for i := range order {
		order[i] = i
	}
	if length <= 0 || len(order) < 2 {
		return order
	}
	rank := func(i int) int {
		if p := s.Delegate[i]; p.Length > length {
			return 128 + p.Length - length
		}
		return length - s.Delegate[i].Length
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(rank(a), rank(b)) })
	return order
}

// encodeDomains returns the names in the form of RFC 1035 3.1 without compression, as option 24 wants them. Names that have
// no such form are left out: the configuration is checked before.
func encodeDomains(names []string) []byte {
	var out []byte
next:
	for _, name := range names {
		var one []byte
		for label := range strings.SplitSeq(strings.TrimSuffix(name, "."), ".") {
			if len(label) == 0 || len(label) > 63 {
				continue next
			}
			one = append(append(one, byte(len(label))), label...)
		}
		if one = append(one, 0); len(one) <= 255 {
			out = append(out, one...)
		}
	}
	return out
}
