package mld

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// Manager keeps the listeners and the multicast forwarding of one network namespace. Its methods may be called from any goroutine.
type Manager struct {
	// OnEvent and OnDrift, if set before the first Apply, are told of what happens, and of what others changed with why it could
	// not be mended. They must neither block nor call the Manager.
	OnEvent func(Event)
	OnDrift func(object, what string, problem error)

	log  *slog.Logger
	open func() (system, error)
	wake chan struct{} // the timer may be set too late

	mu      sync.Mutex // guards what follows
	sys     system     // nil: nothing was wanted yet
	spawn   func(func() error)
	want    Config
	links   map[string]*link // the queriers
	indexes map[string]int   // of links, as they were when links was made
	byIndex map[int]string   // of all links of want that exist

	memberships [owners]map[membership]filter // what is listened to, as far as the kernel took it
	modes       map[int]bool                  // links that pass all multicast
	mifs        map[string]int                // links that take part in forwarding
	mifIndexes  map[string]int                // their interface indexes
	cache       *cache
	adopted     map[string]map[netip.Addr][]netip.Addr // listeners of an earlier run by link and group, until they are assumed

	problems map[string]string // by link; "" is what concerns all of them
	limits   map[string]*limiter
	due      time.Time // what the timer waits for
	writes   uint64
}

// New returns a Manager that has not touched anything yet.
func New(log *slog.Logger) *Manager {
	m := &Manager{
		log: log, open: func() (system, error) { return openLinux() }, wake: make(chan struct{}, 1),
		links: map[string]*link{}, indexes: map[string]int{}, byIndex: map[int]string{},
		modes: map[int]bool{}, mifs: map[string]int{}, mifIndexes: map[string]int{}, cache: newCache(),
		problems: map[string]string{}, limits: map[string]*limiter{},
	}
	for i := range m.memberships {
		m.memberships[i] = map[membership]filter{}
	}
	return m
}

// Writes is how many requests that change something were made to the kernel since New, but for entries of the forwarding cache, which
// come with packets.
func (m *Manager) Writes() uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.writes
}

// Apply makes the listeners and the forwarding those of want. What cannot be done on a link does not hold up the others: it is
// reported, joined, and in the Status of the link, and tried again by Run. Applying the same again writes nothing.
func (m *Manager) Apply(_ context.Context, want Config) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.want = want
	err := m.sync(time.Now())
	m.poke()
	return err
}

// sync makes all as it is wanted. Callers hold mu.
func (m *Manager) sync(now time.Time) error {
	if m.sys == nil {
		if len(m.want.Links) == 0 {
			return nil
		}
		sys, err := m.open()
		if err != nil {
			return err
		}
		m.sys = sys
		m.hear()
	}
	before := m.problems
	m.problems = map[string]string{}
	m.byIndex = map[int]string{}
	for name, l := range m.want.Links {
		if l.Index != 0 {
			m.byIndex[l.Index] = name
		}
	}
	m.syncRouting(now)
	m.syncQueriers(now)
	m.syncMemberships()
	m.recompute(now)
	m.settle(now)
	m.tellProblems(before, now)
	return m.problem()
}

// problem joins what does not work. Callers hold mu.
func (m *Manager) problem() error {
	var errs []error
	for _, name := range names(m.problems) {
		if name == "" {
			errs = append(errs, errors.New(m.problems[name]))
			continue
		}
		errs = append(errs, fmt.Errorf("multicast on %s: %s", name, m.problems[name]))
	}
	return errors.Join(errs...)
}

// fault notes what does not work on a link. Callers hold mu.
func (m *Manager) fault(link string, err error) {
	if err != nil && m.problems[link] == "" {
		m.problems[link] = err.Error()
	}
}

