package kernel

import (
	"context"
	"fmt"
	"time"
)

// Look is Refresh for a caller that has time: what was told of links is read by Update meanwhile, which waits for nothing. Reading
// thousands of links takes a while, in which a new one would have to wait otherwise.
func (m *Monitor) Look(ctx context.Context) error {
	m.looking.Lock()
	defer m.looking.Unlock()
	m.reading.Lock()
	began, written := time.Now(), m.writes.Load()
	m.meanwhile = map[int]struct{}{}
	m.readings.Add(1)
	m.reading.Unlock()
	links, err := m.dumpLinks(ctx)
	m.reading.Lock()
	defer m.reading.Unlock()
	meanwhile := m.meanwhile
	m.meanwhile = nil
	old := m.links.Load()
	switch {
	case err != nil:
		return err
	case m.readAt.After(began): // by others, later
		return nil
	case old == nil || !links.adopt(*old, meanwhile):
		return m.refresh(ctx)
	}
	links = links.keep(*old, nil)
	m.links.Store(&links)
	m.readAt, m.written, m.allTook = began, written, time.Since(began)
	m.tell(!equalLinks(*old, links))
	return nil
}

// dumpLinks reads links and addresses with a socket of its own.
func (m *Monitor) dumpLinks(ctx context.Context) (Links, error) {
	c, err := dial()
	if err != nil {
		return nil, fmt.Errorf("read links: %w", err)
	}
	defer c.close()
	return m.read(ctx, c)
}

// adopt takes links with the given indexes from a snapshot that has them as they were read later than l, or were gone by then. It returns
// false if that does not fit together, as when names went from one to another.
func (l Links) adopt(later Links, indexes map[int]struct{}) bool {
	if len(indexes) == 0 {
		return true
	}
	for name, state := range l {
		if _, ok := indexes[state.Index]; ok {
			delete(l, name)
		}
	}
	for name, state := range later {
		if _, ok := indexes[state.Index]; !ok {
			continue
		}
		if _, taken := l[name]; taken {
			return false
		}
		l[name] = state
	}
	return true
}
