package kernel

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

const (
	settle       = 5 * time.Millisecond // how long events are collected before the state is read
	restFactor   = 4                    // how many times as long as a reading took there is none after it
	longestGap   = time.Second          // but not longer
	longestApply = 5 * time.Second      // how long a LinkWriter at work puts off the reading of what it does
	retryRead    = time.Second          // after a dump that failed
	groupLink    = unix.RTNLGRP_LINK
	groupAddr4   = unix.RTNLGRP_IPV4_IFADDR
	groupAddr6   = unix.RTNLGRP_IPV6_IFADDR
	groupConf4   = unix.RTNLGRP_IPV4_NETCONF
	groupConf6   = unix.RTNLGRP_IPV6_NETCONF
)

// Monitor keeps a snapshot of links and their addresses. It takes events only as a reason to read the links again that they are about,
// so events that come late or twice do no harm; after lost ones all links are read. All methods may be called from any goroutine, before Run too.
type Monitor struct {
	// OnNeighbor, if set before Run, is told of neighbors that come, move, fail and come back. It must not block.
	OnNeighbor func(NeighborEvent)

	log      *slog.Logger
	links    atomic.Pointer[Links]
	readings atomic.Uint64
	writes   atomic.Uint64
	sysctl   atomic.Bool  // a sysctl or policy rule changed that the kernel tells of
	news     atomic.Bool  // something changed since the last reading began
	busy     atomic.Int32 // Applies of LinkWriters that run: they read what they did themselves

	reading sync.Mutex    // serialises Refresh: snapshots are published in the order they were read; guards what follows
	readAt  time.Time     // when the last reading of all links that was completed began
	written uint64        // writes until then
	allTook time.Duration // and how long it took
	events  *events       // of Run; nil: it does not run
	unread  unread        // what to read
	// meanwhile has the indexes of links that were read while a Look is in progress, which is no later than they are; nil: there is none.
	meanwhile map[int]struct{}

	looking sync.Mutex // one Look at a time; taken before reading

	mu        sync.Mutex // guards what follows
	watches   map[*func()]struct{}
	tagged    bool                   // the kernel has IFA_PROTO
	added     map[addressOn]struct{} // addresses that we added, for kernels without it
	solicited map[int]int            // router solicitations sent, by link index

	soliciting chan struct{} // solicited has a new entry
}

// NewMonitor returns a monitor that has read nothing yet.
func NewMonitor(log *slog.Logger) *Monitor {
	return &Monitor{
		log:        log,
		watches:    map[*func()]struct{}{},
		added:      map[addressOn]struct{}{},
		solicited:  map[int]int{},
		soliciting: make(chan struct{}, 1),
	}
}

// Links returns the newest snapshot; nil before the first Refresh. It is never changed.
func (m *Monitor) Links() Links {
	if p := m.links.Load(); p != nil {
		return *p
	}
	return nil
}

// Watch calls fn after each change of the snapshot, of forwarding of a link, or of policy rules, until stop is called. Lifetimes of
// addresses that count down are not a change. fn must not block; it is called by whoever read the news. Several changes may be one call.
func (m *Monitor) Watch(fn func()) (stop func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.watches[&fn] = struct{}{}
	return func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		delete(m.watches, &fn)
	}
}

// Readings counts how often all links were read.
func (m *Monitor) Readings() uint64 { return m.readings.Load() }

// Writes counts what was written through this monitor's LinkWriter and FIB: netlink messages and sysctls.
func (m *Monitor) Writes() uint64 { return m.writes.Load() }

// Run follows the kernel until ctx ends. It returns an error if events cannot be received.
func (m *Monitor) Run(ctx context.Context) error {
	ev, err := listen(socketBuffer, nil, groupLink, groupAddr4, groupAddr6, groupConf4, groupConf6,
		unix.RTNLGRP_IPV4_RULE, unix.RTNLGRP_IPV6_RULE)
	if err != nil {
		return err
	}
	news := make(chan struct{}, 1)
	failed := make(chan error, 1)
	receiving := make(chan struct{})
	go func() {
		defer close(receiving)
		failed <- m.receive(ev.receive, news)
	}()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var others sync.WaitGroup
	if m.OnNeighbor != nil {
		others.Go(func() {
			if err := m.watchNeighbors(ctx); err != nil {
				m.log.Warn("what happens to neighbors is not told any more", "error", err)
			}
		})
	}
	// Subscribed first, read second: nothing falls in between.
	m.unread.miss()
	m.listenTo(ev)
	notify(news)
	err = m.follow(ctx, news, failed)
	m.listenTo(nil)
	ev.close()
	<-receiving
	cancel()
	others.Wait()
	return err
}

