package config

import (
	"time"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
)

// wakeful is the interval below which advertisements cost the batteries of phones more than RFC 7772 section 4 wants, with a distance
// for those who know what they do.
const wakeful = 30 * time.Second

// unwise notes what is allowed in advertisements but seldom what was meant.
func (b *builder) unwise(a *Advertise, m *sixfoldv1.Advertise, s *spot) {
	if a.MaxInterval < wakeful && a.MinDelay == 0 && !a.UnicastOnly && len(a.Clients) == 0 {
		b.warnf(s.field("max_interval"), "an advertisement to all every %s at the latest wakes the phones of the link; about 7 an hour, as with the default of 10m, "+
			"spare their batteries (RFC 7772)", FormatDuration(a.MaxInterval))
	}
	short := func(at *spot, lifetime time.Duration, what string) {
		if lifetime > 0 && lifetime < a.usual() {
			b.warnf(at, "%s is less than three times max_interval (%s): hosts that miss two advertisements lose %s", FormatDuration(lifetime),
				FormatDuration(a.usual()), what)
		}
	}
	if m.DnsLifetime != nil {
		short(s.field("dns_lifetime"), a.DNSLifetime, "their name servers (RFC 8106 5.1)")
	}
	if m.DomainsLifetime != nil {
		short(s.field("domains_lifetime"), a.DomainsLifetime, "their search domains (RFC 8106 5.2)")
	}
	for _, text := range inOrder(m.GetRoutes(), s.field("routes")) {
		if r := m.GetRoutes()[text]; r.Lifetime != nil {
			short(s.field("routes").entry(text).field("lifetime"), r.GetLifetime().AsDuration(), "the route")
		}
	}
	for _, text := range inOrder(m.GetPref64(), s.field("pref64")) {
		if p := m.GetPref64()[text]; p.Lifetime != nil {
			short(s.field("pref64").entry(text).field("lifetime"), p.GetLifetime().AsDuration(), "the NAT64 prefix (RFC 8781 4.1)")
		}
	}
	if len(a.Routes) > maxRoutesOnLink {
		b.warnf(s.field("routes"), "%d routes are more than the %d that hosts need to remember (RFC 4191 4)", len(a.Routes), maxRoutesOnLink)
	}
	b.unwisePrefix(a.Prefix, m.ValidLifetime != nil || m.PreferredLifetime != nil, a, s)
	for _, text := range inOrder(m.GetPrefixes(), s.field("prefixes")) {
		p, at := m.GetPrefixes()[text], s.field("prefixes").entry(text)
		o := b.prefixOptions(p, a.Prefix, at)
		b.unwisePrefix(o, p.ValidLifetime != nil || p.PreferredLifetime != nil, a, at)
	}
}

// unwisePrefix notes lifetimes that a single lost advertisement ends.
func (b *builder) unwisePrefix(o PrefixOptions, given bool, a *Advertise, s *spot) {
	if given && o.Preferred > 0 && o.Preferred < a.MaxInterval && !o.Decrement {
		b.warnf(s.field("preferred_lifetime"), "%s is less than max_interval (%s): addresses are deprecated between two advertisements",
			FormatDuration(o.Preferred), FormatDuration(a.MaxInterval))
	}
}

// prefixesToAskFor notes hosts that are told to ask for prefixes where there are none.
func (b *builder) prefixesToAskFor(i *Interface, m *sixfoldv1.Interface, s *spot) {
	if i.DHCPv6 != nil && len(i.DHCPv6.Delegate) > 0 {
		return
	}
	list := m.GetAdvertise().GetPrefixes()
	at := s.field("advertise").field("prefixes")
	for _, text := range inOrder(list, at) {
		if list[text].GetPdPreferred() {
			b.warnf(at.entry(text).field("pd_preferred"), "hosts are told to ask for prefixes of their own, and dhcpv6 of %s delegates none", i.Name)
		}
	}
}

// noSLAAC notes addresses whose prefix is advertised, and of which hosts make no address: SLAAC is for a /64 (RFC 4291 2.5.1), and DHCPv6
// gives none.
func (b *builder) noSLAAC(i *Interface, s *spot) {
	if i.Advertise == nil || i.DHCPv6 != nil && len(i.DHCPv6.Pools)+len(i.DHCPv6.Reservations) > 0 {
		return
	}
	for n, e := range i.Addresses {
		bits := e.Prefix.Bits()
		if !e.IsValid() || !e.Prefix.Addr().Is6() || e.Prefix.Addr().IsLinkLocalUnicast() || bits == 64 || bits == 128 || i.Advertise.slaacIsOff(e) {
			continue
		}
		b.warnf(s.field("addresses").item(n), "hosts make no address of a prefix that is a /%d, for SLAAC needs a /64: write a /64, serve DHCPv6 with pools, or set autonomous: false", bits)
	}
}

// slaacIsOff reports whether the prefix of an address is not advertised, or not for SLAAC.
func (a *Advertise) slaacIsOff(e Expr) bool {
	skip, o := false, a.Prefix
	if a.Own != nil {
		skip, o = a.Own.Skip, a.Own.Options
	}
	e.Prefix = e.Prefix.Masked()
	for _, p := range a.Prefixes {
		if p.Prefix.String() == e.String() {
			skip, o = p.Skip, p.Options
		}
	}
	return skip || o.Autonomous != nil && !*o.Autonomous
}
