package explain

import (
	"net/netip"

	"github.com/sixfold-router/sixfold/router/assign"
	"github.com/sixfold-router/sixfold/router/plan"
)

// parts tells which parts of a delegation we chose, and why they are where they are; of a prefix those that it is in, or that are in it.
func (v View) parts(s plan.Delegated, within netip.Prefix) []check {
	var out []check
	for _, p := range v.Plan.PartsOf(s.Name, s.Delegation) {
		name := plan.PartName(assign.Key{Delegation: s.Name, Name: p.Name, Bits: p.Bits})
		switch {
		case within.IsValid() && !(p.Prefix.IsValid() && p.Prefix.Overlaps(within)):
		case p.State == "active":
			c := good("delegation", "", "%s is %s, at %s", name, p.Prefix, assign.Text(p.Subnet))
			if p.Reason != "" {
				c.text += ": " + p.Reason
			}
			out = append(out, c)
		case p.State == "kept":
			out = append(out, note("delegation", "", "%s is kept for %s, which nothing uses now", assign.Text(p.Subnet), name))
		case s.Delegation != nil:
			out = append(out, bad("configuration", name, "ask the ISP for a shorter prefix (delegations.length), or make room in this one", "%s has no place: %s", name, p.Reason))
		}
	}
	return out
}
