package plan

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/sixfold-router/sixfold/router/config"
	"github.com/sixfold-router/sixfold/router/device"
	"github.com/sixfold-router/sixfold/router/kernel"
	"github.com/sixfold-router/sixfold/vxlan/mld"
)

// planMulticast plans who is asked for listeners, what is listened to, and what is forwarded.
func (p *planner) planMulticast() {
	p.plan.MLD.Links = map[string]mld.Link{}
	for _, i := range p.Config.Interfaces {
		if i.MLD != nil {
			p.multicastLink(i)
		}
	}
	m := p.Config.Multicast
	if m == nil {
		return
	}
	if m.Proxy != nil {
		p.plan.MLD.Proxy = &mld.Proxy{Upstream: m.Proxy.Upstream, Downstream: m.Proxy.Downstream}
		p.takesPart(m.Proxy.Upstream)
		for _, name := range m.Proxy.Downstream {
			p.takesPart(name)
		}
	}
	for n, r := range m.Routes {
		if source, ok := p.resolve(fmt.Sprintf("multicast.routes[%d].source", n), r.Source); ok {
			p.plan.MLD.Routes = append(p.plan.MLD.Routes, mld.Route{Group: r.Group, Source: source.prefix.Masked(), In: r.In, Out: r.Out})
		}
		p.takesPart(r.In)
		for _, name := range r.Out {
			p.takesPart(name)
		}
	}
	for _, b := range m.Boundaries {
		if p.plan.MLD.Boundaries == nil {
			p.plan.MLD.Boundaries = map[string]mld.Boundary{}
		}
		p.plan.MLD.Boundaries[b.Link] = mld.Boundary{Scope: b.Scope, Groups: b.Groups}
	}
}

// takesPart plans a link that has a part in forwarding, if its own section has not.
func (p *planner) takesPart(name string) {
	if _, done := p.plan.MLD.Links[name]; done {
		return
	}
	i := p.configured(name)
	if i == nil { // it matches a pattern, and is not there
		p.pending("interfaces."+name, "there is no such link; it has its part in multicast when it appears")
		p.plan.MLD.Links[name] = mld.Link{Name: name}
		return
	}
	p.multicastLink(*i)
}

// multicastLink plans one link.
func (p *planner) multicastLink(i config.Interface) {
	m := config.DefaultMLD()
	served, upstream := p.Config.Multicast.Serves(i.Name), p.Config.Multicast.Upstream(i.Name)
	asks := served
	if i.MLD != nil {
		m = *i.MLD
		asks = !upstream
		if m.Querier != nil {
			asks = *m.Querier
		}
	}
	l := mld.Link{
		Name: i.Name, Kernel: asks && asksOnBridge(&i, p.Config), Timers: mld.Timers{
			Version: m.Version, QueryInterval: m.QueryInterval, QueryResponse: m.QueryResponse, LastListener: m.LastListener,
			Robustness: m.Robustness, FastLeave: m.FastLeave, MaxGroups: m.MaxGroups, MaxSources: m.MaxSources,
		},
	}
	l.Querier = asks && !l.Kernel
	for _, j := range m.Joins {
		if source, ok := p.resolveHost("interfaces."+i.Name+".mld.joins", j.Source); ok {
			l.Joins = append(l.Joins, mld.Join{Group: j.Group, Source: source})
		}
	}
	if state, ok := p.Links[i.Name]; ok && !Foreign(i, state) {
		l.Index, l.Running = state.Index, state.Running
		if self, ok := state.LinkLocal(); ok {
			l.LinkLocal = self
		} else if l.Querier {
			p.pending("interfaces."+i.Name+".mld", lacksLinkLocal(state))
		}
		l.Prefixes = prefixesOn(p.Links, i.Name)
	}
	p.plan.MLD.Links[i.Name] = l
}

// prefixesOn returns the IPv6 prefixes of the addresses of a link.
func prefixesOn(links kernel.Links, name string) []netip.Prefix {
	var out []netip.Prefix
	seen := map[netip.Prefix]bool{}
	for _, a := range links[name].Addresses {
		prefix := a.Prefix.Masked()
		if addr := prefix.Addr(); addr.Is4() || addr.IsLinkLocalUnicast() || prefix.IsSingleIP() || seen[prefix] {
			continue
		}
		seen[prefix] = true
		out = append(out, prefix)
	}
	return out
}

// asksOnBridge reports whether the kernel asks on a link for listeners, as it does on bridges of ours that snoop and that the proxy
// does not serve.
func asksOnBridge(i *config.Interface, conf *config.Config) bool {
	switch {
	case i.Bridge == nil || i.MLD == nil || i.MLD.Querier != nil && !*i.MLD.Querier:
		return false
	case i.Bridge.MulticastSnooping != nil && !*i.Bridge.MulticastSnooping:
		return false
	}
	return !conf.Multicast.Serves(i.Name) && !conf.Multicast.Upstream(i.Name)
}

// bridgeMulticast sets what a bridge does of multicast listener discovery.
func (p *planner) bridgeMulticast(i *config.Interface, out *device.Bridge) {
	switch {
	case i.Bridge.MulticastSnooping != nil:
		out.MulticastSnooping = *i.Bridge.MulticastSnooping
	default:
		// Without a querier, switches that listen lose neighbor discovery.
		out.MulticastSnooping = asksOnBridge(i, p.Config) || p.Config.Multicast.Serves(i.Name)
	}
	if !asksOnBridge(i, p.Config) {
		return
	}
	m := i.MLD
	out.MulticastQuerier, out.MLDVersion = true, uint8(m.Version)
	out.QueryInterval, out.QueryResponseInterval, out.LastMemberInterval = m.QueryInterval, m.QueryResponse, m.LastListener
	out.LastMemberCount, out.StartupQueryCount = uint32(m.Robustness), uint32(m.Robustness)
	out.StartupQueryInterval = max(m.QueryInterval/4, time.Second)
	out.MembershipInterval = time.Duration(m.Robustness)*m.QueryInterval + m.QueryResponse
	out.QuerierInterval = time.Duration(m.Robustness)*m.QueryInterval + m.QueryResponse/2
}
