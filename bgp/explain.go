package bgp

import (
	"net/netip"
	"slices"

	"github.com/sixfold-router/sixfold/router/rib"
)

// Candidate is a route as filters see it.
type Candidate struct {
	Prefix      netip.Prefix
	Source      rib.Source // rib.BGP if it was learnt from a neighbor
	LearnedFrom string     // name of that neighbor; empty: a route of our own
}

// Decision is what a filter makes of a route.
type Decision struct {
	Filter  string // empty: there is none, and nothing passes (RFC 8212)
	Rule    int    // the rule that decides, from 1; 0: none does, and the route is rejected
	Accept  bool
	Matched []int // all rules that matched up to that, whose changes apply
}

// ExplainExport tells what the export filter of a neighbor makes of a route. It knows filters only: GoBGP keeps back some routes
// of its own, as one that came from this neighbor.
func (c Config) ExplainExport(neighbor string, r Candidate) Decision {
	return c.decide(c.Neighbors[neighbor].Export, r)
}

// ExplainImport tells what the import filter of a neighbor makes of a route that it sent.
func (c Config) ExplainImport(neighbor string, prefix netip.Prefix) Decision {
	return c.decide(c.Neighbors[neighbor].Import, Candidate{Prefix: prefix, Source: rib.BGP, LearnedFrom: neighbor})
}

// decide is the meaning of filters, which compile puts into the words of GoBGP.
func (c Config) decide(filter string, r Candidate) Decision {
	d := Decision{Filter: filter}
	if filter == "" {
		return d
	}
	for i, rule := range c.Filters[filter].Rules {
		if !c.matches(rule, r) {
			continue
		}
		d.Matched = append(d.Matched, i+1)
		if rule.Action != Continue {
			d.Rule, d.Accept = i+1, rule.Action == Accept
			return d
		}
	}
	return d
}

func (c Config) matches(rule Rule, r Candidate) bool {
	if rule.PrefixSet != "" && !slices.ContainsFunc(c.PrefixSets[rule.PrefixSet], func(p Pattern) bool { return p.Matches(r.Prefix) }) {
		return false
	}
	if rule.LearnedFrom != "" && (r.Source != rib.BGP || r.LearnedFrom != rule.LearnedFrom) {
		return false
	}
	return rule.Source == 0 || rule.Source == r.Source
}

// Matches reports whether a prefix is one that the pattern means.
func (p Pattern) Matches(prefix netip.Prefix) bool {
	if p.Prefix.Addr().Is4() != prefix.Addr().Is4() || prefix.Bits() < p.Min || prefix.Bits() > p.Max {
		return false
	}
	return p.Prefix.Overlaps(prefix)
}
