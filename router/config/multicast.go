package config

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
)

// MLD is multicast listener discovery on a link. Querier nil means: unless the link is the upstream of the multicast proxy.
type MLD struct {
	Querier               *bool
	Version               int
	QueryInterval         time.Duration
	QueryResponse         time.Duration
	LastListener          time.Duration
	Robustness            int
	FastLeave             bool
	MaxGroups, MaxSources int
	Joins                 []MulticastJoin
}

// DefaultMLD is how a downstream link of the proxy that has no section mld is asked.
func DefaultMLD() MLD {
	return MLD{
		Version: 2, QueryInterval: 125 * time.Second, QueryResponse: 10 * time.Second, LastListener: time.Second,
		Robustness: 2, MaxGroups: 1024, MaxSources: 64,
	}
}

// MulticastJoin is a group that the router listens to.
type MulticastJoin struct {
	Group  netip.Addr
	Source Host // invalid: any
}

// Multicast is the forwarding of packets to groups.
type Multicast struct {
	Proxy      *MulticastProxy // nil: none
	Routes     []MulticastRoute
	Boundaries []MulticastBoundary
}

// MulticastProxy is an MLD proxy.
type MulticastProxy struct {
	Upstream   string
	Downstream []string
}

// MulticastRoute is a static multicast route.
type MulticastRoute struct {
	Group  netip.Prefix
	Source Expr // ::/0: any
	In     string
	Out    []string
}

// MulticastBoundary is what does not cross a link.
type MulticastBoundary struct {
	Link   string
	Scope  uint8 // the largest that does not; 0: only that of the link itself
	Groups []netip.Prefix
}

// Serves tells whether the proxy has listeners on the link.
func (m *Multicast) Serves(link string) bool {
	return m != nil && m.Proxy != nil && slices.Contains(m.Proxy.Downstream, link)
}

// Upstream tells whether the proxy listens on the link.
func (m *Multicast) Upstream(link string) bool {
	return m != nil && m.Proxy != nil && m.Proxy.Upstream == link
}

// The longest times that MLD messages can say (RFC 3810 5.1.3 and 5.1.9, RFC 2710 3.4).
const (
	maxQueryInterval   = 31744 * time.Second
	maxQueryResponse   = 8387 * time.Second
	maxQueryResponse1  = 65535 * time.Millisecond
	leastQueryResponse = 100 * time.Millisecond
)

// mld converts the listener discovery of a link.
func (b *builder) mld(m *sixfoldv1.Mld, s *spot) *MLD {
	d := DefaultMLD()
	d.Querier, d.FastLeave = m.Querier, m.GetFastLeave()
	if m.Version != nil {
		d.Version = int(m.GetVersion())
	}
	if m.Robustness != nil {
		d.Robustness = int(m.GetRobustness())
	}
	if m.MaxGroups != nil {
		d.MaxGroups = int(m.GetMaxGroups())
	}
	if m.MaxSources != nil {
		d.MaxSources = int(m.GetMaxSources())
	}
	d.QueryInterval = b.duration(m.GetQueryInterval(), s.field("query_interval"), time.Second, time.Second, maxQueryInterval, d.QueryInterval)
	longest := maxQueryResponse
	if d.Version == 1 {
		longest = maxQueryResponse1
	}
	answer := d.QueryResponse
	if d.QueryInterval <= answer {
		answer = d.QueryInterval / 2
	}
	d.QueryResponse = b.duration(m.GetQueryResponseInterval(), s.field("query_response_interval"), time.Millisecond, leastQueryResponse, longest, answer)
	d.LastListener = b.duration(m.GetLastListenerQueryInterval(), s.field("last_listener_query_interval"), time.Millisecond, leastQueryResponse, longest, d.LastListener)
	if at := s.field("query_response_interval"); d.QueryResponse >= d.QueryInterval {
		b.errorf(at, "%s must be shorter than query_interval, %s (RFC 3810 9.3)", FormatDuration(d.QueryResponse), FormatDuration(d.QueryInterval))
	}
	for n, text := range m.GetJoins() {
		at := s.field("joins").item(n)
		j, ok := b.join(text, at)
		if ok && slices.Contains(d.Joins, j) {
			b.errorf(at, "%s is in the list twice", text)
		}
		d.Joins = append(d.Joins, j)
	}
	for n, j := range d.Joins {
		all := slices.IndexFunc(d.Joins, func(o MulticastJoin) bool { return o.Group == j.Group && !o.Source.IsValid() })
		if j.Source.IsValid() && all >= 0 {
			b.errorf(s.field("joins").item(n), "%s is listened to from all sources already (%s)", j.Group, s.field("joins").item(all).where())
		}
	}
	return &d
}

