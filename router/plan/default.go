package plan

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/sixfold-router/sixfold/ra"
	"github.com/sixfold-router/sixfold/router/config"
	"github.com/sixfold-router/sixfold/router/kernel"
	"github.com/sixfold-router/sixfold/router/rib"
)

// Prefixes of which a route is a way out.
var (
	everywhere    = netip.PrefixFrom(netip.IPv6Unspecified(), 0)
	globalUnicast = netip.MustParsePrefix("2000::/3")
)

// DefaultRouter is why hosts of a link may take us as their default router, or may not.
type DefaultRouter struct {
	Automatic bool             // it follows from a delegation; router_while is not configured
	Depends   []RouteCondition // on which routes
	Reason    string           // why the router lifetime is 0 although another is configured; empty: it is not
}

// RouteCondition is a route that a router lifetime depends on.
type RouteCondition struct {
	Key     rib.Key
	Waiting string   // as configured, while the delegation that it is part of is not there; Key is zero then
	Sources []string // where it must come from; none: from anywhere
	Known   bool     // the kernel was asked
	Route   string   // the route that the kernel has; empty: none
}

// planDefaultRouter makes out no default router while what that depends on is not there. A router that has no way out must not
// draw the packets of hosts that may have another (RFC 7084 G-4, G-5), and one that waits for its prefix is none yet (L-4). Links
// without a delegation have no such rule unless router_while gives one: what they reach is not for us to guess.
func (p *planner) planDefaultRouter(where string, i *config.Interface, addresses []cut, out *ra.Interface) {
	adv := i.Advertise
	if out.RouterLifetime == 0 {
		return
	}
	d := DefaultRouter{Automatic: adv.RouterWhile == nil}
	switch w := adv.RouterWhile; {
	case p.NotForwarding[i.Name]:
		d.Reason = fmt.Sprintf("packets that come in on %s are not forwarded, and that cannot be changed", i.Name)
	case w != nil && w.Always:
	case w != nil:
		d.Depends = p.conditions(where+".router_while", i.Name, w)
		d.Reason = unmet(d.Depends, w.All)
	case !delegatedTo(i):
		return
	case waitsForPrefix(i, addresses, out):
		d.Reason = "the prefix of the link is not delegated yet (RFC 7084 L-4)"
	case onlyLocal(i, addresses, out):
		d.Reason = "only unique local prefixes are on the link (RFC 7084 ULA-5)"
	default:
		d.Depends = []RouteCondition{p.condition(p.keyOn(i.Name, everywhere), nil)}
		if d.Depends[0].Known && d.Depends[0].Route == "" {
			// Some routers have a route to all global unicast addresses in place of a default route.
			if global := p.condition(p.keyOn(i.Name, globalUnicast), nil); global.Route != "" {
				d.Depends[0] = global
			}
		}
		if reason := unmet(d.Depends, true); reason != "" {
			d.Reason = reason + " (RFC 7084 G-4)"
		}
	}
	if d.Reason != "" {
		out.RouterLifetime = 0
	}
	if p.plan.DefaultRouters == nil {
		p.plan.DefaultRouters = map[string]DefaultRouter{}
	}
	p.plan.DefaultRouters[i.Name] = d
}

// delegatedTo reports whether an interface has an address or advertises a prefix that comes from a delegation.
func delegatedTo(i *config.Interface) bool {
	return slices.ContainsFunc(i.Addresses, func(e config.Expr) bool { return e.Delegation != "" && !e.Prefix.IsSingleIP() }) ||
		slices.ContainsFunc(i.Advertise.Prefixes, func(a config.AdvertisedPrefix) bool { return a.Prefix.Delegation != "" && !a.Skip })
}

// waitsForPrefix reports whether an interface has none of its prefixes yet.
func waitsForPrefix(i *config.Interface, addresses []cut, out *ra.Interface) bool {
	return len(onLink(addresses)) == 0 && len(out.Prefixes) == 0
}

