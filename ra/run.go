package ra

import (
	"container/heap"
	"context"
	"errors"
	"fmt"
	"slices"
	"syscall"
	"time"
)

const (
	idle = time.Hour // how long the sending goroutine waits when no link is configured; Apply wakes it
	// lastDistance is the time between the final advertisements when Run ends: a stop has to be quick, and three packets of a router
	// that goes do no harm, while a host that misses the only one sends into the void for half an hour. Where the router goes on
	// they keep the 3 s of RFC 4861.
	lastDistance = 100 * time.Millisecond
	// lastLimit is for how long a repetition of all final advertisements may still begin: those of thousands of links take their time.
	lastLimit = 500 * time.Millisecond
	// fewLinks is up to how many links this machine hears its own advertisements, so that an operator may watch them on the router
	// itself. Each costs an entry for ourselves in the neighbor table, and the work of receiving it.
	fewLinks = 64
)

// Run sends and answers until ctx ends, then sends final advertisements, unless KeepSilent was called, and returns nil. It opens
// its socket in the network namespace of the calling thread. When it returns an error it may be called again.
func (s *Sender) Run(ctx context.Context) error {
	c, err := s.open()
	if err != nil {
		return err
	}
	if !s.start(c) {
		return errors.Join(errors.New("ra: Run is already running"), c.close())
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	received := make(chan error, 1)
	go func() {
		received <- s.receive(ctx, c)
		cancel()
	}()
	s.transmit(ctx, c)
	c.interrupt()
	err = <-received
	s.stop(c, err == nil)
	return errors.Join(err, c.close())
}

// start puts the socket to use: every link begins with its initial advertisements.
func (s *Sender) start(c transport) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn != nil {
		return false
	}
	s.conn, s.deaf = c, nil
	now := time.Now()
	for _, l := range s.links {
		l.joined = false
		l.schedule.changed(now)
		s.listen(l)
	}
	heap.Init(&s.due)
	return true
}

// stop sends what must not be left unsaid: the final advertisements of links that Apply removed, and if this is the end those of
// all links.
func (s *Sender) stop(c transport, end bool) {
	now := time.Now()
	s.mu.Lock()
	var last []*goodbye
	for _, t := range s.queue {
		if t.bye != nil && !s.superseded(t.bye) {
			s.reword(t.bye)
			last = append(last, t.bye)
		}
	}
	for _, l := range s.links {
		if !end || s.silent || l.status.Sent == 0 {
			continue
		}
		if bye := l.farewell(now); bye != nil {
			last = append(last, bye)
		}
		s.tell(Event{Kind: Stopped, Link: l.status.Interface.Link})
	}
	s.queue, s.deaf, s.conn = nil, nil, nil
	s.mu.Unlock()
	for len(last) > 0 && time.Since(now) < lastLimit {
		for batch := range slices.Chunk(last, maxBatch) {
			var r round
			for _, bye := range batch {
				r.goodbye(bye)
			}
			c.write(r.quiet, false)
			s.account(&r, time.Now())
		}
		last = slices.DeleteFunc(last, func(b *goodbye) bool { return b.left == 0 })
		if len(last) > 0 {
			<-time.After(lastDistance)
		}
	}
}

// transmit sends what is due until ctx ends.
func (s *Sender) transmit(ctx context.Context, c transport) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	var r round
	for ctx.Err() == nil {
		s.listenOn(c)
		now := time.Now()
		wait := s.next(&r, now)
		if len(r.jobs) > 0 {
			// A link that we no longer advertise on may be one whose advertisements our kernel takes by now: it must not make
			// addresses of our own last one.
			if len(r.quiet) > 0 {
				c.write(r.quiet, false)
			}
			if len(r.out) > 0 {
				c.write(r.out, r.loop)
			}
			s.account(&r, time.Now())
			continue
		}
		timer.Reset(wait)
		select {
		case <-ctx.Done():
		case <-s.wake:
		case <-timer.C:
		}
	}
}

// listenOn sees to it that solicitations arrive on some of the links for which that is not clear yet.
func (s *Sender) listenOn(c transport) {
	s.mu.Lock()
	links := slices.Clone(s.deaf[:min(len(s.deaf), maxBatch)])
	names := make([]string, len(links))
	indexes := make([]int, len(links))
	for n, l := range links {
		names[n], indexes[n] = l.status.Interface.Link, l.status.Interface.Index
	}
	s.deaf = s.deaf[len(links):]
	s.mu.Unlock()
	for n, l := range links {
		joined, err := c.listen(names[n], indexes[n])
		if err != nil {
			s.log.Warn("solicitations may not be heard", "link", names[n], "error", err)
		}
		s.mu.Lock()
		l.joined = joined
		gone := joined && s.links[names[n]] != l
		s.mu.Unlock()
		if gone {
			_ = c.leave(indexes[n]) // the link is often gone, and then so is the membership
		}
	}
}

