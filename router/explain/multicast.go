package explain

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/sixfold-router/sixfold/router/change"
	"github.com/sixfold-router/sixfold/vxlan/mld"
)

// MulticastView is what an explanation of a group follows from.
type MulticastView struct {
	Links  []mld.LinkStatus
	Groups []mld.GroupStatus
	Routes []mld.RouteStatus
}

// mostFlows is how many flows of a group are told of one by one.
const mostFlows = 20

// taleOfGroup tells who listens to a group, and where packets to it go.
func (v View) taleOfGroup(a netip.Addr) tale {
	a = a.WithZone("")
	about := a.String() + " is a multicast group"
	if a.Is6() {
		about += " of " + scopeText(a)
	}
	for _, s := range v.VXLAN {
		if s.Device.Group == a {
			about += fmt.Sprintf(", that of %s (VNI %d over %s)", s.Device.Name, s.Device.VNI, s.Device.Link)
		}
	}
	t := tale{good: about, bad: map[string]string{"": "is not forwarded as it should be"}, checks: []check{note("address", "", "%s", about)}}
	if a.Is4() || a == netip.IPv6LinkLocalAllNodes() {
		return t
	}
	var where []string
	for _, g := range v.Multicast.Groups {
		if g.Group == a {
			t.checks = append(t.checks, v.listenerCheck(g))
			where = append(where, g.Link)
		}
	}
	switch {
	case len(where) > 0:
		t.good += ", with listeners on " + strings.Join(where, ", ")
	case len(v.Multicast.Links) == 0:
		t.checks = append(t.checks, note("listener", "", "nobody is asked who listens: no interface has mld"))
	default:
		t.checks = append(t.checks, note("listener", "", "nobody listens on the links that are asked"))
	}
	t.checks = append(t.checks, v.askers()...)
	if a.IsLinkLocalMulticast() {
		return t
	}
	t.checks = append(t.checks, v.upstreamCheck(a, where)...)
	t.checks = append(t.checks, v.flows(a)...)
	return t
}

// scopeText names a scope (RFC 7346 2).
func scopeText(a netip.Addr) string {
	switch n := a.As16()[1] & 0xf; n {
	case 1:
		return "the machine itself"
	case 2:
		if a == netip.IPv6LinkLocalAllNodes() {
			return "the link: every machine listens to it, and routers do not forward it"
		}
		return "the link: routers do not forward it"
	case 3:
		return "the realm"
	case 4:
		return "the administrative domain"
	case 5:
		return "the site"
	case 8:
		return "the organization"
	case 14:
		return "global scope"
	default:
		return fmt.Sprintf("scope %d", n)
	}
}

func (v View) listenerCheck(g mld.GroupStatus) check {
	want := "from all sources"
	switch {
	case g.Exclude && len(g.Excluded) > 0:
		want = "from all sources but " + addresses(g.Excluded)
	case !g.Exclude:
		var from []netip.Addr
		for _, s := range g.Sources {
			from = append(from, s.Address)
		}
		want = "from " + addresses(from)
	}
	until := g.Until
	for _, s := range g.Sources {
		if s.Until.After(until) {
			until = s.Until
		}
	}
	text := fmt.Sprintf("on %s it is listened to %s, %s", g.Link, want, v.left(until))
	if g.Reporter.IsValid() {
		text += fmt.Sprintf(", last report by %s", g.Reporter)
	} else {
		text += ", taken over from before the router was started"
	}
	return good("listener", "", "%s%s%s", text, when(g.Old, ", by version 1"), when(g.Joined, ", also by this router"))
}

func addresses(list []netip.Addr) string {
	var out []string
	for _, a := range list {
		out = append(out, a.String())
	}
	return strings.Join(out, ", ")
}

// askers tells of links on which nobody can be asked.
func (v View) askers() []check {
	var out []check
	for _, l := range v.Multicast.Links {
		switch {
		case l.Problem != "":
			out = append(out, bad("listener", "", "", "on %s: %s", l.Link, l.Problem))
		case l.State == mld.Waiting:
			out = append(out, bad("listener", "", "", "on %s nobody is asked: the link has no carrier, or no link-local address", l.Link))
		case l.State == mld.Hearing && l.Part == "downstream":
			out = append(out, note("listener", "", "on %s %s asks, and forwards instead of this router", l.Link, l.Querier))
		}
	}
	return out
}

// upstreamCheck tells what the proxy does of a group.
func (v View) upstreamCheck(a netip.Addr, where []string) []check {
	p := v.Plan.MLD.Proxy
	if p == nil {
		return nil
	}
	b := v.Plan.MLD.Boundaries[p.Upstream]
	switch {
	case v.Plan.MLD.Boundaries != nil && b.Holds(a):
		return []check{note("proxy", "", "it does not cross the boundary on the upstream link %s", p.Upstream)}
	case slices.ContainsFunc(where, func(link string) bool { return slices.Contains(p.Downstream, link) && v.forwardsTo(link) }):
		return []check{good("proxy", "", "the proxy listens to it on the upstream link %s", p.Upstream)}
	}
	return []check{note("proxy", "", "the proxy does not listen to it on the upstream link %s: nobody downstream does", p.Upstream)}
}

// forwardsTo reports whether this router is the one that forwards to listeners on a link.
func (v View) forwardsTo(link string) bool {
	return slices.ContainsFunc(v.Multicast.Links, func(l mld.LinkStatus) bool { return l.Link == link && l.State == mld.Asking })
}

// flows tells where packets to a group go.
func (v View) flows(a netip.Addr) []check {
	var out []check
	more := 0
	for _, r := range v.Multicast.Routes {
		if !r.Group.Contains(a) {
			continue
		}
		if len(out) == mostFlows {
			more++
			continue
		}
		from := "any source"
		switch {
		case r.Source.IsSingleIP():
			from = r.Source.Addr().String()
		case r.Source.Bits() > 0:
			from = r.Source.String()
		}
		text := fmt.Sprintf("from %s on %s to %s (%s)", from, r.In, strings.Join(r.Out, ", "), r.Reason)
		if len(r.Out) == 0 {
			text = fmt.Sprintf("from %s on %s it is dropped: %s", from, r.In, r.Reason)
		}
		if r.Installed {
			text += ", " + count(int(r.Packets), "packet", "packets")
			if !r.Used.IsZero() {
				text += fmt.Sprintf(", last %s ago", change.Rough(v.Now.Sub(r.Used)))
			}
			text += when(r.Wrong > 0, fmt.Sprintf(", %d by another link", r.Wrong))
		} else {
			text += ", no packet came yet"
		}
		if len(r.Out) > 0 {
			out = append(out, good("mroute", "", "%s", text))
		} else {
			out = append(out, note("mroute", "", "%s", text))
		}
	}
	if more > 0 {
		out = append(out, note("mroute", "", "and %d more", more))
	}
	if len(out) == 0 && len(v.Multicast.Links) > 0 {
		out = append(out, note("mroute", "", "no packet to it came to this router lately"))
	}
	return out
}
