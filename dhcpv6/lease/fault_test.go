package lease

import (
	"errors"
	"log/slog"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
)

// failOn returns a hook that fails the n-th operation of a kind, counted from 1 at its creation, and those after it.
func failOn(op string, n int64, err error) func(string) error {
	var count atomic.Int64
	return func(o string) error {
		if o == op && count.Add(1) >= n {
			return err
		}
		return nil
	}
}

func TestDiskErrorStopsTheStore(t *testing.T) {
	for _, op := range []string{"write", "sync"} {
		t.Run(op, func(t *testing.T) {
			d := newMemDisk()
			s := openMem(t, d)
			result := make(chan error, 1)
			go func() { result <- s.Run(t.Context()) }()
			put(t, s, delegated(1))

			d.mu.Lock() // the hook is read without it, but nothing is being written now
			block, release := make(chan struct{}), make(chan struct{})
			var once sync.Once
			fail := failOn(op, 1, syscall.ENOSPC)
			d.hook = func(o string) error {
				once.Do(func() { close(block); <-release })
				return fail(o)
			}
			d.mu.Unlock()

			first, second := make(chan error, 1), make(chan error, 1)
			s.Commit(Change{Put: []Lease{delegated(2)}}, func(err error) { first <- err })
			<-block
			s.Commit(Change{Put: []Lease{delegated(3)}}, func(err error) { second <- err })
			s.Commit(Change{Put: []Lease{delegated(4)}}, nil)
			close(release)
			for i, err := range []error{<-first, <-second, <-result, s.CommitWait(t.Context(), Change{}), s.SetMeta("a", nil), s.Run(t.Context())} {
				if !errors.Is(err, syscall.ENOSPC) {
					t.Errorf("error %d is %v, want ENOSPC", i, err)
				}
			}
			at := make(chan error, 1)
			s.Commit(Change{Put: []Lease{delegated(5)}}, func(err error) { at <- err })
			select {
			case err := <-at:
				if !errors.Is(err, syscall.ENOSPC) {
					t.Errorf("later commit: %v, want ENOSPC", err)
				}
			default:
				t.Error("later commit is not completed at once")
			}
			if _, ok := s.ByPrefix(delegated(5).Prefix); ok {
				t.Error("a refused change is in memory")
			}
			if err := s.Close(); !errors.Is(err, syscall.ENOSPC) {
				t.Errorf("close: %v, want ENOSPC", err)
			}

			d.hook = nil
			s = openMem(t, d)
			if _, ok := s.ByPrefix(delegated(1).Prefix); !ok {
				t.Error("the acknowledged lease is gone")
			}
			put(t, s, delegated(6))
		})
	}
}

func TestOpenErrors(t *testing.T) {
	for _, op := range []string{"create", "write", "sync", "rename", "dirsync"} {
		d := newMemDisk()
		d.hook = failOn(op, 1, syscall.EIO)
		if _, err := open(d, slog.New(slog.DiscardHandler)); !errors.Is(err, syscall.EIO) {
			t.Errorf("new store, %s fails: %v", op, err)
		}
		d.hook = nil
		put(t, openMem(t, d), delegated(1))
	}
	whole, _, _ := sample(t)
	for _, op := range []string{"truncate", "sync"} {
		d := withJournal(whole[:len(whole)-1])
		d.hook = failOn(op, 1, syscall.EIO)
		if _, err := open(d, slog.New(slog.DiscardHandler)); !errors.Is(err, syscall.EIO) {
			t.Errorf("torn tail, %s fails: %v", op, err)
		}
	}
}

var errPower = errors.New("power cut")

// The power is cut at every step of a run with many compactions. Whatever of the unfinished writes reaches the disk, what
// was acknowledged is there, nothing that was not committed is, and the store opens.
func TestPowerCut(t *testing.T) {
	done := false
	for cut := int64(1); !done && !t.Failed(); cut++ {
		rng := rand.New(rand.NewPCG(uint64(cut), 1))
		d := newMemDisk()
		var left atomic.Int64
		left.Store(cut)
		const ended = 1 << 40
		var commits atomic.Int64 // completed; ended once there will be no more
		d.hook = func(op string) error {
			// Let batches come between a snapshot and its use: they are copied.
			for now := commits.Load(); op == "create" && now > 0 && commits.Load() < min(now+2, ended); {
				runtime.Gosched()
			}
			if left.Add(-1) < 0 {
				return errPower
			}
			return nil
		}
		acked := make(map[int]int) // client to the last acknowledged Updated, in seconds after epoch
		tried := make(map[int]int)
		s, err := open(d, slog.New(slog.DiscardHandler))
		if err == nil {
			s.least = 2000
			s.limit = s.threshold()
			stop := run(t, s)
			done = true
			for i := range 120 {
				client := rng.IntN(5)
				tried[client] = i
				if err := s.CommitWait(t.Context(), Change{Put: []Lease{renewed(client, i)}}); err != nil {
					done = false
					break
				}
				acked[client] = i
				commits.Add(1)
			}
			commits.Store(ended)
			err = stop()
			s.Close()
		}
		if err != nil && !errors.Is(err, errPower) {
			t.Fatalf("cut at step %d: %v", cut, err)
		}
		for range 4 {
			after, err := open(d.crash(rng), slog.New(slog.DiscardHandler))
			if err != nil {
				t.Fatalf("cut at step %d: %v", cut, err)
			}
			for client, want := range acked {
				l, ok := after.ByPrefix(renewed(client, 0).Prefix)
				got := int(l.Updated.Sub(epoch).Seconds())
				if !ok || got < want || got > tried[client] {
					t.Fatalf("cut at step %d: client %d has %d (%v) of %d acknowledged and %d tried", cut, client, got, ok, want, tried[client])
				}
			}
			if after.Len() > len(tried) {
				t.Fatalf("cut at step %d: %d leases of %d tried", cut, after.Len(), len(tried))
			}
			after.Close()
		}
	}
}
