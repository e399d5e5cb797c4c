package lease

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
)

// What comes while a batch is being written goes together into the next one; beyond 4096 changes it is refused at once.
func TestGroupCommit(t *testing.T) {
	d := newMemDisk()
	s := openMem(t, d)
	syncing, release := make(chan struct{}), make(chan struct{})
	var syncs atomic.Int64
	d.hook = func(op string) error {
		if op == "sync" && syncs.Add(1) == 1 {
			close(syncing)
			<-release
		}
		return nil
	}
	stop := run(t, s)
	var order []int
	var mu sync.Mutex
	commit := func(i int) {
		s.Commit(Change{Put: []Lease{delegated(i)}}, func(err error) {
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				order = append(order, i)
			}
		})
	}
	commit(0)
	<-syncing
	for i := range maxWaiting {
		commit(i + 1)
	}
	if got := s.Len(); got != maxWaiting+1 {
		t.Errorf("%d leases in memory before they are on disk, want %d", got, maxWaiting+1)
	}
	busy := make(chan error, 1)
	s.Commit(Change{Put: []Lease{delegated(9999)}}, func(err error) { busy <- err })
	select {
	case err := <-busy:
		if !errors.Is(err, ErrBusy) {
			t.Errorf("error %v, want ErrBusy", err)
		}
	default:
		t.Error("the change beyond the bound is not refused at once")
	}
	if _, ok := s.ByPrefix(delegated(9999).Prefix); ok {
		t.Error("the refused change is in memory")
	}
	mu.Lock()
	if len(order) != 0 {
		t.Errorf("%d changes were completed before the sync", len(order))
	}
	mu.Unlock()
	close(release)
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if len(order) != maxWaiting+1 {
		t.Fatalf("%d changes were completed, want %d", len(order), maxWaiting+1)
	}
	for i, got := range order {
		if got != i {
			t.Fatalf("change %d was completed as number %d", got, i)
		}
	}
	if got := syncs.Load(); got != 2 {
		t.Errorf("%d syncs, want 2", got)
	}
}

func TestRunEndsAndStartsAgain(t *testing.T) {
	s := openMem(t, newMemDisk())
	for i := range 3 {
		stop := run(t, s)
		put(t, s, delegated(i))
		if err := stop(); err != nil {
			t.Fatal(err)
		}
	}
	// Without Run, changes wait, and CommitWait writes them with its own.
	first := make(chan error, 1)
	s.Commit(Change{Put: []Lease{delegated(10)}}, func(err error) { first <- err })
	put(t, s, delegated(11))
	if err := <-first; err != nil {
		t.Fatal(err)
	}
	// And so does Close.
	s.Commit(Change{Put: []Lease{delegated(12)}}, func(err error) { first <- err })
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-first; err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{s.CommitWait(t.Context(), Change{}), s.SetMeta("a", nil), s.Run(t.Context())} {
		if !errors.Is(err, ErrClosed) {
			t.Errorf("after Close: %v, want ErrClosed", err)
		}
	}
	if s.Len() != 6 {
		t.Errorf("%d leases, want 6", s.Len())
	}
}

func TestOneRun(t *testing.T) {
	s := openMem(t, newMemDisk())
	run(t, s)
	eventually(t, "run", func() bool {
		s.mu.RLock()
		defer s.mu.RUnlock()
		return s.running != nil
	})
	if err := s.Run(t.Context()); err == nil {
		t.Error("a second Run was allowed")
	}
}

func TestCommitWaitEnds(t *testing.T) {
	d := newMemDisk()
	s := openMem(t, d)
	release := make(chan struct{})
	defer close(release)
	d.hook = func(op string) error {
		if op == "sync" {
			<-release
		}
		return nil
	}
	go s.Run(t.Context())
	eventually(t, "run", func() bool {
		s.mu.RLock()
		defer s.mu.RUnlock()
		return s.running != nil
	})
	ctx, cancel := context.WithCancelCause(t.Context())
	gone := errors.New("gone")
	cancel(gone)
	if err := s.CommitWait(ctx, Change{Put: []Lease{delegated(1)}}); !errors.Is(err, gone) {
		t.Errorf("error %v, want %v", err, gone)
	}
}

func TestHugeChange(t *testing.T) {
	s := openMem(t, newMemDisk())
	var c Change
	for i := range 60_000 {
		c.Put = append(c.Put, delegated(i))
	}
	if err := s.CommitWait(t.Context(), c); err == nil || s.Len() != 0 {
		t.Errorf("error %v, %d leases", err, s.Len())
	}
	put(t, s, c.Put[:20_000]...)
	if s.Len() != 20_000 {
		t.Errorf("%d leases", s.Len())
	}
}

func TestLock(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir)
	if _, err := Open(dir, slog.New(slog.DiscardHandler)); !errors.Is(err, ErrLocked) {
		t.Errorf("second open: %v, want ErrLocked", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	mustOpen(t, dir)
}

// Everything at once, for the race detector.
func TestConcurrentUse(t *testing.T) {
	s := mustOpen(t, t.TempDir())
	s.least = 10_000
	stop := run(t, s)
	var wg sync.WaitGroup
	for c := range 8 {
		wg.Go(func() {
			for i := range 100 {
				l := renewed(c, i)
				s.Commit(Change{Put: []Lease{l}}, func(err error) {
					if err != nil {
						t.Error(err)
					}
				})
				s.Get(l.Key)
				s.ByPrefix(l.Prefix)
				s.Overlaps(l.Prefix)
				s.Expired(epoch, 3)
				s.NextExpiry()
				if i%10 == 0 {
					s.All()
					if err := s.SetMeta("k", []byte{byte(i)}); err != nil {
						t.Error(err)
					}
					s.Meta("k")
				}
			}
		})
	}
	wg.Wait()
	if err := stop(); err != nil {
		t.Error(err)
	}
}
