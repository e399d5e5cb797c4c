package lease

import (
	"context"
	"errors"
	"io"
	"maps"
	"slices"
)

const (
	minCompact = 4 << 20 // below this size of the journal compaction is not worth it
	growth     = 4       // how much larger than the live state the journal may be
	maxTail    = 1 << 18 // of batches that Run copies itself, in bytes
)

// threshold is the size of the journal from which on it is written anew. The caller holds mu or has the store for itself.
func (s *Store) threshold() int64 {
	return max(s.least, growth*(s.index.bytes+s.metaLen))
}

// compaction is the goroutine that writes a new journal, as seen by Run. The zero value is none.
type compaction struct {
	snapshot *snapshot
	cancel   context.CancelFunc
	done     chan struct{} // closed when the goroutine ended
	err      error         // its result; valid once done is closed
}

func (c *compaction) ready() <-chan struct{} { return c.done }

// stop ends the goroutine and waits for it.
func (c *compaction) stop() {
	if c.done == nil {
		return
	}
	c.cancel()
	<-c.done
	c.snapshot.abandon()
	*c = compaction{}
}

// compact starts a compaction if one is due, and takes the new journal into use when it is written. The error is one that
// stops the store.
func (s *Store) compact(c *compaction) error {
	s.io.Lock()
	defer s.io.Unlock()
	if c.done != nil {
		select {
		case <-c.done:
			return s.finish(c)
		default:
			return nil
		}
	}
	if s.journal.size < s.limit {
		return nil
	}
	s.mu.RLock()
	s.limit = s.threshold()
	s.mu.RUnlock()
	if s.journal.size < s.limit {
		return nil
	}
	n, err := s.writeBatch(true)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	*c = compaction{snapshot: n, cancel: cancel, done: make(chan struct{})}
	old := s.journal.f
	go func() {
		defer close(c.done)
		c.err = n.write(ctx.Done())
		if c.err == nil {
			c.err = n.follow(ctx.Done(), old, s.durable.Load)
		}
	}()
	return nil
}

// finish takes a new journal into use. The caller holds io.
func (s *Store) finish(c *compaction) error {
	n, err := c.snapshot, c.err
	c.cancel()
	*c = compaction{}
	if err == nil {
		err = n.copy(s.journal.f, s.journal.size)
	}
	if err == nil {
		err = n.journal.f.Sync()
	}
	if err != nil {
		n.abandon()
		s.limit = 2 * s.journal.size
		s.log.Error("lease journal could not be compacted; trying again when it is twice as large",
			"file", s.disk.path(journalName), "bytes", s.journal.size, "error", err)
		return nil
	}
	// From here on it is not known under which of the two files the name is found after a crash.
	if err := s.disk.rename(newName, journalName); err != nil {
		n.journal.f.Close()
		return s.fail(err, nil)
	}
	if err := s.disk.sync(); err != nil {
		n.journal.f.Close()
		return s.fail(err, nil)
	}
	n.journal.seq = s.journal.seq
	s.log.Info("lease journal compacted", "file", s.disk.path(journalName), "before", s.journal.size, "after", n.journal.size)
	s.journal.f.Close() // all that it held is in the new one
	s.journal = n.journal
	s.durable.Store(s.journal.size)
	s.mu.RLock()
	s.limit = s.threshold()
	s.mu.RUnlock()
	return nil
}

// snapshot is the live state at some batch, on its way to a new journal.
type snapshot struct {
	disk    disk
	leases  []*Lease
	meta    map[string][]byte
	id      [8]byte
	seq     uint64   // of the last batch in it
	from    int64    // where in the old journal the batches begin that are not yet in the new one
	journal *journal // the new one
}

// snapshot takes the live state. The caller holds mu.
func (s *Store) snapshot() *snapshot {
	return &snapshot{disk: s.disk, leases: s.refs(), meta: maps.Clone(s.meta)}
}

var errStopped = errors.New("stopped")

// write writes the state to a new journal, and makes it durable, unless stop is closed before.
func (n *snapshot) write(stop <-chan struct{}) error {
	f, err := n.disk.create(newName)
	if err != nil {
		return err
	}
	if n.journal, err = newJournal(f, n.id); err != nil {
		f.Close()
		return err
	}
	frame := make([]byte, frameHead, frameHead+snapPayload+4096)
	flush := func(least int) error {
		select {
		case <-stop:
			return errStopped
		default:
		}
		if len(frame) < least {
			return nil
		}
		err := n.journal.appendFrame(frame, n.seq)
		frame = frame[:frameHead]
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(n.meta)) {
		frame = appendMeta(frame, name, n.meta[name])
		if err := flush(snapPayload); err != nil {
			return err
		}
	}
	for _, l := range n.leases {
		frame = appendPut(frame, l)
		if err := flush(snapPayload); err != nil {
			return err
		}
	}
	n.leases, n.meta = nil, nil
	frame = append(frame, opEnd)
	if err := flush(0); err != nil {
		return err
	}
	return n.journal.f.Sync()
}

// follow copies the batches that were written to the old journal meanwhile, until few are left. durable tells up to where
// the old journal is complete.
func (n *snapshot) follow(stop <-chan struct{}, old file, durable func() int64) error {
	for range 8 {
		select {
		case <-stop:
			return errStopped
		default:
		}
		end := durable()
		if end-n.from < maxTail {
			break
		}
		if err := n.copy(old, end); err != nil {
			return err
		}
		if err := n.journal.f.Sync(); err != nil {
			return err
		}
	}
	return nil
}

// copy appends what the old journal holds from n.from to end.
func (n *snapshot) copy(old file, end int64) error {
	w := io.NewOffsetWriter(n.journal.f, n.journal.size)
	copied, err := io.Copy(w, io.NewSectionReader(old, n.from, end-n.from))
	if err == nil && copied != end-n.from {
		err = io.ErrUnexpectedEOF
	}
	n.from += copied
	n.journal.size += copied
	return err
}

// abandon removes what was written.
func (n *snapshot) abandon() {
	if n.journal != nil {
		n.journal.f.Close()
	}
	n.disk.remove(newName) // if that fails, the next Open or compaction does it
}
