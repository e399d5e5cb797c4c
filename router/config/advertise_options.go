package config

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
)

// usual is the lifetime of what is not a prefix: three times the interval, in whole seconds.
func (a *Advertise) usual() time.Duration {
	return (3*a.MaxInterval + time.Second - 1).Truncate(time.Second)
}

func (b *builder) advertiseExtra(a *Advertise, m *sixfoldv1.Advertise, s *spot) {
	a.NoSourceLinkLayer = m.SourceLinkLayer != nil && !m.GetSourceLinkLayer()
	a.Routes = b.advertisedRoutes(m.GetRoutes(), a, s.field("routes"))
	a.PREF64 = b.pref64(m.GetPref64(), a, s.field("pref64"))
	a.CaptivePortal = b.captivePortal(m.GetCaptivePortal(), s.field("captive_portal"))
	for n, r := range m.GetDnr() {
		a.DNR = append(a.DNR, b.resolver(r, a, s.field("dnr").item(n)))
	}
	a.IntervalOption, a.UnicastOnly, a.SNAC = m.GetIntervalOption(), m.GetUnicastOnly(), m.GetSnac()
	b.clients(a, m.GetClients(), s.field("clients"))
	if text := m.GetSourceAddress(); text != "" {
		a.SourceAddress = b.onLinkAddress(text, s.field("source_address"))
	}
	a.PacketSize = int(m.GetRaMtu())
	if m.GetHomeAgent() != nil {
		a.HomeAgent = b.homeAgent(m.GetHomeAgent(), a, s.field("home_agent"))
	}
	for n, o := range m.GetOptions() {
		a.Options = append(a.Options, b.rawOption(o, s.field("options").item(n)))
	}
	a.RandomDelay, a.SolicitRate = m.GetSolicited() == "random_delay", int(m.GetSolicitRate())
	a.Keep = m.Withdraw != nil && !m.GetWithdraw()
	a.KeepDNS = m.WithdrawDns != nil && !m.GetWithdrawDns()
}

func (b *builder) advertisedRoutes(m map[string]*sixfoldv1.AdvertisedRoute, a *Advertise, s *spot) []AdvertisedRoute {
	var all []AdvertisedRoute
	seen := map[Expr]*spot{}
	for _, text := range inOrder(m, s) {
		r, at := m[text], s.entry(text)
		all = append(all, AdvertisedRoute{
			Prefix: b.prefixKey(text, at, seen), Lifetime: b.lifetime(r.GetLifetime(), at.field("lifetime"), a.usual()),
			Preference: preference(r.GetPreference()), Keep: r.Withdraw != nil && !r.GetWithdraw(),
		})
	}
	sortByName(all, func(r AdvertisedRoute) string { return r.Prefix.String() })
	return all
}

func (b *builder) pref64(m map[string]*sixfoldv1.AdvertisedPref64, a *Advertise, s *spot) []PREF64 {
	var all []PREF64
	seen := map[Expr]*spot{}
	for _, text := range inOrder(m, s) {
		at := s.entry(text)
		e := b.prefixKey(text, at, seen)
		bits := e.Prefix.Bits()
		switch octets := e.Prefix.Addr().AsSlice(); {
		case !e.IsValid():
		case !slices.Contains([]int{32, 40, 48, 56, 64, 96}, bits):
			b.key(at, "%s: a NAT64 prefix has 32, 40, 48, 56, 64 or 96 bits (RFC 6052 2.2)", text)
		case octets[8] != 0:
			b.key(at, "%s: bits 64 to 71 of a NAT64 prefix are zero (RFC 6052 2.2)", text)
		}
		lifetime := b.duration(m[text].GetLifetime(), at.field("lifetime"), time.Second, 0, maxPREF64Lifetime, min(a.usual(), maxPREF64Lifetime))
		const unit = 8 * time.Second
		all = append(all, PREF64{Prefix: e, Lifetime: (lifetime + unit - 1).Truncate(unit)})
	}
	sortByName(all, func(p PREF64) string { return p.Prefix.String() })
	return all
}

func (b *builder) captivePortal(text string, s *spot) string {
	rest, secure := strings.CutPrefix(text, "https://")
	plain := strings.HasPrefix(text, "http://")
	switch {
	case text == "":
		return ""
	case text == "none" || text == CaptivePortalNone:
		return CaptivePortalNone
	case !secure && !plain:
		b.errorf(s, "%q is not the address of a captive portal API; accepted: https://…, or none", excerpt(text))
	case strings.IndexFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }) >= 0 || strings.Trim(rest, "/") == "":
		b.errorf(s, "%q is not a URI (RFC 3986): a host is missing, or there are characters that it cannot have", excerpt(text))
	case len(text) > maxOptionBytes:
		b.errorf(s, "has %d characters; accepted: up to %d", len(text), maxOptionBytes)
	case plain:
		b.warnf(s, "hosts ask the API of a captive portal by https only (RFC 8908 4.1): this one will not be asked")
	}
	return text
}

