package plan

import (
	"fmt"
	"slices"

	"github.com/sixfold-router/sixfold/bgp"
	"github.com/sixfold-router/sixfold/dhcpv6/pd"
	"github.com/sixfold-router/sixfold/router/config"
	"github.com/sixfold-router/sixfold/router/rib"
)

// planRoutes plans static routes and the unreachable routes of aggregates.
func (p *planner) planRoutes() {
	p.planStatic("routes", p.Config.Routes, 0)
	// RFC 7084 WPD-5: what is delegated to us and not in use must not go back to the ISP by the default route.
	for _, name := range sortedNames(p.held) {
		d := p.held[name]
		p.plan.Aggregate = append(p.plan.Aggregate, rib.Route{Prefix: d.Prefix, Kind: rib.Unreachable, Table: p.tableOf(d.Link)})
		p.use(name, "unreachable route of the aggregate", d.Prefix.String(), d.Prefix.String())
		p.planFormerAggregates(name)
	}
	p.sparePrefixes()
	if p.Config.BGP != nil {
		p.planAggregates("bgp.aggregates", p.Config.BGP.Aggregates, 0)
	}
	for _, v := range p.Config.VRFs {
		if v.BGP != nil {
			p.planAggregates(vrfWhere(&v)+".bgp.aggregates", v.BGP.Aggregates, v.Table)
		}
	}
}

// planAggregates plans the unreachable routes of the aggregates that a speaker announces.
func (p *planner) planAggregates(where string, aggregates []config.Expr, table uint32) {
	for _, c := range p.resolveEvery(where, aggregates) {
		route := rib.Route{Prefix: c.prefix.Masked(), Kind: rib.Unreachable, Table: table}
		if !slices.Contains(p.plan.Aggregate, route) {
			p.plan.Aggregate = append(p.plan.Aggregate, route)
		}
	}
}

// planStatic plans the static routes of one table; 0 is the main one.
func (p *planner) planStatic(where string, routes []config.Route, table uint32) {
	for _, r := range routes {
		c, ok := p.resolve(where, r.Prefix)
		if !ok {
			continue
		}
		via, ok := p.resolveHost(fmt.Sprintf("%s.%q.via", where, r.Prefix), r.Via)
		if !ok {
			continue
		}
		if r.Interface != "" {
			if _, ok := p.Links[r.Interface]; !ok {
				p.pending(fmt.Sprintf("%s.%q", where, r.Prefix), fmt.Sprintf("there is no link %s", r.Interface))
			}
		}
		for _, c := range append([]cut{c}, p.formers(r.Prefix.Delegation, c)...) {
			p.plan.Static = append(p.plan.Static, rib.Route{
				Prefix: c.prefix.Masked(), Kind: r.Kind, Via: via, Link: r.Interface, Metric: r.Metric, Table: table,
			})
		}
	}
}

// planBGP plans a speaker. A neighbor whose address is not known yet is left out, and rules about routes learnt from it
// match nothing.
func (p *planner) planBGP(where string, b *config.BGP) bgp.Config {
	out := bgp.Config{
		ASN: b.ASN, RouterID: b.RouterID, Port: b.Port, Announce: b.Announce,
		Neighbors: map[string]bgp.Neighbor{}, Filters: map[string]bgp.Filter{}, PrefixSets: map[string][]bgp.Pattern{},
	}
	for _, set := range b.PrefixSets {
		patterns := []bgp.Pattern{}
		for _, pattern := range set.Patterns {
			if c, ok := p.resolve(where+".prefix_sets."+set.Name, pattern.Prefix); ok {
				for _, c := range append([]cut{c}, p.formers(pattern.Prefix.Delegation, c)...) {
					patterns = append(patterns, bgp.Pattern{Prefix: c.prefix.Masked(), Min: pattern.Min, Max: pattern.Max})
				}
			}
		}
		out.PrefixSets[set.Name] = patterns
	}
	for _, n := range b.Neighbors {
		if zone := n.Address.Addr.Zone(); zone != "" {
			if _, ok := p.Links[zone]; !ok {
				p.pending(where+".neighbors."+n.Name, fmt.Sprintf("there is no link %s", zone))
			}
		}
		address, ok := p.resolveHost(where+".neighbors."+n.Name+".address", n.Address)
		local, okLocal := p.resolveHost(where+".neighbors."+n.Name+".local_address", n.LocalAddress)
		if !ok || !okLocal {
			continue
		}
		out.Neighbors[n.Name] = bgp.Neighbor{
			Name: n.Name, Address: address, RemoteAS: n.RemoteAS, NextHopSelf: n.NextHopSelf, Import: n.Import, Export: n.Export,
			ImportLimit: n.ImportLimit, Password: n.Password, Passive: n.Passive, Multihop: n.Multihop, HoldTime: n.HoldTime,
			LocalAddress: local, Shutdown: n.Shutdown, Description: n.Description,
		}
	}
	for _, f := range b.Filters {
		rules := make([]bgp.Rule, 0, len(f.Rules))
		for _, r := range f.Rules {
			if _, ok := out.Neighbors[r.LearnedFrom]; !ok && r.LearnedFrom != "" {
				continue
			}
			rules = append(rules, bgp.Rule{
				PrefixSet: r.PrefixSet, LearnedFrom: r.LearnedFrom, Source: r.Source, Action: bgpAction(r.Action),
				PrependCount: r.PrependCount, PrependASN: r.PrependASN, LocalPref: r.LocalPref, MED: r.MED,
			})
		}
		out.Filters[f.Name] = bgp.Filter{Rules: rules}
	}
	return out
}

func bgpAction(a config.Action) bgp.Action {
	switch a {
	case config.Accept:
		return bgp.Accept
	case config.Reject:
		return bgp.Reject
	default:
		return bgp.Continue
	}
}

func sortedNames(m map[string]pd.Delegation) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
