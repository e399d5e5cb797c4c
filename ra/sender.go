package ra

import (
	"container/heap"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
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
	open   func() (transport, error)
	random func() float64
	grid   time.Time
	wake   chan struct{} // there may be something due earlier than the sending goroutine waits for

	mu        sync.Mutex // guards what follows
	links     map[string]*link
	byIndex   map[int]*link
	due       dueHeap   // those of links that send by themselves
	queue     []task    // answers that wait and final advertisements, by the time when they are due
	deaf      []*link   // that listen has to be called for
	conn      transport // nil unless Run is running
	silent    bool
	dropped   map[string]uint64
	newcomers bucket
}

// New returns a Sender that does nothing until Run is called.
func New(log *slog.Logger) *Sender {
	return &Sender{
		log:     log,
		open:    func() (transport, error) { return openBatch() },
		random:  rand.Float64,
		grid:    time.Now(),
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
	for _, i := range s.changed(want, now) {
		if err := s.set(i, now); err != nil {
			errs = append(errs, fmt.Errorf("advertise on %s: %w", i.Link, err))
		}
	}
	s.poke()
	return errors.Join(errs...)
}

// changed returns what is not advertised as wanted, by name. Callers hold mu.
func (s *Sender) changed(want Config, now time.Time) []Interface {
	var out []Interface
	for name, i := range want.Interfaces {
		i.Link = name
		have := s.advertised(name)
		if i = settle(i, have, now); s.links[name] == nil || !i.Equal(&have) {
			out = append(out, i)
		}
	}
	slices.SortFunc(out, func(a, b Interface) int { return strings.Compare(a.Link, b.Link) })
	return out
}

// advertised is what is advertised on a link; empty if nothing is. Callers hold mu.
func (s *Sender) advertised(name string) Interface {
	if l := s.links[name]; l != nil {
		return l.status.Interface
	}
	return Interface{}
}

// set adds one link, or changes one that is not as it should be. Callers hold mu.
func (s *Sender) set(i Interface, now time.Time) error {
	l := s.links[i.Link]
	if err := i.valid(); err != nil {
		return err
	}
	content, err := Encode(i, now)
	if err != nil {
		return err
	}
	if l == nil {
		if other := s.byIndex[i.Index]; other != nil {
			return fmt.Errorf("interface index %d is also that of %s", i.Index, other.status.Interface.Link)
		}
		l = &link{status: Status{Interface: i}, position: -1}
		l.schedule.grid = s.grid
		s.links[i.Link], s.byIndex[i.Index] = l, l
		s.listen(l)
		s.begin(l, now)
		return nil
	}
	old := l.status.Interface
	if old.LinkLocal != i.LinkLocal {
		s.dismiss(l, now) // RFC 4861 6.2.8
	}
	l.become(i)
	if visible(old, i, content, now) || old.UnicastOnly != i.UnicastOnly || !slices.Equal(old.audience(), i.audience()) {
		s.listen(l) // a change is often one of forwarding
		s.begin(l, now)
		return nil
	}
	l.schedule.retimed(&i, now)
	s.place(l)
	return nil
}

// begin starts the initial advertisements of a link. Callers hold mu.
func (s *Sender) begin(l *link, now time.Time) {
	l.schedule.retimed(&l.status.Interface, now)
	l.schedule.changed(now)
	s.place(l)
}

// place puts a link where it belongs among those that are due, after its schedule or audience changed. Callers hold mu.
func (s *Sender) place(l *link) {
	i := &l.status.Interface
	sends := !i.UnicastOnly && len(i.audience()) > 0
	switch {
	case sends && l.position < 0:
		heap.Push(&s.due, l)
	case sends:
		heap.Fix(&s.due, l.position)
	case l.position >= 0:
		heap.Remove(&s.due, l.position)
	}
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
	i := &l.status.Interface
	delete(s.links, i.Link)
	delete(s.byIndex, i.Index)
	if l.position >= 0 {
		heap.Remove(&s.due, l.position)
	}
	s.deaf = slices.DeleteFunc(s.deaf, func(d *link) bool { return d == l })
	if s.conn == nil {
		return
	}
	if l.status.Sent > 0 {
		s.dismiss(l, time.Now())
		s.tell(Event{Kind: Stopped, Link: i.Link})
	}
	if l.joined {
		if err := s.conn.leave(i.Index); err != nil {
			s.log.Debug("leave group", "link", i.Link, "error", err)
		}
	}
}

// dismiss takes back what was advertised on a link so far. Callers hold mu.
func (s *Sender) dismiss(l *link, now time.Time) {
	if bye := l.farewell(now); bye != nil {
		s.later(task{at: now, link: l, bye: bye})
	}
}

// listen has the sending goroutine see to it that solicitations on a link arrive. Callers hold mu.
func (s *Sender) listen(l *link) {
	if s.conn != nil && !l.joined {
		s.deaf = append(s.deaf, l)
	}
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
		if st.Last = l.schedule.last; l.position >= 0 {
			st.Next = l.schedule.next
		}
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
