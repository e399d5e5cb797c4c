package mld

import (
	"net/netip"
	"slices"
	"strings"
)

// flow is what the kernel keeps an entry of.
type flow struct{ Source, Group netip.Addr }

// String returns SOURCE@GROUP.
func (f flow) String() string { return f.Source.String() + "@" + f.Group.String() }

// Why a flow is forwarded, or not.
const (
	ByRoute        = "static"
	ByProxy        = "proxy"
	NoScope        = "scope of the link"
	NoSource       = "source of the link only"
	NoListener     = "nobody listens"
	NoPart         = "the link has no part in it"
	NoBoundary     = "boundary"
	NoSourceHere   = "the source belongs on another link"
	NoOtherQuerier = "another router forwards there"
)

// decision is where packets of a flow go.
type decision struct {
	Out    []string // links, sorted; none: dropped
	Reason string
}

// listeners tells of a downstream link what its listeners want.
type listeners interface {
	// wants reports whether somebody on the link listens to the flow, and whether it is our business to forward there.
	wants(link string, f flow) (listened, ours bool)
}

// decide tells where packets of a flow that arrive on a link go.
func (c Config) decide(f flow, in string, l listeners) decision {
	switch {
	case scope(f.Group) <= scopeLink:
		return decision{Reason: NoScope}
	case f.Source.IsLinkLocalUnicast() || f.Source.IsUnspecified() || f.Source.IsLoopback() || f.Source.IsMulticast():
		return decision{Reason: NoSource}
	case c.held(f.Group, in):
		return decision{Reason: NoBoundary}
	}
	if r := c.route(f); r != nil {
		if r.In != in {
			return decision{Reason: NoPart}
		}
		d := decision{Reason: ByRoute}
		for _, to := range r.Out {
			if to != in && !c.held(f.Group, to) {
				d.Out = append(d.Out, to)
			}
		}
		slices.Sort(d.Out)
		return d
	}
	return c.proxied(f, in, l)
}

// route returns the static route that decides on a flow, or nil.
func (c Config) route(f flow) *Route {
	var best *Route
	for i := range c.Routes {
		r := &c.Routes[i]
		if !r.matches(f.Source, f.Group) {
			continue
		}
		if best == nil || r.Group.Bits() > best.Group.Bits() || r.Group.Bits() == best.Group.Bits() && r.Source.Bits() > best.Source.Bits() {
			best = r
		}
	}
	return best
}

// held reports whether packets to a group may not cross a link.
func (c Config) held(group netip.Addr, link string) bool {
	b, ok := c.Boundaries[link]
	return ok && b.Holds(group)
}

// proxied decides as an MLD proxy does (RFC 4605 4.3): what comes from upstream goes where it is listened to, what comes from
// downstream goes upstream too.
func (c Config) proxied(f flow, in string, l listeners) decision {
	if c.Proxy == nil || in != c.Proxy.Upstream && !slices.Contains(c.Proxy.Downstream, in) {
		return decision{Reason: NoPart}
	}
	if !c.belongs(f.Source, in) {
		return decision{Reason: NoSourceHere}
	}
	d := decision{Reason: NoListener}
	if in != c.Proxy.Upstream && !c.held(f.Group, c.Proxy.Upstream) {
		d.Out = append(d.Out, c.Proxy.Upstream)
	}
	for _, to := range c.Proxy.Downstream {
		if to == in || c.held(f.Group, to) {
			continue
		}
		listened, ours := l.wants(to, f)
		switch {
		case listened && ours:
			d.Out = append(d.Out, to)
		case listened:
			d.Reason = NoOtherQuerier
		}
	}
	if len(d.Out) > 0 {
		d.Reason = ByProxy
	}
	slices.Sort(d.Out)
	return d
}

// belongs reports whether a source may send from a link of the proxy: not if it has an address of another one.
func (c Config) belongs(source netip.Addr, in string) bool {
	if l, ok := c.Links[in]; ok && contains(l.Prefixes, source) {
		return true
	}
	for _, other := range append(slices.Clone(c.Proxy.Downstream), c.Proxy.Upstream) {
		if other != in && contains(c.Links[other].Prefixes, source) {
			return false
		}
	}
	return true
}

func contains(all []netip.Prefix, a netip.Addr) bool {
	return slices.ContainsFunc(all, func(p netip.Prefix) bool { return p.Contains(a) })
}

// forwarding returns the links that have a part in forwarding, sorted.
func (c Config) forwarding() []string {
	set := map[string]bool{}
	if c.Proxy != nil {
		set[c.Proxy.Upstream] = true
		for _, d := range c.Proxy.Downstream {
			set[d] = true
		}
	}
	for _, r := range c.Routes {
		set[r.In] = true
		for _, o := range r.Out {
			set[o] = true
		}
	}
	return names(set)
}

// part names the part of a link in the proxy.
func (c Config) part(link string) string {
	switch {
	case c.Proxy == nil:
	case c.Proxy.Upstream == link:
		return "upstream"
	case slices.Contains(c.Proxy.Downstream, link):
		return "downstream"
	}
	return ""
}

// text returns links for people.
func (d decision) text() string {
	if len(d.Out) == 0 {
		return "nowhere: " + d.Reason
	}
	return strings.Join(d.Out, ", ")
}
