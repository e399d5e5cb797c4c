package plan

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/sixfold-router/sixfold/ra"
	"github.com/sixfold-router/sixfold/router/config"
	"github.com/sixfold-router/sixfold/router/rib"
)

// maxOffered is how many routes of a selection are looked at: more than any link advertises, with those that it leaves out.
const maxOffered = 128

// RouteSelection says which routes of one table are advertised as route information. Selections that are equal have equal names.
type RouteSelection struct {
	Table    uint32
	Sources  []rib.Source
	Patterns []RoutePattern // none: every prefix but ::/0
}

// RoutePattern matches the prefixes that share the first bits of Prefix (as many as both have) and whose length is from Min to Max.
type RoutePattern struct {
	Prefix   netip.Prefix
	Min, Max int
}

// Name is what tells selections apart.
func (s RouteSelection) Name() string { return fmt.Sprint(s) }

// HasSource reports whether routes of a source are meant.
func (s RouteSelection) HasSource(src rib.Source) bool { return slices.Contains(s.Sources, src) }

// Has reports whether a route is one to advertise.
func (s RouteSelection) Has(e rib.Entry) bool {
	p := e.Route.Prefix
	a := p.Addr()
	switch {
	case !a.Is6() || a.IsMulticast() || a.IsLinkLocalUnicast() || a.IsLoopback() || !s.HasSource(e.Source):
		return false
	case e.Route.Kind != rib.Unicast && e.Route.Kind != rib.Deliver && e.Source != rib.Aggregate:
		return false
	case len(s.Patterns) == 0:
		return p.Bits() > 0
	}
	return slices.ContainsFunc(s.Patterns, func(m RoutePattern) bool {
		bits := min(p.Bits(), m.Prefix.Bits())
		return m.Min <= p.Bits() && p.Bits() <= m.Max &&
			netip.PrefixFrom(a, bits).Masked() == netip.PrefixFrom(m.Prefix.Addr(), bits).Masked()
	})
}

// Offer is what a selection has.
type Offer struct {
	Prefixes []netip.Prefix // the shortest first; at most maxOffered
	Total    int
}

// OfferOf orders and bounds what a selection has.
func OfferOf(all map[netip.Prefix]struct{}) Offer {
	out := Offer{Total: len(all)}
	for p := range all {
		at, _ := slices.BinarySearchFunc(out.Prefixes, p, shorterFirst)
		if at == maxOffered {
			continue
		}
		if len(out.Prefixes) == maxOffered {
			out.Prefixes = out.Prefixes[:maxOffered-1]
		}
		out.Prefixes = slices.Insert(out.Prefixes, at, p)
	}
	return out
}

func shorterFirst(a, b netip.Prefix) int {
	return cmp.Or(cmp.Compare(a.Bits(), b.Bits()), a.Addr().Compare(b.Addr()))
}

// planOffer adds the routes of routes_from to the advertisement of a link, as many as there is room for beside those that are
// configured one by one.
func (p *planner) planOffer(where string, i *config.Interface, out *ra.Interface) {
	from := i.Advertise.RoutesFrom
	if from == nil {
		return
	}
	s := RouteSelection{Table: p.keyOn(i.Name, netip.PrefixFrom(netip.IPv6Unspecified(), 0)).Table, Sources: from.Sources}
	for _, m := range from.Patterns {
		if c, ok := p.resolve(where+".routes_from", m.Prefix); ok {
			s.Patterns = append(s.Patterns, RoutePattern{Prefix: c.prefix.Masked(), Min: m.Min, Max: m.Max})
		}
	}
	if len(from.Patterns) > 0 && len(s.Patterns) == 0 {
		return // of prefixes that are not delegated yet
	}
	if p.plan.Selections == nil {
		p.plan.Selections, p.plan.Offers = map[string]RouteSelection{}, map[string]LinkOffer{}
	}
	p.plan.Selections[s.Name()] = s
	said := map[netip.Prefix]bool{}
	for _, r := range out.Routes {
		said[r.Prefix] = true
	}
	for _, x := range out.Prefixes {
		said[x.Prefix] = said[x.Prefix] || x.OnLink // hosts reach it without us
	}
	offer := p.Offered[s.Name()]
	link := LinkOffer{Matched: offer.Total}
	var left []string
	for _, prefix := range offer.Prefixes {
		switch {
		case said[prefix]:
			link.Matched--
		case len(out.Routes) >= from.Limit:
			left = append(left, prefix.String())
		default:
			link.Advertised++
			out.Routes = append(out.Routes, ra.Route{
				Prefix: prefix, Preference: uint8(from.Preference), Lifetime: from.Lifetime, Until: p.endOf(prefix),
			})
		}
	}
	if n := link.Matched - link.Advertised; n > 0 {
		p.pending(where+".routes_from", fmt.Sprintf("%d of %d routes are not advertised, %s: there is room for %d on a link (RFC 4191 4); choose prefixes, or aggregate them",
			n, link.Matched, Few(left, n), from.Limit))
	}
	p.plan.Offers[i.Name] = link
}

// LinkOffer is how many routes routes_from has for a link.
type LinkOffer struct {
	Matched    int // routes of the selection, without those that the link has or advertises by itself
	Advertised int
}

// few names the first of n things.
func Few(names []string, n int) string {
	const most = 3
	if len(names) > most {
		names = names[:most]
	}
	text := strings.Join(names, ", ")
	if n > len(names) {
		text += " and more"
	}
	return text
}

// endOf is when a prefix that is part of a delegation ends; zero: it is of none, or does not end.
func (p *planner) endOf(prefix netip.Prefix) time.Time {
	if d, ok := p.held[p.cutFrom(prefix)]; ok && Within(prefix, d.Prefix) {
		return d.ValidUntil
	}
	return time.Time{}
}
