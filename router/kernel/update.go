package kernel

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

const (
	readAllAfter = 2 * time.Minute // links are read all the same if this long they were only when events told of them
	fewLinks     = 16              // so many are read one by one even if there are hardly more
	allFrom      = 4               // if one in so many has to be read, all are
)

// errConfused says that links do not fit with those that were read before, as when two have the same name.
var errConfused = errors.New("links changed meanwhile")

// unread collects of which links there is news.
type unread struct {
	mu    sync.Mutex
	links map[int]struct{} // by index
	all   bool             // of any link: events were lost or not understood
}

func (u *unread) link(index int) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.links == nil {
		u.links = map[int]struct{}{}
	}
	u.links[index] = struct{}{}
}

// miss notes that there may be news of any link.
func (u *unread) miss() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.all = true
}

// take returns what was collected, and begins anew.
func (u *unread) take() (links []int, all bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	links, all = slices.Sorted(maps.Keys(u.links)), u.all
	clear(u.links)
	u.all = false
	return links, all
}

// note takes an event. What it says may be old by now: only whom it is about counts.
func (m *Monitor) note(h syscall.NlMsghdr, data []byte) {
	index := 0
	switch h.Type {
	case unix.RTM_NEWLINK, unix.RTM_DELLINK, unix.RTM_NEWADDR, unix.RTM_DELADDR:
		if len(data) >= 8 {
			index = int(int32(native.Uint32(data[4:]))) // at the same place in struct ifinfomsg and struct ifaddrmsg
		}
	case unix.RTM_NEWNETCONF, rtmDelNetconf:
		index = netconfIndex(data)
		if h.Type == unix.RTM_NEWNETCONF {
			m.sysctl.Store(true)
		}
		if index == netconfDefault {
			m.news.Store(true)
			return
		}
	case unix.RTM_NEWRULE, unix.RTM_DELRULE:
		m.sysctl.Store(true)
		m.news.Store(true)
		return
	}
	if index > 0 {
		m.unread.link(index)
	} else {
		m.unread.miss()
	}
	m.news.Store(true) // after what the news is: who takes it resets this first
}

// Of linux/rtnetlink.h and linux/netconf.h.
const (
	rtmDelNetconf   = 81
	netconfaIfindex = 1
	netconfDefault  = -2
)

// netconfIndex returns the link that a change of sysctls is about; -1: all, or not known, -2: those to come.
func netconfIndex(b []byte) int {
	const size = 4 // struct netconfmsg, aligned
	index := -1
	if len(b) >= size {
		eachAttr(b[size:], func(typ uint16, val []byte) {
			if typ == netconfaIfindex && len(val) >= 4 {
				index = int(int32(native.Uint32(val)))
			}
		})
	}
	return index
}

// listenTo sets where events are received.
func (m *Monitor) listenTo(ev *events) {
	m.reading.Lock()
	defer m.reading.Unlock()
	m.events = ev
}

// touch notes that we changed something of a link that there will be no event of.
func (m *Monitor) touch(index int) {
	if index == wholeMachine {
		return
	}
	m.unread.link(index)
	m.news.Store(true)
}

// Update reads the links that the kernel told of since they were read; all if that is not enough to know them, or Run does not run.
// When it returns, Links is no older than the call, but for what the kernel tells nobody of: sysctls that others write apart from
// those of forwarding, the group of links that are down, and how far lifetimes have counted down. Of an IPv6 address that others add
// without duplicate address detection it tells a moment later.
func (m *Monitor) Update(ctx context.Context) error {
	_, err := m.update(ctx)
	return err
}

// update is Update, and says how long it took; or, if there was news of many links, how long it takes to read all, which is what others
// do who hear of it.
func (m *Monitor) update(ctx context.Context) (took time.Duration, err error) {
	m.reading.Lock()
	defer m.reading.Unlock()
	began := time.Now()
	many, err := m.readTold(ctx)
	if took = time.Since(began); many {
		took = max(took, m.allTook)
	}
	return took, err
}

