package plan

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/sixfold-router/sixfold/router/config"
)

// cut is an address or prefix of the configuration as it is now, with the end of the delegation it was cut from. Zero times:
// it is literal and does not end.
type cut struct {
	prefix                     netip.Prefix // with its host bits
	validUntil, preferredUntil time.Time
	former                     bool // of a prefix that runs out beside another one
}

// resolve says what the expression at where is now. If it cannot be said yet, it is noted as pending.
func (p *planner) resolve(where string, e config.Expr) (cut, bool) {
	if e.Delegation == "" {
		return cut{prefix: e.Prefix}, true
	}
	// A single address is shown as most write it, without a length.
	text := strings.TrimSuffix(writtenAt(where, e), "/128")
	d, ok := p.held[e.Delegation]
	if !ok {
		p.pending(fmt.Sprintf("%s %q", where, text), p.whyNotHeld(e.Delegation))
		return cut{}, false
	}
	e, why := p.plan.Placed(e)
	if why != "" {
		p.pending(fmt.Sprintf("%s %q", where, text), why)
		return cut{}, false
	}
	got, err := e.Resolve(d.Prefix)
	if err != nil {
		p.pending(fmt.Sprintf("%s %q", where, text), err.Error())
		return cut{}, false
	}
	if why := Spared(where, d, got); why != "" {
		p.pending(fmt.Sprintf("%s %q", where, text), why)
		return cut{}, false
	}
	p.use(e.Delegation, where, text, strings.TrimSuffix(got.String(), "/128"))
	return cut{prefix: got, validUntil: d.ValidUntil, preferredUntil: d.PreferredUntil}, true
}

// resolveAll resolves a list, leaving out what is pending.
func (p *planner) resolveAll(where string, list []config.Expr) []cut {
	var out []cut
	for _, e := range list {
		if c, ok := p.resolve(where, e); ok {
			out = append(out, c)
		}
	}
	return out
}

// resolveHost says what an address is now; one that is not configured is an invalid address.
func (p *planner) resolveHost(where string, h config.Host) (netip.Addr, bool) {
	if h.Delegation == "" {
		return h.Addr, true
	}
	c, ok := p.resolve(where, h.Expr())
	return c.prefix.Addr(), ok
}

// resolveAddrs resolves a list of host addresses.
func (p *planner) resolveAddrs(where string, list []config.Expr) []netip.Addr {
	var out []netip.Addr
	for _, c := range p.resolveAll(where, list) {
		out = append(out, c.prefix.Addr())
	}
	return out
}

func (p *planner) use(name, where, expr, now string) {
	p.plan.Uses[name] = append(p.plan.Uses[name], PrefixUse{Where: where, Expr: expr, Prefix: now})
}

func (p *planner) whyNotHeld(name string) string {
	if why := p.clashes[name]; why != "" {
		return why
	}
	link := p.uplinks[name]
	switch state, ok := p.Links[link]; {
	case link == "":
		return fmt.Sprintf("no interface asks for a delegation named %s", name)
	case !ok:
		return fmt.Sprintf("no prefix %s yet: there is no link %s to ask on", name, link)
	case !state.Running:
		return fmt.Sprintf("no prefix %s yet: %s has no carrier", name, link)
	}
	if problem := p.Problems[name]; problem != "" {
		return fmt.Sprintf("no prefix %s yet: %s", name, problem)
	}
	return fmt.Sprintf("no prefix %s yet: waiting for a DHCPv6 server on %s", name, link)
}
