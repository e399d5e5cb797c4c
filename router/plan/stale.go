package plan

import (
	"net/netip"
	"slices"
)

// planStale has hosts told that go on with addresses of a delegated prefix that is no longer ours, with or without a firewall (RFC 7084
// L-14).
func (p *planner) planStale() {
	p.plan.Firewall.StaleReady = p.Config.Firewall != nil && len(p.uplinks) > 0
	var ours []netip.Prefix
	for _, name := range sortedNames(p.held) {
		ours = append(ours, p.held[name].Prefix)
		for _, f := range p.held[name].Former {
			ours = append(ours, f.Prefix)
		}
	}
	for _, r := range p.plan.Withdrawn {
		if r.Prefix.Addr().Is6() && !slices.ContainsFunc(ours, r.Prefix.Overlaps) {
			p.plan.Firewall.Stale = append(p.plan.Firewall.Stale, r.Prefix)
		}
	}
}