// readTold reads what was told of, and reports whether it was many links. m.reading is held.
func (m *Monitor) readTold(ctx context.Context) (many bool, err error) {
	old := m.links.Load()
	if old == nil || m.events == nil || time.Since(m.readAt) > readAllAfter {
		return true, m.refresh(ctx)
	}
	// The kernel sends the events of an operation before it acknowledges it: those of all that was done until now are here.
	if m.events.catchUp(m.note) {
		m.unread.miss()
	}
	m.news.Store(false)
	changed, all := m.unread.take()
	many = len(changed) > fewLinks
	if all || len(changed) > max(fewLinks, len(*old)/allFrom) {
		return true, m.refresh(ctx)
	}
	if len(changed) == 0 {
		m.tell(false)
		return many, nil
	}
	links, err := m.readSome(ctx, *old, changed)
	if errors.Is(err, errConfused) {
		return true, m.refresh(ctx)
	}
	if err != nil {
		m.unread.miss()
		m.news.Store(true)
		return many, err
	}
	m.links.Store(&links)
	m.tell(!equalLinks(*old, links))
	return many, nil
}

// readSome returns the links as they were, but those with the given indexes as they are.
func (m *Monitor) readSome(ctx context.Context, old Links, indexes []int) (Links, error) {
	c, err := dial()
	if err != nil {
		return nil, err
	}
	defer c.close()
	byIndex := make(map[int]*LinkState, len(indexes))
	read := func(indexes []int) error {
		for _, index := range indexes {
			l, ok, err := m.readOne(ctx, c, index)
			if err != nil {
				return fmt.Errorf("read link %d: %w", index, err)
			}
			byIndex[index] = nil
			if ok {
				byIndex[index] = &l
			}
		}
		return nil
	}
	if err := read(indexes); err != nil {
		return nil, err
	}
	more := others(old, byIndex)
	if len(more) > fewLinks {
		return nil, errConfused
	}
	if err := read(more); err != nil {
		return nil, err
	}
	links := make(Links, len(old)+len(indexes))
	for name, l := range old {
		if _, read := byIndex[l.Index]; !read {
			links[name] = l
		}
	}
	if m.meanwhile != nil {
		for index := range byIndex {
			m.meanwhile[index] = struct{}{}
		}
	}
	for _, l := range byIndex {
		if l == nil {
			continue
		}
		if _, taken := links[l.Name]; taken {
			return nil, errConfused
		}
		links[l.Name] = *l
	}
	return links, nil
}

// others returns the indexes of links that are not among those that were read, and show what became of these: when a link goes to
// another network namespace, or comes back from there, the kernel does not tell of those that lie on it.
func others(old Links, read map[int]*LinkState) []int {
	gone, came := map[int]bool{}, false
	known := map[int]bool{}
	for _, l := range old {
		known[l.Index] = true
	}
	for index, l := range read {
		gone[index] = l == nil
		came = came || l != nil && !known[index]
	}
	var out []int
	for _, l := range old {
		if _, done := read[l.Index]; !done && (gone[l.Parent] || gone[l.Master] || came && l.Apart) {
			out = append(out, l.Index)
		}
	}
	slices.Sort(out)
	return out
}

// readOne reads a link with its addresses; ok is false if there is none.
func (m *Monitor) readOne(ctx context.Context, c *conn, index int) (l LinkState, ok bool, err error) {
	req := nl.NewNetlinkRequest(unix.RTM_GETLINK, 0)
	msg := nl.NewIfInfomsg(unix.AF_UNSPEC)
	msg.Index = int32(index)
	req.AddData(msg)
	req.AddData(nl.NewRtAttr(unix.IFLA_EXT_MASK, nl.Uint32Attr(skipStats)))
	err = c.ask(req, func(typ uint16, data []byte) {
		if now, good := parseLink(data); good && typ == unix.RTM_NEWLINK && now.Index == index {
			l, ok = now, true
		}
	})
	if errors.Is(err, unix.ENODEV) {
		return l, false, nil
	}
	if err != nil || !ok {
		return l, false, err
	}
	byIndex := map[int]*LinkState{index: &l}
	for _, family := range []int{unix.AF_INET, unix.AF_INET6} { // in the order in which both are listed at once
		err := m.readAddresses(ctx, c, family, index, byIndex)
		if errors.Is(err, unix.ENODEV) {
			return l, false, nil
		}
		if err != nil {
			return l, false, err
		}
	}
	return l, true, nil
}
