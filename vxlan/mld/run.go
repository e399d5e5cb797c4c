package mld

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"
)

const (
	maxMessage = 9216             // larger frames than jumbo ones carry no reports
	retryEvery = 30 * time.Second // what does not work
)

// Run asks, answers the kernel and hears hosts until ctx ends; then it returns nil. It leaves the forwarding entries where they are:
// a router that is started again goes on with them. It opens its sockets in the network namespace of the calling thread. When it
// returns an error it may be called again.
func (m *Manager) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var running sync.WaitGroup
	begin := func(f func() error) {
		running.Add(1)
		go func() {
			defer running.Done()
			if err := f(); err != nil {
				cancel(err)
			}
		}()
	}
	if err := m.start(begin); err != nil {
		return err
	}
	m.serve(ctx)
	err := m.stop()
	running.Wait()
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) && !errors.Is(cause, context.DeadlineExceeded) {
		return errors.Join(cause, err)
	}
	return err
}

// start opens the sockets if Apply has not and there is something to do, and receives from them.
func (m *Manager) start(begin func(func() error)) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.spawn != nil {
		return errors.New("mld: Run is already running")
	}
	if m.sys == nil && len(m.want.Links) > 0 {
		sys, err := m.open()
		if err != nil {
			return err
		}
		m.sys = sys
		// What a Run before this one did is gone with its sockets. What does not work is in the Status.
		_ = m.sync(time.Now())
	}
	m.spawn = begin
	m.hear()
	m.ask()
	return nil
}

// hear hears hosts and other routers, if Run is running and has sockets. Callers hold mu.
func (m *Manager) hear() {
	if m.spawn == nil || m.sys == nil {
		return
	}
	sys := m.sys
	m.spawn(func() error { return m.receive(sys) })
}

// stop closes the sockets, and forgets what went with them.
func (m *Manager) stop() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	sys := m.sys
	m.sys, m.spawn = nil, nil
	m.links, m.indexes = map[string]*link{}, map[string]int{}
	for i := range m.memberships {
		m.memberships[i] = map[membership]filter{}
	}
	m.modes, m.mifs, m.mifIndexes, m.cache = map[int]bool{}, map[string]int{}, map[string]int{}, newCache()
	if sys == nil {
		return nil
	}
	sys.interrupt()
	return sys.close()
}

// ask hears the questions of the kernel, if Run is running and multicast routing is on. Callers hold mu.
func (m *Manager) ask() {
	if m.spawn == nil || m.sys == nil || !m.sys.routing() {
		return
	}
	next := m.sys.questions()
	m.spawn(func() error {
		b := make([]byte, 2048)
		for {
			q, ok, err := next(b)
			switch {
			case errors.Is(err, os.ErrClosed):
				return nil
			case err != nil:
				m.log.Warn("hear the questions of the kernel", "error", err)
				return nil
			case ok:
				m.mu.Lock()
				if m.sys != nil {
					m.asked(q, time.Now())
				}
				m.mu.Unlock()
			}
		}
	})
}

// serve does what is due, until ctx ends.
func (m *Manager) serve(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	retry := time.NewTicker(retryEvery)
	defer retry.Stop()
	for {
		var looking, retrying <-chan time.Time
		if m.busy() {
			looking, retrying = look.C, retry.C // tickers that nobody waits for wake nobody
		}
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-m.wake:
		case now := <-looking:
			m.mu.Lock()
			m.look(now)
			m.mu.Unlock()
			continue
		case now := <-retrying:
			m.mu.Lock()
			if len(m.problems) > 0 {
				_ = m.sync(now) // what still does not work is in the Status
			}
			m.mu.Unlock()
		}
		timer.Reset(m.tick(time.Now()))
	}
}

// busy reports whether there is or was something to do.
func (m *Manager) busy() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.sys != nil || len(m.want.Links) > 0
}

// tick does what is due on all links, and says how long until the next.
func (m *Manager) tick(now time.Time) time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	next := now.Add(time.Hour)
	for _, name := range names(m.links) {
		l := m.links[name]
		l.tick(now)
		m.settleLink(l, now)
		if t := l.next(); !t.IsZero() && t.Before(next) {
			next = t
		}
	}
	m.due = next
	return max(next.Sub(now), time.Millisecond)
}

// receive hears hosts and other routers until the socket is interrupted.
func (m *Manager) receive(sys system) error {
	b := make([]byte, maxMessage)
	for {
		n, p, err := sys.receive(b)
		if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, os.ErrClosed) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("receive reports: %w", err)
		}
		m.heard(b[:n], p, time.Now())
	}
}

// heard handles a message.
func (m *Manager) heard(b []byte, p packet, now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	name := m.byIndex[p.index]
	l := m.links[name]
	if l == nil {
		return // the kernel hears reports on all links
	}
	reason := check(p)
	var msg message
	if reason == "" {
		msg, reason = parse(b)
	}
	if reason != "" {
		l.drop(reason)
		return
	}
	l.receive(p.source, msg, now)
	m.settleLink(l, now)
	if next := l.next(); !next.IsZero() && next.Before(m.due) {
		m.poke()
	}
}

// check does what RFC 3810 6.2 and 7.4 ask of all messages.
func check(p packet) string {
	switch {
	case p.long:
		return DropLong
	case p.hopLimit != 1:
		return DropHopLimit
	case !p.source.IsLinkLocalUnicast():
		return DropSource
	case !p.alert:
		return DropAlert
	}
	return ""
}
