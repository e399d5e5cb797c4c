package config

import (
	"strings"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"

	"github.com/sixfold-router/sixfold/router/rib"
)

// routeList converts the static routes of an instance; the name of the default instance is empty.
func (b *builder) routeList(m map[string]*sixfoldv1.Route, s *spot, vrf string) []Route {
	var all []Route
	seen := map[Expr]*spot{}
	for _, text := range inOrder(m, s) {
		at := s.entry(text)
		e := b.once(b.prefix(text, keySpot(at)), text, at, seen)
		if e.IsValid() && (e.Prefix.Addr().IsMulticast() && e.Delegation == "") {
			b.key(at, "%s is multicast; static routes are for unicast", text)
		}
		all = append(all, b.route(e, m[text], at))
		b.sameInstance(m[text].GetInterface(), vrf, at.field("interface"))
	}
	sortByName(all, func(r Route) string { return r.Prefix.String() })
	return all
}

func (b *builder) route(e Expr, m *sixfoldv1.Route, s *spot) Route {
	r := Route{Prefix: e, Interface: m.GetInterface(), Metric: m.GetMetric()}
	var targets []string
	for _, t := range []struct {
		name string
		set  bool
		kind rib.Kind
	}{
		{"unreachable", m.GetUnreachable(), rib.Unreachable},
		{"blackhole", m.GetBlackhole(), rib.Blackhole},
		{"prohibit", m.GetProhibit(), rib.Prohibit},
	} {
		if t.set {
			targets, r.Kind = append(targets, t.name), t.kind
		}
	}
	switch {
	case m.GetVia() != "":
		targets = append(targets, "via")
	case m.GetInterface() != "":
		targets = append(targets, "interface")
	}
	if len(targets) == 0 {
		b.accepted(s, []string{"via", "interface", "unreachable", "blackhole", "prohibit"}, "the route leads nowhere")
	}
	if len(targets) > 1 {
		b.errorf(s, "the route has several targets (%s); it takes one", strings.Join(targets, ", "))
	}
	if r.Interface != "" && r.Interface != "lo" {
		b.link(r.Interface, s.field("interface"))
	}
	if m.GetVia() != "" {
		r.Via = b.via(m.GetVia(), r, s.field("via"))
	}
	return r
}

// via reads a next hop. IPv6 may carry IPv4 (RFC 8950), not the other way round.
func (b *builder) via(text string, r Route, s *spot) Host {
	if h, ok := b.relative(text, s); ok {
		return h
	}
	if _, zone, ok := strings.Cut(text, "%"); ok {
		b.errorf(s, "%s has a zone; write interface: %s beside it", excerpt(text), excerpt(zone))
		return Host{}
	}
	a, err := parseAddr(text)
	switch {
	case err != nil:
		b.errorf(s, "%v", err)
	case a.IsUnspecified() || a.IsMulticast() || a.IsLoopback():
		b.errorf(s, "%s cannot be a next hop", a)
	case r.Prefix.IsValid() && a.Is4() && !r.Prefix.Prefix.Addr().Is4():
		b.errorf(s, "%s is IPv4, and the route is for IPv6", a)
	case a.Is6() && a.IsLinkLocalUnicast() && r.Interface == "":
		b.errorf(s, "%s is link-local, and needs interface beside it", a)
	default:
		return Host{Addr: a}
	}
	return Host{}
}
