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

// receive reads solicitations until the socket is interrupted, and sends the answers that do not wait. Nothing is allocated on the
// way from one to the other.
func (s *Sender) receive(ctx context.Context, c transport) error {
	packets := make([]packet, maxBatch)
	var answers round
	var reading bucket
	for {
		n, err := c.read(packets)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("receive solicitations: %w", err)
		}
		now := time.Now()
		s.mu.Lock()
		for i := range packets[:n] {
			s.hear(&answers, packets[i].message, packets[i].info, now)
		}
		s.mu.Unlock()
		if len(answers.jobs) > 0 {
			c.answer(answers.out)
			s.account(&answers, now)
			answers.reset()
		}
		for wait := reading.take(time.Now(), n, maxRead, maxReadBurst); wait > 0; wait = reading.take(time.Now(), n, maxRead, maxReadBurst) {
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(wait):
			}
		}
	}
}

// hear handles one packet. An answer that leaves at once is added to r. Callers hold mu.
func (s *Sender) hear(r *round, b []byte, info packetInfo, now time.Time) {
	reason := checkSolicitation(b, info)
	l := s.byIndex[info.index]
	switch {
	case reason != "":
	case l == nil:
		reason = DropUnconfigured
	case !l.status.Interface.serves(info.source):
		reason = DropClient
	default:
		l.status.Solicited++
		if reason = s.reply(r, l, info.source, now); reason == "" {
			s.tell(Event{Kind: Solicited, Link: l.status.Interface.Link, Host: info.source})
		}
	}
	if reason != "" {
		s.dropped[reason]++
	}
}

// reply decides how a valid solicitation is answered. Callers hold mu.
func (s *Sender) reply(r *round, l *link, host netip.Addr, now time.Time) string {
	i := &l.status.Interface
	answerable := crowded
	if !host.IsUnspecified() {
		answerable = l.hosts.take(host, now, i.rate(), func() bool {
			return s.newcomers.take(now, 1, max(newHosts, len(s.links)), max(newHostsBurst, 4*len(s.links))) == 0
		})
	}
	switch {
	case answerable == limited:
		return DropRate
	case answerable == crowded && l.position < 0:
		return DropUnicastOnly
	case answerable == crowded:
		// The random delay gathers those that ask together.
		l.schedule.solicited(now, s.random())
		heap.Fix(&s.due, l.position)
		s.poke()
	case !i.RandomDelay:
		r.add(l, answer, now, host)
	case len(s.queue) >= maxQueued:
		return DropBusy
	default:
		// RFC 4861 6.2.6: the delay is for answers by unicast too, so that the routers of a link do not all speak at once.
		s.later(task{link: l, to: host, at: now.Add(answerDelay(s.random()))})
		s.poke()
	}
	return ""
}