// join reads GROUP or SOURCE@GROUP.
func (b *builder) join(text string, s *spot) (MulticastJoin, bool) {
	source, group, both := strings.Cut(text, "@")
	if !both {
		source, group = "", text
	}
	g, ok := b.multicastGroup(strings.TrimSpace(group), s)
	if !ok {
		return MulticastJoin{}, false
	}
	j := MulticastJoin{Group: g}
	if !both {
		if sourceSpecific(g) {
			b.errorf(s, "%s is for source-specific multicast (RFC 4607): name a source, as 2001:db8::1@%s", g, g)
			return MulticastJoin{}, false
		}
		return j, true
	}
	source = strings.TrimSpace(source)
	if h, ok := b.relative(source, s); ok {
		return MulticastJoin{Group: g, Source: h}, h.IsValid()
	}
	a, err := parseAddr(source)
	switch {
	case err != nil:
		b.errorf(s, "%v", err)
	case a.Is4() || a.IsUnspecified() || a.IsMulticast() || a.IsLoopback():
		b.errorf(s, "%s cannot be a source of IPv6 multicast", a)
	default:
		j.Source = Host{Addr: a}
		return j, true
	}
	return MulticastJoin{}, false
}

// multicastGroup reads a group that can be listened to.
func (b *builder) multicastGroup(text string, s *spot) (netip.Addr, bool) {
	a, err := parseAddr(text)
	switch {
	case err != nil:
		b.errorf(s, "%v", err)
	case a.Is4() || !a.IsMulticast():
		b.errorf(s, "%s is not an IPv6 multicast address; such begin with ff", a)
	case a.As16()[1]&0xf < 2:
		b.errorf(s, "%s never leaves the machine (RFC 4291 2.7)", a)
	case a == netip.IPv6LinkLocalAllNodes():
		b.errorf(s, "every machine listens to %s", a)
	default:
		return a, true
	}
	return netip.Addr{}, false
}

// sourceSpecific reports whether a group can only be listened to with sources: FF3x::/32 (RFC 4607 1).
func sourceSpecific(a netip.Addr) bool {
	b := a.As16()
	return b[0] == 0xff && b[1]>>4 == 3 && b[2] == 0 && b[3] == 0
}

// multicast converts the forwarding of packets to groups.
func (b *builder) multicast(m *sixfoldv1.Multicast, s *spot) *Multicast {
	out := &Multicast{}
	count := &linkCount{seen: map[string]bool{}}
	if p := m.GetProxy(); p != nil {
		out.Proxy = b.multicastProxy(p, s.field("proxy"), count)
	}
	type what struct {
		group  netip.Prefix
		source Expr
	}
	seen := map[what]*spot{}
	for n, r := range m.GetRoutes() {
		at := s.field("routes").item(n)
		route := b.multicastRoute(r, at, count)
		if key := (what{route.Group, route.Source}); route.Group.IsValid() {
			if first, ok := seen[key]; ok {
				b.errorf(at, "the same group and source are in %s", first.where())
			} else {
				seen[key] = at
			}
		}
		out.Routes = append(out.Routes, route)
	}
	at := s.field("boundaries")
	for _, name := range inOrder(m.GetBoundaries(), at) {
		out.Boundaries = append(out.Boundaries, b.multicastBoundary(name, m.GetBoundaries()[name], at.entry(name)))
	}
	sortByName(out.Boundaries, func(x MulticastBoundary) string { return x.Link })
	return out
}

// maxMulticastLinks is how many links the kernel forwards multicast between (MAXMIFS of linux/mroute6.h).
const maxMulticastLinks = 32

