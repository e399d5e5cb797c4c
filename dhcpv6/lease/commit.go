package lease

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
)

// maxWaiting is how many changes may wait for the disk, beside those that are being written.
const maxWaiting = 4096

// Change is what one transaction does. It is on disk as a whole or not at all. Delete comes before Put.
type Change struct {
	Put    []Lease     // added, or in place of the lease of the same prefix, whoever had that
	Delete []DeleteRef // what is not there, or is another client's by now, is left alone
}

// DeleteRef names a lease to delete: the prefix, and the key that has to have it.
type DeleteRef struct {
	Key    Key
	Prefix netip.Prefix
}

// Commit changes the leases in memory at once and calls done once the change is on disk, from the goroutine of Run, which
// waits for it: done must not block, nor call CommitWait, SetMeta or Close. It may call Commit. Commit does not block.
//
// A change that is refused changes nothing, and done is called with the reason before Commit returns: ErrBusy, ErrClosed,
// the error that stopped the store, or what is wrong with a lease. If a later error of the disk is what done is called with, then the
// change is in memory and may or may not be on disk. A nil done is allowed. Without a Run changes only wait.
func (s *Store) Commit(c Change, done func(error)) {
	if err := s.commit(c, done); err != nil && done != nil {
		done(err)
	}
}

func (s *Store) commit(c Change, done func(error)) error {
	put := make([]*Lease, len(c.Put))
	for i, l := range c.Put {
		put[i] = normal(l)
		if err := put[i].check(); err != nil {
			return err
		}
	}
	for _, d := range c.Delete {
		if err := checkRef(d.Key, d.Prefix); err != nil {
			return err
		}
	}
	sizes := make([]int, len(put))
	return s.enqueue(done, func(b []byte) []byte {
		for _, d := range c.Delete {
			b = appendDelete(b, d)
		}
		for i, l := range put {
			before := len(b)
			b = appendPut(b, l)
			sizes[i] = len(b) - before
		}
		return b
	}, func() {
		for _, d := range c.Delete {
			s.index.remove(d)
		}
		for i, l := range put {
			s.index.put(l, sizes[i])
		}
	})
}

// enqueue adds to the batch what encode appends, and makes the same change in memory with apply, or returns why not.
func (s *Store) enqueue(done func(error), encode func([]byte) []byte, apply func()) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.err != nil:
		return s.err
	case s.closed:
		return ErrClosed
	case len(s.batch.done) >= maxWaiting || len(s.batch.frame) > maxPending:
		return ErrBusy
	}
	before := len(s.batch.frame)
	s.batch.frame = encode(s.batch.frame)
	if n := len(s.batch.frame) - before; n > maxChange {
		s.batch.frame = s.batch.frame[:before]
		return fmt.Errorf("lease store: a change of %d bytes, of at most %d", n, maxChange)
	}
	s.batch.done = append(s.batch.done, done)
	apply()
	select {
	case s.wake <- struct{}{}:
	default:
	}
	return nil
}

// CommitWait is Commit that blocks until the change is on disk or refused. It works without a Run too. If ctx ends
// before, it returns the cause, and the change may still come to be.
func (s *Store) CommitWait(ctx context.Context, c Change) error {
	result := make(chan error, 1)
	s.Commit(c, func(err error) { result <- err })
	return s.wait(ctx, result)
}

// SetMeta stores a small value under a key, such as the DUID of the server, and blocks until it is on disk. It works without
// a Run too. A nil value forgets the key.
func (s *Store) SetMeta(key string, value []byte) error {
	if len(key) > maxString || len(value) > maxValue {
		return fmt.Errorf("lease store: key of %d bytes, value of %d bytes", len(key), len(value))
	}
	value = slices.Clone(value)
	result := make(chan error, 1)
	err := s.enqueue(func(err error) { result <- err }, func(b []byte) []byte {
		if value == nil {
			return appendForget(b, key)
		}
		return appendMeta(b, key, value)
	}, func() { s.setMeta(key, value) })
	if err != nil {
		return err
	}
	return s.wait(context.Background(), result)
}

// wait waits for the result of a change that was enqueued before, and writes it itself if no Run will.
func (s *Store) wait(ctx context.Context, result <-chan error) error {
	s.mu.RLock()
	running := s.running != nil
	s.mu.RUnlock()
	if !running {
		s.flush()
	}
	select {
	case err := <-result:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Run writes changes until ctx ends or the store is closed, then writes what still waits and returns nil. It returns the
// error of the disk that stops the store for good; the way on is Close and Open. Only one Run may be active.
func (s *Store) Run(ctx context.Context) error {
	s.mu.Lock()
	switch {
	case s.closed:
		s.mu.Unlock()
		return ErrClosed
	case s.running != nil:
		s.mu.Unlock()
		return errors.New("lease store: Run is active already")
	}
	running := make(chan struct{})
	s.running = running
	s.mu.Unlock()
	defer close(running)

	var c compaction
	for {
		err := s.flush()
		if err == nil {
			err = s.compact(&c)
		}
		if err != nil {
			c.stop()
			s.stopped()
			return err
		}
		select {
		case <-s.wake:
			continue
		case <-c.ready():
			continue
		case <-ctx.Done():
		case <-s.closing:
		}
		c.stop()
		if s.stopped() {
			return nil
		}
	}
}

// stopped ends the time in which others may rely on Run, unless something still waits.
func (s *Store) stopped() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.batch.done) > 0 && s.err == nil {
		return false
	}
	s.running = nil
	return true
}

// flush writes what waits and completes it. It returns the error that stopped the store, now or before.
func (s *Store) flush() error {
	s.io.Lock()
	defer s.io.Unlock()
	_, err := s.writeBatch(false)
	return err
}

// writeBatch writes what waits and completes it. If asked for, it returns the live state as of that batch. The caller
// holds io.
func (s *Store) writeBatch(snap bool) (*snapshot, error) {
	s.mu.Lock()
	if s.err != nil {
		s.mu.Unlock()
		return nil, s.err
	}
	b := s.batch
	if len(b.done) > 0 {
		s.batch = s.spare
	}
	var n *snapshot
	if snap {
		n = s.snapshot()
	}
	s.mu.Unlock()

	if len(b.done) > 0 {
		err := s.journal.appendFrame(b.frame, s.journal.seq+1)
		if err == nil {
			err = s.journal.f.Sync()
		}
		if err != nil {
			return nil, s.fail(err, b.done)
		}
		s.durable.Store(s.journal.size)
		for _, done := range b.done {
			if done != nil {
				done(nil)
			}
		}
		b.reset()
		s.spare = b
	}
	if n != nil {
		n.id, n.seq, n.from = s.journal.id, s.journal.seq, s.journal.size
	}
	return n, nil
}

// fail stops the store, and completes with the error the changes of which nobody knows whether they are on disk, then those
// that wait.
func (s *Store) fail(err error, unsure []func(error)) error {
	err = fmt.Errorf("write lease journal %s: %w", s.disk.path(journalName), err)
	s.mu.Lock()
	s.err = err
	waiting := s.batch.done
	s.batch.done = nil
	s.mu.Unlock()
	for _, list := range [][]func(error){unsure, waiting} {
		for _, done := range list {
			if done != nil {
				done(err)
			}
		}
	}
	return err
}