func (m *Manager) tellProblems(before map[string]string, now time.Time) {
	for _, name := range names(m.problems) {
		if m.problems[name] != before[name] {
			m.log.Warn("multicast does not work", "link", name, "error", m.problems[name])
			m.tell(Event{Kind: Failed, Link: name, Err: m.problems[name]}, now)
		}
	}
	for _, name := range names(before) {
		if m.problems[name] == "" {
			m.tell(Event{Kind: Recovered, Link: name}, now)
		}
	}
}

// syncQueriers makes the state machines of links those that are wanted. Callers hold mu.
func (m *Manager) syncQueriers(now time.Time) {
	for _, name := range names(m.links) {
		if l := m.want.Links[name]; !l.Querier || !l.usable() || l.Index != m.indexes[name] {
			delete(m.links, name)
			delete(m.indexes, name)
			delete(m.limits, name)
		}
	}
	for _, name := range names(m.want.Links) {
		want := m.want.Links[name]
		if !want.Querier || !want.usable() {
			continue
		}
		l := m.links[name]
		if l == nil {
			l = newLink(name, want.LinkLocal, want.Timers, now)
			m.links[name], m.indexes[name] = l, want.Index
		}
		l.retime(want.LinkLocal, want.Timers, now)
		l.carrier(want.Running, now)
		m.assume(l, now)
	}
	m.syncModes()
}

// syncModes has the links of queriers pass all multicast frames, and no others. Callers hold mu.
func (m *Manager) syncModes() {
	want := map[int]bool{}
	for _, index := range m.indexes {
		want[index] = true
		m.setMode(index, true)
	}
	for _, index := range slices.Sorted(maps.Keys(m.modes)) {
		if !want[index] {
			m.setMode(index, false)
		}
	}
}

// usable reports whether a querier can speak on the link.
func (l Link) usable() bool { return l.Index != 0 && l.LinkLocal.IsValid() }

// setMode has a link pass all multicast frames or no longer. Callers hold mu.
func (m *Manager) setMode(index int, on bool) {
	if m.modes[index] == on {
		return
	}
	m.writes++
	if err := m.sys.promiscuous(index, on); err != nil {
		m.fault(m.byIndex[index], err)
		return
	}
	if m.modes[index] = on; !on {
		delete(m.modes, index)
	}
}

// assume takes the listeners of an earlier run to be there until they could be asked. Callers hold mu.
func (m *Manager) assume(l *link, now time.Time) {
	until := now.Add(max(l.timers.QueryInterval/4, time.Second) + l.timers.QueryResponse + time.Second)
	for group, sources := range m.adopted[l.name] {
		l.assume(group, sources, until, now)
	}
	delete(m.adopted, l.name)
}

// syncMemberships listens to what is wanted. Callers hold mu.
func (m *Manager) syncMemberships() {
	var want [owners]map[membership]filter
	for i := range want {
		want[i] = map[membership]filter{}
	}
	for name := range m.links {
		// Reports of version 2 go to one group, leaves of version 1 to all routers.
		for _, g := range []netip.Addr{allMLDv2, allRouters} {
			want[ownProtocol][membership{m.indexes[name], g}] = filter{Exclude: true}
		}
	}
	for _, l := range m.want.Links {
		if l.Index == 0 {
			continue
		}
		for group, f := range joined(l.Joins) {
			want[ownJoins][membership{l.Index, group}] = f
		}
	}
	if up := m.upstream(); up.Index != 0 {
		for group, f := range m.subscriptions() {
			want[ownProxy][membership{up.Index, group}] = f
		}
	}
	for o := range owners {
		for at := range m.memberships[o] {
			if _, ok := want[o][at]; !ok {
				m.listen(o, at, filter{})
			}
		}
		for at, f := range want[o] {
			m.listen(o, at, f)
		}
	}
}

// joined returns what is listened to by joins.
func joined(joins []Join) map[netip.Addr]filter {
	all := map[netip.Addr][]filter{}
	for _, j := range joins {
		f := filter{Exclude: !j.Source.IsValid()}
		if j.Source.IsValid() {
			f.Sources = []netip.Addr{j.Source}
		}
		all[j.Group] = append(all[j.Group], f)
	}
	out := map[netip.Addr]filter{}
	for group, list := range all {
		out[group] = union(list)
	}
	return out
}

