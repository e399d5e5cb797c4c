package ra

import (
	"slices"
	"time"
)

// remaining is the lifetime at now of something that lives for configured at a time, but not after until.
func remaining(configured time.Duration, until, now time.Time) time.Duration {
	if until.IsZero() {
		return configured
	}
	return min(configured, max(0, until.Sub(now).Truncate(time.Second)))
}

// lifetimes are those that are advertised at now.
func (p Prefix) lifetimes(now time.Time) (valid, preferred time.Duration) {
	validUntil, preferredUntil := p.Ends()
	valid = remaining(p.Valid, validUntil, now)
	// A receiver ignores the prefix if it is preferred for longer than it is valid (RFC 4862 5.5.3 c).
	return valid, min(valid, remaining(p.Preferred, preferredUntil, now))
}

// Ends are the moments that the lifetimes count down to; zero: none. An infinite lifetime does not count down.
func (p Prefix) Ends() (valid, preferred time.Time) {
	valid, preferred = p.ValidUntil, p.PreferredUntil
	if p.Decrement && !p.Since.IsZero() {
		if p.Valid < Forever {
			valid = sooner(valid, p.Since.Add(p.Valid))
		}
		if p.Preferred < Forever {
			preferred = sooner(preferred, p.Since.Add(p.Preferred))
		}
	}
	return valid, preferred
}

// sooner is the earlier of two moments; zero is none.
func sooner(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// Lasting tells until when, included, Encode gives the bytes for i that it gives at now. Zero: for ever.
func Lasting(i Interface, now time.Time) time.Time {
	var first time.Time
	note := func(configured time.Duration, until time.Time) {
		first = sooner(first, steady(configured, until, now))
	}
	for _, p := range i.Prefixes {
		valid, preferred := p.Ends()
		note(p.Valid, valid)
		note(p.Preferred, preferred)
	}
	for _, r := range i.Routes {
		note(r.Lifetime, r.Until)
	}
	for _, p := range i.PREF64 {
		note(p.Lifetime, p.Until)
	}
	return first
}

// steady is the last moment at which remaining is what it is at now; zero: there is none, it stays.
func steady(configured time.Duration, until, now time.Time) time.Time {
	left := remaining(configured, until, now)
	if until.IsZero() || left == 0 {
		return time.Time{}
	}
	return until.Add(-left)
}

// settle notes for prefixes that count down when they began to: as in old, which is what was advertised before, or now.
func settle(i, old Interface, now time.Time) Interface {
	if !slices.ContainsFunc(i.Prefixes, func(p Prefix) bool { return p.Decrement && p.Since.IsZero() }) {
		return i
	}
	i.Prefixes = slices.Clone(i.Prefixes)
	for n := range i.Prefixes {
		p := &i.Prefixes[n]
		if !p.Decrement || !p.Since.IsZero() {
			continue
		}
		p.Since = now
		for _, was := range old.Prefixes {
			if was.Decrement && was.Prefix == p.Prefix && was.Valid == p.Valid && was.Preferred == p.Preferred {
				p.Since = was.Since
			}
		}
	}
	return i
}