// onlyLocal reports whether an interface that is to have a prefix of a delegation has only unique local ones. Hosts that took us as their
// default router then would send packets of addresses to which no answer comes back.
func onlyLocal(i *config.Interface, addresses []cut, out *ra.Interface) bool {
	global := func(e config.Expr) bool { return e.Delegation != "" && e.Delegation != config.ULA }
	wanted := slices.ContainsFunc(i.Addresses, func(e config.Expr) bool { return global(e) && !e.Prefix.IsSingleIP() }) ||
		slices.ContainsFunc(i.Advertise.Prefixes, func(a config.AdvertisedPrefix) bool { return global(a.Prefix) && !a.Skip })
	return wanted && !slices.ContainsFunc(onLink(addresses), func(c cut) bool { return !c.prefix.Addr().IsPrivate() }) &&
		!slices.ContainsFunc(out.Prefixes, func(p ra.Prefix) bool { return !p.Prefix.Addr().IsPrivate() })
}

// conditions are the routes of router_while. Those that cannot be named yet are not there.
func (p *planner) conditions(where, link string, w *config.RouterWhile) []RouteCondition {
	var out []RouteCondition
	for _, e := range w.Routes {
		c, ok := p.resolve(where, e)
		if !ok {
			out = append(out, RouteCondition{Waiting: e.String(), Sources: w.Sources, Known: true})
			continue
		}
		out = append(out, p.condition(p.keyOn(link, c.prefix.Masked()), w.Sources))
	}
	return out
}

// keyOn is a prefix in the table of the instance of a link.
func (p *planner) keyOn(link string, prefix netip.Prefix) rib.Key {
	return rib.Route{Prefix: prefix, Table: p.tableOf(link)}.Key()
}

// condition looks a route up, and has it followed.
func (p *planner) condition(key rib.Key, sources []string) RouteCondition {
	if !slices.Contains(p.plan.Follow, key) {
		p.plan.Follow = append(p.plan.Follow, key)
	}
	c := RouteCondition{Key: key, Sources: sources}
	var routes []kernel.Route
	routes, c.Known = p.Routes[key]
	for _, r := range routes {
		// A default route to nowhere is none; that of an aggregate stands for what is behind it.
		if (key.Prefix == everywhere || key.Prefix == globalUnicast) && r.Kind != rib.Unicast || len(sources) > 0 && !slices.Contains(sources, originOf(r)) {
			continue
		}
		c.Route = fmt.Sprintf("%s (%s)", r.Route, r.Protocol)
		break
	}
	return c
}

// originOf says where a route of the kernel comes from, in the words of router_while.
func originOf(r kernel.Route) string {
	switch {
	case r.Ours:
		return r.Protocol
	case r.Protocol == "kernel":
		return rib.Connected.String()
	case r.Protocol == "ra":
		return config.RAOrigin
	}
	return config.OtherOrigin
}

// unmet says why the conditions do not hold: all of them must, or any. What is not known yet is no reason to take a route away from
// hosts.
func unmet(list []RouteCondition, all bool) string {
	var missing []string
	for _, c := range list {
		switch there := c.Route != "" || !c.Known; {
		case !there:
			missing = append(missing, c.describe())
		case !all:
			return ""
		}
	}
	if len(missing) == 0 {
		return ""
	}
	return "there is no " + strings.Join(missing, ", and no ")
}

func (c RouteCondition) describe() string {
	text := "route to " + c.Key.Prefix.String()
	switch {
	case c.Waiting != "":
		text = "route to " + c.Waiting
	case c.Key.Prefix.Bits() == 0:
		text = "default route"
	}
	if len(c.Sources) > 0 {
		text += " from " + strings.Join(c.Sources, " or ")
	}
	return text
}

// WhileText says on what a router lifetime depends.
func WhileText(d DefaultRouter) string {
	if len(d.Depends) == 0 {
		return "always"
	}
	var parts []string
	for _, c := range d.Depends {
		text := c.describe()
		switch {
		case c.Route != "":
			text += ": " + c.Route
		case c.Known:
			text += ": none"
		}
		parts = append(parts, text)
	}
	return "while there is a " + strings.Join(parts, "; ")
}
