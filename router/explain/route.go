package explain

import (
	"fmt"
	"net"
	"net/netip"

	"github.com/sixfold-router/sixfold/router/kernel"
	"github.com/sixfold-router/sixfold/router/plan"
	"github.com/sixfold-router/sixfold/router/rib"
)

// link checks that a link can carry packets.
func (v View) link(name string) check {
	l, ok := v.Links[name]
	switch {
	case !ok:
		advice := "is the name right? see sixfold show interfaces"
		for _, p := range v.Plan.Pending {
			if i := v.configured(name); i != nil && p.What == "interfaces."+name+"."+i.Kind() {
				advice = p.Reason
			}
		}
		return bad("link", "link "+name, advice, "there is no link %s", name)
	case !l.Running && v.inTheWay(name, l):
		return bad("link", "link "+name, plan.NotOursAdvice(l), "%s carries nothing, and it is not ours", name)
	case !l.Up:
		return bad("link", "link "+name, "bring it up: ip link set dev "+name+" up", "%s is down", name)
	case !l.Running:
		return bad("link", "link "+name, "is the cable in, and the other end on?", "%s has no carrier", name)
	}
	text := commas(name+" is up", when(l.Kind != "", l.Kind), fmt.Sprintf("MTU %d", l.MTU))
	for _, m := range v.Links {
		if l.Master != 0 && m.Index == l.Master {
			text += ", in " + m.Name
		}
	}
	return good("link", "link "+name, "%s", text)
}

// inTheWay reports whether a link has the name of one that the router would make.
func (v View) inTheWay(name string, l kernel.LinkState) bool {
	i := v.configured(name)
	return i != nil && plan.Foreign(*i, l)
}

// MaxHops bounds how often a next hop is looked up through another route, as the kernel writer does.
const MaxHops = 8

// way is the way of packets to p: the link, the route and the next hop, each resting on the one before it. used is the route
// that is taken; its prefix is invalid if there is none.
func (v View) way(p netip.Prefix, depth int) (steps []check, used rib.Route) {
	p = netip.PrefixFrom(p.Addr().WithZone(""), p.Bits()).Masked()
	ours := Covering(v.Routes, p)
	theirs, inKernel := v.kernelRoute(p)
	if len(ours) == 0 && !inKernel {
		return []check{v.noRoute(p)}, rib.Route{}
	}
	if len(ours) == 0 || inKernel && !theirs.Ours && overrides(theirs, ours[0]) {
		return v.forward(p, theirs.Route, v.foreign(theirs, ours), depth), theirs.Route
	}
	best := ours[0]
	what := "route to " + best.Route.Prefix.String()
	text := routeText(best.Route) + ", " + sourceText(best.Source)
	out, known := v.FIB[best.Route.Key()]
	var c check
	switch {
	case best.Source == rib.Connected:
		c = good("route", what, "%s", text)
	case known && !out.Installed:
		c = bad("route", what, v.whyNotInstalled(best, theirs, inKernel), "%s, is not in the kernel%s", text, when(out.Reason != "", ": "+out.Reason))
	default:
		c = good("route", what, "%s, in the kernel with metric %d", text, metricOf(best.Route))
	}
	c = c.with(v.rivals(ours, best.Route, best.Source, theirs)...)
	return v.forward(p, best.Route, c, depth), best.Route
}

// overrides reports whether the kernel follows a route of others rather than ours.
func overrides(theirs kernel.Route, ours rib.Entry) bool {
	if theirs.Prefix != ours.Route.Prefix {
		return theirs.Prefix.Bits() > ours.Route.Prefix.Bits()
	}
	return ours.Source != rib.Connected && theirs.Metric < metricOf(ours.Route)
}

func metricOf(r rib.Route) uint32 {
	if r.Metric == 0 {
		return kernel.DefaultMetric
	}
	return r.Metric
}

// forward puts the route after what it needs and before what comes next.
func (v View) forward(p netip.Prefix, r rib.Route, c check, depth int) []check {
	switch {
	case r.Kind != rib.Unicast:
		return []check{c}
	case r.Link == "" && r.Via.IsValid() && depth < MaxHops:
		steps, _ := v.way(netip.PrefixFrom(r.Via, r.Via.BitLen()), depth+1)
		return append(steps, c)
	case r.Link == "":
		return []check{c}
	}
	steps := []check{v.link(r.Link), c}
	if r.Via.IsValid() {
		return append(steps, v.neighbor(r.Link, r.Via, "next hop "))
	}
	if p.IsSingleIP() && c.state != Broken {
		role := ""
		if depth > 0 {
			role = "next hop "
		}
		return append(steps, v.neighbor(r.Link, p.Addr(), role))
	}
	return steps
}

// thing writes a prefix, and one of a single address as the address.
func thing(p netip.Prefix) string {
	if p.IsSingleIP() {
		return p.Addr().String()
	}
	return p.String()
}

func routeText(r rib.Route) string {
	r.Metric, r.Table = 0, 0
	return r.String()
}

func sourceText(s rib.Source) string {
	switch s {
	case rib.Connected:
		return "of our own address there"
	case rib.Static, rib.Local:
		return "of the configuration"
	case rib.Delegated:
		return "delegated to a client of ours"
	case rib.Aggregate:
		return "an aggregate"
	case rib.Withdrawn:
		return "delegated to us until a while ago"
	}
	return "learnt by " + s.String()
}

