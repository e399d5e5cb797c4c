package pd

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	dhcp6 "github.com/insomniacslk/dhcp/dhcpv6"
)

// datagram is what a reader hands to the loop; err ends its socket.
type datagram struct {
	socket *socket
	data   []byte
	from   netip.Addr
	err    error
}

// socket is an open conn and what it was opened for.
type socket struct {
	conn
	link  string
	index int
	local netip.Addr
	gone  chan struct{} // closed with the conn: its reader is not to wait for the loop

	expected atomic.Uint32         // the transaction id that its reader lets through, and expecting; 0: none
	keys     atomic.Pointer[[]key] // for the Reconfigure messages that it lets through
}

// expecting is set in socket.expected beside the 24 bits of a transaction id.
const expecting = 1 << 24

// loop is what Run keeps on its stack. Only its goroutine sends, opens and closes sockets, and writes files.
type loop struct {
	c       *Client
	sockets map[string]*socket
	inbox   chan datagram
	readers sync.WaitGroup
}

// Run is the client at work. It returns nil when ctx ends, and releases nothing.
func (c *Client) Run(ctx context.Context) error {
	l := &loop{c: c, sockets: make(map[string]*socket), inbox: make(chan datagram, 16)}
	defer l.close()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		l.work()
		if at := c.nextWake(); at.IsZero() {
			timer.Stop()
		} else {
			timer.Reset(time.Until(at))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-c.wakeup:
		case <-timer.C:
		case d := <-l.inbox:
			l.received(d)
		}
	}
}

// nextWake returns when the next machine has something to do, or when what is not on disk is written again.
func (c *Client) nextWake() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	var at time.Time
	if len(c.unsaved) > 0 {
		at = time.Now().Add(saveRetry)
	}
	for _, m := range c.machines {
		if t := m.wake(); !t.IsZero() && (at.IsZero() || t.Before(at)) {
			at = t
		}
	}
	return at
}

// task is what a machine wants done.
type task struct {
	link   string
	up     bool
	index  int
	local  netip.Addr
	send   *request
	expect uint32 // for socket.expected
	leases []held
	keys   []key
	listen bool      // a Reconfigure may come
	info   *Resolver // nil: none
	tries  int       // how often what is to be sent was, this time included
	refuse string    // what those said who answered
}

// silence is how many messages of one kind are sent before the log tells that nobody answers.
const silence = 4

// work lets the machines do what is due, and does what they want.
func (l *loop) work() {
	now := time.Now()
	var tasks []task
	l.c.mu.Lock()
	for link, m := range l.c.machines {
		m.tick(now)
		tasks = append(tasks, task{link: link, up: m.up, index: m.cfg.Index, local: m.cfg.LinkLocal, send: m.take(), expect: m.expect(), leases: m.leases(),
			keys: m.keys, listen: m.up && len(m.keys) > 0 && m.holds(), info: m.resolver})
		if m.ex != nil {
			tasks[len(tasks)-1].tries, tasks[len(tasks)-1].refuse = m.ex.sent, m.ex.refusal
		}
	}
	l.c.mu.Unlock()
	for _, t := range tasks {
		l.publish(now, t)
		l.forget(t.link)
		if s := l.sockets[t.link]; s != nil && (!t.up || s.index != t.index || s.local != t.local) {
			l.drop(s)
		} else if s != nil {
			s.expected.Store(t.expect)
			s.keys.Store(&t.keys)
		} else if t.listen && t.send == nil {
			// After a restart nothing may be due for long. Without a socket now, the next message opens one.
			if _, err := l.open(t); err != nil {
				l.c.log.Debug("not listening", "link", t.link, "error", err)
			}
		}
		if t.send != nil {
			err := l.send(t)
			if err != nil {
				l.c.log.Debug("not sent", "link", t.link, "message", titles[t.send.kind], "error", err)
			} else {
				l.c.log.Debug("sent", "link", t.link, "message", titles[t.send.kind])
			}
			switch {
			case t.tries != silence:
			case t.refuse != "":
				l.c.log.Warn("no server gives what is asked for", "link", t.link, "message", titles[t.send.kind], "tries", t.tries, "problem", t.refuse)
			default:
				l.c.log.Warn("no server answers", "link", t.link, "message", titles[t.send.kind], "tries", t.tries)
			}
			l.sent(t, err)
		}
	}
}