// listen makes one membership. Callers hold mu.
func (m *Manager) listen(o owner, at membership, f filter) {
	now, known := m.memberships[o][at]
	if f.none() && !known || known && now.equal(f) {
		return
	}
	m.writes++
	err := m.sys.listen(o, at, f)
	if err != nil {
		m.fault(m.byIndex[at.index], err)
		return
	}
	if f.none() {
		delete(m.memberships[o], at)
	} else {
		m.memberships[o][at] = f
	}
}

// upstream returns the upstream link of the proxy, or one without an index. Callers hold mu.
func (m *Manager) upstream() Link {
	if m.want.Proxy == nil {
		return Link{}
	}
	return m.want.Links[m.want.Proxy.Upstream]
}

// subscriptions returns what is to be listened to upstream. Callers hold mu.
func (m *Manager) subscriptions() map[netip.Addr]filter {
	out := map[netip.Addr]filter{}
	for _, name := range m.want.Proxy.Downstream {
		if l := m.links[name]; l != nil {
			for g := range l.groups {
				if _, done := out[g]; !done {
					if f := m.subscription(g); !f.none() {
						out[g] = f
					}
				}
			}
		}
	}
	return out
}

// subscription returns what is wanted of a group on the links downstream that we forward to. Callers hold mu.
func (m *Manager) subscription(group netip.Addr) filter {
	if scope(group) <= scopeLink || m.want.held(group, m.want.Proxy.Upstream) {
		return filter{}
	}
	var all []filter
	for _, name := range m.want.Proxy.Downstream {
		l := m.links[name]
		if l == nil || !l.asking() || m.want.held(group, name) {
			continue
		}
		if g := l.groups[group]; g != nil {
			all = append(all, g.filter())
		}
	}
	return union(all)
}

// wants is for decide. Callers hold mu.
func (m *Manager) wants(name string, f flow) (listened, ours bool) {
	l := m.links[name]
	if l == nil {
		return false, false
	}
	g := l.groups[f.Group]
	return g != nil && g.accepts(f.Source), l.asking()
}

// settle does what the links want done, until there is nothing. Callers hold mu.
func (m *Manager) settle(now time.Time) {
	for _, name := range names(m.links) {
		m.settleLink(m.links[name], now)
	}
}

func (m *Manager) settleLink(l *link, now time.Time) {
	out := l.take()
	want := m.want.Links[l.name]
	for _, q := range out.queries {
		if err := m.sys.ask(want.Index, want.LinkLocal, q); err != nil {
			l.failed(err)
		} else {
			l.failed(nil)
		}
	}
	for _, e := range out.events {
		e.Ours = e.Kind == QuerierChanged && e.Address == l.self
		m.tell(e, now)
	}
	if m.want.part(l.name) != "downstream" {
		return
	}
	if out.role {
		m.syncMemberships()
		m.recompute(now)
		return
	}
	up := m.upstream()
	slices.SortFunc(out.changed, netip.Addr.Compare)
	for _, g := range slices.Compact(out.changed) {
		if up.Index != 0 {
			m.listen(ownProxy, membership{up.Index, g}, m.subscription(g))
		}
		m.recomputeGroup(g, now)
	}
}

// tell publishes an event. Callers hold mu.
func (m *Manager) tell(e Event, now time.Time) {
	limit := m.limits[e.Link]
	if limit == nil {
		limit = &limiter{}
		m.limits[e.Link] = limit
	}
	if limit.pass(&e, now) && m.OnEvent != nil {
		m.OnEvent(e)
	}
}

// poke wakes the timer.
func (m *Manager) poke() {
	select {
	case m.wake <- struct{}{}:
	default:
	}
}
