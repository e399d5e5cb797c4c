package mld

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"
	"time"
)

// LinkStatus is multicast listener discovery on one link, as a copy.
type LinkStatus struct {
	Link  string
	State State
	// Querier is who asks; invalid: nobody is known to. QuerierUntil is when its silence ends its term, zero if it is this router.
	Querier      netip.Addr
	Since        time.Time
	QuerierUntil time.Time
	NextQuery    time.Time // our next general query; zero: we do not ask
	Timers       Timers    // with the robustness and interval in use, which may be those of another querier
	Groups       int
	OldGroups    int    // kept by the rules of version 1
	Part         string // in the proxy: upstream, downstream or empty
	Joins        []Join
	Problem      string // empty: all is well
	// Received are valid messages by type (query1, query2, report1, report2, done), Sent queries (general, group, source; failed),
	// Dropped messages and records by reason: one of the Drop constants.
	Received, Sent, Dropped map[string]uint64
}

// State is what the router does on a link.
type State string

// The states.
const (
	Asking  State = "querier" // we ask
	Hearing State = "other"   // another router asks
	Waiting State = "waiting" // the link cannot be used yet
	Off     State = "off"     // joins only
	Kernel  State = "kernel"  // a bridge that the kernel asks on
)

// GroupStatus is a group with listeners on a link, as a copy.
type GroupStatus struct {
	Link     string
	Group    netip.Addr
	Exclude  bool     // mode EXCLUDE: from all sources but Excluded
	Sources  []Source // wanted; in mode EXCLUDE the Requested List
	Excluded []netip.Addr
	Until    time.Time // end of mode EXCLUDE; zero in mode INCLUDE
	Old      bool      // a listener of version 1 is there
	Reporter netip.Addr
	Since    time.Time
	Joined   bool     // by our configuration, or of a bridge by this machine
	Ports    []string // of a bridge that the kernel asks on: those with listeners
}

// Source is a source that is wanted.
type Source struct {
	Address netip.Addr
	Until   time.Time
}

// RouteStatus is an entry of the kernel's forwarding cache, or a static route that no packet came for, as a copy.
type RouteStatus struct {
	Source, Group         netip.Prefix // of an entry single addresses; a source of any is ::/0
	In                    string
	Out                   []string
	Reason                string // static, proxy, or why packets are dropped
	Installed             bool   // the kernel has it
	Packets, Bytes, Wrong uint64
	Since                 time.Time
	Used                  time.Time // zero: no packet was seen
}

// Links returns the state of all links, by name.
func (m *Manager) Links() []LinkStatus {
	now := time.Now()
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []LinkStatus
	bridged := m.bridgeStatus(now)
	for _, name := range names(m.want.Links) {
		out = append(out, m.linkStatus(name, bridged, now))
	}
	return out
}

// linkStatus is the state of one link. Callers hold mu.
func (m *Manager) linkStatus(name string, bridged []GroupStatus, now time.Time) LinkStatus {
	want := m.want.Links[name]
	s := LinkStatus{
		Link: name, State: Off, Timers: want.Timers, Part: m.want.part(name), Joins: slices.Clone(want.Joins),
		Problem: cmp.Or(m.problems[name], m.problems[""]),
	}
	switch {
	case want.Kernel:
		s.State = Kernel
		for _, g := range bridged {
			if g.Link == name {
				s.Groups++
			}
		}
	case want.Querier:
		s.State = Waiting
	}
	l := m.links[name]
	if l == nil {
		return s
	}
	s.State, s.Querier, s.Since, s.QuerierUntil = Hearing, l.other, l.since, l.otherUntil
	if l.asking() {
		s.State, s.Querier, s.NextQuery = Asking, l.self, l.nextQuery
		if l.silent {
			s.State, s.NextQuery = Waiting, time.Time{}
		}
	}
	s.Timers.Robustness, s.Timers.QueryInterval = l.robustness, l.interval
	s.Groups = len(l.groups)
	for _, g := range l.groups {
		if g.old(now) {
			s.OldGroups++
		}
	}
	if s.Problem == "" && l.sendError != "" {
		s.Problem = "the last query was not sent: " + l.sendError
	}
	if s.Problem == "" && l.older.IsValid() {
		s.Problem = "router " + l.older.String() + " asks by version 1: all routers of a link must, set version to 1 (RFC 3810 8.3.1)"
	}
	s.Received, s.Sent, s.Dropped = maps.Clone(l.received), maps.Clone(l.sent), maps.Clone(l.dropped)
	return s
}