// receive turns events into news until the socket fails.
func (m *Monitor) receive(next func(func(syscall.NlMsghdr, []byte)) (bool, error), news chan<- struct{}) error {
	for {
		overflow, err := next(m.note)
		if err != nil {
			return err
		}
		if overflow {
			m.log.Debug("netlink events lost, reading links again")
			m.unread.miss()
			m.news.Store(true)
		}
		notify(news)
	}
}

// follow reads the state after news and repeats router solicitations. It returns nil when ctx ends.
func (m *Monitor) follow(ctx context.Context, news chan struct{}, failed <-chan error) error {
	again := time.NewTimer(time.Hour)
	again.Stop()
	defer again.Stop()
	solicit := time.NewTimer(time.Hour)
	solicit.Stop()
	defer solicit.Stop()
	due := false // again runs: more news does not put it off
	// While thousands of links are being changed each reading would find news: they must not take the time of those changes.
	var rested, first time.Time
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-failed:
			if ctx.Err() != nil || errors.Is(err, os.ErrClosed) {
				return nil
			}
			return fmt.Errorf("receive netlink events: %w", err)
		case <-news:
			if !due {
				due, first = true, time.Now()
				again.Reset(max(settle, time.Until(rested)))
			}
		case <-m.soliciting:
			solicit.Reset(solicitInterval)
		case <-solicit.C:
			if m.solicitAgain(ctx) {
				solicit.Reset(solicitInterval)
			}
		case <-again.C:
			if m.busy.Load() > 0 && time.Since(first) < longestApply {
				again.Reset(settle)
				continue
			}
			// What came while events were collected is covered by this reading.
			drain(news)
			due = false
			took, err := m.update(ctx)
			rested = time.Now().Add(min(restFactor*took, longestGap))
			if err != nil && ctx.Err() == nil {
				level := slog.LevelWarn
				if errors.Is(err, errInterrupted) {
					level = slog.LevelDebug // many links are being changed just now: nothing is wrong
				}
				m.log.Log(ctx, level, "read links", "error", err)
				due = true
				again.Reset(retryRead)
			}
		}
	}
}

// Refresh reads all links and addresses. When it returns, Links is no older than the call. Callers that wait for each other share what
// one of them reads.
func (m *Monitor) Refresh(ctx context.Context) error { return m.RefreshSince(ctx, time.Now()) }

// RefreshSince is Refresh unless the links were read after that time, nothing was written through this monitor's writers since,
// and no event told of a change.
func (m *Monitor) RefreshSince(ctx context.Context, since time.Time) error {
	m.reading.Lock()
	defer m.reading.Unlock()
	if m.readAt.After(since) && !m.news.Load() && m.written == m.writes.Load() {
		return nil
	}
	return m.refresh(ctx)
}

// refresh reads. m.reading is held.
func (m *Monitor) refresh(ctx context.Context) error {
	began, written := time.Now(), m.writes.Load()
	m.readings.Add(1)
	m.news.Store(false)
	told, missed := m.unread.take()
	if err := m.readAll(ctx, told, missed); err != nil {
		m.unread.miss()
		m.news.Store(true)
		return err
	}
	m.readAt, m.written, m.allTook = began, written, time.Since(began)
	return nil
}

// readAll reads links and addresses, publishes them and tells those who watch. Some were told of, and if more was missed, any may have
// changed. m.reading is held.
func (m *Monitor) readAll(ctx context.Context, told []int, missed bool) error {
	links, err := m.dumpLinks(ctx)
	if err != nil {
		return err
	}
	old := m.links.Load()
	if old != nil && !missed {
		links = links.keep(*old, told)
	}
	m.links.Store(&links)
	m.tell(old == nil || !equalLinks(*old, links))
	return nil
}

// wait has Run leave it to the caller to read what it is about to change, until the returned function is called.
func (m *Monitor) wait() (done func()) {
	m.busy.Add(1)
	return func() { m.busy.Add(-1) }
}

// tell calls those who watch if links changed, or something else did that they want to know of.
func (m *Monitor) tell(changed bool) {
	if told := m.sysctl.Swap(false); !told && !changed {
		return
	}
	m.mu.Lock()
	fns := slices.Collect(maps.Keys(m.watches))
	m.mu.Unlock()
	for _, fn := range fns {
		(*fn)()
	}
}

