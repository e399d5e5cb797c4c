package vxlan

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

const (
	settle  = 100 * time.Millisecond // links change in bursts: look once
	recheck = 30 * time.Second       // while something is wrong that no event may tell the end of
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
	go func() { ended <- listen(events, changed) }()
	err = m.look(ctx, changed, ended)
	if derr := events.SetReadDeadline(time.Unix(1, 0)); derr != nil {
		return errors.Join(err, derr)
	}
	return errors.Join(err, <-ended, events.Close())
}

// look synchronizes after changes.
func (m *Manager) look(ctx context.Context, changed <-chan struct{}, ended chan error) error {
	last := ""
	for {
		var again <-chan time.Time
		if m.troubled() {
			again = time.After(recheck)
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
			case <-time.After(settle):
			}
		}
		text := ""
		if err := m.sync(ctx); err != nil {
			text = err.Error()
		}
		if text != last && text != "" && ctx.Err() == nil {
			m.log.Warn("vxlan devices are not as configured", "error", text)
		}
		last = text
	}
}

func (m *Manager) troubled() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.problems) > 0
}

// subscribe opens a netlink socket that hears of link changes.
func subscribe() (*os.File, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, err
	}
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: unix.RTMGRP_LINK}); err != nil {
		return nil, errors.Join(err, unix.Close(fd))
	}
	return os.NewFile(uintptr(fd), "rtnetlink"), nil
}

// listen says that something changed, whatever it is, until the deadline of events passes.
func listen(events *os.File, changed chan<- struct{}) error {
	b := make([]byte, 1<<16)
	for {
		_, err := events.Read(b)
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			return nil
		case errors.Is(err, unix.ENOBUFS): // events were lost: reason enough to look
		case err != nil:
			return err
		}
		select {
		case changed <- struct{}{}:
		default:
		}
	}
}
