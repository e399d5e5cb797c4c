package importer

import (
	"fmt"
	"net/netip"
	"strings"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
)

// service is what a DHCPv6 server serves on one interface.
type service struct {
	*draft
	link  link
	at    path
	to    *sixfoldv1.Dhcpv6
	pools []poolRange
}

// poolRange is a pool of addresses.
type poolRange struct {
	token
	first, last netip.Addr
}

// pool reads FIRST-LAST, or a prefix of which host bits do not count.
func (s *service) pool(t token) {
	var first, last netip.Addr
	var text string
	if low, high, ok := strings.Cut(t.text, "-"); ok {
		lowAt, highAt := t, t
		lowAt.text = low
		highAt.text, highAt.column = high, t.column+len(low)+1
		a, ok1 := s.address(lowAt)
		b, ok2 := s.address(highAt)
		if !ok1 || !ok2 {
			return
		}
		if b.Less(a) {
			s.wrong(t, "this range ends before it begins: turn it around")
			return
		}
		first, last, text = a, b, a.String()+"-"+b.String()
	} else {
		p, ok := s.prefix([]token{t})
		if !ok {
			return
		}
		p = p.Masked()
		first, last, text = p.Addr(), lastAddress(p), p.String()
	}
	for _, o := range s.pools {
		if !o.last.Less(first) && !last.Less(o.first) {
			s.wrong(t, "this pool overlaps with that of line %d, and is left out", o.line)
			return
		}
	}
	if s.limit(len(s.pools) < maxItems, t); s.over != nil {
		return
	}
	name := fmt.Sprintf("pool%d", len(s.pools)+1)
	s.pools = append(s.pools, poolRange{t, first, last})
	if s.to.Pools == nil {
		s.to.Pools = map[string]*sixfoldv1.AddressPool{}
	}
	s.mark(s.at.field("pools").entry(name), t)
	s.to.Pools[name] = &sixfoldv1.AddressPool{Range: text}
}

// lastAddress returns the highest address of a prefix.
func lastAddress(p netip.Prefix) netip.Addr {
	b := p.Masked().Addr().As16()
	for i := p.Bits(); i < 128; i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	return netip.AddrFrom16(b)
}

// addresses gives the interface an address in the /64 of each pool: a router serves what is on its links, and the file does
// not say which address it has there.
func (s *service) addresses(program string) {
	var have []netip.Prefix
	for _, a := range s.link.Addresses {
		if p, err := netip.ParsePrefix(a); err == nil {
			have = append(have, p.Masked())
		}
	}
	for _, p := range s.pools {
		covered := false
		for _, h := range have {
			covered = covered || h.Contains(p.first) && h.Contains(p.last)
		}
		if covered {
			continue
		}
		bits := 64
		for bits > 0 && !netip.PrefixFrom(p.first, bits).Masked().Contains(p.last) {
			bits--
		}
		net := netip.PrefixFrom(p.first, bits).Masked()
		// ::1 unless a client may get it, then the highest address, and ::1 after all where the pool is all there is.
		own := net.Addr().Next()
		if high := lastAddress(net); !own.Less(p.first) && !p.last.Less(own) && p.last.Less(high) {
			own = high
		}
		have = append(have, net)
		address := netip.PrefixFrom(own, bits).String()
		s.mark(s.link.field("addresses").item(len(s.link.Addresses)), p.token)
		s.link.Addresses = append(s.link.Addresses, address)
		s.limit(len(s.link.Addresses) <= maxItems, p.token)
		s.lost(p.token, "an interface that serves this pool has an address in its prefix, which %s does not tell: %s is taken, write the one it has", program, address)
	}
}
