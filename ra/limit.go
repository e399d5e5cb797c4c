package ra

import (
	"net/netip"
	"time"
)

// Each unknown host that is answered costs an entry in the kernel's neighbour table, 1024 by default: a link full of invented hosts
// must not fill it.
//
// One host gets the answers of fullAfter at once, and then as many a second as its link allows. Real hosts send three
// solicitations, 4 s apart.
const (
	fullAfter = 10 * time.Second
	maxHosts  = 128 // on one link, remembered for as long as their bucket is not full again

	// Hosts that are new, on all links together. Their entries cannot be evicted for three seconds; with more links the table is
	// larger. More, as when the power comes back, are served together.
	newHosts      = 64  // a second, or as many as there are links
	newHostsBurst = 256 // or four times as many

	// Solicitations that are looked at, on all links together. What a flood has beyond is left to the kernel to drop.
	maxRead      = 50000 // a second
	maxReadBurst = 5000
)

// limiter is one token bucket a host, as the time at which the bucket is full again: a bounded map, whatever addresses a hostile
// link invents. The zero value is ready.
type limiter struct {
	full map[netip.Addr]time.Time
}

// verdict of a limiter.
type verdict int

const (
	allowed verdict = iota
	limited         // this host asks too often
	crowded         // too many hosts at once to tell them apart
)

// take takes an answer out of the bucket of a host that may have rate a second. welcome limits how many hosts get a bucket.
func (l *limiter) take(host netip.Addr, now time.Time, rate int, welcome func() bool) verdict {
	full, known := l.full[host]
	if !known && !l.room(now) {
		return crowded
	}
	if !known && !welcome() {
		return crowded
	}
	if !full.After(now) {
		full = now
	}
	full = full.Add(time.Second / time.Duration(rate))
	if full.Sub(now) > fullAfter {
		return limited
	}
	if l.full == nil {
		l.full = make(map[netip.Addr]time.Time)
	}
	l.full[host] = full
	return allowed
}

// room reports whether one more host can be remembered, and forgets those whose bucket is full if that is so not otherwise.
func (l *limiter) room(now time.Time) bool {
	if len(l.full) < maxHosts {
		return true
	}
	for h, t := range l.full {
		if !t.After(now) {
			delete(l.full, h)
		}
	}
	return len(l.full) < maxHosts
}

// bucket is a token bucket, as the time at which it is full again. The zero value is full.
type bucket struct {
	full time.Time
}

// take takes n out of a bucket that gets rate a second and holds burst. If they are not in it, it takes nothing and says when they
// will be.
func (b *bucket) take(now time.Time, n, rate, burst int) time.Duration {
	full := b.full
	if full.Before(now) {
		full = now
	}
	full = full.Add(time.Duration(n) * time.Second / time.Duration(rate))
	if wait := full.Sub(now) - time.Duration(burst)*time.Second/time.Duration(rate); wait > 0 {
		return wait
	}
	b.full = full
	return 0
}
