package lease

import (
	"fmt"
	"log/slog"
	"net/netip"
	"sync/atomic"
	"testing"
)

// Each waiter commits one lease, waits for it to be on disk, and commits the next.
func BenchmarkGroupCommit(b *testing.B) {
	for _, waiters := range []int{1, 16, 64, 256} {
		b.Run(fmt.Sprint(waiters), func(b *testing.B) {
			s := mustOpen(b, b.TempDir())
			stop := run(b, s)
			leases := make([]Lease, 100_000)
			for i := range leases {
				leases[i] = delegated(i)
			}
			var next atomic.Int64
			done := make(chan struct{}, waiters)
			var commit func()
			commit = func() {
				i := int(next.Add(1))
				if i > b.N {
					done <- struct{}{}
					return
				}
				s.Commit(Change{Put: leases[i%len(leases):][:1]}, func(err error) {
					if err != nil {
						b.Error(err)
					}
					commit()
				})
			}
			b.ReportAllocs()
			b.ResetTimer()
			for range waiters {
				commit()
			}
			for range waiters {
				<-done
			}
			b.StopTimer()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "leases/s")
			if err := stop(); err != nil {
				b.Fatal(err)
			}
		})
	}
}

// The same with a goroutine for each waiter.
func BenchmarkCommitWait256(b *testing.B) {
	s := mustOpen(b, b.TempDir())
	stop := run(b, s)
	var client atomic.Int64
	b.SetParallelism(128)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		l := delegated(int(client.Add(1)))
		for pb.Next() {
			if err := s.CommitWait(b.Context(), Change{Put: []Lease{l}}); err != nil {
				b.Error(err)
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "leases/s")
	if err := stop(); err != nil {
		b.Fatal(err)
	}
}

func BenchmarkReplay(b *testing.B) {
	const n = 200_000
	d := newMemDisk()
	s := openMem(b, d)
	for i := range n {
		s.Commit(Change{Put: []Lease{delegated(i)}}, nil)
		if i%1000 == 0 {
			s.flush()
		}
	}
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		s, err := open(d, slog.New(slog.DiscardHandler))
		if err != nil || s.Len() != n {
			b.Fatal(err, s.Len())
		}
	}
	b.ReportMetric(float64(b.N)*n/b.Elapsed().Seconds(), "leases/s")
}

// A pool of 2^20 of which all but one piece is taken.
func BenchmarkPick(b *testing.B) {
	for _, pool := range []Pool{prefixes("2001:db8::/40", 60), addresses("2001:db8::10:0", "2001:db8::1f:ffff")} {
		b.Run(fmt.Sprintf("%T", pool), func(b *testing.B) {
			a := NewAllocator(pool)
			for n := range uint64(1 << 20) {
				a.Take(pool.At(n))
			}
			a.Free(pool.At(777_777))
			hash := uint64(0)
			for b.Loop() {
				hash++
				if p, ok := a.Pick(func(netip.Prefix) bool { return false }, netip.Prefix{}, hash); !ok {
					b.Fatal(p)
				}
			}
		})
	}
}