// linkCount counts the links that have a part in forwarding.
type linkCount struct{ seen map[string]bool }

// part reads the name of a link that has a part in forwarding.
func (b *builder) part(name string, s *spot, count *linkCount) bool {
	if name == "" {
		b.errorf(s, "is missing: the name of an interface belongs here")
		return false
	}
	if !b.link(name, s) {
		return false
	}
	if count.seen[name] = true; len(count.seen) > maxMulticastLinks {
		b.errorf(s, "%s is one link too many: the kernel forwards multicast between at most %d", name, maxMulticastLinks)
		return false
	}
	return true
}

func (b *builder) multicastProxy(m *sixfoldv1.MulticastProxy, s *spot, count *linkCount) *MulticastProxy {
	p := &MulticastProxy{Upstream: m.GetUpstream()}
	b.part(p.Upstream, s.field("upstream"), count)
	if len(m.GetDownstream()) == 0 {
		b.errorf(s, "a proxy needs downstream links: those of the listeners")
	}
	for n, name := range m.GetDownstream() {
		at := s.field("downstream").item(n)
		switch {
		case !b.part(name, at, count):
		case name == p.Upstream:
			b.errorf(at, "%s is the upstream already (%s)", name, s.field("upstream").where())
		case slices.Contains(p.Downstream, name):
			b.errorf(at, "%s is in the list twice", name)
		}
		p.Downstream = append(p.Downstream, name)
	}
	return p
}

func (b *builder) multicastRoute(m *sixfoldv1.MulticastRoute, s *spot, count *linkCount) MulticastRoute {
	r := MulticastRoute{In: m.GetIn(), Source: Expr{Prefix: netip.PrefixFrom(netip.IPv6Unspecified(), 0)}}
	if m.GetGroup() == "" {
		b.errorf(s, "the route is for no group: group: ff3e::/32 or an address belongs into it")
	} else {
		r.Group = b.groupPrefix(m.GetGroup(), s.field("group"))
	}
	if m.GetSource() != "" {
		r.Source = b.sourcePrefix(m.GetSource(), s.field("source"))
	}
	b.part(r.In, s.field("in"), count)
	for n, name := range m.GetOut() {
		at := s.field("out").item(n)
		switch {
		case !b.part(name, at, count):
		case name == r.In:
			b.errorf(at, "packets that came in by %s do not leave by it", name)
		case slices.Contains(r.Out, name):
			b.errorf(at, "%s is in the list twice", name)
		}
		r.Out = append(r.Out, name)
	}
	return r
}

// groupPrefix reads a group or a prefix of groups that routers forward.
func (b *builder) groupPrefix(text string, s *spot) netip.Prefix {
	p, err := parsePrefix(text)
	switch {
	case err != nil:
		b.errorf(s, "%v", err)
	case p.Addr().Is4() || p.Bits() < 8 || !p.Addr().IsMulticast():
		b.errorf(s, "%s is not an IPv6 multicast group or a prefix of such (ff00::/8)", text)
	case p.Masked() != p:
		b.errorf(s, "%s has bits beyond its length; did you mean %s?", p, p.Masked())
	case p.Bits() >= 16 && p.Addr().As16()[1]&0xf <= 2:
		b.errorf(s, "%s never leaves its link (RFC 4291 2.7)", text)
	default:
		return p
	}
	return netip.Prefix{}
}

// sourcePrefix reads a source or a prefix of sources.
func (b *builder) sourcePrefix(text string, s *spot) Expr {
	e := b.expr(text, s)
	p := e.Prefix
	switch {
	case !e.IsValid():
	case e.Delegation != "" && e.Masked() == e:
		return e
	case p.Addr().Is4() || p.Addr().IsMulticast() || p.Addr().IsLoopback() || p.IsSingleIP() && p.Addr().IsUnspecified():
		b.errorf(s, "%s cannot be a source of IPv6 multicast", text)
	case p.Addr().IsLinkLocalUnicast():
		b.errorf(s, "packets from the link-local %s are not forwarded", text)
	case e.Masked() != e:
		b.errorf(s, "%s has bits beyond its length; did you mean %s?", e, e.Masked())
	default:
		return e
	}
	return Expr{}
}

