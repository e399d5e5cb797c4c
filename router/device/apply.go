package device

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

const (
	// groupDelete is from how many devices on they are deleted together.
	groupDelete = 32
	// maxPasses bounds how often one Apply compares anew: devices on devices need one for each layer, ports one, their options one.
	maxPasses = 24
)

// Manager keeps the devices of one network namespace. It has nothing to run: it is applied again when links change. Its methods may
// be called from any goroutine.
type Manager struct {
	// OnDrift, if set before the first Apply, is told what others changed: the link, what was found, and why it could not be mended.
	// What could not is told again until it could. It must neither block nor call the Manager.
	OnDrift func(object, what string, problem error)
	// Fault, if set, is asked before each write; an error stands for that of the kernel. It is there for tests.
	Fault func(operation string) error

	log    *slog.Logger
	writes atomic.Uint64

	mu     sync.Mutex // one Apply at a time; guards what follows
	left   memory     // how the last Apply left the links
	kernel *kernel    // opened at first use, in the namespace of the thread that needs it first

	reading sync.Mutex // guards what follows
	reader  *kernel    // as kernel, for Status
}

// New returns a Manager that has not touched anything yet.
func New(log *slog.Logger) *Manager {
	return &Manager{log: log, left: memory{originals: map[int]original{}}}
}

// Writes is how many requests that change something were sent to the kernel since New.
func (m *Manager) Writes() uint64 { return m.writes.Load() }

// open returns the netlink socket. Callers hold mu.
func (m *Manager) open() (*kernel, error) {
	if m.kernel == nil {
		k, err := openKernel(&m.writes)
		if err != nil {
			return nil, fmt.Errorf("open netlink: %w", err)
		}
		m.kernel = k
	}
	m.kernel.fault = m.Fault
	return m.kernel, nil
}

// filtering reports whether VLANs of ports have to be known.
func (c Config) filtering() bool {
	for _, d := range c.Devices {
		if d.Bridge != nil && d.Bridge.VLANFiltering {
			return true
		}
	}
	return false
}

// Apply makes want so: links leave masters, devices are deleted, made and changed, links become ports. Ports that do not exist yet
// are left for a later call. Devices that are impossible at the moment or that the kernel refuses do not hold up the others: the
// errors are joined. Applying the same again writes nothing.
func (m *Manager) Apply(ctx context.Context, want Config) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	k, err := m.open()
	if err != nil {
		return err
	}
	r := run{m: m, k: k, failed: map[string]error{}}
	var first, last *comparison
	for range maxPasses {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		have, err := k.snapshot(want.filtering())
		if err != nil {
			return fmt.Errorf("list links: %w", err)
		}
		m.left.forget(have)
		last = plan(want, have, m.left.originals, r.failed)
		last.ops = slices.DeleteFunc(last.ops, func(o operation) bool { return r.failed[o.name] != nil })
		if first == nil {
			first = last
		}
		if len(last.ops) == 0 {
			break
		}
		r.execute(ctx, last)
	}
	problems := last.told(r.failed)
	if ctx.Err() == nil {
		m.report(m.left.drift(want, first), problems)
		m.left.settle(want, last, problems)
	}
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(problems)) {
		errs = append(errs, fmt.Errorf("%s: %w", name, problems[name]))
	}
	return errors.Join(errs...)
}

// told returns all that is wrong, by name, with those that wait for a device that could not be made.
func (c *comparison) told(failed map[string]error) map[string]error {
	all := maps.Clone(failed)
	for name, text := range c.problems {
		if all[name] == nil {
			all[name] = errors.New(text)
		}
	}
	for name, lower := range c.waiting {
		if all[name] == nil {
			all[name] = fmt.Errorf("there is no %s yet", lower)
		}
	}
	return all
}

// run is one Apply.
type run struct {
	m      *Manager
	k      *kernel
	failed map[string]error // what failed is not tried again in this Apply
}

// execute carries out a plan as far as possible.
func (r *run) execute(ctx context.Context, c *comparison) {
	var doomed []present
	for _, o := range c.ops {
		if o.verb == remove {
			doomed = append(doomed, o.link)
		}
	}
	for _, o := range c.ops {
		if ctx.Err() != nil {
			return
		}
		if len(doomed) > 0 && o.verb >= remove {
			r.removeAll(doomed, c.have)
			doomed = nil
		}
		if o.verb == remove || r.failed[o.name] != nil {
			continue
		}
		r.m.log.Info(o.text(c.names), "link", o.name)
		if err := r.k.do(o); err != nil {
			r.failed[o.name] = fmt.Errorf("%s: %w", o.text(c.names), err)
			continue
		}
		r.m.left.did(o)
	}
}

// removeAll deletes devices, many of them together.
func (r *run) removeAll(devices []present, have snapshot) {
	fail := func(p present, err error) {
		if err != nil && !errors.Is(err, unix.ENODEV) { // it went with the link below
			r.failed[p.Name] = fmt.Errorf("remove: %w", err)
		}
	}
	group := together(devices, have)
	for _, p := range devices {
		r.m.log.Info("remove", "link", p.Name)
		switch {
		case group == 0:
			fail(p, r.k.remove(p))
		case p.Group != group:
			fail(p, r.k.doom(p))
		}
	}
	if group == 0 {
		return
	}
	if err := r.k.removeGroup(group); err != nil {
		for _, p := range devices {
			fail(p, err)
		}
	}
}

// together returns the link group by which devices are deleted: that which they are in, if no other link is; else one that they are
// put into first. 0: one by one.
func together(devices []present, have snapshot) uint32 {
	if len(devices) < groupDelete {
		return 0
	}
	leave := make(map[int]bool, len(devices))
	for _, p := range devices {
		leave[p.Index] = true
	}
	all, doomed := true, true
	for _, p := range have {
		switch {
		case p.Group == groupDoomed && !leave[p.Index]:
			doomed = false // someone else's link, or one that an earlier process left there and that is wanted again
		case p.Group == groupOurs && !leave[p.Index], p.Group != groupOurs && leave[p.Index]:
			all = false
		}
	}
	switch {
	case all:
		return groupOurs
	case doomed:
		return groupDoomed
	}
	return 0
}
