package plan

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"github.com/sixfold-router/sixfold/router/rib"
)

func TestOfferOf(t *testing.T) {
	all := map[netip.Prefix]struct{}{}
	for n := range 1000 {
		all[netip.MustParsePrefix(fmt.Sprintf("2001:db8:%x::/%d", n, 48+n%16)).Masked()] = struct{}{}
	}
	o := OfferOf(all)
	if o.Total != len(all) || len(o.Prefixes) != maxOffered || !slices.IsSortedFunc(o.Prefixes, shorterFirst) {
		t.Errorf("%d of %d", len(o.Prefixes), o.Total)
	}
	for p := range all {
		if shorterFirst(p, o.Prefixes[maxOffered-1]) < 0 && !slices.Contains(o.Prefixes, p) {
			t.Errorf("%s is left out", p)
		}
	}
}

func TestRouteSelection(t *testing.T) {
	pattern := func(prefix string, least, most int) RoutePattern {
		return RoutePattern{Prefix: netip.MustParsePrefix(prefix), Min: least, Max: most}
	}
	some := []RoutePattern{pattern("2001:db8::/32", 40, 48), pattern("fd00::/8", 0, 8)}
	for _, tt := range []struct {
		source   rib.Source
		prefix   string
		kind     rib.Kind
		patterns []RoutePattern
		want     bool
	}{
		{rib.BGP, "2001:db8:1::/48", rib.Unicast, nil, true},
		{rib.Static, "2001:db8:1::/48", rib.Unicast, nil, false},
		{rib.BGP, "::/0", rib.Unicast, nil, false},
		{rib.BGP, "::/0", rib.Unicast, []RoutePattern{pattern("::/0", 0, 0)}, true},
		{rib.BGP, "10.0.0.0/8", rib.Unicast, nil, false},
		{rib.BGP, "ff05::/16", rib.Unicast, nil, false},
		{rib.BGP, "fe80::/64", rib.Unicast, nil, false},
		{rib.BGP, "2001:db8:1::/48", rib.Blackhole, nil, false},
		{rib.Aggregate, "2001:db8::/56", rib.Unreachable, nil, true},
		{rib.BGP, "2001:db8:1::/48", rib.Unicast, some, true},
		{rib.BGP, "2001:db8:1:1::/64", rib.Unicast, some, false},
		{rib.BGP, "2001:db8::/32", rib.Unicast, some, false},
		{rib.BGP, "fc00::/7", rib.Unicast, some, true},
		{rib.BGP, "fd00::/9", rib.Unicast, some, false},
	} {
		s := RouteSelection{Table: rib.MainTable, Sources: []rib.Source{rib.BGP, rib.Aggregate}, Patterns: tt.patterns}
		e := rib.Entry{Source: tt.source, Route: rib.Route{Prefix: netip.MustParsePrefix(tt.prefix), Kind: tt.kind}}
		if got := s.Has(e); got != tt.want {
			t.Errorf("%v %s %v: %v", tt.patterns, tt.prefix, tt.kind, got)
		}
	}
}
