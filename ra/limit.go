package ra

import (
	"net/netip"
	"time"
)

// Each unknown host that is answered costs an entry in the kernel's neighbour table, 1024 by default: a link full of invented hosts
// must not fill it.
//
// One host gets burst unicast answers at once and one more each refill. Real hosts send three solicitations, 4 s apart.
const (
	burst    = 10
	refill   = time.Second
	maxHosts = 128 // on one link, remembered for as long as their bucket is not full again
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

func (l *limiter) take(host netip.Addr, now time.Time) verdict {
	full, known := l.full[host]
	if !known && len(l.full) >= maxHosts {
		for h, t := range l.full {
			if !t.After(now) {
				delete(l.full, h)
			}
		}
		if len(l.full) >= maxHosts {
			return crowded
		}
	}
	if !full.After(now) {
		full = now
	}
	if full.Sub(now) > (burst-1)*refill {
		return limited
	}
	if l.full == nil {
		l.full = make(map[netip.Addr]time.Time)
	}
	l.full[host] = full.Add(refill)
	return allowed
}
