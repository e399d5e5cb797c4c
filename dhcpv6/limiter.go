package dhcpv6

import (
	"hash/maphash"
	"sync"
	"time"
)

// limiter is a table of token buckets by source, of fixed size: sources with the same hash share a bucket, and who invents
// sources fills buckets and not the memory. The seed is secret, so that nobody can choose whose bucket to share.
type limiter struct {
	seed    maphash.Seed
	mu      sync.Mutex
	buckets [4096]time.Duration // when each bucket is full again, since start (the generic cell rate algorithm)
	start   time.Time
}

func newLimiter(now time.Time) *limiter { return &limiter{seed: maphash.MakeSeed(), start: now} }

// allow reports whether the source may send one more message now, at rate messages a second and twice as many at once.
func (l *limiter) allow(now time.Time, source []byte, rate int) bool {
	if rate < 0 {
		return true
	}
	if rate == 0 {
		rate = DefaultRate
	}
	cost := time.Second / time.Duration(rate)
	at := now.Sub(l.start)
	l.mu.Lock()
	defer l.mu.Unlock()
	b := &l.buckets[maphash.Bytes(l.seed, source)%uint64(len(l.buckets))]
	full := max(*b, at)
	if full-at > 2*time.Second-cost {
		return false
	}
	*b = full + cost
	return true
}
