package notify

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sixfold-router/sixfold/router/notify/render"
)

// Backoff of consumers that fail.
const (
	minBackoff = time.Second
	maxBackoff = 5 * time.Minute
)

// ErrUnknown says that there is no such consumer, ErrAmbiguous that several delegations have one of that name.
var (
	ErrUnknown   = errors.New("there is no such consumer")
	ErrAmbiguous = errors.New("several delegations have a consumer of that name: say DELEGATION/NAME")
)

// errInterrupted is told to those who wait for a consumer that is ended.
var errInterrupted = errors.New("it was interrupted: the configuration of the consumer changed, or the router stops")

// Manager has the consumers. Its methods are safe for concurrent use.
type Manager struct {
	// OnEvent, if set before Run, is called for each event, from any goroutine. It must not block.
	OnEvent func(Event)

	log     *slog.Logger
	path    string // of the records
	run     runner
	outside bool   // run does not run programs as processes of ours
	program string // our own, absolute

	saving sync.Mutex // held while the records are written, and taken before mu

	mu        sync.Mutex // guards all below
	consumers map[string]*consumer
	records   map[string]record
	active    context.Context // of Run; nil when none runs
	workers   sync.WaitGroup
}

// New returns a manager that keeps at path what consumers were told, and tells nobody before Run.
func New(log *slog.Logger, path string) *Manager {
	program, err := os.Executable()
	if err != nil {
		program = "/usr/bin/sixfold"
	}
	m := &Manager{log: log, path: path, run: inside, program: program, consumers: map[string]*consumer{}}
	if ours() {
		m.run, m.outside = outside, true
	}
	if m.records, err = load(path); err != nil {
		log.Error("all consumers of delegations are told again", "error", err)
	}
	return m
}

// consumer is one that is configured. The manager's mu guards what changes in it.
type consumer struct {
	Consumer
	now     State
	wake    chan struct{} // holds one value if there may be something to do
	cancel  context.CancelFunc
	ended   chan struct{}  // closed when its goroutine is gone; nil when it has none
	forced  []chan<- error // who waits for the next try
	backoff time.Duration  // after the last failure; 0: it did not fail
	status  Status         // without what follows from the rest
	unseen  bool           // it was not looked yet whether its file is there
	gone    bool           // its file is not, although it was written
}

// Apply makes c the configuration. It does not wait for anybody to be told.
func (m *Manager) Apply(_ context.Context, c Config) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	want := map[string]Consumer{}
	for _, one := range c.Consumers {
		want[one.ID()] = one
	}
	for id, have := range m.consumers {
		if one, ok := want[id]; !ok || !reflect.DeepEqual(one, have.Consumer) {
			have.stop()
			delete(m.consumers, id)
			if ok {
				m.add(one, have)
			}
		}
	}
	for id, one := range want {
		have := m.consumers[id]
		if have == nil {
			have = m.add(one, nil)
		}
		now := c.States[one.Delegation]
		if have.now == now {
			continue
		}
		if have.now.Prefix != now.Prefix {
			have.backoff, have.status.Next = 0, time.Time{} // what failed for another prefix says nothing of this one
		}
		have.now = now
		have.poke()
	}
	return nil
}

// add makes a consumer, which goes on counting where one of the same name was. mu is held.
func (m *Manager) add(c Consumer, before *consumer) *consumer {
	n := &consumer{Consumer: c, wake: make(chan struct{}, 1), unseen: c.File != nil}
	if before != nil {
		n.now, n.status.Tries, n.status.Failures = before.now, before.status.Tries, before.status.Failures
	}
	m.consumers[c.ID()] = n
	if m.active != nil {
		var after <-chan struct{}
		if before != nil {
			after = before.ended // two at once would not know of each other
		}
		m.start(n, after)
	}
	return n
}

// start runs a consumer once the one before it has ended. mu is held.
func (m *Manager) start(n *consumer, after <-chan struct{}) {
	ctx, cancel := context.WithCancel(m.active)
	n.cancel, n.ended = cancel, make(chan struct{})
	m.workers.Go(func() {
		defer close(n.ended)
		if after != nil {
			<-after
		}
		m.serve(ctx, n)
	})
	n.poke()
}

// stop ends a consumer. mu is held.
func (n *consumer) stop() {
	if n.cancel != nil {
		n.cancel()
	}
	n.answer(errInterrupted)
}

func (n *consumer) poke() {
	select {
	case n.wake <- struct{}{}:
	default:
	}
}

// answer tells those who wait how it went. mu is held.
func (n *consumer) answer(err error) {
	for _, c := range n.forced {
		c <- err // has room
	}
	n.forced = nil
}

