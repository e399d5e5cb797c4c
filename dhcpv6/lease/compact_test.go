package lease

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// renewed is the lease of a client, updated so many seconds after epoch.
func renewed(client, seconds int) Lease {
	l := delegated(client)
	l.Updated = epoch.Add(time.Duration(seconds) * time.Second)
	return l
}

// eventually waits for a condition that another goroutine brings about.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	deadline := time.After(30 * time.Second)
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("%s: not within 30 s", what)
		}
	}
}

func TestCompactionUnderLoad(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir)
	s.least = 20_000
	s.limit = s.threshold()
	stop := run(t, s)
	if err := s.SetMeta("duid", []byte{9}); err != nil {
		t.Fatal(err)
	}
	const clients, rounds = 40, 150
	var written atomic.Int64
	var wg sync.WaitGroup
	for c := range clients {
		wg.Go(func() {
			for i := range rounds {
				l := renewed(c, i)
				change := Change{Put: []Lease{l}}
				if i%7 == 3 {
					change = Change{Delete: []DeleteRef{ref(l)}}
				}
				if err := s.CommitWait(t.Context(), change); err != nil {
					t.Error(err)
					return
				}
				written.Add(100)
			}
		})
	}
	wg.Wait()
	want := s.All()
	if len(want) != clients {
		t.Errorf("%d leases, want %d", len(want), clients)
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	s.Close()
	st, err := os.Stat(filepath.Join(dir, journalName))
	if err != nil {
		t.Fatal(err)
	}
	if st.Size() > written.Load()/2 || st.Mode().Perm() != 0o600 {
		t.Errorf("journal has %d bytes after some %d were written, mode %v", st.Size(), written.Load(), st.Mode())
	}
	s = mustOpen(t, dir)
	if diff := cmp.Diff(want, s.All(), sameLease); diff != "" {
		t.Errorf("after reopen (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]byte{9}, s.Meta("duid")); diff != "" {
		t.Errorf("Meta (-want +got):\n%s", diff)
	}
}

// While the snapshot is being written, changes are acknowledged, and are in the new journal too.
func TestCompactionDoesNotBlock(t *testing.T) {
	d := newMemDisk()
	s := openMem(t, d)
	s.least = 1000
	s.limit = s.threshold()
	creating, release, renamed := make(chan struct{}), make(chan struct{}), make(chan struct{})
	var once sync.Once
	d.hook = func(op string) error {
		switch op {
		case "create":
			once.Do(func() {
				close(creating)
				<-release
			})
		case "rename":
			select {
			case <-renamed:
			default:
				close(renamed)
			}
		}
		return nil
	}
	stop := run(t, s)
	n := 0
	for ; ; n++ {
		put(t, s, renewed(n%3, n))
		select {
		case <-creating:
		default:
			continue
		}
		break
	}
	for range 50 {
		n++
		put(t, s, renewed(n%3, n))
	}
	want := s.All()
	close(release)
	select {
	case <-renamed:
	case <-time.After(30 * time.Second):
		t.Fatal("the new journal does not take the place of the old one")
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	s.Close()
	if diff := cmp.Diff(want, openMem(t, d).All(), sameLease); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// An error in a compaction leaves the old journal in use, as long as it is certain which one the name stands for.
func TestCompactionErrors(t *testing.T) {
	tests := []struct {
		op    string
		fatal bool
	}{{"create", false}, {"rename", true}, {"dirsync", true}}
	for _, tt := range tests {
		t.Run(tt.op, func(t *testing.T) {
			d := newMemDisk()
			s := openMem(t, d)
			s.least = 1000
			s.limit = s.threshold()
			var failed atomic.Bool
			d.hook = func(op string) error {
				if op == tt.op && failed.CompareAndSwap(false, true) {
					return syscall.EIO
				}
				return nil
			}
			run(t, s)
			var err error
			i := 0
			commit := func() bool {
				i++
				err = s.CommitWait(t.Context(), Change{Put: []Lease{renewed(1, i)}})
				return err != nil
			}
			eventually(t, "compaction", func() bool { commit(); return failed.Load() })
			if tt.fatal {
				eventually(t, "error", commit)
				if !errors.Is(err, syscall.EIO) {
					t.Errorf("error %v, want EIO", err)
				}
				return
			}
			// The old journal stays in use, and the next compaction succeeds.
			eventually(t, "second compaction", func() bool {
				if commit() {
					t.Fatal(err)
				}
				d.mu.Lock()
				defer d.mu.Unlock()
				return i > 40 && len(d.durable[journalName].now) < 20*100
			})
		})
	}
}

// Run does not return before the goroutine of its compaction, and leaves no half-written journal.
func TestRunEndsDuringCompaction(t *testing.T) {
	d := newMemDisk()
	s := openMem(t, d)
	s.least = 1000
	s.limit = s.threshold()
	syncing, release := make(chan struct{}), make(chan struct{})
	var created atomic.Bool
	d.hook = func(op string) error {
		if op == "create" && created.CompareAndSwap(false, true) {
			close(syncing)
			<-release
		}
		return nil
	}
	ctx, cancel := context.WithCancel(t.Context())
	result := make(chan error, 1)
	go func() { result <- s.Run(ctx) }()
	for i := range 40 {
		put(t, s, renewed(1, i))
	}
	<-syncing
	cancel()
	closed := make(chan error, 1)
	go func() { closed <- s.Close() }()
	eventually(t, "Close", func() bool {
		s.mu.RLock()
		defer s.mu.RUnlock()
		return s.closed
	})
	select {
	case err := <-result:
		t.Errorf("Run returned %v while its goroutine was busy", err)
	case err := <-closed:
		t.Errorf("Close returned %v while Run was busy", err)
	default:
	}
	close(release)
	if err := errors.Join(<-result, <-closed); err != nil {
		t.Fatal(err)
	}
	if d.names[newName] != nil {
		t.Error("a half-written journal is left")
	}
	if got := openMem(t, d).All(); len(got) != 1 || !got[0].Updated.Equal(renewed(1, 39).Updated) {
		t.Errorf("after reopen: %+v", got)
	}
}
