package firewall

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"github.com/sixfold-router/sixfold/router/change"
)

// Manager keeps the table of one network namespace. Its methods may be called from any goroutine.
type Manager struct {
	// OnDrift, if set before the first Apply, is told what others changed: what it was, what was found, and why it could not be
	// mended. It must neither block nor call the Manager.
	OnDrift func(object, what string, problem error)

	log    *slog.Logger
	writes atomic.Uint64

	applying sync.Mutex // held while the kernel is compared and written; guards the next lines
	kernel   *kernel    // opened at first use, in the namespace of the thread that needs it first
	seen     uint32     // generation of nftables at which the table was as left
	clean    bool       // seen says something
	watching bool       // Run hears of changes
	followed bool       // and has done so since seen was read

	mu      sync.Mutex // guards what follows
	applied bool
	conf    Config
	want    Ruleset
	listed  []Listed
	left    bool // the table was once as wanted since want is what it is
	problem string
}

// New returns a Manager that has not touched anything yet.
func New(log *slog.Logger) *Manager { return &Manager{log: log} }

// Writes is how many batches were sent to the kernel since New.
func (m *Manager) Writes() uint64 { return m.writes.Load() }

// Apply makes the table what conf says. The kernel takes the new ruleset wholly or keeps the old one. Applying the same again writes
// nothing, and does not even read while nobody wrote to nftables, which Run hears of.
func (m *Manager) Apply(ctx context.Context, conf Config) error {
	want, listed := compile(conf)
	m.mu.Lock()
	m.conf, m.listed = conf, listed
	if !m.applied || !reflect.DeepEqual(want, m.want) {
		m.want, m.applied, m.left = want, true, false
	}
	m.mu.Unlock()
	return m.sync(ctx, false)
}

// sync compares and writes. told: somebody wrote to nftables.
func (m *Manager) sync(ctx context.Context, told bool) error {
	m.applying.Lock()
	defer m.applying.Unlock()
	m.mu.Lock()
	want, left, applied := m.want, m.left, m.applied
	m.mu.Unlock()
	if !applied || ctx.Err() != nil {
		return ctx.Err()
	}
	if left && m.clean && m.followed && !told {
		return nil
	}
	err := m.mend(&want, left)
	m.mu.Lock()
	m.problem = ""
	if err != nil {
		m.problem = err.Error()
	}
	m.left = m.left || err == nil
	m.mu.Unlock()
	return err
}

// mend makes the table the wanted one. left: it was that before, so that what differs is somebody else's work.
func (m *Manager) mend(want *Ruleset, left bool) error {
	m.followed = false
	k, err := m.open()
	if err != nil {
		return err
	}
	now, err := k.generation()
	if absent(err) && want.IsEmpty() {
		return nil
	}
	if err != nil {
		return err
	}
	if left && m.clean && now == m.seen {
		m.followed = m.watching
		return nil
	}
	have, err := k.read()
	if err != nil {
		return err
	}
	c := diff(have, want)
	if c.empty() {
		m.seen, m.clean, m.followed = now, true, m.watching
		return nil
	}
	m.clean = false
	found := c.found()
	err = m.write(k, c, have, want)
	if left && m.OnDrift != nil {
		for _, f := range found {
			m.OnDrift(f.object, f.what, err)
		}
	}
	return err
}

// write sends the changes, and when it is not known whether the kernel took them, looks.
func (m *Manager) write(k *kernel, c *changes, have snapshot, want *Ruleset) error {
	conn, err := k.dial()
	if err != nil {
		return err
	}
	defer conn.CloseLasting()
	if err := encode(conn, c, have, want); err != nil {
		return err
	}
	m.writes.Add(1)
	err = conn.Flush()
	if err == nil {
		return nil
	}
	if !errors.Is(err, unix.ENOBUFS) {
		return fmt.Errorf("write the table %s: %w", Table, err)
	}
	m.log.Warn("the kernel's answer was lost; reading the table again", "error", err)
	got, err := k.read()
	if err != nil {
		return err
	}
	if c := diff(got, want); !c.empty() {
		return fmt.Errorf("write the table %s: the kernel did not take all of it; it is tried again", Table)
	}
	return nil
}

// open returns the kernel. Callers hold applying.
func (m *Manager) open() (*kernel, error) {
	if m.kernel == nil {
		k, err := openKernel()
		if err != nil {
			return nil, err
		}
		m.kernel = k
	}
	return m.kernel, nil
}

// Preview tells what an Apply of conf would do at this moment.
func (m *Manager) Preview(conf Config) ([]change.Op, error) {
	m.applying.Lock()
	defer m.applying.Unlock()
	k, err := m.open()
	if err != nil {
		return nil, err
	}
	want, listed := compile(conf)
	left := m.Ruleset()
	if _, err := k.generation(); absent(err) && want.IsEmpty() {
		return nil, nil
	}
	have, err := k.read()
	if err != nil {
		return nil, err
	}
	return diff(have, &want).ops(conf, have, &want, &left, listed), nil
}

// absent reports whether an error says that the kernel has no nftables: then there is no table either.
func absent(err error) bool {
	return errors.Is(err, unix.EPROTONOSUPPORT) || errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.EINVAL)
}