// kernelRoute returns the route of the kernel that has the longest match, and of these the lowest metric.
func (v View) kernelRoute(p netip.Prefix) (best kernel.Route, ok bool) {
	for _, r := range v.Kernel {
		if r.Prefix.Bits() > p.Bits() || !r.Prefix.Contains(p.Addr()) {
			continue
		}
		if !ok || r.Prefix.Bits() > best.Prefix.Bits() || r.Prefix == best.Prefix && r.Metric < best.Metric {
			best, ok = r, true
		}
	}
	return best, ok
}

// foreign is a route that the kernel follows and that is not ours.
func (v View) foreign(r kernel.Route, ours []rib.Entry) check {
	by := "made by " + r.Protocol
	switch r.Protocol {
	case "ra":
		by = "from a router advertisement that the kernel accepted"
	case "kernel":
		by = "of an address there"
	}
	c := good("route", "route to "+r.Prefix.String(), "%s, %s, metric %d", routeText(r.Route), by, r.Metric)
	return c.with(v.rivals(ours, r.Route, 0, kernel.Route{})...)
}

// rivals tells what else leads there, and why it is not taken. src is the source of the route that is, 0 if it is not ours.
func (v View) rivals(list []rib.Entry, used rib.Route, src rib.Source, theirs kernel.Route) []check {
	const most = 4
	var out []check
	for _, e := range list {
		text := routeText(e.Route) + ", " + sourceText(e.Source)
		switch same := e.Route.Prefix == used.Prefix; {
		case len(out) == most || same && e.Source == src:
		case same && src != 0:
			out = append(out, note("candidate", "", "%s, stands by: %s comes before %s", text, src, e.Source))
		case same:
			out = append(out, note("candidate", "", "%s, has the higher metric %d", text, metricOf(e.Route)))
		case e.Source == rib.Aggregate:
			out = append(out, note("candidate", "", "%s, is for the rest: the longer prefix wins", text))
		default:
			out = append(out, note("candidate", "", "%s, is less specific", text))
		}
	}
	if theirs.Prefix == used.Prefix && !theirs.Ours && theirs.Protocol != "kernel" && src != 0 {
		out = append(out, note("candidate", "", "%s, made by %s, has metric %d", routeText(theirs.Route), theirs.Protocol, theirs.Metric))
	}
	return out
}

func (v View) whyNotInstalled(e rib.Entry, theirs kernel.Route, inKernel bool) string {
	r := e.Route
	switch _, ok := v.Links[r.Link]; {
	case r.Link != "" && !ok:
		return "it is written when " + r.Link + " appears"
	case inKernel && !theirs.Ours && theirs.Prefix == r.Prefix:
		return fmt.Sprintf("%s has a route of its own to this prefix: remove one of the two, or give ours another metric", theirs.Protocol)
	case r.Link == "" && r.Via.IsValid():
		return "give its next hop " + r.Via.String() + " a route, or the link an address in its prefix"
	}
	return "see sixfold show routes " + r.Prefix.String()
}

func (v View) noRoute(p netip.Prefix) check {
	advice := "configure a static route to ::/0, accept_ra on the uplink, or a BGP neighbor that announces one"
	if p.Addr().Is4() {
		advice = "configure a static route to 0.0.0.0/0"
	}
	for _, i := range v.Config.Interfaces {
		if i.AcceptRA && p.Addr().Is6() {
			advice = fmt.Sprintf("%s accepts router advertisements, but none made a default route: is the ISP's router there? see sixfold ra watch %s", i.Name, i.Name)
			if c := v.link(i.Name); c.state == Broken {
				advice = c.text + ", from where the default route would come: " + c.advice
			}
		}
	}
	return bad("route", "route to "+p.String(), advice, "no route matches %s, not even a default route", thing(p))
}

// neighbor checks that a host on a link answers. role is put before its address.
func (v View) neighbor(link string, a netip.Addr, role string) check {
	a = a.WithZone("")
	what := role + a.String()
	n, ok := v.neighborOn(link, a)
	if !ok {
		return note("neighbor", what, "%s%s is not in the neighbor table of %s: nothing was sent to it lately", role, a, link)
	}
	zone := ""
	if a.IsLinkLocalUnicast() && a.Is6() {
		zone = link
	}
	switch n.State {
	case "failed", "incomplete":
		return bad("neighbor", what, "is it on, and on this link? try ping "+a.WithZone(zone).String(), "%s%s does not answer on %s (%s)", role, a, link, n.State)
	}
	text := fmt.Sprintf("%s%s is %s on %s, %s", role, a, macText(n.MAC), link, n.State)
	return good("neighbor", what, "%s%s", text, when(n.Router, ", a router")).with(v.behind(link, n.MAC)...)
}

func macText(mac net.HardwareAddr) string {
	if len(mac) == 0 {
		return "without a MAC address"
	}
	return mac.String()
}

func (v View) neighborOn(link string, a netip.Addr) (kernel.Neighbor, bool) {
	for _, n := range v.Neighbors {
		if n.Link == link && n.Address.WithZone("") == a {
			return n, true
		}
	}
	return kernel.Neighbor{}, false
}
