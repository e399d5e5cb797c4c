package lease

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Errors that a caller may want to tell apart.
var (
	// ErrBusy completes a change that came while too many waited for the disk. Nothing was changed.
	ErrBusy = errors.New("lease store: too many changes wait for the disk")
	// ErrClosed completes a change that came after Close. Nothing was changed.
	ErrClosed = errors.New("lease store is closed")
	// ErrLocked is what Open returns while another Store, of this process or another, has the directory open.
	ErrLocked = errors.New("the lease store is in use by another process")
)

// Store keeps leases in memory and in a journal on disk. All methods are safe for concurrent use, and what they return is
// the caller's, except that a returned MAC is shared and not to be written to.
type Store struct {
	log    *slog.Logger
	disk   disk
	locked io.Closer // the lock of the directory
	least  int64     // size of a journal that is worth compaction

	wake    chan struct{} // holds one value if something waits
	closing chan struct{} // closed by Close

	mu      sync.RWMutex // guards what follows
	index   index
	meta    map[string][]byte
	metaLen int64         // size of meta in a journal
	batch   batch         // what waits
	running chan struct{} // closed by the end of Run; nil when none runs
	closed  bool
	err     error // of the disk; from then on nothing is acknowledged

	io      sync.Mutex // guards what follows; held while writing, and taken before mu
	journal *journal
	spare   batch // the last batch written, for its memory
	limit   int64 // size of the journal that calls for compaction

	durable atomic.Int64 // size of the journal after the last fdatasync
}

// batch is changes that wait to be written together.
type batch struct {
	frame []byte        // a frame in the making, with room for its head
	done  []func(error) // of each change in it
}

func (b *batch) reset() {
	clear(b.done)
	b.done = b.done[:0]
	if cap(b.frame) > 1<<20 {
		b.frame = nil
	}
	b.frame = append(b.frame[:0], make([]byte, frameHead)...)
}

// Open opens the store in dir, which it makes if it is not there, and reads the journal. It fails with ErrLocked if the store
// is open elsewhere, and with a *CorruptError if acknowledged leases are damaged. Nothing is written until Run, CommitWait or
// SetMeta is called, but for the journal of a new store and the removal of a torn batch. The caller must Close it.
func Open(dir string, log *slog.Logger) (*Store, error) {
	if err := makeDir(dir); err != nil {
		return nil, fmt.Errorf("lease store: %w", err)
	}
	d := directory(dir)
	locked, err := d.lock()
	if err != nil {
		return nil, fmt.Errorf("lease store: %w", err)
	}
	s, err := open(d, log)
	if err != nil {
		locked.Close()
		return nil, err
	}
	s.locked = locked
	return s, nil
}

// open is Open without the lock.
func open(d disk, log *slog.Logger) (*Store, error) {
	s := &Store{
		log:     log,
		disk:    d,
		least:   minCompact,
		wake:    make(chan struct{}, 1),
		closing: make(chan struct{}),
		index:   newIndex(),
		meta:    make(map[string][]byte),
	}
	s.batch.reset()
	s.spare.reset()
	if err := d.remove(newName); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("lease store: %w", err)
	}
	err := s.load()
	if errors.Is(err, fs.ErrNotExist) {
		err = s.create()
	}
	if err != nil {
		if s.journal != nil {
			s.journal.f.Close()
		}
		return nil, err
	}
	s.limit = s.threshold()
	s.durable.Store(s.journal.size)
	return s, nil
}

// load replays the journal and cuts a torn batch off its end.
func (s *Store) load() error {
	f, err := s.disk.open(journalName)
	if err != nil {
		return fmt.Errorf("lease store: %w", err)
	}
	name := s.disk.path(journalName)
	j, err := replay(f, name, s.apply)
	if err != nil {
		f.Close()
		if bad := (*CorruptError)(nil); errors.As(err, &bad) {
			return err
		}
		return fmt.Errorf("read lease journal %s: %w", name, err)
	}
	s.journal = j
	size, err := f.Size()
	if err != nil {
		return fmt.Errorf("read lease journal %s: %w", name, err)
	}
	if size > j.size {
		s.log.Warn("cutting off a batch of leases that was not completely written, and so never acknowledged",
			"file", name, "offset", j.size, "bytes", size-j.size)
		if err := errors.Join(f.Truncate(j.size), f.Sync()); err != nil {
			return fmt.Errorf("truncate lease journal %s: %w", name, err)
		}
	}
	return nil
}