// Run tells consumers until ctx ends. Programs that run then are ended.
func (m *Manager) Run(ctx context.Context) error {
	m.mu.Lock()
	m.active = ctx
	for _, n := range m.consumers {
		m.start(n, nil)
	}
	m.mu.Unlock()
	<-ctx.Done()
	m.mu.Lock()
	m.active = nil
	m.mu.Unlock()
	m.workers.Wait()
	return nil
}

// serve tells one consumer until ctx ends.
func (m *Manager) serve(ctx context.Context, n *consumer) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		wait := time.Hour
		if ctx.Err() == nil {
			m.look(n)
			if change, waiting, ok := m.due(n, time.Now()); ok {
				m.tell(ctx, n, change, waiting)
				continue
			}
			m.mu.Lock()
			if next := n.status.Next; !next.IsZero() {
				wait = max(time.Until(next), time.Millisecond)
			}
			m.mu.Unlock()
		}
		timer.Reset(wait)
		select {
		case <-ctx.Done():
			return
		case <-n.wake:
		case <-timer.C:
		}
	}
}

// look finds out, once after a start, whether the file of a consumer is still there: it may be in a directory that is empty after a
// reboot. What others wrote into it is left to them.
func (m *Manager) look(n *consumer) {
	m.mu.Lock()
	check := n.unseen && n.now.Prefix.IsValid()
	n.unseen = n.unseen && !check
	check = check && m.records[n.ID()].Prefix == n.now.Prefix
	m.mu.Unlock()
	if !check {
		return
	}
	if _, err := os.Stat(n.File.Path); errors.Is(err, fs.ErrNotExist) {
		m.mu.Lock()
		n.gone = true
		m.mu.Unlock()
	}
}

// due returns what there is to tell now, and who waits for that.
func (m *Manager) due(n *consumer, now time.Time) (change render.Change, waiting []chan<- error, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	change, ok = difference(n.Consumer, m.records[n.ID()], n.now, len(n.forced) > 0 || n.gone)
	if !ok {
		n.status.Next, n.backoff = time.Time{}, 0
		return change, nil, false
	}
	if len(n.forced) == 0 && now.Before(n.status.Next) {
		return change, nil, false
	}
	waiting, n.forced = n.forced, nil
	n.status.State, n.status.Tried, n.status.Next = "running", now, time.Time{}
	n.status.Tries++
	return change, waiting, true
}

// tell tells a consumer, and notes how it went.
func (m *Manager) tell(ctx context.Context, n *consumer, change render.Change, waiting []chan<- error) {
	result, output, err := m.deliver(ctx, n.Consumer, change)
	now := time.Now()
	if err == nil {
		err = m.note(n.ID(), func(r *record) {
			*r = record{Prefix: change.Prefix, PreferredUntil: change.PreferredUntil, ValidUntil: change.ValidUntil, Consumer: digest(n.Consumer), Told: now}
		})
	}
	stopped := ctx.Err() != nil
	m.mu.Lock()
	n.status.State, n.status.Result, n.status.Output = "", result, output
	if err != nil {
		n.status.Result = err.Error()
		n.status.Failures++
		n.backoff = min(max(2*n.backoff, minBackoff), maxBackoff)
		n.status.Next = now.Add(n.backoff)
	} else {
		n.backoff, n.gone = 0, false
	}
	backoff := n.backoff
	m.mu.Unlock()
	if stopped && err != nil && len(waiting) > 0 {
		err = errInterrupted // of how the program took it, nobody who waits wants to hear
	}
	for _, c := range waiting {
		c <- err // has room
	}
	log := m.log.With("consumer", n.ID(), "event", change.Event, "prefix", prefixText(change))
	switch {
	case stopped:
		log.Info("consumer was interrupted; it is told again at the next start", "error", err)
		return
	case err != nil:
		log.Warn("consumer could not be told", "error", err, "again", backoff, "output", output)
	default:
		log.Info("consumer was told", "result", result, "output", output)
	}
	if m.OnEvent != nil {
		m.OnEvent(Event{Consumer: n.Consumer, Change: change, Result: result, Err: err})
	}
}

func prefixText(c render.Change) string {
	if !c.Prefix.IsValid() {
		return ""
	}
	return c.Prefix.String()
}

// deliver does what there is to do for a change.
func (m *Manager) deliver(ctx context.Context, c Consumer, change render.Change) (result, output string, err error) {
	now := time.Now()
	if c.URL != "" {
		return post(ctx, c, change, jsonOf(change, now))
	}
	if c.File != nil {
		return m.deliverFile(ctx, c, change, now)
	}
	return m.deliverProgram(ctx, c, change, now)
}

