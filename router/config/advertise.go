package config

import (
	"time"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
)

// maxRouterLifetime is the largest of the 16 bits of the field.
const maxRouterLifetime = 65535 * time.Second

// advertise converts the parameters of router advertisements, with the defaults of RFC 4861 6.2.1 and the ranges that
// RFC 8319 widened.
func (b *builder) advertise(m *sixfoldv1.Advertise, s *spot) *Advertise {
	a := &Advertise{
		Managed: m.Managed, OtherConfig: m.OtherConfig, HopLimit: 64, LinkMTU: int(m.GetLinkMtu()),
		ReachableTime: b.duration(m.GetReachableTime(), s.field("reachable_time"), time.Millisecond, 0, time.Hour, 0),
		RetransTime:   b.duration(m.GetRetransTimer(), s.field("retrans_timer"), time.Millisecond, 0, 0xffffffff*time.Millisecond, 0),
		DNS:           b.servers(m.GetDns(), s.field("dns")),
		Domains:       b.domains(m.GetDomains(), s.field("domains")),
		DNSFrom:       m.GetDnsFrom(),
	}
	if m.HopLimit != nil {
		a.HopLimit = uint8(m.GetHopLimit())
	}
	a.Preference = preference(m.GetPreference())
	a.MinDelay = b.duration(m.GetMinDelay(), s.field("min_delay"), time.Millisecond, 30*time.Millisecond, time.Hour, 0)
	b.intervals(a, m, s)
	a.Prefix = b.prefixDefaults(m, s)
	a.DNSLifetime = b.lifetime(m.GetDnsLifetime(), s.field("dns_lifetime"), a.usual())
	a.DomainsLifetime = b.lifetime(m.GetDomainsLifetime(), s.field("domains_lifetime"), a.DNSLifetime)
	a.Prefixes = b.advertisedPrefixes(m.GetPrefixes(), a, s.field("prefixes"))
	b.advertiseExtra(a, m, s)
	b.unwise(a, m, s)
	a.RouterWhile = b.routerWhile(m.GetRouterWhile(), a, s.field("router_while"))
	a.RoutesFrom = b.routesFrom(m.GetRoutesFrom(), a, s.field("routes_from"))
	return a
}

func (b *builder) intervals(a *Advertise, m *sixfoldv1.Advertise, s *spot) {
	leastMax, leastMin := 4*time.Second, 3*time.Second
	if a.MinDelay > 0 && a.MinDelay < 3*time.Second {
		leastMax, leastMin = 70*time.Millisecond, 30*time.Millisecond // RFC 6275 7.5
	}
	a.MaxInterval = b.duration(m.GetMaxInterval(), s.field("max_interval"), time.Millisecond, leastMax, maxRouterLifetime, 600*time.Second)
	if a.MinDelay > a.MaxInterval {
		b.errorf(s.field("min_delay"), "%s is longer than max_interval (%s)", FormatDuration(a.MinDelay), FormatDuration(a.MaxInterval))
	}
	// RFC 4861: a third of the maximum if that is 9 seconds or more, else as its erratum 3154 has it.
	least := a.MaxInterval / 3
	if a.MaxInterval < 9*time.Second {
		least = a.MaxInterval * 3 / 4
	}
	a.MinInterval = b.duration(m.GetMinInterval(), s.field("min_interval"), time.Millisecond, leastMin, a.MaxInterval*3/4, least)
	a.RouterLifetime = max(min(3*a.MaxInterval, maxRouterLifetime).Truncate(time.Second), time.Second)
	if m.RouterLifetime == nil {
		return
	}
	at := s.field("router_lifetime")
	a.RouterLifetime = b.duration(m.GetRouterLifetime(), at, time.Second, 0, maxRouterLifetime, a.RouterLifetime)
	if a.RouterLifetime > 0 && a.RouterLifetime < a.MaxInterval {
		b.errorf(at, "%s is out of range; accepted: 0s, or %s (max_interval) to %s",
			FormatDuration(a.RouterLifetime), FormatDuration(a.MaxInterval), FormatDuration(maxRouterLifetime))
	}
}

