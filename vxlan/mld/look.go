package mld

import (
	"fmt"
	"time"
)

// look reads the counters of the kernel, mends what others changed, and drops what nothing uses. Callers hold mu.
func (m *Manager) look(now time.Time) {
	if m.sys == nil || !m.sys.routing() {
		return
	}
	m.lookLinks()
	found, err := m.sys.entries()
	if err != nil {
		m.log.Warn("read the multicast forwarding cache", "error", err)
		return
	}
	for f := range found {
		if m.cache.flows[f] == nil {
			m.drifted(f.String(), "a forwarding entry was added", m.sys.delEntry(f))
		}
	}
	for _, e := range m.cache.sorted() {
		k, there := found[e.flow]
		if !there {
			m.mendEntry(e)
			continue
		}
		if k.packets != e.counts.packets {
			e.used, e.seen = now, true
		}
		e.counts = k
		if !e.pinned && now.Sub(e.used) >= idle {
			m.dropFlow(e.flow)
		}
	}
}

// lookLinks takes links back into forwarding that somebody took out. Callers hold mu.
func (m *Manager) lookLinks() {
	found, err := m.sys.mifs()
	if err != nil {
		m.log.Warn("read the links of multicast forwarding", "error", err)
		return
	}
	for _, name := range names(m.mifs) {
		n, index := m.mifs[name], m.mifIndexes[name]
		if _, there := found[n]; there || m.want.Links[name].Index != index {
			continue
		}
		m.writes++
		m.drifted(name, "it took no part in multicast forwarding", m.sys.addMIF(n, index))
	}
}

// mendEntry writes an entry that is gone from the kernel. Callers hold mu.
func (m *Manager) mendEntry(e *entry) {
	if err := m.write(e.flow, e.in, e.decision.Out); err != nil {
		m.drifted(e.flow.String(), "the forwarding entry was missing", err)
		return
	}
	m.drifted(e.flow.String(), fmt.Sprintf("the forwarding entry to %s was missing", e.decision.text()), nil)
}

func (m *Manager) drifted(object, what string, problem error) {
	if m.OnDrift != nil {
		m.OnDrift(object, what, problem)
	}
}