func (m *Monitor) read(ctx context.Context, c *conn) (Links, error) {
	byIndex := map[int]*LinkState{}
	req := nl.NewNetlinkRequest(unix.RTM_GETLINK, 0)
	req.AddData(nl.NewIfInfomsg(unix.AF_UNSPEC))
	req.AddData(nl.NewRtAttr(unix.IFLA_EXT_MASK, nl.Uint32Attr(skipStats)))
	err := c.dump(ctx, req, func() { clear(byIndex) }, func(typ uint16, data []byte) {
		if l, ok := parseLink(data); ok && typ == unix.RTM_NEWLINK {
			byIndex[l.Index] = &l
		}
	})
	if err != nil {
		return nil, fmt.Errorf("list links: %w", err)
	}
	if err := m.readAddresses(ctx, c, unix.AF_UNSPEC, 0, byIndex); err != nil {
		return nil, fmt.Errorf("list addresses: %w", err)
	}
	links := make(Links, len(byIndex))
	for _, l := range byIndex {
		links[l.Name] = *l
	}
	return links, nil
}

// readAddresses adds the addresses of a family to the links; with an index, kernels before 4.20 list those of all links too.
func (m *Monitor) readAddresses(ctx context.Context, c *conn, family, index int, byIndex map[int]*LinkState) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	req := nl.NewNetlinkRequest(unix.RTM_GETADDR, 0)
	msg := nl.NewIfAddrmsg(family)
	msg.Index = uint32(index)
	req.AddData(msg)
	had := make(map[int]int, len(byIndex))
	for index, l := range byIndex {
		had[index] = len(l.Addresses)
	}
	return c.dump(ctx, req, func() {
		for index, l := range byIndex {
			l.Addresses = l.Addresses[:had[index]]
		}
	}, func(typ uint16, data []byte) {
		index, a, proto, ok := parseAddress(data)
		l := byIndex[index]
		if !ok || l == nil || typ != unix.RTM_NEWADDR {
			return
		}
		m.claim(index, &a, proto)
		l.Addresses = append(l.Addresses, a)
	})
}

// claim says whether an address is ours if the kernel cannot. A kernel that can shows it on each link that is up: the
// link-local address there is tagged too. m.mu is held.
func (m *Monitor) claim(index int, a *AddressState, proto int) {
	if proto >= 0 {
		m.tagged = true
	} else if _, ok := m.added[addressOn{index, a.Prefix}]; ok && !m.tagged {
		a.Ours, a.Dynamic = true, false
	}
}

// remember notes that we added an address, or removed it, for kernels that cannot tell.
func (m *Monitor) remember(a addressOn, present bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if present {
		m.added[a] = struct{}{}
	} else {
		delete(m.added, a)
	}
}

// Neighbors lists the neighbor tables, NDP and ARP, without multicast entries, ordered by link and address.
func (m *Monitor) Neighbors(ctx context.Context) ([]Neighbor, error) {
	c, err := dial()
	if err != nil {
		return nil, err
	}
	defer c.close()
	names, vrfs := m.names(), m.Links().vrfs()
	var out []Neighbor
	for _, family := range []int{unix.AF_INET6, unix.AF_INET} {
		req := nl.NewNetlinkRequest(unix.RTM_GETNEIGH, 0)
		req.AddRawData(append([]byte{byte(family)}, make([]byte, 11)...)) // struct ndmsg
		from := len(out)
		err := c.dump(ctx, req, func() { out = out[:from] }, func(typ uint16, data []byte) {
			index, n, ok := parseNeighbor(data)
			if !ok || typ != unix.RTM_NEWNEIGH || n.Address.IsMulticast() || names[index] == "" {
				return
			}
			n.Link, n.VRF = names[index], vrfs[index]
			out = append(out, n)
		})
		if err != nil {
			return nil, fmt.Errorf("list neighbors: %w", err)
		}
	}
	slices.SortFunc(out, func(a, b Neighbor) int {
		if a.Link != b.Link {
			if a.Link < b.Link {
				return -1
			}
			return 1
		}
		return a.Address.Compare(b.Address)
	})
	return out, nil
}

// names maps link indexes of the snapshot to names.
func (m *Monitor) names() map[int]string {
	out := map[int]string{}
	for name, l := range m.Links() {
		out[l.Index] = name
	}
	return out
}

// equalLinks compares snapshots without the lifetimes of addresses.
func equalLinks(a, b Links) bool {
	return maps.EqualFunc(a, b, equalLink)
}

func equalLink(a, b LinkState) bool {
	return a.Name == b.Name && a.Index == b.Index && a.Kind == b.Kind && slices.Equal(a.MAC, b.MAC) && a.MTU == b.MTU &&
		a.Up == b.Up && a.Running == b.Running && a.Loopback == b.Loopback && a.Parent == b.Parent && a.Master == b.Master &&
		slices.EqualFunc(a.Addresses, b.Addresses, func(a, b AddressState) bool {
			a.Valid, a.Preferred, b.Valid, b.Preferred = 0, 0, 0, 0
			return a == b
		})
}

// notify makes c readable without blocking.
func notify(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// drain makes c not readable.
func drain(c <-chan struct{}) {
	select {
	case <-c:
	default:
	}
}