func (b *builder) prefixDefaults(m *sixfoldv1.Advertise, s *spot) PrefixOptions {
	p := PrefixOptions{OnLink: true, Autonomous: m.Autonomous}
	if m.OnLink != nil {
		p.OnLink = m.GetOnLink()
	}
	p.ValidDefault, p.PreferredDefault = m.ValidLifetime == nil, m.PreferredLifetime == nil
	p.Valid = b.lifetime(m.GetValidLifetime(), s.field("valid_lifetime"), 30*day)
	p.Preferred = b.lifetime(m.GetPreferredLifetime(), s.field("preferred_lifetime"), min(7*day, p.Valid))
	b.lifetimeOrder(p.Preferred, p.Valid, m.PreferredLifetime != nil, s)
	return p
}

// lifetimeOrder reports a preferred lifetime that is longer than the valid one (RFC 4861 4.6.2, RFC 8415 7.7).
func (b *builder) lifetimeOrder(preferred, valid time.Duration, preferredGiven bool, s *spot) {
	if preferred <= valid {
		return
	}
	at := s.field("valid_lifetime")
	if preferredGiven {
		at = s.field("preferred_lifetime")
	}
	b.errorf(at, "preferred_lifetime (%s) is longer than valid_lifetime (%s)", FormatDuration(preferred), FormatDuration(valid))
}

// advertisedPrefixes reads the prefixes that are listed. ::/64 is none of them: it has the options of those of the interface that are
// not listed.
func (b *builder) advertisedPrefixes(m map[string]*sixfoldv1.AdvertisedPrefix, a *Advertise, s *spot) []AdvertisedPrefix {
	var all []AdvertisedPrefix
	seen := map[Expr]*spot{}
	for _, text := range inOrder(m, s) {
		p, at := m[text], s.entry(text)
		e := b.prefixKey(text, at, seen)
		one := AdvertisedPrefix{Prefix: e, Options: b.prefixOptions(p, a.Prefix, at), Skip: p.GetSkip()}
		if e == ownPrefixes {
			a.Own = &one
			continue
		}
		all = append(all, one)
	}
	sortByName(all, func(p AdvertisedPrefix) string { return p.Prefix.String() })
	return all
}

// prefixOptions reads the options of one prefix; what is absent is as in o.
func (b *builder) prefixOptions(p *sixfoldv1.AdvertisedPrefix, o PrefixOptions, s *spot) PrefixOptions {
	if p.OnLink != nil {
		o.OnLink = p.GetOnLink()
	}
	if p.Autonomous != nil {
		o.Autonomous = p.Autonomous
	}
	o.Valid = b.lifetime(p.GetValidLifetime(), s.field("valid_lifetime"), o.Valid)
	o.Preferred = b.lifetime(p.GetPreferredLifetime(), s.field("preferred_lifetime"), min(o.Preferred, o.Valid))
	b.lifetimeOrder(o.Preferred, o.Valid, p.PreferredLifetime != nil, s)
	o.ValidDefault = o.ValidDefault && p.ValidLifetime == nil
	o.PreferredDefault = o.PreferredDefault && p.PreferredLifetime == nil
	o.RouterAddress, o.PDPreferred = p.GetRouterAddress(), p.GetPdPreferred()
	o.Decrement, o.Deprecate = p.GetDecrement(), p.GetDeprecate()
	o.ValidUntil = b.moment(p.GetValidUntil(), s.field("valid_until"))
	o.PreferredUntil = b.moment(p.GetPreferredUntil(), s.field("preferred_until"))
	if !o.ValidUntil.IsZero() && o.PreferredUntil.After(o.ValidUntil) {
		b.errorf(s.field("preferred_until"), "is after valid_until (%s)", o.ValidUntil.Format(time.RFC3339))
	}
	return o
}

// prefixKey reads an IPv6 prefix that is the key of a map. The same prefix may be written in two ways.
func (b *builder) prefixKey(text string, at *spot, seen map[Expr]*spot) Expr {
	e := b.prefix6(text, keySpot(at))
	return b.once(e, text, at, seen)
}

// once reports a prefix that is the key of two entries.
func (b *builder) once(e Expr, text string, at *spot, seen map[Expr]*spot) Expr {
	if !e.IsValid() {
		return e
	}
	if first, ok := seen[e]; ok {
		b.key(at, "%s is here a second time; the first is %s", text, first.where())
		return Expr{}
	}
	seen[e] = at
	return e
}

// keySpot is the spot of the key itself, for what is wrong with a prefix that is one.
func keySpot(s *spot) *spot {
	at := s.key
	if at.line == 0 {
		at = s.at
	}
	return &spot{path: s.path, at: at, key: at, bad: s.bad}
}
