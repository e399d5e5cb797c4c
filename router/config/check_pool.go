package config

import (
	"bytes"
	"strings"
)

// claim is a prefix that someone uses, in which instance, and where the configuration says so.
type claim struct {
	prefix Expr
	vrf    string
	spot   *spot
}

// onLinks returns the prefixes of all interfaces.
func (b *builder) onLinks(cfg *Config) []claim {
	var all []claim
	for _, i := range cfg.Interfaces {
		vrf, _ := b.instanceOf(i.Name)
		for n, e := range i.Addresses {
			if e.IsValid() && e.Prefix.Addr().Is6() && !linkLocal(e.Prefix.Addr()) {
				all = append(all, claim{e.Masked(), vrf, b.at(i.Name).field("addresses").item(n)})
			}
		}
	}
	return all
}

// checkPools reports pools of addresses that lie outside of their link's prefixes or over one another, and pools of prefixes
// that overlap with one another or with a prefix that is on a link.
func (b *builder) checkPools(cfg *Config) {
	onLinks := b.onLinks(cfg)
	var delegated []claim
	for _, i := range cfg.Interfaces {
		if i.DHCPv6 == nil {
			continue
		}
		b.addressPools(i)
		vrf, _ := b.instanceOf(i.Name)
		s := b.at(i.Name).field("dhcpv6").field("delegate")
		for _, p := range inFile(i.DHCPv6.Delegate, func(p PrefixPool) *spot { return s.entry(p.Name) }) {
			at := s.entry(p.Name).field("pool")
			b.free(p.Pool, vrf, at, delegated, "the pool")
			b.free(p.Pool, vrf, at, onLinks, "the address")
			delegated = append(delegated, claim{p.Pool, vrf, at})
		}
	}
}

// free reports a prefix that overlaps with a claim in the same instance.
func (b *builder) free(e Expr, vrf string, at *spot, claims []claim, what string) {
	for _, c := range claims {
		if c.vrf == vrf && overlap(e, c.prefix) {
			b.errorf(at, "%s overlaps with %s, %s %s", e, c.prefix, what, c.spot.where())
			return
		}
	}
}

func (b *builder) addressPools(i Interface) {
	s := b.at(i.Name).field("dhcpv6").field("pools")
	nets, complete := subnets(i)
	var before []AddressPool
	for _, p := range inFile(i.DHCPv6.Pools, func(p AddressPool) *spot { return s.entry(p.Name) }) {
		if !p.First.IsValid() {
			continue
		}
		at := s.entry(p.Name).field("range")
		if complete && !holds(nets, p.Delegation, p.Auto, p.First, p.Last) {
			b.errorf(at, "%s lies outside of the prefixes of %s (%s)", p, i.Name, list(nets))
		}
		for _, o := range before {
			if o.Delegation == p.Delegation && o.Auto == p.Auto && !p.Last.Less(o.First) && !o.Last.Less(p.First) {
				b.errorf(at, "%s overlaps with %s, the pool %s", p, o, s.entry(o.Name).where())
			}
		}
		before = append(before, p)
	}
}

// list names prefixes in an error.
func list(prefixes []Expr) string {
	if len(prefixes) == 0 {
		return "it has no IPv6 address"
	}
	var names []string
	for _, p := range prefixes {
		names = append(names, p.String())
	}
	return strings.Join(some(names), ", ")
}

// checkReservations reports clients that are told apart by nothing, and addresses and prefixes that cannot be theirs.
func (b *builder) checkReservations(cfg *Config) {
	own := map[ownKey]*spot{}
	for _, i := range cfg.Interfaces {
		vrf, _ := b.instanceOf(i.Name)
		for n, e := range i.Addresses {
			k := keyOf(e, i.Name)
			k.vrf = vrf
			own[k] = b.at(i.Name).field("addresses").item(n)
		}
	}
	onLinks := b.onLinks(cfg)
	given := map[ownKey]*spot{}
	var prefixes []claim
	for _, i := range cfg.Interfaces {
		if i.DHCPv6 == nil {
			continue
		}
		vrf, _ := b.instanceOf(i.Name)
		s := b.at(i.Name).field("dhcpv6").field("reservations")
		nets, complete := subnets(i)
		reservations := inFile(i.DHCPv6.Reservations, func(r Reservation) *spot { return s.entry(r.Name) })
		b.sameClient(reservations, s)
		for _, r := range reservations {
			for n, e := range r.Addresses {
				at := s.entry(r.Name).field("addresses").item(n)
				if !e.IsValid() {
					continue
				}
				k := keyOf(e, i.Name)
				k.vrf = vrf
				text := hostText(e)
				if complete && !holds(nets, e.Delegation, e.Auto, e.Prefix.Addr(), e.Prefix.Addr()) {
					b.errorf(at, "%s lies outside of the prefixes of %s (%s)", text, i.Name, list(nets))
				}
				if o, ok := own[k]; ok {
					b.errorf(at, "%s is our own address, %s", text, o.where())
				}
				if o, ok := given[k]; ok {
					b.errorf(at, "%s is also %s", text, o.where())
				}
				given[k] = at
			}
			for n, e := range r.Prefixes {
				at := s.entry(r.Name).field("prefixes").item(n)
				b.free(e, vrf, at, prefixes, "reserved by")
				b.free(e, vrf, at, onLinks, "the address")
				prefixes = append(prefixes, claim{e, vrf, at})
			}
		}
	}
}

// sameClient reports two reservations that the same client matches equally well.
func (b *builder) sameClient(reservations []Reservation, s *spot) {
	byMAC, byDUID := map[string][]Reservation{}, map[string][]Reservation{}
	for _, r := range reservations {
		at := s.entry(r.Name)
		for _, o := range byMAC[string(r.MAC)] {
			if len(r.MAC) > 0 && (len(r.DUID) == 0) == (len(o.DUID) == 0) && bytes.Equal(r.DUID, o.DUID) {
				b.errorf(at.field("mac"), "%s is also the client of %s", r.MAC, s.entry(o.Name).where())
			}
		}
		for _, o := range byDUID[string(r.DUID)] {
			if len(r.DUID) > 0 && len(r.MAC) == 0 && len(o.MAC) == 0 {
				b.errorf(at.field("duid"), "this duid is also the client of %s", s.entry(o.Name).where())
			}
		}
		byMAC[string(r.MAC)] = append(byMAC[string(r.MAC)], r)
		byDUID[string(r.DUID)] = append(byDUID[string(r.DUID)], r)
	}
}

// hostText writes a host address without the length that everyone knows.
func hostText(e Expr) string {
	if e.Delegation == "" {
		return e.Prefix.Addr().String()
	}
	return Host{Delegation: e.Delegation, Auto: e.Auto, Addr: e.Prefix.Addr()}.String()
}
