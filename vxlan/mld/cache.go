package mld

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// mostFlows bounds the entries that packets from one link make: whoever sends to many groups there is in the way of that link
	// only.
	mostFlows = 4096
	// idle is how long an entry is kept that no packet uses.
	idle = 210 * time.Second
	// lookEvery is how often the kernel's counters are read.
	lookEvery = 10 * time.Second
)

// entry is what the kernel was told of a flow.
type entry struct {
	flow     flow
	in       string
	decision decision // its Reason is empty while the kernel was not told
	pinned   bool     // of a static route for exactly this flow: it is there without packets
	since    time.Time
	used     time.Time // when the counters were last seen to move; since at first
	seen     bool      // they did
	counts   kernelEntry
}

// cache is the entries, by flow and by group.
type cache struct {
	flows   map[flow]*entry
	groups  map[netip.Addr]map[flow]*entry
	byLink  map[string]int // entries that came with packets
	refused uint64         // flows beyond the limit
}

func newCache() *cache {
	return &cache{flows: map[flow]*entry{}, groups: map[netip.Addr]map[flow]*entry{}, byLink: map[string]int{}}
}

func (c *cache) put(e *entry) {
	c.remove(e.flow)
	c.flows[e.flow] = e
	if c.groups[e.flow.Group] == nil {
		c.groups[e.flow.Group] = map[flow]*entry{}
	}
	c.groups[e.flow.Group][e.flow] = e
	if !e.pinned {
		c.byLink[e.in]++
	}
}

func (c *cache) remove(f flow) {
	e := c.flows[f]
	if e == nil {
		return
	}
	delete(c.flows, f)
	if delete(c.groups[f.Group], f); len(c.groups[f.Group]) == 0 {
		delete(c.groups, f.Group)
	}
	if !e.pinned {
		if c.byLink[e.in]--; c.byLink[e.in] == 0 {
			delete(c.byLink, e.in)
		}
	}
}

// sorted returns the entries by group and source.
func (c *cache) sorted() []*entry {
	out := make([]*entry, 0, len(c.flows))
	for _, e := range c.flows {
		out = append(out, e)
	}
	slices.SortFunc(out, func(a, b *entry) int { return a.flow.compare(b.flow) })
	return out
}

// syncRouting switches multicast routing as it is needed, and takes links into it and out. Callers hold mu.
func (m *Manager) syncRouting(now time.Time) {
	part := m.want.forwarding()
	// Reports of version 1 reach us only where the kernel routes multicast.
	need := len(part) > 0
	for _, l := range m.want.Links {
		need = need || l.Querier
	}
	was := m.sys.routing()
	if was && !need {
		if m.dropLinks(nil); len(m.mifs) > 0 {
			return // again later: with the socket we would lose track of them
		}
	}
	if was != need {
		m.writes++
	}
	if err := m.sys.route(need); err != nil {
		if len(part) > 0 {
			m.fault("", err)
		}
		return
	}
	if !need {
		return
	}
	if !was {
		m.adopt(part, now)
		m.ask()
	}
	m.dropLinks(part)
	for _, name := range part {
		m.fault(name, m.addLink(name))
	}
	m.pin(now)
}

// adopt takes over what an earlier run left in the kernel. Callers hold mu.
func (m *Manager) adopt(part []string, now time.Time) {
	mifs, err := m.sys.mifs()
	if err != nil {
		m.fault("", err)
		return
	}
	for n, name := range mifs {
		l := m.want.Links[name]
		if !slices.Contains(part, name) || l.Index == 0 {
			m.writes++
			if err := m.sys.delMIF(n); err != nil {
				m.fault("", err)
			}
			continue
		}
		m.mifs[name], m.mifIndexes[name] = n, l.Index
	}
	found, err := m.sys.entries()
	if err != nil {
		m.fault("", err)
		return
	}
	names := m.names()
	m.adopted = map[string]map[netip.Addr][]netip.Addr{}
	for f, k := range found {
		in, ok := names[k.in]
		if !ok {
			m.dropFlow(f)
			continue
		}
		e := &entry{flow: f, in: in, since: now, used: now, counts: k, decision: decision{Reason: NoListener}}
		for _, o := range k.out {
			name, ok := names[o]
			if !ok {
				e.decision.Reason = "" // to be written anew: the number may become that of another link
				continue
			}
			e.decision.Out = append(e.decision.Out, name)
			m.remember(name, f)
		}
		slices.Sort(e.decision.Out)
		m.cache.put(e)
	}
}

// remember notes that an earlier run forwarded a flow to a link. Callers hold mu.
func (m *Manager) remember(link string, f flow) {
	if m.adopted[link] == nil {
		m.adopted[link] = map[netip.Addr][]netip.Addr{}
	}
	list := m.adopted[link][f.Group]
	if ssm(f.Group) {
		list = append(list, f.Source)
	}
	m.adopted[link][f.Group] = list
}

// names returns the links that take part, by MIF. Callers hold mu.
func (m *Manager) names() map[int]string {
	out := make(map[int]string, len(m.mifs))
	for name, n := range m.mifs {
		out[n] = name
	}
	return out
}

