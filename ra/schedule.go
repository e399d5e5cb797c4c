package ra

import (
	"cmp"
	"time"
)

// Protocol constants of RFC 4861 section 10.
const (
	maxInitialInterval = 16 * time.Second       // MAX_INITIAL_RTR_ADVERT_INTERVAL
	maxInitial         = 3                      // MAX_INITIAL_RTR_ADVERTISEMENTS
	minDelay           = 3 * time.Second        // MIN_DELAY_BETWEEN_RAS
	maxAnswerDelay     = 500 * time.Millisecond // MAX_RA_DELAY_TIME
	maxFinal           = 3                      // MAX_FINAL_RTR_ADVERTISEMENTS
	firstRetry         = time.Second            // our own: after a send that failed, doubled each time
	gatherings         = 8                      // our own: moments within an interval
	longestGather      = time.Second            // and the most between two of them
	headStart          = time.Second            // our own: see changed
)

// schedule says when the next multicast advertisement of a link is due (RFC 4861 6.2.4 and 6.2.6). Randomness comes in as numbers
// in [0,1), time as a parameter.
type schedule struct {
	minInterval, maxInterval time.Duration
	distance                 time.Duration // between two multicast advertisements, at least
	grid                     time.Time     // from which moments are counted that advertisements of many links gather at

	initial  int       // how many of the first advertisements are still to come
	failures int       // sends that failed since one worked
	last     time.Time // of the last multicast advertisement; zero: there was none
	before   time.Time // last as it was before it
	next     time.Time
}

// changed starts over with the initial advertisements, the first of them as soon as the distance to the last one allows. Where more
// is due than leaves at once, as with thousands of links, it goes before what only repeats what hosts know.
func (s *schedule) changed(now time.Time) {
	s.initial = maxInitial
	s.next = s.notBefore(now.Add(-headStart))
}

// retimed takes over the intervals of i without advertising anything early.
func (s *schedule) retimed(i *Interface, now time.Time) {
	s.minInterval, s.maxInterval, s.distance = i.MinInterval, i.MaxInterval, cmp.Or(i.MinDelay, minDelay)
	if latest := now.Add(s.maxInterval); s.next.After(latest) {
		s.next = latest
	}
}

// solicited brings the next advertisement forward to answer a solicitation by multicast. Any number of solicitations before it
// leaves are answered by the same one.
func (s *schedule) solicited(now time.Time, random float64) {
	due := s.notBefore(now.Add(answerDelay(random)))
	if due.Before(s.next) {
		s.next = due
	}
}

// answerDelay is the random time between a solicitation and its answer.
func answerDelay(random float64) time.Duration {
	return time.Duration(random * float64(maxAnswerDelay))
}

// sent notes that an advertisement is about to leave and draws the time of the next. worked or failed follows.
func (s *schedule) sent(now time.Time, random float64) {
	s.before, s.last = s.last, now
	interval := s.minInterval + time.Duration(random*float64(s.maxInterval-s.minInterval))
	if s.initial > 0 {
		s.initial--
	}
	if s.initial > 0 {
		interval = min(interval, maxInitialInterval)
	}
	s.next = s.notBefore(s.gather(now, interval))
}

// gather moves the end of a random interval to the next of the moments at which advertisements leave together, within the bounds of
// intervals. A thousand links would wake the process a thousand times otherwise. The moments of two routers have nothing in common.
func (s *schedule) gather(now time.Time, interval time.Duration) time.Time {
	due := now.Add(interval)
	step := min((s.maxInterval-s.minInterval)/gatherings, longestGather)
	if step <= 0 {
		return due
	}
	late := due.Sub(s.grid) % step
	if late == 0 {
		return due
	}
	if up := step - late; interval+up <= s.maxInterval && (s.initial == 0 || interval+up <= maxInitialInterval) {
		return due.Add(up)
	}
	if interval-late >= s.minInterval {
		return due.Add(-late)
	}
	return due
}

// worked notes that the advertisement left.
func (s *schedule) worked() { s.failures = 0 }

// failed takes sent back, starts over and plans the next try: the link is down, or its link-local address is still tentative.
// Those pass, and hosts should not wait a whole interval for it.
func (s *schedule) failed(now time.Time) {
	delay := min(firstRetry<<min(s.failures, 8), maxInitialInterval, s.maxInterval)
	s.failures++
	s.last, s.initial = s.before, maxInitial
	s.next = now.Add(delay)
}

// notBefore is t, or later if the last multicast advertisement is too close before it (MIN_DELAY_BETWEEN_RAS).
func (s *schedule) notBefore(t time.Time) time.Time {
	if earliest := s.last.Add(s.distance); !s.last.IsZero() && t.Before(earliest) {
		return earliest
	}
	return t
}
