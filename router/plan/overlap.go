package plan

import (
	"fmt"
	"slices"

	"github.com/sixfold-router/sixfold/dhcpv6/pd"
	"github.com/sixfold-router/sixfold/router/advertised"
)

// keepApart leaves out delegations that overlap another one: there are servers that give the same prefix for each identity association,
// and two links must not have the same /64. What is in use stays; the rest waits, and it is told why.
func (p *planner) keepApart() {
	names := sortedNames(p.held)
	slices.SortStableFunc(names, func(a, b string) int {
		used := func(name string) int {
			if p.inUse(p.held[name]) {
				return 0
			}
			return 1
		}
		return used(a) - used(b)
	})
	for n, name := range names {
		d := p.held[name]
		for _, other := range names[:n] {
			first, kept := p.held[other]
			if !kept || !first.Prefix.Overlaps(d.Prefix) || p.tableOf(first.Link) != p.tableOf(d.Link) {
				continue
			}
			if p.clashes == nil {
				p.clashes = map[string]string{}
			}
			p.clashes[name] = fmt.Sprintf("%s is %s, which overlaps %s, %s: a prefix can be used once; ask the ISP, or for one delegation only", name, d.Prefix, other, first.Prefix)
			p.pending(fmt.Sprintf("interfaces.%s.delegations.%s", d.Link, name), p.clashes[name])
			delete(p.held, name)
			break
		}
	}
}

// inUse reports whether a delegation was in force before with the prefix that it has.
func (p *planner) inUse(d pd.Delegation) bool {
	return slices.ContainsFunc(p.Advertised.On(""), func(e advertised.Entry) bool {
		return e.Kind == advertised.Aggregate && e.Delegation == d.Name && e.Prefix == d.Prefix && e.Since.IsZero()
	})
}
