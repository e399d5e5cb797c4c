package config

import (
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
)

// dhcpv6 converts what is served on a link; DNS is that of the advertisements unless it is said here.
func (b *builder) dhcpv6(m *sixfoldv1.Dhcpv6, a *Advertise, s *spot) *DHCPv6 {
	d := &DHCPv6{RapidCommit: m.GetRapidCommit(), Preference: uint8(m.GetPreference()), NoReconfigure: m.Reconfigure != nil && !m.GetReconfigure()}
	d.Preferred = b.lifetime(m.GetPreferredLifetime(), s.field("preferred_lifetime"), time.Hour)
	d.Valid = b.lifetime(m.GetValidLifetime(), s.field("valid_lifetime"), max(2*time.Hour, d.Preferred))
	if m.PreferredLifetime == nil {
		d.Preferred = min(d.Preferred, d.Valid)
	}
	b.lifetimeOrder(d.Preferred, d.Valid, m.PreferredLifetime != nil, s)
	b.timers(d, m, s)
	if d.DNS = b.servers(m.GetDns(), s.field("dns")); m.GetDns() == nil && a != nil {
		d.DNS = slices.Clone(a.DNS)
	}
	if d.Domains = b.domains(m.GetDomains(), s.field("domains")); m.GetDomains() == nil && a != nil {
		d.Domains = slices.Clone(a.Domains)
	}
	if d.DNSFrom = m.GetDnsFrom(); d.DNSFrom == "" && m.GetDns() == nil && a != nil {
		d.DNSFrom = a.DNSFrom
	}
	at := s.field("pools")
	for _, name := range inOrder(m.GetPools(), at) {
		d.Pools = append(d.Pools, b.addressPool(name, m.GetPools()[name].GetRange(), at.entry(name).field("range")))
	}
	at = s.field("delegate")
	for _, name := range inOrder(m.GetDelegate(), at) {
		d.Delegate = append(d.Delegate, b.prefixPool(name, m.GetDelegate()[name], d, at.entry(name)))
	}
	at = s.field("reservations")
	for _, name := range inOrder(m.GetReservations(), at) {
		d.Reservations = append(d.Reservations, b.reservation(name, m.GetReservations()[name], at.entry(name)))
	}
	d.Former = b.former(m.GetFormer(), d, s)
	sortByName(d.Pools, func(p AddressPool) string { return p.Name })
	sortByName(d.Delegate, func(p PrefixPool) string { return p.Name })
	sortByName(d.Reservations, func(r Reservation) string { return r.Name })
	return d
}

// timers reads T1 and T2 (RFC 8415 14.2): a client renews, then rebinds, while it still has the lease.
func (b *builder) timers(d *DHCPv6, m *sixfoldv1.Dhcpv6, s *spot) {
	d.Renew = b.lifetime(m.GetRenewTime(), s.field("renew_time"), 0)
	d.Rebind = b.lifetime(m.GetRebindTime(), s.field("rebind_time"), 0)
	switch {
	case d.Renew > 0 && d.Rebind > 0 && d.Renew > d.Rebind:
		b.errorf(s.field("renew_time"), "renew_time (%s) is after rebind_time (%s)", FormatDuration(d.Renew), FormatDuration(d.Rebind))
	case d.Rebind > d.Valid:
		b.errorf(s.field("rebind_time"), "rebind_time (%s) is after valid_lifetime (%s)", FormatDuration(d.Rebind), FormatDuration(d.Valid))
	case d.Renew > d.Valid:
		b.errorf(s.field("renew_time"), "renew_time (%s) is after valid_lifetime (%s)", FormatDuration(d.Renew), FormatDuration(d.Valid))
	}
}

