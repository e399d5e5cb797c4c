package dhcpv6

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
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

// usable reports whether a host on the link can have the address: it is in a subnet, and is not the anycast address that all
// routers of the subnet have (RFC 4291 2.6.1).
func (s *served) usable(a netip.Addr) bool {
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

// delegatePools returns the prefix pools in the order to try for a wanted length: the same, then shorter ones, then longer
// ones, nearest first (RFC 8168). Without a wish it is the configured order.
func (s *served) delegatePools(length int) []PrefixPool {
	if length <= 0 || len(s.Delegate) < 2 {
		return s.Delegate
	}
	rank := func(p PrefixPool) int {
		if p.Length <= length {
			return length - p.Length
		}
		return 128 + p.Length - length
	}
	pools := slices.Clone(s.Delegate)
	slices.SortStableFunc(pools, func(a, b PrefixPool) int { return cmp.Compare(rank(a), rank(b)) })
	return pools
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

// number is an address as two words, for arithmetic.
type number struct{ hi, lo uint64 }

func numberOf(a netip.Addr) number {
	b := a.As16()
	return number{binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])}
}

func (n number) addr() netip.Addr {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], n.hi)
	binary.BigEndian.PutUint64(b[8:], n.lo)
	return netip.AddrFrom16(b)
}

// plus returns n + i<<shift, for i<<shift below 2^128.
func (n number) plus(i uint64, shift int) number {
	var add number
	if shift >= 64 {
		add.hi = i << (shift - 64)
	} else {
		add.hi, add.lo = i>>(64-shift), i<<shift
	}
	lo := n.lo + add.lo
	hi := n.hi + add.hi
	if lo < n.lo {
		hi++
	}
	return number{hi, lo}
}
