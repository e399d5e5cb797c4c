package dhcpv6

import (
	"cmp"
	"errors"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/sixfold-router/sixfold/dhcpv6/lease"
)

// memory is a store whose changes become durable when the test says so.
type memory struct {
	mu      sync.Mutex
	leases  []lease.Lease
	waiting []func(error)
	manual  bool // changes wait for sync
	meta    map[string][]byte
}

func (m *memory) Meta(key string) []byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.meta[key]
}

func (m *memory) SetMeta(key string, value []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.meta == nil {
		m.meta = map[string][]byte{}
	}
	m.meta[key] = value
	return nil
}

func (m *memory) Get(k lease.Key) (out []lease.Lease) {
	return m.where(func(l lease.Lease) bool { return l.Key == k })
}

func (m *memory) where(match func(lease.Lease) bool) (out []lease.Lease) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, l := range m.leases {
		if match(l) {
			out = append(out, l)
		}
	}
	slices.SortFunc(out, func(a, b lease.Lease) int { return a.Prefix.Compare(b.Prefix) })
	return out
}

func (m *memory) ByPrefix(p netip.Prefix) (lease.Lease, bool) {
	if out := m.where(func(l lease.Lease) bool { return l.Prefix == p }); len(out) > 0 {
		return out[0], true
	}
	return lease.Lease{}, false
}

func (m *memory) Overlaps(p netip.Prefix) bool {
	return len(m.where(func(l lease.Lease) bool { return l.Prefix.Overlaps(p) })) > 0
}

func (m *memory) All() []lease.Lease { return m.where(func(lease.Lease) bool { return true }) }

func (m *memory) Walk(f func(lease.Lease) bool) {
	for _, l := range m.All() {
		if !f(l) {
			return
		}
	}
}

func (m *memory) NextExpiry() (time.Time, bool) {
	all := m.where(func(l lease.Lease) bool { return !l.Valid.IsZero() })
	if len(all) == 0 {
		return time.Time{}, false
	}
	return slices.MinFunc(all, func(a, b lease.Lease) int { return a.Valid.Compare(b.Valid) }).Valid, true
}

func (m *memory) Expired(now time.Time, limit int) []lease.Lease {
	out := m.where(func(l lease.Lease) bool { return ended(l, now) })
	slices.SortFunc(out, func(a, b lease.Lease) int { return cmp.Or(a.Valid.Compare(b.Valid)) })
	return out[:min(limit, len(out))]
}

func (m *memory) apply(c lease.Change) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, d := range c.Delete {
		m.leases = slices.DeleteFunc(m.leases, func(l lease.Lease) bool { return l.Prefix == d.Prefix && l.Key == d.Key })
	}
	for _, p := range c.Put {
		m.leases = slices.DeleteFunc(m.leases, func(l lease.Lease) bool { return l.Prefix == p.Prefix })
		m.leases = append(m.leases, p)
	}
}

func (m *memory) Commit(c lease.Change, done func(error)) {
	m.apply(c)
	m.mu.Lock()
	if m.manual {
		m.waiting = append(m.waiting, done)
		m.mu.Unlock()
		return
	}
	m.mu.Unlock()
	done(nil)
}

var errDisk = errors.New("disk is on fire")

// sync completes what waits.
func (m *memory) sync(err error) {
	m.mu.Lock()
	waiting := m.waiting
	m.waiting = nil
	m.mu.Unlock()
	for _, done := range waiting {
		done(err)
	}
}