// addressPool reads FIRST-LAST or a prefix.
func (b *builder) addressPool(name, text string, s *spot) AddressPool {
	p := AddressPool{Name: name}
	if text == "" {
		return p // the schema's rules have said it
	}
	delegation, rest := splitName(text)
	label, tail, auto := cutAuto(rest)
	if auto = auto && delegation != ""; auto {
		p.Auto, rest = Slot{Name: label, Bits: noLength}, tail
	}
	first, last, isRange := strings.Cut(rest, "-")
	if !isRange {
		e := b.prefix6(text, s)
		if !e.IsValid() {
			return p
		}
		p.Delegation, p.Auto, p.First, p.Last = e.Delegation, e.Auto, e.Prefix.Addr(), lastOf(e.Prefix)
		return p
	}
	if auto {
		if err := checkLabel(label); err != nil {
			b.errorf(s, "%v", err)
			return AddressPool{Name: name}
		}
		if !b.delegationKnown(delegation, s) || !b.slot(delegation, &p.Auto, s) {
			return AddressPool{Name: name}
		}
	}
	var ends [2]netip.Addr
	for i, end := range []string{strings.TrimSpace(first), strings.TrimSpace(last)} {
		a, err := parseAddr(end)
		switch {
		case err != nil:
			b.errorf(s, "%v; accepted: FIRST-LAST or a prefix", err)
		case !a.Is6() || a.IsMulticast() || a.IsLinkLocalUnicast():
			b.errorf(s, "%s cannot be leased; the addresses of a pool are IPv6, unicast and not link-local", end)
		case auto && !fits(a, p.Auto.Bits):
			b.errorf(s, "%s has digits where the router chooses: before its last %d bits there are only zeros", end, 128-p.Auto.Bits)
		case auto || b.delegated(delegation, a, 128, s):
			ends[i] = a
		}
	}
	if !ends[0].IsValid() || !ends[1].IsValid() {
		return p
	}
	if ends[1].Less(ends[0]) {
		b.errorf(s, "the range ends (%s) before it begins (%s)", ends[1], ends[0])
		return p
	}
	p.Delegation, p.First, p.Last = delegation, ends[0], ends[1]
	return p
}

// lastOf returns the highest address of a prefix.
func lastOf(p netip.Prefix) netip.Addr {
	b := p.Masked().Addr().As16()
	for i := p.Bits(); i < 128; i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	return netip.AddrFrom16(b)
}

// maxPieceBits bounds the number of pieces of a pool, as a power of two.
const maxPieceBits = 32

func (b *builder) prefixPool(name string, m *sixfoldv1.PrefixPool, d *DHCPv6, s *spot) PrefixPool {
	p := PrefixPool{Name: name, Length: int(m.GetLength())}
	if m.GetPool() != "" && !b.restOf(m.GetPool(), &p, s) {
		p.Pool = b.prefix6(m.GetPool(), s.field("pool"))
	}
	p.Valid = b.lifetime(m.GetValidLifetime(), s.field("valid_lifetime"), d.Valid)
	p.Preferred = b.lifetime(m.GetPreferredLifetime(), s.field("preferred_lifetime"), min(d.Preferred, p.Valid))
	b.lifetimeOrder(p.Preferred, p.Valid, m.PreferredLifetime != nil, s)
	p.Exclude = b.excluded(m.GetExclude(), p.Length, s.field("exclude"))
	switch bits := p.Pool.Prefix.Bits(); {
	case !p.Pool.IsValid() || p.Length == 0 || p.Length > 128:
	case p.Length < bits:
		b.errorf(s.field("length"), "a /%d does not fit into the pool %s; accepted: %d to %d", p.Length, p.Pool, bits, min(bits+maxPieceBits, 128))
	case p.Length > bits+maxPieceBits:
		b.errorf(s.field("length"), "the pool %s would have more than 2^%d pieces; accepted: %d to %d", p.Pool, maxPieceBits, bits, bits+maxPieceBits)
	}
	return p
}

func (b *builder) reservation(name string, m *sixfoldv1.Reservation, s *spot) Reservation {
	r := Reservation{Name: name, MAC: b.mac(m.GetMac(), s.field("mac")), DUID: b.duid(m.GetDuid(), s.field("duid"))}
	if m.GetMac() == "" && m.GetDuid() == "" {
		b.errorf(s, "a reservation needs mac, duid, or both, to know its client by")
	}
	for i, text := range m.GetAddresses() {
		r.Addresses = append(r.Addresses, b.host(text, s.field("addresses").item(i)))
	}
	for i, text := range m.GetPrefixes() {
		r.Prefixes = append(r.Prefixes, b.prefix6(text, s.field("prefixes").item(i)))
	}
	if len(m.GetAddresses())+len(m.GetPrefixes()) == 0 {
		b.errorf(s, "a reservation needs addresses, prefixes, or both")
	}
	return r
}

func (b *builder) mac(text string, s *spot) net.HardwareAddr {
	if text == "" {
		return nil
	}
	mac, err := net.ParseMAC(text)
	switch {
	case err != nil || len(mac) != 6:
		b.errorf(s, "%q is not a hardware address: six octets, as 52:54:00:d6:c2:a9", excerpt(text))
	case mac[0]&1 != 0:
		b.errorf(s, "%s is a multicast address, which no client has", mac)
	case slices.Max(mac) == 0:
		b.errorf(s, "%s is not the address of a client", mac)
	default:
		return mac
	}
	return nil
}