// forget drops a machine that has nothing to do any more, its files included.
func (l *loop) forget(link string) {
	l.c.mu.Lock()
	defer l.c.mu.Unlock()
	if m := l.c.machines[link]; m != nil && m.idle() && l.c.unsaved[link] == nil {
		delete(l.c.machines, link)
	}
}

// saveRetry is how long after a failure the files are written again, if nothing else happens before.
const saveRetry = 30 * time.Second

// save makes the files of a link those of what it holds, and notes where they are not. To use a delegation matters more than to
// remember it.
func (l *loop) save(now time.Time, t task) {
	err := l.c.files.sync(now, t.link, t.leases)
	l.c.mu.Lock()
	before := l.c.unsaved[t.link]
	if err != nil {
		l.c.unsaved[t.link] = err
	} else {
		delete(l.c.unsaved, t.link)
	}
	l.c.mu.Unlock()
	switch {
	case err != nil && before == nil:
		l.c.log.Error("delegations would not survive a restart; this is tried again", "link", t.link, "error", err, "again", saveRetry)
	case err == nil && before != nil:
		l.c.log.Info("delegations survive a restart again", "link", t.link)
	}
}

// publish shows what a machine holds to Delegations, after it is on disk.
func (l *loop) publish(now time.Time, t task) {
	l.save(now, t)
	var fresh []Delegation
	for _, h := range t.leases {
		if h.wanted {
			fresh = append(fresh, h.Delegation)
		}
	}
	l.c.mu.Lock()
	old := l.c.published[t.link]
	same := slices.EqualFunc(old, fresh, Delegation.same)
	if known, ok := l.c.resolvers[t.link]; t.info == nil {
		same = same && !ok
		delete(l.c.resolvers, t.link)
	} else {
		same = same && ok && known.same(*t.info)
		l.c.resolvers[t.link] = t.info.clone()
	}
	if len(fresh) == 0 {
		delete(l.c.published, t.link)
	} else {
		l.c.published[t.link] = fresh
	}
	l.c.mu.Unlock()
	if same {
		return
	}
	l.logChange(t.link, old, fresh)
	l.c.changed()
}

// logged names a delegation, or an address, and gives what the log tells of it.
func logged(link string, d Delegation) (what string, attributes []any) {
	if d.Name == "" {
		return "address", []any{"link", link, "address", d.Prefix.Addr()}
	}
	return "delegation", []any{"link", link, "name", d.Name, "prefix", d.Prefix}
}

// until is the end of a lifetime for the log. The infinite one is longer than a century.
func until(end, now time.Time) any {
	if end.Sub(now) > 100*365*24*time.Hour {
		return "forever"
	}
	return end
}

// logChange tells of prefixes that came and went; that lifetimes were extended is no news.
func (l *loop) logChange(link string, old, fresh []Delegation) {
	has := func(list []Delegation, d Delegation) bool {
		return slices.ContainsFunc(list, func(o Delegation) bool { return o.Name == d.Name && o.Prefix == d.Prefix })
	}
	for _, d := range old {
		if !has(fresh, d) {
			what, attributes := logged(link, d)
			l.c.log.Info(what+" ended", attributes...)
		}
	}
	for _, d := range fresh {
		if !has(old, d) {
			what, attributes := logged(link, d)
			l.c.log.Info(what, append(attributes, "server", d.Server, "valid_until", until(d.ValidUntil, time.Now()))...)
			if want := l.c.hint(link, d.Name); d.Name != "" && want > 0 && d.Prefix.Bits() > want {
				// RFC 7084 WPD-3: what does not fit into it is pending.
				l.c.log.Warn("the delegated prefix is smaller than was asked for", "link", link, "name", d.Name, "prefix", d.Prefix,
					"asked", fmt.Sprintf("/%d", want))
			}
		}
	}
}

// hint returns the prefix length that is asked for; 0: none.
func (c *Client) hint(link, name string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if m := c.machines[link]; m != nil {
		if i := m.find(name); i != nil && i.cfg.Hint.IsValid() {
			return i.cfg.Hint.Bits()
		}
	}
	return 0
}