// create makes the journal of a new store.
func (s *Store) create() error {
	n := snapshot{disk: s.disk}
	err := n.write(nil)
	if err == nil {
		err = s.disk.rename(newName, journalName)
	}
	if err == nil {
		err = s.disk.sync()
	}
	if err != nil {
		n.abandon()
		return fmt.Errorf("create lease journal %s: %w", s.disk.path(journalName), err)
	}
	s.journal = n.journal
	return nil
}

// apply makes a replayed operation part of the index.
func (s *Store) apply(o op) {
	switch o.code {
	case opPut:
		l := o.lease
		s.index.put(&l, len(appendPut(nil, &l)))
	case opDelete:
		s.index.remove(o.ref)
	case opMeta:
		s.setMeta(o.name, slices.Clone(o.value))
	case opForget:
		s.setMeta(o.name, nil)
	}
}

// setMeta keeps value, or forgets name if it is nil.
func (s *Store) setMeta(name string, value []byte) {
	if old, ok := s.meta[name]; ok {
		s.metaLen -= int64(len(name) + len(old))
		delete(s.meta, name)
	}
	if value != nil {
		s.metaLen += int64(len(name) + len(value))
		s.meta[name] = value
	}
}

// Get returns the leases of a key by prefix, the expired among them too.
func (s *Store) Get(k Key) []Lease {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var out []Lease
	for _, e := range s.index.keys[k] {
		out = append(out, *e.lease)
	}
	return out
}

// ByPrefix returns the lease of exactly p.
func (s *Store) ByPrefix(p netip.Prefix) (Lease, bool) {
	if checkRef(Key{}, p) != nil {
		return Lease{}, false
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if e := s.index.prefixes.get(p); e != nil {
		return *e.lease, true
	}
	return Lease{}, false
}

// Overlaps reports whether there is a lease of p, of a prefix in p, or of one that p is in. After a change of the lengths
// that are delegated, ByPrefix alone would not see that a new piece covers an old lease.
func (s *Store) Overlaps(p netip.Prefix) bool {
	if checkRef(Key{}, p) != nil {
		return false
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.index.prefixes.overlaps(p)
}

// All returns all leases, sorted by prefix.
func (s *Store) All() []Lease {
	s.mu.RLock()
	refs := s.refs()
	s.mu.RUnlock()
	out := make([]Lease, len(refs))
	for i, l := range refs {
		out[i] = *l
	}
	return out
}

// Walk calls f for each lease there is at the moment, by prefix, until it returns false. It needs less memory than All; f may call
// the store.
func (s *Store) Walk(f func(Lease) bool) {
	s.mu.RLock()
	refs := s.refs()
	s.mu.RUnlock()
	for _, l := range refs {
		if !f(*l) {
			return
		}
	}
}

// refs returns all leases by prefix. The leases themselves are never written to. The caller holds mu.
func (s *Store) refs() []*Lease {
	refs := make([]*Lease, 0, s.index.count)
	for e := range s.index.prefixes.all() {
		refs = append(refs, e.lease)
	}
	return refs
}

// Len returns the number of leases.
func (s *Store) Len() int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.index.count
}

// NextExpiry returns when the first lease ends. It is in the past if there are expired leases that nobody deleted yet.
func (s *Store) NextExpiry() (time.Time, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if len(s.index.expiry) == 0 {
		return time.Time{}, false
	}
	return s.index.expiry[0].lease.Valid, true
}

// Expired returns up to limit leases whose valid lifetime ended at or before now, the earliest first. It deletes nothing:
// the caller does, once it has undone what hangs on them.
func (s *Store) Expired(now time.Time, limit int) []Lease {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.index.expiry.before(now, limit)
}

// Meta returns the value that SetMeta stored, or nil.
func (s *Store) Meta(key string) []byte {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return slices.Clone(s.meta[key])
}

// Close ends Run, writes what still waits, and gives the directory free. Reading works on. It returns the error that
// stopped the store, if one did.
func (s *Store) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	close(s.closing)
	running := s.running
	s.mu.Unlock()
	if running != nil {
		<-running
	}
	err := s.flush()
	s.io.Lock()
	defer s.io.Unlock()
	err = errors.Join(err, s.journal.f.Close())
	if s.locked != nil {
		err = errors.Join(err, s.locked.Close())
	}
	return err
}