// scopeNumber is what the word of a boundary stands for (RFC 7346 2).
func scopeNumber(word string) uint8 {
	switch word {
	case "realm":
		return 3
	case "admin":
		return 4
	case "site":
		return 5
	case "organization":
		return 8
	}
	return 0
}

func (b *builder) multicastBoundary(link string, m *sixfoldv1.MulticastBoundary, s *spot) MulticastBoundary {
	out := MulticastBoundary{Link: link, Scope: scopeNumber(m.GetScope())}
	if !slices.ContainsFunc(b.interfaces, func(i string) bool { return MatchInterface(i, link) }) {
		b.key(s, "%s", b.unknownLink(link))
	}
	if m.GetScope() == "" && len(m.GetGroups()) == 0 {
		b.errorf(s, "the boundary holds nothing: scope or groups belong into it")
	}
	for n, text := range m.GetGroups() {
		p := b.groupPrefix(text, s.field("groups").item(n))
		if p.IsValid() && slices.Contains(out.Groups, p) {
			b.errorf(s.field("groups").item(n), "%s is in the list twice", text)
		}
		out.Groups = append(out.Groups, p)
	}
	return out
}

// checkMulticast reports what does not fit together.
func (b *builder) checkMulticast(cfg *Config) {
	for _, i := range cfg.Interfaces {
		if i.MLD != nil {
			b.checkQuerier(cfg, i, b.at(i.Name).field("mld"))
		}
	}
	if cfg.Multicast == nil {
		return
	}
	at := b.root.field("multicast")
	if p := cfg.Multicast.Proxy; p != nil {
		b.inMain(cfg, p.Upstream, at.field("proxy").field("upstream"))
		for n, name := range p.Downstream {
			b.inMain(cfg, name, at.field("proxy").field("downstream").item(n))
		}
	}
	for n, r := range cfg.Multicast.Routes {
		s := at.field("routes").item(n)
		b.inMain(cfg, r.In, s.field("in"))
		for k, name := range r.Out {
			b.inMain(cfg, name, s.field("out").item(k))
		}
	}
}

// checkQuerier checks what a link says of its querier against its part in the proxy.
func (b *builder) checkQuerier(cfg *Config, i Interface, s *spot) {
	if bridged(cfg, i) {
		b.errorf(s, "%s is a port of the bridge %s: listeners are asked on the bridge, put mld under interfaces.%s", i.Name, i.Master, i.Master)
	}
	if i.MLD.Querier == nil {
		return
	}
	at, proxy := s.field("querier"), b.root.field("multicast").field("proxy")
	switch asks := *i.MLD.Querier; {
	case asks && cfg.Multicast.Upstream(i.Name):
		b.errorf(at, "%s is the upstream of the multicast proxy (%s), where the router is a listener", i.Name, proxy.field("upstream").where())
	case !asks && cfg.Multicast.Serves(i.Name):
		b.errorf(at, "the multicast proxy asks on %s who listens (%s)", i.Name, proxy.field("downstream").where())
	}
}

// inMain reports a link with a part in forwarding that is in a VRF or a port of a bridge.
func (b *builder) inMain(cfg *Config, name string, s *spot) {
	for _, v := range cfg.VRFs {
		if slices.ContainsFunc(v.Interfaces, func(i string) bool { return MatchInterface(i, name) }) {
			b.errorf(s, "%s is in the VRF %s, and multicast is forwarded outside of VRFs only", name, v.Name)
			return
		}
	}
	n := slices.IndexFunc(cfg.Interfaces, func(i Interface) bool { return i.Name == name })
	if n >= 0 && bridged(cfg, cfg.Interfaces[n]) {
		b.errorf(s, "%s is a port of the bridge %s: name the bridge", name, cfg.Interfaces[n].Master)
	}
}

// bridged tells whether a link is the port of a bridge of ours.
func bridged(cfg *Config, i Interface) bool {
	return i.Master != "" && slices.ContainsFunc(cfg.Interfaces, func(m Interface) bool { return m.Name == i.Master && m.Bridge != nil })
}
