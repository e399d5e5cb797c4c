package kernel

import (
	"time"

	"golang.org/x/sys/unix"
)

const (
	clockTick = 10 * time.Millisecond // USER_HZ, in which the kernel counts for programs
	// ranOut is how soon after the end of a lifetime the route is looked at.
	ranOut = 5 * clockTick
	// rerun is how often a route that ran out is looked at. The kernel uses it no more, but keeps it until it cleans up, every 30 s,
	// and tells nobody when an advertisement gives it another lifetime.
	rerun = time.Second
)

// lifetimeOf returns how long the kernel still uses a route; limited is false where that has no end.
func lifetimeOf(data []byte) (left time.Duration, limited bool) {
	eachAttr(data[unix.SizeofRtMsg:], func(typ uint16, val []byte) {
		const expires = 8 // offset of rta_expires in struct rta_cacheinfo
		if typ == unix.RTA_CACHEINFO && len(val) >= expires+4 {
			ticks := int32(native.Uint32(val[expires:]))
			left, limited = time.Duration(ticks)*clockTick, ticks != 0
		}
	})
	return left, limited
}

// lookAt returns when a route with a lifetime has to be looked at again, the zero time for never, and whether it is in use.
func lookAt(data []byte, now time.Time) (at time.Time, used bool) {
	left, limited := lifetimeOf(data)
	switch {
	case !limited:
		return time.Time{}, true
	case left <= 0:
		return now.Add(rerun), false
	}
	return now.Add(left + ranOut), true
}

// sooner returns the earlier of two times; the zero time is never.
func sooner(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
