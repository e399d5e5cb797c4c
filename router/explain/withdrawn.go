package explain

import (
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/sixfold-router/sixfold/router/advertised"
	"github.com/sixfold-router/sixfold/router/change"
	"github.com/sixfold-router/sixfold/router/plan"
)

// mostWithdrawn bounds how many links are named that something is withdrawn on.
const mostWithdrawn = 4

// earlier tells what a prefix was: part of one that a delegation lets run out, or of one that is no longer ours and hosts are told so.
func (v View) earlier(p netip.Prefix) []check {
	var out []check
	for _, s := range v.Prefixes {
		if s.Delegation == nil {
			continue
		}
		for _, f := range s.Delegation.Former {
			if plan.Within(p, f.Prefix) && v.Now.Before(f.ValidUntil) {
				out = append(out, note("delegation", "delegation "+s.Name,
					"%s had %s before %s; the server lets it run out: it is in use, deprecated, and valid %s", s.Name, f.Prefix, s.Delegation.Prefix, v.left(f.ValidUntil)))
			}
		}
	}
	if v.Plan == nil {
		return out
	}
	named, more := 0, 0
	for _, link := range slices.Sorted(maps.Keys(v.Plan.Advertised)) {
		for _, e := range v.Plan.Advertised[link].Withdrawn {
			since, left := change.Rough(v.Now.Sub(e.Since)), v.left(e.Until)
			switch {
			case !plan.Within(p, e.Prefix) && !plan.Within(e.Prefix, p), e.Prefix.Addr().IsUnspecified() && e.Kind == advertised.Resolver:
			case e.Kind == advertised.Aggregate:
				out = append(out, note("delegation", "delegation "+e.Delegation,
					"%s was delegated to us as %s until %s ago, and is no longer: %s; it is kept unreachable %s, and announced to nobody", e.Prefix, e.Delegation, since, e.Reason, left))
			case named == mostWithdrawn:
				more++
			default:
				named++
				out = append(out, note("advertisement", "", "%s is withdrawn on %s, since %s ago and %s more: %s", thing(e.Prefix), link, since, strings.TrimPrefix(left, "for "), e.Reason))
			}
		}
	}
	if more > 0 {
		out = append(out, note("advertisement", "", "so are %d more", more))
	}
	return out
}

// formerly finds the prefix that was delegated to us earlier and that p is.
func (v View) formerly(p netip.Prefix) (advertised.Entry, bool) {
	for _, link := range slices.Sorted(maps.Keys(v.Plan.Advertised)) {
		for _, e := range v.Plan.Advertised[link].Withdrawn {
			if e.Kind == advertised.Aggregate && e.Prefix == p {
				return e, true
			}
		}
	}
	return advertised.Entry{}, false
}
