package firewall

import (
	"fmt"
	"slices"
)

// ZoneOf returns the zone that a link is in; empty: none.
func (c Config) ZoneOf(link string) string {
	for _, z := range c.Zones {
		if slices.Contains(z.Interfaces, link) {
			return z.Name
		}
	}
	return ""
}

// Summary says in words what may begin between two zones, of which one may be Router.
func (c Config) Summary(from, to string) string {
	rules, where := 0, ""
	for _, p := range c.Policies {
		if !p.meant(from, to) {
			continue
		}
		rules += len(p.Rules)
		if where == "" {
			where = p.Where
		}
		if p.End != Continue {
			return policyWords(rules, p.End, where)
		}
	}
	switch {
	case where != "":
		return policyWords(rules, Drop, where)
	case from == Router || to == Router:
		return "is not filtered"
	case from == to:
		return "passes, as within a zone"
	}
	return "is dropped: no policy lets it pass"
}

func policyWords(rules int, end Action, where string) string {
	if rules == 0 {
		fate := map[Action]string{Accept: "is accepted", Drop: "is dropped", Reject: "is rejected", SimpleSecurity: "meets simple_security"}[end]
		return fmt.Sprintf("%s (%s)", fate, where)
	}
	return fmt.Sprintf("meets %s, then %s (%s)", plural(rules, "rule"), end, where)
}

// meant reports whether packets from one zone to another are meant by the policy.
func (p *Policy) meant(from, to string) bool {
	names := func(named, zone string) bool { return named == zone || named == Any && zone != Router }
	return names(p.From, from) && names(p.To, to)
}