// clients reads the hosts that are advertised to, and with ! those that are not answered.
func (b *builder) clients(a *Advertise, list []string, s *spot) {
	seen := map[netip.Addr]*spot{}
	for n, text := range list {
		at := s.item(n)
		host, excluded := strings.CutPrefix(text, "!")
		addr := b.onLinkAddress(strings.TrimSpace(host), at)
		if !addr.IsValid() {
			continue
		}
		if first, twice := seen[addr]; twice {
			b.errorf(at, "%s is here a second time; the first is %s", text, first.where())
			continue
		}
		seen[addr] = at
		if excluded {
			a.Excluded = append(a.Excluded, addr)
		} else {
			a.Clients = append(a.Clients, addr)
		}
	}
	slices.SortFunc(a.Clients, netip.Addr.Compare)
	slices.SortFunc(a.Excluded, netip.Addr.Compare)
}

// onLinkAddress reads a link-local address.
func (b *builder) onLinkAddress(text string, s *spot) netip.Addr {
	addr, err := netip.ParseAddr(text)
	switch {
	case err != nil:
		b.errorf(s, "%q is not an address; accepted: a link-local one, as fe80::1", excerpt(text))
	case addr.Zone() != "":
		b.errorf(s, "%s is on this interface: leave out %%%s", addr.WithZone(""), addr.Zone())
	case !linkLocal(addr) || !addr.Is6():
		b.errorf(s, "%s is not link-local: advertisements and solicitations come from addresses of fe80::/10 (RFC 4861 6.1)", addr)
	default:
		return addr
	}
	return netip.Addr{}
}

func (b *builder) homeAgent(m *sixfoldv1.AdvertisedHomeAgent, a *Advertise, s *spot) *HomeAgent {
	const longest = 65520 * time.Second // RFC 6275 7.4
	if p := m.GetPreference(); p < -1<<15 || p >= 1<<15 {
		b.errorf(s.field("preference"), "%d is out of range; accepted: -32768 to 32767", p)
	}
	h := &HomeAgent{Preference: int16(m.GetPreference()), MobileRouter: m.GetMobileRouter(), Lifetime: min(a.RouterLifetime, longest)}
	if m.GetLifetime() == nil && a.RouterLifetime == 0 {
		b.errorf(s, "needs a lifetime, because router_lifetime is 0s")
	}
	h.Lifetime = b.duration(m.GetLifetime(), s.field("lifetime"), time.Second, time.Second, longest, h.Lifetime)
	return h
}

// fieldOf names the field for an option that has one.
func fieldOf(kind uint32) string {
	return map[uint32]string{
		1: "source_link_layer", 3: "prefixes", 5: "link_mtu", 7: "interval_option", 8: "home_agent", 24: "routes", 25: "dns", 31: "domains",
		37: "captive_portal", 38: "pref64", 144: "dnr",
	}[kind]
}

func (b *builder) rawOption(m *sixfoldv1.AdvertisedOption, s *spot) RawOption {
	data, err := parseHex(m.GetData())
	switch {
	case err != nil:
		b.errorf(s.field("data"), "%q is not hexadecimal: octets as 00:01:fe, or 0001fe", excerpt(m.GetData()))
	case len(data) > maxOptionBytes:
		b.errorf(s.field("data"), "has %d octets; accepted: up to %d", len(data), maxOptionBytes)
	case fieldOf(m.GetType()) != "":
		b.warnf(s.field("type"), "options of type %d are what %s is for", m.GetType(), fieldOf(m.GetType()))
	}
	return RawOption{Type: uint8(m.GetType()), Data: data}
}

// moment reads a point in time; zero if there is none.
func (b *builder) moment(text string, s *spot) time.Time {
	if text == "" {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		b.errorf(s, "%q is not a moment; accepted: date, time and zone, as 2026-12-31T12:00:00Z", excerpt(text))
	}
	return t.UTC()
}

// servers reads the addresses of servers; self and :: are an own address of the interface.
func (b *builder) servers(texts []string, s *spot) []Expr {
	var all []Expr
	for n, text := range texts {
		e := Self
		if trimmed := strings.TrimSpace(text); trimmed != "self" && trimmed != "::" {
			e = b.host(text, s.item(n))
		}
		if e.IsValid() && slices.Contains(all, e) {
			b.errorf(s.item(n), "%s is in the list twice", text)
		}
		all = append(all, e)
	}
	return all
}
