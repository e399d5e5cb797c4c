package config

import (
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
	"github.com/sixfold-router/sixfold/router/rib"
)

// RouterWhile says while which routes hosts may take us as their default router.
type RouterWhile struct {
	Always  bool     // whatever routes there are; the rest is empty then
	Routes  []Expr   // of which one must be there
	All     bool     // every one of them must
	Sources []string // of rib.Source, or RAOrigin or OtherOrigin; none: from anywhere
}

// Where routes come from beside the sources of the rib.
const (
	RAOrigin    = "ra"    // advertisements that the kernel accepts
	OtherOrigin = "other" // other programs
)

// RoutesFrom says which routes of the rib are advertised as route information.
type RoutesFrom struct {
	Sources    []rib.Source
	Patterns   []Pattern // none: every prefix but ::/0
	Lifetime   time.Duration
	Preference Preference
	Limit      int // most options on the link, those that are configured included
}

// KnownRouters are the other routers that may advertise on a link.
type KnownRouters struct {
	Addresses []netip.Addr // link-local, without zone
	MACs      []net.HardwareAddr
}

// maxRoutesOnLink is RFC 4191 section 4: no more than 17 route information options on a link.
const maxRoutesOnLink = 17

// preference converts a preference of RFC 4191.
func preference(text string) Preference {
	switch text {
	case "low":
		return Low
	case "high":
		return High
	}
	return Medium
}

// routerWhile converts the routes that a default router depends on. a has its lifetime already.
func (b *builder) routerWhile(m *sixfoldv1.RouterWhile, a *Advertise, s *spot) *RouterWhile {
	if m == nil {
		return nil
	}
	w := &RouterWhile{Always: m.GetAlways(), All: m.GetMatch() == "all", Sources: slices.Clone(m.GetSources())}
	slices.Sort(w.Sources)
	w.Sources = slices.Compact(w.Sources)
	seen := map[Expr]*spot{}
	for n, text := range m.GetRoutes() {
		at := s.field("routes").item(n)
		e := b.prefix6(text, at)
		if first, twice := seen[e]; twice && e.IsValid() {
			b.errorf(at, "%s is here a second time; the first is %s", text, first.where())
			continue
		}
		seen[e] = at
		w.Routes = append(w.Routes, e)
	}
	rest := len(m.GetRoutes()) + len(m.GetSources())
	switch {
	case w.Always && (rest > 0 || m.GetMatch() != ""):
		b.errorf(s.field("always"), "with always nothing depends on routes: leave out the rest, or always")
	case !w.Always && len(m.GetRoutes()) == 0:
		b.errorf(s, "needs routes, as routes: [\"::/0\"], or always: true")
	case a.RouterLifetime == 0:
		b.errorf(s, "router_lifetime is 0s: this is no default router, whatever routes there are")
	}
	return w
}

// routesFrom converts which routes of the routing table are advertised. a has its intervals already.
func (b *builder) routesFrom(m *sixfoldv1.RoutesFrom, a *Advertise, s *spot) *RoutesFrom {
	if m == nil {
		return nil
	}
	f := &RoutesFrom{
		Lifetime:   b.lifetime(m.GetLifetime(), s.field("lifetime"), (3 * a.MaxInterval).Truncate(time.Second)),
		Preference: preference(m.GetPreference()),
		Limit:      maxRoutesOnLink,
	}
	if m.Limit != nil {
		f.Limit = int(m.GetLimit())
	}
	if m.GetLifetime() != nil && f.Lifetime == 0 {
		b.errorf(s.field("lifetime"), "0s withdraws routes: leave out routes_from to advertise none")
	}
	for _, name := range m.GetSources() {
		if src, ok := rib.ParseSource(name); ok && !slices.Contains(f.Sources, src) {
			f.Sources = append(f.Sources, src)
		}
	}
	slices.Sort(f.Sources)
	for n, text := range m.GetPrefixes() {
		at := s.field("prefixes").item(n)
		p := b.pattern(text, at)
		if p.Prefix.IsValid() && p.Prefix.Prefix.Addr().Is4() {
			b.errorf(at, "%s is IPv4; router advertisements carry IPv6 routes", text)
			continue
		}
		f.Patterns = append(f.Patterns, p)
	}
	return f
}

// knownRouters reads who else may advertise on a link.
func (b *builder) knownRouters(list []string, s *spot) *KnownRouters {
	if len(list) == 0 {
		return nil
	}
	k := &KnownRouters{}
	seen := map[string]*spot{}
	for n, text := range list {
		at := s.item(n)
		name := strings.ToLower(strings.TrimSpace(text))
		if name == "none" {
			if len(list) > 1 {
				b.errorf(at, "none stands alone: no other router may advertise here")
			}
			continue
		}
		if addr, err := netip.ParseAddr(name); err == nil {
			switch {
			case addr.Zone() != "":
				b.errorf(at, "%s is on this interface: leave out %%%s", addr.WithZone(""), addr.Zone())
				continue
			case !addr.Is6() || !addr.IsLinkLocalUnicast():
				b.errorf(at, "%s is not link-local: routers advertise from addresses of fe80::/10", addr)
				continue
			}
			k.Addresses, name = append(k.Addresses, addr), addr.String()
		} else {
			mac, err := net.ParseMAC(name)
			if err != nil || len(mac) != 6 || mac[0]&1 != 0 {
				b.errorf(at, "%q is neither a link-local address (fe80::1) nor a hardware address (52:54:00:d6:c2:a9)", excerpt(text))
				continue
			}
			k.MACs, name = append(k.MACs, mac), mac.String()
		}
		if first, twice := seen[name]; twice {
			b.errorf(at, "%s is here a second time; the first is %s", text, first.where())
		} else {
			seen[name] = at
		}
	}
	return k
}