// dropLinks ends the part of all links but those. Callers hold mu.
func (m *Manager) dropLinks(keep []string) {
	for _, name := range names(m.mifs) {
		index := m.want.Links[name].Index
		if slices.Contains(keep, name) && index == m.mifIndexes[name] {
			continue
		}
		for _, e := range m.cache.sorted() {
			if e.in == name || slices.Contains(e.decision.Out, name) {
				m.dropFlow(e.flow)
			}
		}
		n := m.mifs[name]
		m.writes++
		// With its link, the MIF is gone already.
		if err := m.sys.delMIF(n); err != nil && !errors.Is(err, unix.EADDRNOTAVAIL) {
			m.fault(name, fmt.Errorf("take it out of multicast forwarding: %w", err))
			continue
		}
		delete(m.mifs, name)
		delete(m.mifIndexes, name)
	}
}

// addLink has a link take part. Callers hold mu.
func (m *Manager) addLink(name string) error {
	index := m.want.Links[name].Index
	if _, there := m.mifs[name]; there || index == 0 {
		return nil
	}
	taken := m.names()
	for n := range MaxLinks {
		if taken[n] != "" {
			continue
		}
		m.writes++
		if err := m.sys.addMIF(n, index); err != nil {
			return fmt.Errorf("take it into multicast forwarding: %w", err)
		}
		m.mifs[name], m.mifIndexes[name] = n, index
		return nil
	}
	return fmt.Errorf("the kernel takes at most %d links into multicast forwarding", MaxLinks)
}

// pin writes the entries of static routes that need no packet, and lets go of those that are no longer wanted. Callers hold mu.
func (m *Manager) pin(now time.Time) {
	wanted := map[flow]bool{}
	for _, r := range m.want.Routes {
		if !r.exact() {
			continue
		}
		f := flow{r.Source.Addr(), r.Group.Addr()}
		wanted[f] = true
		if _, there := m.mifs[r.In]; !there {
			continue
		}
		old := m.cache.flows[f]
		if old != nil && old.pinned && old.in == r.In {
			continue
		}
		e := &entry{flow: f, in: r.In, pinned: true, since: now, used: now}
		if old != nil && old.in == r.In {
			*e = *old
			e.pinned = true
		}
		m.cache.put(e)
	}
	for _, e := range m.cache.sorted() {
		if e.pinned && !wanted[e.flow] {
			m.dropFlow(e.flow)
		}
	}
}

// recompute decides anew on all entries. Callers hold mu.
func (m *Manager) recompute(now time.Time) {
	for _, e := range m.cache.sorted() {
		m.decideEntry(e, now)
	}
}

// recomputeGroup decides anew on the entries of a group. Callers hold mu.
func (m *Manager) recomputeGroup(group netip.Addr, now time.Time) {
	for _, e := range m.cache.groups[group] {
		m.decideEntry(e, now)
	}
}

// decideEntry decides on an entry, and tells the kernel if that changes anything. Callers hold mu.
func (m *Manager) decideEntry(e *entry, now time.Time) {
	d := m.want.decide(e.flow, e.in, m)
	if slices.Equal(d.Out, e.decision.Out) && e.decision.Reason != "" {
		e.decision = d
		return
	}
	if err := m.write(e.flow, e.in, d.Out); err != nil {
		m.fault(e.in, err)
		e.decision.Reason = "" // again when there is an occasion
		return
	}
	e.decision = d
}

// write tells the kernel where a flow goes. Links that take no part, because they do not exist, are left out. Callers hold mu.
func (m *Manager) write(f flow, in string, out []string) error {
	var mifs []int
	for _, name := range out {
		if n, ok := m.mifs[name]; ok {
			mifs = append(mifs, n)
		}
	}
	n, ok := m.mifs[in]
	if !ok {
		return fmt.Errorf("forward %s: %s takes no part", f, in)
	}
	if err := m.sys.setEntry(f, n, mifs); err != nil {
		return fmt.Errorf("forward %s: %w", f, err)
	}
	return nil
}

// dropFlow removes an entry. Callers hold mu.
func (m *Manager) dropFlow(f flow) {
	m.cache.remove(f)
	// Where it is missing, somebody else was faster.
	if err := m.sys.delEntry(f); err != nil && !errors.Is(err, unix.ENOENT) {
		m.log.Debug("remove forwarding entry", "flow", f.String(), "error", err)
	}
}

// asked answers a question of the kernel. Callers hold mu.
func (m *Manager) asked(q question, now time.Time) {
	in, ok := m.names()[q.mif]
	if !ok {
		return
	}
	old := m.cache.flows[q.flow]
	if q.wrong {
		// The source moved, or the packet took another way. Only a flow that nobody uses where it was follows it.
		if old == nil || old.pinned || old.in == in || len(m.want.decide(q.flow, in, m).Out) == 0 ||
			len(old.decision.Out) > 0 && old.seen && now.Sub(old.used) < 2*lookEvery {
			return
		}
	} else if old == nil && m.cache.byLink[in] >= mostFlows {
		m.cache.refused++
		return
	}
	e := &entry{flow: q.flow, in: in, since: now, used: now}
	if old != nil && old.pinned {
		e = old // the kernel lost it
	} else {
		m.cache.put(e)
	}
	e.decision.Reason = ""
	m.decideEntry(e, now)
}

func (f flow) compare(o flow) int {
	if c := f.Group.Compare(o.Group); c != 0 {
		return c
	}
	return f.Source.Compare(o.Source)
}