// open opens the socket of a link.
func (l *loop) open(t task) (*socket, error) {
	conn, err := l.c.listen(t.index, t.local)
	if err != nil {
		return nil, err
	}
	s := &socket{conn: conn, link: t.link, index: t.index, local: t.local, gone: make(chan struct{})}
	s.expected.Store(t.expect)
	s.keys.Store(&t.keys)
	l.sockets[t.link] = s
	l.readers.Go(func() { s.read(l) })
	return s, nil
}

// send sends a message, on a socket that is opened if need be.
func (l *loop) send(t task) error {
	s := l.sockets[t.link]
	if s == nil {
		var err error
		if s, err = l.open(t); err != nil {
			return err
		}
	}
	if err := s.Write(t.send.marshal()); err != nil {
		return fmt.Errorf("send %s: %w%s", titles[t.send.kind], err, crowdedTable(err))
	}
	return nil
}

// crowdedTable tells of a likely reason that Linux does not name: where there is no room for another neighbor, and a group is one, it
// calls the packet invalid.
func crowdedTable(err error) string {
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOBUFS) {
		return " (if the neighbor table of the machine is full, raise the sysctl net.ipv6.neigh.default.gc_thresh3)"
	}
	return ""
}

// sent tells the machine how sending went.
func (l *loop) sent(t task, err error) {
	l.c.mu.Lock()
	defer l.c.mu.Unlock()
	if err == nil {
		l.c.count(t.link).Sent[titles[t.send.kind]]++
	}
	if m := l.c.machines[t.link]; m != nil {
		m.sent(time.Now(), t.send, err)
	}
}

// read hands datagrams to the loop until the socket is closed or breaks. What cannot be an answer, as its transaction id says,
// ends here: a flood of it costs neither memory nor the loop's time.
func (s *socket) read(l *loop) {
	buf := make([]byte, maxDatagram+1)
	for {
		n, from, err := s.Read(buf)
		if err == nil {
			if reason := precheck(buf[:n], s.expected.Load(), *s.keys.Load()); reason != nil {
				l.c.ignored(s.link, reason)
				continue
			}
		}
		d := datagram{socket: s, data: slices.Clone(buf[:n]), from: from, err: err}
		select {
		case l.inbox <- d:
		case <-s.gone:
			return
		}
		if err != nil {
			return
		}
	}
}

// received gives a datagram to the machine of its link, and counts it if that ignores it.
func (l *loop) received(d datagram) {
	if l.sockets[d.socket.link] != d.socket {
		return // of a socket that was closed meanwhile
	}
	if d.err != nil {
		// The next message opens another; a failing link shows there.
		l.c.log.Debug("receive", "link", d.socket.link, "error", d.err)
		l.drop(d.socket)
		return
	}
	l.c.mu.Lock()
	defer l.c.mu.Unlock()
	m := l.c.machines[d.socket.link]
	if m == nil {
		return
	}
	err := m.datagram(time.Now(), d.data, d.from)
	if err != nil {
		l.c.count(d.socket.link).Dropped[err.Error()]++
		return
	}
	kind := dhcp6.MessageType(d.data[0])
	l.c.count(d.socket.link).Received[titles[kind]]++
	if kind == dhcp6.MessageTypeReconfigure {
		l.c.log.Info("the server wants us to ask again", "link", d.socket.link, "server", d.from.WithZone(""))
	}
}

// datagram takes whatever came from the network.
func (m *machine) datagram(now time.Time, data []byte, from netip.Addr) error {
	if len(data) >= 4 && len(data) <= maxDatagram && dhcp6.MessageType(data[0]) == dhcp6.MessageTypeReconfigure {
		return m.reconfigured(now, data)
	}
	a, err := parse(data, from)
	if err != nil {
		return err
	}
	return m.receive(now, a)
}

// ignored counts a datagram that was ignored.
func (c *Client) ignored(link string, reason error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.count(link).Dropped[reason.Error()]++
}

// drop closes a socket.
func (l *loop) drop(s *socket) {
	delete(l.sockets, s.link)
	close(s.gone)
	if err := s.Close(); err != nil {
		l.c.log.Debug("close", "link", s.link, "error", err)
	}
}

// close ends all readers.
func (l *loop) close() {
	for _, s := range l.sockets {
		l.drop(s)
	}
	l.readers.Wait()
}