// next puts what is due at now into r, and takes it off the queue and the schedule. It says how long to wait if that is nothing.
func (s *Sender) next(r *round, now time.Time) time.Duration {
	r.reset()
	s.mu.Lock()
	defer s.mu.Unlock()
	r.loop = len(s.links) <= fewLinks
	for len(r.jobs) < maxBatch {
		t, due := s.earliest(now)
		if !due {
			break
		}
		switch {
		case t.bye != nil && s.superseded(t.bye):
		case t.bye != nil:
			s.reword(t.bye)
			r.goodbye(t.bye)
		case s.links[t.link.status.Interface.Link] == t.link: // after a goodbye there is nothing to say
			r.add(t.link, answer, now, t.to)
		}
	}
	for len(r.jobs) < maxBatch && len(s.due) > 0 && !s.due[0].schedule.next.After(now) {
		l := s.due[0]
		l.schedule.sent(now, s.random())
		heap.Fix(&s.due, 0)
		r.add(l, periodic, now, l.status.Interface.audience()...)
	}
	switch {
	case len(s.deaf) > 0:
		return 0
	case len(s.due) == 0 && len(s.queue) == 0:
		return idle
	case len(s.due) == 0 || len(s.queue) > 0 && s.queue[0].at.Before(s.due[0].schedule.next):
		return s.queue[0].at.Sub(now)
	}
	return s.due[0].schedule.next.Sub(now)
}

// superseded reports whether a final advertisement was sent before and the same router advertises on the link again. Callers hold mu.
func (s *Sender) superseded(b *goodbye) bool {
	l := s.byIndex[b.index]
	return b.left < maxFinal && l != nil && l.status.Interface.LinkLocal == b.source
}

// account notes how the packets of r went, and plans what follows from it.
func (s *Sender) account(r *round, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for n := range r.jobs {
		j := &r.jobs[n]
		sent, err := j.outcome(r)
		if j.bye != nil {
			s.parted(j.bye, err, now)
		} else {
			s.went(j, sent, err, now)
		}
	}
}

// parted notes how a final advertisement went. Callers hold mu.
func (s *Sender) parted(b *goodbye, err error, now time.Time) {
	if b.begun != nil {
		close(b.begun)
		b.begun = nil
	}
	if b.left--; err != nil {
		b.left = 0 // the link or its address is often what went away
		s.log.Debug("final advertisement", "link", b.link.status.Interface.Link, "error", err)
		return
	}
	b.link.status.Sent += uint64(len(b.messages) * len(b.to))
	if b.left > 0 {
		s.later(task{at: now.Add(minDelay), link: b.link, bye: b})
	}
}

// went notes how an advertisement went. Callers hold mu.
func (s *Sender) went(j *job, sent int, err error, now time.Time) {
	l := j.link
	st := &l.status
	name := st.Interface.Link
	if st.Sent == 0 && sent > 0 {
		s.tell(Event{Kind: Started, Link: name})
	}
	st.Sent += uint64(sent)
	if j.kind == answer {
		s.answered(st, sent, err)
		return
	}
	if err == nil {
		l.schedule.worked()
		if st.LastError != "" {
			s.log.Info("advertisements are sent again", "link", name)
			s.tell(Event{Kind: Recovered, Link: name})
			st.LastError = ""
		}
		return
	}
	if st.Errors++; st.LastError != err.Error() {
		s.log.Warn("advertisement not sent", "link", name, "error", err)
		s.tell(Event{Kind: Failed, Link: name, Err: err})
	}
	st.LastError = err.Error()
	if l.position >= 0 && s.links[name] == l {
		l.schedule.failed(now)
		heap.Fix(&s.due, l.position)
	}
}

// answered notes how an answer went. That it could not leave is worth no more than a count: whoever sends from invented addresses
// decides how often that happens. Callers hold mu.
func (s *Sender) answered(st *Status, sent int, err error) {
	switch {
	case errors.Is(err, errCrowded):
		s.dropped[DropBusy]++
	case err != nil:
		st.Errors++
	case sent > 0:
		st.Answered++
	}
}

// sendError names what could not be sent.
func sendError(o *outgoing) error {
	return fmt.Errorf("send to %s: %w%s", o.destination, o.err, crowdedTable(o.err))
}

// crowdedTable tells of a likely reason that Linux does not name: where there is no room for another neighbor, and a group is one, it
// calls the packet invalid.
func crowdedTable(err error) string {
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOBUFS) {
		return " (if the neighbor table of the machine is full, raise the sysctl net.ipv6.neigh.default.gc_thresh3)"
	}
	return ""
}
