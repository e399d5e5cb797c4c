package vxlan

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

const (
	settle  = 100 * time.Millisecond // links change in bursts: look once
	rest    = 10                     // times that a look took pass before the next: whoever can send to us can fill a forwarding table
	longest = 10 * time.Second       // that anything waits for a look
	recheck = 30 * time.Second       // while something is wrong that no event may tell the end of
	patient = 2 * time.Second        // that something is wrong before it is worth a word: a link may go just before we are told to do without it
)

// Run makes and changes devices when the links under them appear or change, until ctx ends; then it returns nil. It leaves the
// devices where they are: traffic goes on while the router restarts. It listens in the network namespace of the calling thread.
func (m *Manager) Run(ctx context.Context) error {
	events, err := subscribe()
	if err != nil {
		return fmt.Errorf("watch links: %w", err)
	}
	changed := make(chan struct{}, 1)
	ended := make(chan error, 1)
	go func() { ended <- m.listen(events, changed) }()
	err = m.look(ctx, changed, ended)
	if derr := events.SetReadDeadline(time.Unix(1, 0)); derr != nil {
		return errors.Join(err, derr)
	}
	return errors.Join(err, <-ended, events.Close())
}

// look synchronizes after changes.
func (m *Manager) look(ctx context.Context, changed <-chan struct{}, ended chan error) error {
	var wrong complaint
	pause := settle
	for {
		var again <-chan time.Time
		if wrong.text != "" || m.troubled() {
			again = time.After(wrong.wait(recheck, time.Now()))
		}
		select {
		case <-ctx.Done():
			return nil
		case err := <-ended:
			ended <- nil
			return err
		case <-m.wake: // for m.troubled
			continue
		case <-again:
		case <-changed:
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(pause):
			}
		}
		text, began := "", time.Now()
		if err := m.sync(ctx); err != nil {
			text = err.Error()
		}
		pause = min(max(settle, rest*time.Since(began)), longest)
		if wrong.due(text, time.Now()) && ctx.Err() == nil {
			m.log.Warn("vxlan devices are not as configured", "error", text)
		}
	}
}

func (m *Manager) troubled() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.problems) > 0
}

// subscribe opens a netlink socket that hears of changes of links and forwarding entries.
func subscribe() (*os.File, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, err
	}
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: unix.RTMGRP_LINK | unix.RTMGRP_NEIGH}); err != nil {
		return nil, errors.Join(err, unix.Close(fd))
	}
	return os.NewFile(uintptr(fd), "rtnetlink"), nil
}

// listen says that something changed, whatever it is, until the deadline of events passes.
func (m *Manager) listen(events *os.File, changed chan<- struct{}) error {
	b := make([]byte, 1<<16)
	for {
		n, err := events.Read(b)
		look := true
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			return nil
		case errors.Is(err, unix.ENOBUFS): // events were lost: reason enough to look
		case err != nil:
			return err
		default:
			look = m.hear(b[:n])
		}
		if !look {
			continue
		}
		select {
		case changed <- struct{}{}:
		default:
		}
	}
}

// hear reads notifications and tells whether they may concern what this package keeps. What is learnt does not: it comes with traffic.
func (m *Manager) hear(b []byte) (look bool) {
	for len(b) >= unix.SizeofNlMsghdr {
		length := int(binary.NativeEndian.Uint32(b))
		if length < unix.SizeofNlMsghdr || length > len(b) {
			return true
		}
		body := b[unix.SizeofNlMsghdr:length]
		switch kind := binary.NativeEndian.Uint16(b[4:]); kind {
		case unix.RTM_NEWNEIGH, unix.RTM_DELNEIGH:
			r, ok := parseForwarding(body)
			switch {
			case !ok:
			case r.fixed():
				look = true
			case kind == unix.RTM_NEWNEIGH:
				m.met(r)
			}
		default:
			look = true
		}
		b = b[min((length+unix.NLMSG_ALIGNTO-1)&^(unix.NLMSG_ALIGNTO-1), len(b)):]
	}
	return look
}
