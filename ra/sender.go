package ra

import (
	"container/heap"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	maxQueued = 1024 // unicast answers that wait; beyond, solicitations are dropped: their senders repeat them
	maxBatch  = 64   // packets that leave between two looks at the queue
	// maxSolicitation is more than any host sends; what is longer is dropped.
	maxSolicitation = 2048
)

// Sender sends the advertisements of all links of a router. Its methods may be called from any goroutine.
type Sender struct {
	// OnEvent, if set before Run, is called for each event, from any goroutine. It must neither block nor call the Sender.
	OnEvent func(Event)

	log    *slog.Logger
	open   func() (conn, error)
	random func() float64
	wake   chan struct{} // there may be something due earlier than the sending goroutine waits for

	mu      sync.Mutex // guards what follows
	links   map[string]*link
	byIndex map[int]*link
	due     dueHeap // every link of links
	queue   []task  // unicast answers and final advertisements, by the time when they are due
	conn    conn    // nil unless Run is running
	silent  bool
	dropped map[string]uint64
}

// link is what a Sender knows of one link.
type link struct {
	status   Status // status.Interface is what Apply wanted; its slices are not changed
	schedule schedule
	hosts    limiter
	position int // in Sender.due
}

// task is one advertisement to send.
type task struct {
	link *link
	what Interface // of an answer: decided when it leaves
	to   netip.Addr
	kind taskKind
	at   time.Time // when it is due; zero: at once
}

type taskKind int

const (
	periodic taskKind = iota // by multicast, as scheduled
	answer                   // by unicast
	goodbye                  // final
)

// New returns a Sender that does nothing until Run is called.
func New(log *slog.Logger) *Sender {
	return &Sender{
		log:     log,
		open:    func() (conn, error) { return openSocket(typeSolicitation) },
		random:  rand.Float64,
		wake:    make(chan struct{}, 1),
		links:   map[string]*link{},
		byIndex: map[int]*link{},
		dropped: map[string]uint64{},
	}
}

// KeepSilent makes the end of Run send no final advertisements: a restarted router continues where this one stops, and hosts keep
// their default route meanwhile.
func (s *Sender) KeepSilent() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.silent = true
}

// Apply makes want the set of links to advertise on. A link with an error in its configuration stays as it was while the others
// change; the errors are joined. Applying the same again changes nothing. A link that is not in want any more gets a final
// advertisement.
func (s *Sender) Apply(_ context.Context, want Config) error {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.links {
		if !l.stays(want) {
			s.remove(l)
		}
	}
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(want.Interfaces)) {
		i := want.Interfaces[name]
		i.Link = name
		if err := s.set(settle(i, s.advertised(name), now), now); err != nil {
			errs = append(errs, fmt.Errorf("advertise on %s: %w", name, err))
		}
	}
	s.poke()
	return errors.Join(errs...)
}

// advertised is what is advertised on a link; empty if nothing is. Callers hold mu.
func (s *Sender) advertised(name string) Interface {
	if l := s.links[name]; l != nil {
		return l.status.Interface
	}
	return Interface{}
}

// set adds or changes one link. Callers hold mu.
func (s *Sender) set(i Interface, now time.Time) error {
	if err := i.valid(); err != nil {
		return err
	}
	content, err := Encode(i, now)
	if err != nil {
		return err
	}
	l := s.links[i.Link]
	if l == nil {
		if other := s.byIndex[i.Index]; other != nil {
			return fmt.Errorf("interface index %d is also that of %s", i.Index, other.status.Interface.Link)
		}
		l = &link{status: Status{Interface: i}}
		l.schedule.retimed(i.MinInterval, i.MaxInterval, now)
		l.schedule.changed(now)
		s.links[i.Link], s.byIndex[i.Index] = l, l
		heap.Push(&s.due, l)
		s.join(l)
		return nil
	}
	old := l.status.Interface
	l.status.Interface = i
	l.schedule.retimed(i.MinInterval, i.MaxInterval, now)
	if visible(old, i, content, now) {
		l.schedule.changed(now)
	}
	if old.LinkLocal != i.LinkLocal && l.status.Sent > 0 {
		s.later(task{link: l, what: final(old), to: allNodes, kind: goodbye}) // RFC 4861 6.2.8
	}
	heap.Fix(&s.due, l.position)
	return nil
}

// stays reports whether a link that is advertised on still is one of want. A link that came back with another index is another
// link: the index of the old one may be anyone's by now, or the old one lives on under another name.
func (l *link) stays(want Config) bool {
	i, wanted := want.Interfaces[l.status.Interface.Link]
	return wanted && i.Index == l.status.Interface.Index
}

// visible reports whether hosts can see the difference of i, which is encoded as content, to old. A delegation that was renewed
// beyond the lifetimes we advertise makes none.
func visible(old, i Interface, content [][]byte, now time.Time) bool {
	before, err := Encode(old, now)
	return err != nil || !reflect.DeepEqual(before, content) || old.LinkLocal != i.LinkLocal
}

// remove forgets a link and says goodbye on it. Callers hold mu.
func (s *Sender) remove(l *link) {
	i := l.status.Interface
	delete(s.links, i.Link)
	delete(s.byIndex, i.Index)
	heap.Remove(&s.due, l.position)
	if s.conn == nil {
		return
	}
	if l.status.Sent > 0 {
		s.later(task{link: l, what: final(i), to: allNodes, kind: goodbye})
		s.tell(Event{Kind: Stopped, Link: i.Link})
	}
	if err := s.conn.leave(i.Index, allRouters); err != nil {
		s.log.Debug("leave group", "link", i.Link, "error", err)
	}
}

// join makes solicitations on a link arrive at a machine that does not forward. One that forwards gets them anyway, so it is
// worth no more than a note when it fails. Callers hold mu.
func (s *Sender) join(l *link) {
	if s.conn == nil {
		return
	}
	if err := s.conn.join(l.status.Interface.Index, allRouters); err != nil {
		s.log.Debug("join group", "link", l.status.Interface.Link, "error", err)
	}
}

// later queues a task. Callers hold mu.
func (s *Sender) later(t task) {
	if s.conn == nil {
		return
	}
	n, _ := slices.BinarySearchFunc(s.queue, t, func(queued, t task) int {
		if queued.at.After(t.at) {
			return 1
		}
		return -1 // of equals the older leaves first
	})
	s.queue = slices.Insert(s.queue, n, t)
}

// poke wakes the sending goroutine.
func (s *Sender) poke() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Status returns the state of all links, sorted by name.
func (s *Sender) Status() []Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]Status, 0, len(s.links))
	for _, l := range s.links {
		st := l.status
		st.Last, st.Next = l.schedule.last, l.schedule.next
		all = append(all, st)
	}
	slices.SortFunc(all, func(a, b Status) int { return strings.Compare(a.Interface.Link, b.Interface.Link) })
	return all
}

// Counters returns the totals over all links since New.
func (s *Sender) Counters() Counters {
	s.mu.Lock()
	defer s.mu.Unlock()
	return Counters{Dropped: maps.Clone(s.dropped)}
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
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	return l
}