func (m *Manager) deliverProgram(ctx context.Context, c Consumer, change render.Change, now time.Time) (result, output string, err error) {
	output, err = m.run(ctx, command{
		name: c.ID(), argv: c.Run, env: environment(change, now), user: c.User, stdin: jsonOf(change, now), limit: c.Timeout,
	})
	return "exit status 0", output, err
}

// deliverFile writes a file, and then runs the program if the content changed, now or at a try before, after which it did not run.
func (m *Manager) deliverFile(ctx context.Context, c Consumer, change render.Change, now time.Time) (result, output string, err error) {
	m.mu.Lock()
	owed := m.records[c.ID()].Owed
	m.mu.Unlock()
	if len(c.Run) > 0 && !owed {
		// A crash after the file was written must not keep the program from running.
		if err := m.note(c.ID(), func(r *record) { r.Owed = true }); err != nil {
			return "", "", err
		}
	}
	result, err = m.write(ctx, c, change)
	if err != nil || len(c.Run) == 0 {
		return result, "", err
	}
	if result == unchanged && !owed {
		return unchanged, "", nil
	}
	done, output, err := m.deliverProgram(ctx, c, change, now)
	return result + ", " + done, output, err
}

// note changes a record, and returns once that is on disk.
func (m *Manager) note(id string, change func(*record)) error {
	m.saving.Lock()
	defer m.saving.Unlock()
	m.mu.Lock()
	next := maps.Clone(m.records)
	r := next[id]
	change(&r)
	next[id] = r
	m.forget(next)
	m.mu.Unlock()
	if err := save(m.path, next); err != nil {
		return fmt.Errorf("remember what %s was told: %w", id, err)
	}
	m.mu.Lock()
	m.records = next
	m.mu.Unlock()
	return nil
}

// forget bounds the records of those that are not configured any more: the oldest go. mu is held.
func (m *Manager) forget(all map[string]record) {
	if len(all) <= maxRecords {
		return
	}
	var idle []string
	for id := range all {
		if m.consumers[id] == nil {
			idle = append(idle, id)
		}
	}
	slices.SortFunc(idle, func(a, b string) int { return all[a].Told.Compare(all[b].Told) })
	for _, id := range idle[:min(len(idle), len(all)-maxRecords)] {
		delete(all, id)
	}
}

// Trigger tells a consumer what is now, whatever it was told before, and waits for the outcome, which is the error. The name is
// DELEGATION/NAME, or NAME where that is clear.
func (m *Manager) Trigger(ctx context.Context, name string) (Status, error) {
	m.mu.Lock()
	n, err := m.find(name)
	if err != nil {
		m.mu.Unlock()
		return Status{}, err
	}
	result := make(chan error, 1)
	n.forced = append(n.forced, result)
	n.poke()
	m.mu.Unlock()
	select {
	case err = <-result:
	case <-ctx.Done():
		return Status{}, context.Cause(ctx)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.statusOf(n), err
}

// find returns a consumer by its name. mu is held.
func (m *Manager) find(name string) (*consumer, error) {
	if n := m.consumers[name]; n != nil {
		return n, nil
	}
	var found *consumer
	for _, n := range m.consumers {
		if n.Name == name {
			if found != nil {
				return nil, ErrAmbiguous
			}
			found = n
		}
	}
	if found == nil {
		return nil, ErrUnknown
	}
	return found, nil
}

// Status returns the consumers, by delegation and name.
func (m *Manager) Status() []Status {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := make([]Status, 0, len(m.consumers))
	for _, n := range m.consumers {
		out = append(out, m.statusOf(n))
	}
	slices.SortFunc(out, func(a, b Status) int {
		if c := strings.Compare(a.Delegation, b.Delegation); c != 0 {
			return c
		}
		return strings.Compare(a.Name, b.Name)
	})
	return out
}

// statusOf completes the status of a consumer. mu is held.
func (m *Manager) statusOf(n *consumer) Status {
	s, r := n.status, m.records[n.ID()]
	s.Delegation, s.Name, s.Kind, s.Target = n.Delegation, n.Name, n.Kind(), target(n.Consumer)
	s.Prefix, s.Told = r.Prefix, r.Told
	_, open := difference(n.Consumer, r, n.now, false)
	switch {
	case s.State != "":
	case open && n.backoff > 0:
		s.State = "failed"
	case !open && !r.Told.IsZero():
		s.State = "told"
	default:
		s.State = "waiting"
	}
	return s
}
