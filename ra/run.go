package ra

import (
	"container/heap"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"time"
)

// idle is how long the sending goroutine waits when no link is configured; Apply wakes it.
const idle = time.Hour

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
		received <- s.receive(c)
		cancel()
	}()
	s.transmit(ctx, c)
	c.interrupt()
	err = <-received
	s.stop(c, err == nil)
	return errors.Join(err, c.close())
}

// start puts the socket to use: every link begins with its initial advertisements.
func (s *Sender) start(c conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn != nil {
		return false
	}
	s.conn = c
	now := time.Now()
	for _, l := range s.links {
		l.schedule.changed(now)
		s.join(l)
	}
	heap.Init(&s.due)
	return true
}

// stop sends what must not be left unsaid: the final advertisements of links that Apply removed, and if this is the end those of
// all links.
func (s *Sender) stop(c conn, end bool) {
	s.mu.Lock()
	var last []task
	for _, t := range s.queue {
		if t.kind == goodbye {
			last = append(last, t)
		}
	}
	for _, l := range s.links {
		if end && !s.silent && l.status.Sent > 0 {
			last = append(last, task{link: l, what: final(l.status.Interface), to: allNodes, kind: goodbye})
			s.tell(Event{Kind: Stopped, Link: l.status.Interface.Link})
		}
	}
	s.queue, s.conn = nil, nil
	s.mu.Unlock()
	for _, t := range last {
		s.send(c, t)
	}
}

// transmit sends what is due until ctx ends.
func (s *Sender) transmit(ctx context.Context, c conn) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		tasks, wait := s.next(time.Now())
		for _, t := range tasks {
			s.send(c, t)
		}
		if len(tasks) > 0 {
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

// next takes what is due at now off the queue and the schedule. If that is nothing, it says how long to wait.
func (s *Sender) next(now time.Time) ([]task, time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var tasks []task
	for len(tasks) < maxBatch && len(s.queue) > 0 && !s.queue[0].at.After(now) {
		t := s.queue[0]
		s.queue[0] = task{}
		if s.queue = s.queue[1:]; len(s.queue) == 0 {
			s.queue = nil
		}
		if t.kind == answer {
			// What was advertised when the question came may be over by now, and after a goodbye there is nothing to say.
			if t.what = t.link.status.Interface; s.links[t.what.Link] != t.link {
				continue
			}
		}
		tasks = append(tasks, t)
	}
	for len(tasks) < maxBatch && len(s.due) > 0 && !s.due[0].schedule.next.After(now) {
		l := s.due[0]
		l.schedule.sent(now, s.random())
		heap.Fix(&s.due, 0)
		tasks = append(tasks, task{link: l, what: l.status.Interface, to: allNodes, kind: periodic})
	}
	switch {
	case len(tasks) > 0:
		return tasks, 0
	case len(s.due) == 0 && len(s.queue) == 0:
		return nil, idle
	case len(s.due) == 0 || len(s.queue) > 0 && s.queue[0].at.Before(s.due[0].schedule.next):
		return nil, s.queue[0].at.Sub(now)
	}
	return nil, s.due[0].schedule.next.Sub(now)
}

// send encodes and sends one advertisement and notes how it went.
func (s *Sender) send(c conn, t task) {
	messages, err := Encode(t.what, time.Now())
	sent := 0
	for _, m := range messages {
		// A link that we no longer advertise on may be one whose advertisements our kernel takes by now: it must not make
		// addresses of our own last one. The others an operator may watch on the router itself.
		if err = c.write(m, t.what.Index, t.what.LinkLocal, t.to, t.kind != goodbye); err != nil {
			err = fmt.Errorf("send to %s: %w", t.to, err)
			break
		}
		sent++
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	st := &t.link.status
	if st.Sent == 0 && sent > 0 {
		s.tell(Event{Kind: Started, Link: t.what.Link})
	}
	st.Sent += uint64(sent)
	if err == nil && t.kind == periodic {
		t.link.schedule.worked()
	}
	log := s.log.With("link", t.what.Link)
	switch {
	case err == nil && st.LastError != "":
		log.Info("advertisements are sent again")
		s.tell(Event{Kind: Recovered, Link: t.what.Link})
		st.LastError = ""
	case err == nil:
	case t.kind == goodbye:
		// The link or its address is often what went away.
		log.Debug("final advertisement", "error", err)
	default:
		if st.Errors++; st.LastError != err.Error() {
			log.Warn("advertisement not sent", "error", err)
			s.tell(Event{Kind: Failed, Link: t.what.Link, Err: err})
		}
		st.LastError = err.Error()
		if t.kind == periodic && s.links[t.what.Link] == t.link {
			t.link.schedule.failed(time.Now())
			heap.Fix(&s.due, t.link.position)
		}
	}
}

// receive reads solicitations until the socket is interrupted.
func (s *Sender) receive(c conn) error {
	b := make([]byte, maxSolicitation)
	for {
		n, info, err := c.read(b)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("receive solicitations: %w", err)
		}
		s.solicited(b[:n], info, time.Now())
	}
}

// solicited handles one packet.
func (s *Sender) solicited(b []byte, info packetInfo, now time.Time) {
	reason := checkSolicitation(b, info)
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.byIndex[info.index]
	switch {
	case reason != "":
	case l == nil:
		reason = DropUnconfigured
	default:
		l.status.Solicited++
		if reason = s.reply(l, info.source, now); reason == "" {
			s.tell(Event{Kind: Solicited, Link: l.status.Interface.Link, Host: info.source})
		}
	}
	if reason != "" {
		s.dropped[reason]++
	}
}

// reply decides how a valid solicitation is answered. Callers hold mu.
func (s *Sender) reply(l *link, host netip.Addr, now time.Time) string {
	answerable := crowded
	if !host.IsUnspecified() {
		answerable = l.hosts.take(host, now)
	}
	switch {
	case answerable == limited:
		return DropRate
	case answerable == crowded:
		l.schedule.solicited(now, s.random())
		heap.Fix(&s.due, l.position)
	case len(s.queue) >= maxQueued:
		return DropBusy
	default:
		// RFC 4861 6.2.6: the delay is for answers by unicast too, so that the routers of a link do not all speak at once.
		s.later(task{link: l, to: host, kind: answer, at: now.Add(answerDelay(s.random()))})
	}
	s.poke()
	return ""
}
