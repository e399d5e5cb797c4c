package vxlan

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// groupDelete is from how many devices on they are deleted together: one by one costs some 30 ms each.
const groupDelete = 32

// Manager keeps the VXLAN devices of one network namespace. Its methods may be called from any goroutine.
type Manager struct {
	// OnDrift, if set before the first Apply, is told what others changed: the device, what was found, and why it could not be
	// mended. What could not is told again until it could. It must neither block nor call the Manager.
	OnDrift func(object, what string, problem error)

	// OnRemote, if set before Run, is told when an address is the first that is learnt behind a remote. It must neither block nor call
	// the Manager.
	OnRemote func(device string, remote netip.Addr, mac MAC)

	log    *slog.Logger
	writes atomic.Uint64
	wake   chan struct{} // Apply has left problems that Run should look after

	applying sync.Mutex // held while the kernel is compared and written; guards the next lines
	left     memory     // how the last sync left the devices
	kernel   *kernel    // opened at first use, in the namespace of the thread that needs it first

	mu       sync.Mutex // guards what follows
	applied  bool       // Apply was called: without it Run must not take an empty want for "delete all"
	want     Config
	final    map[string]Device
	problems map[string]string
	names    map[int]string   // of our devices, by index
	known    map[meeting]bool // remotes that OnRemote was told of
}

// New returns a Manager that has not touched anything yet.
func New(log *slog.Logger) *Manager {
	return &Manager{log: log, wake: make(chan struct{}, 1)}
}

// Writes is how many requests that change something were sent to the kernel since New.
func (m *Manager) Writes() uint64 { return m.writes.Load() }

// Apply makes the devices of this router those of want: it creates, changes and deletes. Devices that are impossible at the moment
// or that the kernel refuses do not hold up the others: they are reported, joined, in the error and each in its Status, and Run
// tries again when links change. Applying the same again writes nothing.
func (m *Manager) Apply(ctx context.Context, want Config) error {
	m.mu.Lock()
	m.want = Config{Devices: maps.Clone(want.Devices)}
	m.applied = true
	m.mu.Unlock()
	err := m.sync(ctx)
	select {
	case m.wake <- struct{}{}:
	default:
	}
	return err
}

// sync compares and writes.
func (m *Manager) sync(ctx context.Context) error {
	m.applying.Lock()
	defer m.applying.Unlock()
	m.mu.Lock()
	want, applied := m.want, m.applied
	m.mu.Unlock()
	if !applied {
		return nil
	}
	k, err := m.open()
	if err != nil {
		return err
	}
	have, err := k.snapshot()
	if err != nil {
		return fmt.Errorf("list links: %w", err)
	}
	ops := plan(want, have, kernelRejoins())
	m.mu.Lock()
	m.final, m.problems = ops.Final, maps.Clone(ops.Problems)
	m.names = ourNames(have)
	m.forget()
	m.mu.Unlock()
	if len(ops.Create)+len(ops.Modify) > 0 {
		if err := raiseLimits(memberships(want, have)); err != nil { // the device whose group is one too many has the error
			m.log.Warn("raise limit of multicast groups", "error", err)
		}
	}
	errs := m.execute(ctx, k, ops, have)
	for _, problem := range ops.problems() {
		errs = append(errs, errors.New(problem))
	}
	m.mu.Lock()
	problems := maps.Clone(m.problems)
	m.mu.Unlock()
	if ctx.Err() == nil {
		drift := m.left.drift(want, ops, have)
		m.left = m.left.settle(want, ops, have, problems, len(errs) == 0)
		m.report(drift, problems)
	}
	return errors.Join(errs...)
}

// open returns the netlink sockets. Callers hold applying.
func (m *Manager) open() (*kernel, error) {
	if m.kernel == nil {
		k, err := openKernel(&m.writes)
		if err != nil {
			return nil, fmt.Errorf("open netlink: %w", err)
		}
		m.kernel = k
	}
	return m.kernel, nil
}

// execute carries out ops as far as possible.
func (m *Manager) execute(ctx context.Context, k *kernel, ops operations, have snapshot) []error {
	var errs []error
	fail := func(name, what string, err error) {
		errs = append(errs, fmt.Errorf("%s vxlan device %s: %w", what, name, err))
		m.mu.Lock()
		m.problems[name] = fmt.Sprintf("%s: %v", what, err)
		m.mu.Unlock()
	}
	if err := removeAll(k, ops.Remove, have); err != nil {
		errs = append(errs, err)
	}
	for _, o := range ops.Modify {
		if ctx.Err() != nil {
			return append(errs, ctx.Err())
		}
		m.log.Info("change vxlan device", "device", o.Device.Name)
		err := k.modify(o.Index, o.Change)
		if errors.Is(err, unix.EAFNOSUPPORT) {
			// Without a single address the kernel does not tell the family of a device: it was the other one.
			m.log.Info("make vxlan device anew, its address family is another", "device", o.Device.Name)
			if err = k.remove(o.Index); err == nil {
				p := have.byName()[o.Device.Name]
				err = k.create(creation{Device: o.Device, Link: o.Change.link(p.Vxlan.Link), MAC: p.MAC})
			}
		}
		if err != nil {
			fail(o.Device.Name, "change", err)
		}
	}
	for _, o := range ops.Create {
		if ctx.Err() != nil {
			return append(errs, ctx.Err())
		}
		m.log.Info("create vxlan device", "device", o.Device.Name, "vni", o.Device.VNI, "group", addrText(o.Device.Group),
			"remotes", len(o.Device.Remotes), "link", o.Device.Link)
		if err := k.create(o); err != nil {
			fail(o.Device.Name, "create", worded(err, o.Device))
		}
	}
	return errs
}

// worded says what a refusal of the kernel to make d means.
func worded(err error, d Device) error {
	switch {
	case errors.Is(err, unix.EEXIST):
		return fmt.Errorf("another device has VNI %d on port %d: %w", d.VNI, d.Port, err)
	case errors.Is(err, unix.EADDRINUSE):
		return fmt.Errorf("UDP port %d is taken by a program, or by a VXLAN device of others with options that a port cannot have together (gbp, external, udp6zerocsumrx): %w",
			d.Port, err)
	case errors.Is(err, unix.ENOBUFS) || errors.Is(err, unix.ENOMEM):
		return fmt.Errorf("the kernel joins no more multicast groups on port %d: see net.ipv4.igmp_max_memberships and net.core.optmem_max: %w", d.Port, err)
	}
	return err
}

// removeAll deletes devices, many of them together.
func removeAll(k *kernel, devices []present, have snapshot) error {
	var errs []error
	together := len(devices) >= groupDelete
	doomed := make(map[int]bool, len(devices))
	for _, p := range devices {
		doomed[p.Index] = true
	}
	for _, p := range have {
		if p.Group == groupDoomed && !doomed[p.Index] {
			together = false // someone else's link, or one that an earlier process left there and that is wanted again
		}
	}
	for _, p := range devices {
		var err error
		switch {
		case !together:
			err = k.remove(p.Index)
		case p.Group != groupDoomed:
			err = k.doom(p.Index)
		}
		if err != nil && !errors.Is(err, unix.ENODEV) {
			errs = append(errs, fmt.Errorf("delete vxlan device %s: %w", p.Name, err))
		}
	}
	if together {
		if err := k.removeDoomed(); err != nil {
			errs = append(errs, fmt.Errorf("delete %d vxlan devices: %w", len(devices), err))
		}
	}
	return errors.Join(errs...)
}