// Groups returns the groups with listeners, by link and group.
func (m *Manager) Groups() []GroupStatus {
	now := time.Now()
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []GroupStatus
	for _, name := range names(m.links) {
		l := m.links[name]
		for _, g := range l.groups {
			s := g.status(now)
			s.Link = name
			s.Joined = slices.ContainsFunc(m.want.Links[name].Joins, func(j Join) bool { return j.Group == g.addr })
			out = append(out, s)
		}
	}
	out = append(out, m.bridgeStatus(now)...)
	slices.SortStableFunc(out, func(a, b GroupStatus) int { return cmp.Or(cmp.Compare(a.Link, b.Link), a.Group.Compare(b.Group)) })
	return out
}

func (g *group) status(now time.Time) GroupStatus {
	s := GroupStatus{Group: g.addr, Exclude: g.exclude, Old: g.old(now), Reporter: g.reporter, Since: g.since}
	if g.exclude {
		s.Until = g.timer
	}
	for a, until := range g.sources {
		if g.exclude && until.IsZero() {
			s.Excluded = append(s.Excluded, a)
		} else {
			s.Sources = append(s.Sources, Source{a, until})
		}
	}
	slices.SortFunc(s.Sources, func(a, b Source) int { return a.Address.Compare(b.Address) })
	slices.SortFunc(s.Excluded, netip.Addr.Compare)
	return s
}

// Routes returns the entries of the forwarding cache and the static routes, by group and source. The counters are those of this
// moment where the kernel tells them.
func (m *Manager) Routes() []RouteStatus {
	now := time.Now()
	m.mu.Lock()
	defer m.mu.Unlock()
	found := map[flow]kernelEntry{}
	if m.sys != nil && m.sys.routing() {
		var err error
		if found, err = m.sys.entries(); err != nil {
			m.log.Debug("read the multicast forwarding cache", "error", err)
		}
	}
	var out []RouteStatus
	for _, e := range m.cache.sorted() {
		k, there := found[e.flow]
		if there && k.packets != e.counts.packets {
			e.used, e.seen, e.counts = now, true, k
		}
		s := RouteStatus{
			Source: single(e.flow.Source), Group: single(e.flow.Group), In: e.in, Out: slices.Clone(e.decision.Out), Reason: e.decision.Reason,
			Installed: there, Packets: e.counts.packets, Bytes: e.counts.bytes, Wrong: k.wrong, Since: e.since,
		}
		if e.seen {
			s.Used = e.used
		}
		out = append(out, s)
	}
	for _, r := range m.want.Routes {
		if f := (flow{r.Source.Addr(), r.Group.Addr()}); !r.exact() || m.cache.flows[f] == nil {
			out = append(out, RouteStatus{Source: r.Source, Group: r.Group, In: r.In, Out: slices.Clone(r.Out), Reason: ByRoute})
		}
	}
	slices.SortStableFunc(out, func(a, b RouteStatus) int {
		return cmp.Or(a.Group.Addr().Compare(b.Group.Addr()), cmp.Compare(a.Group.Bits(), b.Group.Bits()),
			a.Source.Addr().Compare(b.Source.Addr()), cmp.Compare(a.Source.Bits(), b.Source.Bits()))
	})
	return out
}

func single(a netip.Addr) netip.Prefix { return netip.PrefixFrom(a, a.BitLen()) }

// Refused is how many flows had no room in the forwarding cache.
func (m *Manager) Refused() uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.cache.refused
}
