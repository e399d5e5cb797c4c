package device

import (
	"fmt"
	"sync/atomic"
)

// Status reads all links, sorted by name. It does not wait for an Apply.
func (m *Manager) Status() ([]Status, error) {
	m.reading.Lock()
	defer m.reading.Unlock()
	if m.reader == nil {
		k, err := openKernel(&atomic.Uint64{})
		if err != nil {
			return nil, fmt.Errorf("open netlink: %w", err)
		}
		m.reader = k
	}
	have, err := m.reader.snapshot(true)
	if err != nil {
		return nil, fmt.Errorf("list links: %w", err)
	}
	return have.status(), nil
}
