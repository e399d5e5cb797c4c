package plan

import (
	"net/netip"
	"slices"

	"github.com/sixfold-router/sixfold/router/rib"
)

// planStale has hosts told that go on with addresses of a delegated prefix that is no longer ours, with or without a firewall (RFC 7084
// L-14). A prefix that is ours in another way now, as one that the ISP makes static, is none of these.
func (p *planner) planStale() {
	p.plan.Firewall.StaleReady = p.Config.Firewall != nil && len(p.uplinks) > 0
	if len(p.plan.Withdrawn) == 0 {
		return
	}
	var ours []netip.Prefix
	for _, name := range sortedNames(p.held) {
		ours = append(ours, p.held[name].Prefix)
		for _, f := range p.held[name].Former {
			ours = append(ours, f.Prefix)
		}
	}
	fixed := p.fixedPrefixes()
	for _, r := range p.plan.Withdrawn {
		inUse := func(q netip.Prefix) bool { return Within(q, r.Prefix) }
		if r.Prefix.Addr().Is6() && !slices.ContainsFunc(ours, r.Prefix.Overlaps) && !slices.ContainsFunc(fixed, inUse) {
			p.plan.Firewall.Stale = append(p.plan.Firewall.Stale, r.Prefix)
		}
	}
}

// fixedPrefixes are those that the configuration or somebody else gave to links, routes and clients here, and no delegation: what is
// planned, for an address that goes is still on its link, and of the addresses of others those that no advertisement made.
func (p *planner) fixedPrefixes() []netip.Prefix {
	var out []netip.Prefix
	for _, l := range p.plan.Kernel.Links {
		for _, a := range l.Addresses {
			out = append(out, a.Prefix.Masked())
		}
	}
	for _, l := range p.Links {
		for _, a := range l.Addresses {
			if !a.Ours && !a.Dynamic {
				out = append(out, a.Prefix.Masked())
			}
		}
	}
	for _, routes := range [][]rib.Route{p.plan.Static, p.plan.Local} {
		for _, r := range routes {
			out = append(out, r.Prefix)
		}
	}
	for _, i := range p.Config.Interfaces {
		if i.DHCPv6 == nil {
			continue
		}
		for _, d := range i.DHCPv6.Delegate {
			if d.Pool.Delegation == "" {
				out = append(out, d.Pool.Prefix)
			}
		}
	}
	return out
}
