package plan

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/sixfold-router/sixfold/router/assign"
	"github.com/sixfold-router/sixfold/router/config"
)

// assignParts chooses the parts of delegations that the configuration leaves to us (RFC 9818).
func (p *planner) assignParts() {
	p.claims = p.Config.Claims()
	var wanted []assign.Key
	for _, c := range p.claims {
		if c.Auto != (config.Slot{}) {
			wanted = append(wanted, keyOf(c.Expr))
		}
	}
	p.plan.Assigned = p.Assigned
	if len(wanted) == 0 && len(p.Assigned.Parts) == 0 {
		return
	}
	spaces := map[string]assign.Space{}
	for name, d := range p.held {
		s := assign.Space{Bits: d.Prefix.Bits(), Frozen: p.Frozen}
		for _, c := range p.explicit(name) {
			s.Claims = append(s.Claims, assign.Claim{Subnet: c.Prefix.Masked(), Who: c.Where})
		}
		if d.Exclude.IsValid() {
			s.Claims = append(s.Claims, assign.Claim{Subnet: assign.Place(d.Prefix, d.Exclude), Who: "the link to the ISP (RFC 6603)"})
		}
		for _, l := range p.Leased {
			if l.Overlaps(d.Prefix) {
				s.Leased = append(s.Leased, assign.Place(d.Prefix, l))
			}
		}
		spaces[name] = s
	}
	chosen := assign.Choose(p.Assigned, wanted, spaces)
	for k := range chosen.Reasons {
		if why := p.clashes[k.Delegation]; why != "" {
			chosen.Reasons[k] = why
		}
	}
	p.plan.Assigned, p.plan.Parts, p.plan.Unassigned = chosen.Table, chosen.Now, chosen.Reasons
}

// explicit returns what the configuration itself puts somewhere in a delegation. A route for all of it is for what nobody else has.
func (p *planner) explicit(delegation string) []config.Claim {
	var out []config.Claim
	bits := p.held[delegation].Prefix.Bits()
	for _, c := range p.claims {
		if c.Delegation != delegation || c.Auto != (config.Slot{}) || strings.HasSuffix(c.Where, "routes") && c.Prefix.Bits() <= bits {
			continue
		}
		out = append(out, c)
	}
	return out
}

func keyOf(e config.Expr) assign.Key {
	return assign.Key{Delegation: e.Delegation, Name: e.Auto.Name, Bits: e.Auto.Bits}
}

// Placed puts an expression of a part that we choose into the place that was chosen; others are returned as they are. Without a place
// it tells why.
func (p *Plan) Placed(e config.Expr) (config.Expr, string) {
	if e.Auto == (config.Slot{}) {
		return e, ""
	}
	place, ok := p.Parts[keyOf(e)]
	switch why := p.Unassigned[keyOf(e)]; {
	case ok:
		return e.In(place), ""
	case why != "":
		return e, why
	}
	return e, fmt.Sprintf("there is no part %s", e.Masked())
}

// writtenAt returns the text of an expression as it stands at a place of the configuration.
func writtenAt(where string, e config.Expr) string {
	if e.Auto.Name != "" && strings.HasPrefix(where, "interfaces."+e.Auto.Name+".") {
		return e.On(e.Auto.Name)
	}
	return e.String()
}

// rest returns what nothing uses of a delegation, in prefixes from which pieces of the length can be cut.
func (p *planner) rest(delegation string, length int) []netip.Prefix {
	d, ok := p.held[delegation]
	if !ok {
		return nil
	}
	taken := []netip.Prefix{d.Exclude}
	for _, c := range p.explicit(delegation) {
		if got, err := c.Resolve(d.Prefix); err == nil {
			taken = append(taken, got)
		}
	}
	for k, place := range p.plan.Parts {
		if k.Delegation != delegation {
			continue
		}
		e := config.Expr{Delegation: delegation, Prefix: place}
		if got, err := e.Resolve(d.Prefix); err == nil {
			taken = append(taken, got)
		}
	}
	return slices.DeleteFunc(assign.Free(d.Prefix, taken), func(f netip.Prefix) bool { return f.Bits() > length })
}

// pieces returns the prefixes of a pool: one, or those that are left of its delegation.
func (p *planner) pieces(where string, pool config.PrefixPool) []cut {
	if !pool.Rest {
		c, ok := p.resolve(where, pool.Pool)
		if !ok {
			return nil
		}
		c.prefix = c.prefix.Masked()
		return []cut{c}
	}
	name := pool.Pool.Delegation
	text := name + " rest"
	d, ok := p.held[name]
	if !ok {
		p.pending(fmt.Sprintf("%s %q", where, text), p.whyNotHeld(name))
		return nil
	}
	var out []cut
	for _, prefix := range p.rest(name, pool.Length) {
		p.use(name, where, text, prefix.String())
		out = append(out, cut{prefix: prefix, validUntil: d.ValidUntil, preferredUntil: d.PreferredUntil})
	}
	if len(out) == 0 {
		p.pending(fmt.Sprintf("%s %q", where, text), fmt.Sprintf("%s is %s, and no /%d is left of it", name, d.Prefix, pool.Length))
	}
	return out
}

// known tells whether it can be said now what an expression is.
func (p *planner) known(e config.Expr) bool {
	if e.Delegation == "" {
		return true
	}
	e, why := p.plan.Placed(e)
	_, err := e.Resolve(p.held[e.Delegation].Prefix)
	return why == "" && err == nil
}
