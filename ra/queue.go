package ra

import (
	"net/netip"
	"slices"
	"time"
)

// task is something to send at a time that is not that of the schedule.
type task struct {
	at   time.Time // when it is due
	link *link
	to   netip.Addr // of an answer; what it says is decided when it leaves
	bye  *goodbye   // of a final advertisement
}

// goodbye is a final advertisement. What it says was decided when its link stopped being advertised.
type goodbye struct {
	link     *link
	index    int
	source   netip.Addr
	shared   bool // source may be another router's by now
	to       []netip.Addr
	messages [][]byte
	router   [][]byte      // what is said instead while the link is advertised on again: that this router is none any more, and nothing else
	left     int           // how often it is still to be sent
	begun    chan struct{} // closed when it was sent once, or could not be; nil: nobody waits for that
}

// farewell is the final advertisement of a link, nil if there is nothing to take back.
func (l *link) farewell(now time.Time) *goodbye {
	i := &l.status.Interface
	to := i.audience()
	if l.status.Sent == 0 || i.Keep || len(to) == 0 {
		return nil
	}
	messages, err := Encode(final(*i), now)
	router, other := Encode(moved(*i), now)
	if err != nil || other != nil {
		return nil // what was sent could be encoded; with every lifetime shorter, so can this
	}
	return &goodbye{link: l, index: i.Index, source: i.LinkLocal, shared: i.SharedSource, to: to, messages: messages, router: router, left: maxFinal}
}

// reword has a final advertisement take nothing from hosts that the same link still says, if from another address: name servers and
// prefixes are not those of one router to them. Callers hold mu.
func (s *Sender) reword(b *goodbye) {
	if s.byIndex[b.index] != nil {
		b.messages = b.router
	}
}

// later queues a task. Callers hold mu.
func (s *Sender) later(t task) {
	if s.conn == nil {
		return
	}
	n := len(s.queue)
	if n > 0 && s.queue[n-1].at.After(t.at) {
		n, _ = slices.BinarySearchFunc(s.queue, t, func(queued, t task) int {
			if queued.at.After(t.at) {
				return 1
			}
			return -1 // of equals the older leaves first
		})
	}
	s.queue = slices.Insert(s.queue, n, t)
}

// earliest takes the first task off the queue if it is due. Callers hold mu.
func (s *Sender) earliest(now time.Time) (task, bool) {
	if len(s.queue) == 0 || s.queue[0].at.After(now) {
		return task{}, false
	}
	t := s.queue[0]
	s.queue[0] = task{}
	if s.queue = s.queue[1:]; len(s.queue) == 0 {
		s.queue = nil
	}
	return t, true
}

// dueHeap orders links by when their next multicast advertisement is due.
type dueHeap []*link

func (h dueHeap) Len() int           { return len(h) }
func (h dueHeap) Less(a, b int) bool { return h[a].schedule.next.Before(h[b].schedule.next) }
func (h dueHeap) Swap(a, b int) {
	h[a], h[b] = h[b], h[a]
	h[a].position, h[b].position = a, b
}
func (h *dueHeap) Push(x any) {
	l := x.(*link)
	l.position = len(*h)
	*h = append(*h, l)
}
func (h *dueHeap) Pop() any {
	old := *h
	l := old[len(old)-1]
	l.position = -1
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	return l
}
