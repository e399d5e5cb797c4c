// Package dhcpv6 is the DHCPv6 server (RFC 8415, which RFC 9915 restates without server unicast and temporary addresses).
//
// A datagram goes through five steps. The packet socket, or the UDP socket for relays, reads it with the interface and the
// link-layer source of its frame (conn_linux.go). The guard bounds it and takes it apart (guard.go). handle, which is pure,
// decides on a reply and a change of the leases (handle.go and the files beside it). The lease store makes the change durable;
// the change is in its memory at once, so that the next decision counts with it. Then the routes of delegated prefixes follow,
// and only then the reply leaves.
//
// Reservations go by the link-layer source of the received frame, which a switch can vouch for, and not by the client
// identifier, in which a client can write what it likes.
//
// What a client may have is up to the configuration of the link; who has what is kept by package lease, on disk.
//
// Prefixes move: a pool is cut from a delegation that changes, a reservation is another today. The answer to a Renew gives what is right
// now, at the same place where it can be, and what the client holds beside it with lifetimes of zero (former.go, place.go). A client
// that says it takes Reconfigure messages is not left waiting until it renews: it got a key with its leases (reach.go), and after each
// Apply the answer to the Renew that it would send is worked out; if that tells it something new, it is told to renew (stale.go,
// telling.go, reconfigure.go).
//
// A server is for one routing instance: the links of a VRF, or those in none. Each has leases, a table for its routes and sockets
// of its own, so that two instances may give away the same addresses. Sockets are open only while there is something to serve.
package dhcpv6

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	dhcp6 "github.com/insomniacslk/dhcp/dhcpv6"

	"github.com/sixfold-router/sixfold/dhcpv6/lease"
	"github.com/sixfold-router/sixfold/router/rib"
)

// store is what the server needs of lease.Store.
type store interface {
	leases
	All() []lease.Lease
	Walk(func(lease.Lease) bool)
	NextExpiry() (time.Time, bool)
	Expired(now time.Time, limit int) []lease.Lease
	Commit(lease.Change, func(error))
	Meta(key string) []byte
	SetMeta(key string, value []byte) error
}

// transport is what the server hears from and speaks to.
type transport interface {
	readClient() (inbound, error)
	readRelay() (inbound, error)
	send(payload []byte, to netip.AddrPort, from netip.Addr, index int) error
	tell(payload []byte, to neighbor, from netip.Addr) error
	listen(links map[int]string) error
	interrupt()
	close()
}

// neighbor is a client on a link of ours.
type neighbor struct {
	address netip.Addr // link-local
	mac     net.HardwareAddr
	index   int // of the interface
}

// Server is a DHCPv6 server. Its methods are safe for concurrent use.
type Server struct {
	// OnEvent, if set before Run, is called for each event, from any goroutine. It must not block.
	OnEvent func(Event)

	log      *slog.Logger
	store    store
	table    *rib.Instance
	open     func(device int) (transport, error)
	catalog  atomic.Pointer[catalog]
	space    *space
	limiter  *limiter
	quiet    *limiter // of the log
	counters counters
	wake     chan struct{} // holds one value if the next expiry may have changed
	keys     secrets
	teller   teller
	news     chan struct{} // holds one value if the catalog changed

	// decide is held from reading the leases until the change that follows from them is in the store.
	decide sync.Mutex
	routed bool // the routes of the leases are in the table; guarded by decide

	mu      sync.Mutex // guards all below, and that hearing listens to what catalog has
	run     *run       // while Run runs
	known   *catalog   // what clients were told of last; nil: the catalog
	hearing *hearing   // nil: nothing is served, and no socket is open
}

// New returns a server that keeps its leases in store, whose Run the caller runs, and puts the routes of delegated prefixes
// into table. It serves nothing before Apply.
func New(log *slog.Logger, store *lease.Store, table *rib.Instance) *Server {
	return newServer(log, store, table, openSockets)
}

func newServer(log *slog.Logger, store store, table *rib.Instance, open func(device int) (transport, error)) *Server {
	s := &Server{
		log:     log,
		store:   store,
		table:   table,
		open:    open,
		space:   newSpace(store.All()),
		limiter: newLimiter(time.Now()),
		quiet:   newLimiter(time.Now()),
		wake:    make(chan struct{}, 1),
		news:    make(chan struct{}, 1),
	}
	s.catalog.Store(&catalog{})
	return s
}

// Apply makes c the configuration. It may be called before and during Run. Sockets are open while there is something to serve
// and Run runs; an error says what keeps them from that. Interfaces on which the groups cannot be joined are served all the
// same, as far as their messages get here; the error names them.
func (s *Server) Apply(ctx context.Context, c Config) error {
	cat, err := newCatalog(c)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.space.serve(cat, s.store.All)
	old := s.catalog.Swap(cat)
	s.reroute(old, cat)
	s.inform(old)
	s.counters.keep(cat.links)
	return s.listen()
}

// listeners returns the interfaces to hear clients on.
func (c *catalog) listeners() map[int]string {
	out := make(map[int]string, len(c.indexes))
	for index, in := range c.indexes {
		out[index] = in.Link
	}
	return out
}

// Run serves until ctx ends. It first puts the routes of all leases into the table, whether their links are configured or not,
// so that the kernel keeps them. The error is that of the sockets or of the store, without which nothing can be promised.
func (s *Server) Run(ctx context.Context) error {
	s.restoreRoutes()
	if err := s.keys.begin(time.Now(), s.store); err != nil {
		return fmt.Errorf("lease store: %w", err)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	r := &run{Server: s, ctx: ctx, fail: cancel}
	if err := r.begin(); err != nil {
		return err
	}
	var telling sync.WaitGroup
	telling.Go(func() { r.reconfigure(ctx) })
	r.expire(ctx)
	telling.Wait()
	r.end()
	if err := context.Cause(ctx); !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return nil
}

// Leases returns all leases, by prefix, those on links that are not configured too.
func (s *Server) Leases() []lease.Lease { return s.store.All() }

// ReleaseLease takes away the lease of exactly prefix, an address being a /128, and returns once that is on disk. It ends a
// quarantine as well. The client does not hear of it before its next Renew.
func (s *Server) ReleaseLease(ctx context.Context, prefix netip.Prefix) error {
	s.decide.Lock()
	l, ok := s.store.ByPrefix(prefix)
	if !ok {
		s.decide.Unlock()
		return fmt.Errorf("no lease of %s", prefix)
	}
	change := lease.Change{Delete: []lease.DeleteRef{{Key: l.Key, Prefix: l.Prefix}}}
	result := make(chan error, 1)
	s.commit(change, []Event{{Kind: Released, Lease: l, Note: "by the operator"}}, func(err error) { result <- err })
	s.decide.Unlock()
	select {
	case err := <-result:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// commit hands a change to the store. Once it is on disk the routes follow, the events are told, and then done is called.
// These run in the order of the changes, in the goroutine of the store. The caller holds decide.
func (s *Server) commit(c lease.Change, events []Event, done func(error)) {
	d := deltaOf(s.store, c)
	s.store.Commit(c, func(err error) {
		if err == nil {
			s.space.follow(d)
			route(s.table, c)
			select {
			case s.wake <- struct{}{}:
			default:
			}
			s.tell(events)
		}
		done(err)
	})
}

// tell logs and hands out events.
func (s *Server) tell(events []Event) {
	for _, e := range events {
		level := slog.LevelInfo
		switch e.Kind {
		case Extended:
			level = slog.LevelDebug
		case Conflict, Declined, Silent:
			level = slog.LevelWarn
		}
		if level != slog.LevelWarn || s.quiet.allow(time.Now(), []byte(e.Kind+EventKind(e.Lease.Prefix.String())), 1) {
			s.log.Log(context.Background(), level, "lease "+string(e.Kind), "kind", e.Lease.Key.Kind, "prefix", e.Lease.Prefix,
				"link", e.Lease.Key.Link, "mac", e.Lease.MAC.String(), "duid", fmt.Sprintf("%x", e.Lease.Key.DUID), "pool", e.Lease.Pool, "note", e.Note)
		}
		if s.OnEvent != nil {
			s.OnEvent(e)
		}
	}
}

// fromClient serves a message that came straight from a client.
func (r *hearing) fromClient(in inbound) {
	cat := r.catalog.Load()
	link := cat.indexes[in.index]
	if link == nil {
		// A server in a VRF, which sees the frames of all links, has no word on those that are not its own.
		if cat.device == 0 && !cat.others[in.index] {
			r.counters.drop("link-not-served")
		}
		return
	}
	from := in.source.Addr().As16()
	source := from[:]
	if in.mac != nil {
		source = in.mac
	}
	now := time.Now()
	if !r.limiter.allow(now, source, cat.rate) {
		r.counters.drop("rate")
		return
	}
	d, reason := guard(in.payload)
	if reason == "" && len(d.relays) > 0 {
		reason = "not-for-a-server"
	}
	if reason != "" {
		r.counters.drop(reason)
		return
	}
	r.serve(now, cat, link, d, origin{mac: in.mac, nextHop: in.source.Addr()}, func(reply *dhcp6.Message) error {
		return r.conn.tell(reply.ToBytes(), neighbor{in.source.Addr(), in.mac, in.index}, link.LinkLocal)
	})
}

// fromRelay serves a message that came over relays.
func (r *hearing) fromRelay(in inbound) {
	cat := r.catalog.Load()
	now := time.Now()
	d, reason := guard(in.payload)
	if reason == "" && len(d.relays) == 0 {
		reason = "unicast" // RFC 9915: clients send to the group
	}
	if reason != "" {
		r.counters.drop(reason)
		return
	}
	source := in.source.Addr().As16()
	peer := d.innermost().peer.As16()
	if !r.limiter.allow(now, append(source[:], peer[:]...), cat.rate) {
		r.counters.drop("rate")
		return
	}
	link, mac, nextHop := cat.relayed(&d, in)
	if link == nil {
		r.counters.drop("link-not-served")
		return
	}
	to := netip.AddrPortFrom(in.source.Addr(), serverPort)
	if d.relays[0].relayPort != nil {
		to = in.source // RFC 8357 5.2
	}
	local, index := in.to, 0
	if local.IsMulticast() {
		local = netip.Addr{}
	}
	if to.Addr().IsLinkLocalUnicast() {
		index = in.index
	}
	from := origin{mac: mac, nextHop: nextHop}
	from.path, from.lost = cat.reachable(&d, in, to)
	r.serve(now, cat, link, d, from, func(reply *dhcp6.Message) error {
		return r.conn.send(wrap(d.relays, reply).ToBytes(), to, local, index)
	})
}

// relayed tells of a relayed message the link of the client, its link-layer address if it can be believed, and where to route
// its prefixes to. The link is nil if it is not served.
func (c *catalog) relayed(d *datagram, in inbound) (link *served, mac []byte, nextHop netip.Addr) {
	source := in.source.Addr().WithZone("")
	if a := d.linkAddress(); a.IsValid() {
		link, nextHop = c.byAddress(a), source
		if source.IsLinkLocalUnicast() && (link == nil || link.Index != in.index) {
			nextHop = netip.Addr{} // on another link than that of the client, which is what a lease can say
		}
	} else {
		// Relays of layer two only: the client is on the link that the message came in on.
		link, nextHop = c.indexes[in.index], d.innermost().peer
	}
	if c.believes(source, in.index) {
		mac = d.innermost().mac
	}
	return link, mac, nextHop
}

// serve decides about a message, and has the reply sent once the leases in it are on disk.
func (r *run) serve(now time.Time, cat *catalog, link *served, d datagram, from origin, send func(*dhcp6.Message) error) {
	req, err := parse(d)
	if err != nil {
		r.counters.drop("malformed")
		return
	}
	req.origin = from
	r.counters.received(link.Link, req.kind)
	r.teller.heard(client{link.Link, string(req.client)}, req.kind)

	r.decide.Lock()
	defer r.decide.Unlock()
	v := handle(now, cat, link, req, r.store, r.space, &r.keys)
	if v.drop != "" {
		r.counters.drop(v.drop)
		return
	}
	answer := func() {
		if err := send(v.reply); err != nil {
			r.counters.drop("send")
			r.log.Debug("reply not sent", "link", link.Link, "error", err)
			return
		}
		r.counters.sent(link.Link, v.reply.MessageType)
	}
	if len(v.change.Put)+len(v.change.Delete) == 0 {
		r.tell(v.events)
		answer()
		return
	}
	r.commit(v.change, v.events, func(err error) {
		switch {
		case err == nil:
			answer()
		case errors.Is(err, lease.ErrBusy):
			r.counters.drop("store-busy")
		default:
			r.counters.drop("store")
			r.fail(fmt.Errorf("lease store: %w", err))
		}
	})
}

// atOnce is how many leases expire in one change.
const atOnce = 256

// expire deletes leases when they end, until ctx does.
func (r *run) expire(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-r.wake:
		}
		wait := time.Hour
		if next, ok := r.store.NextExpiry(); ok {
			wait = min(wait, time.Until(next))
		}
		if wait <= 0 {
			wait = r.expireNow(time.Now())
		}
		timer.Reset(wait)
	}
}

// expireNow deletes leases that ended, and returns after what time to look again.
func (r *run) expireNow(now time.Time) time.Duration {
	r.decide.Lock()
	defer r.decide.Unlock()
	var change lease.Change
	var events []Event
	for _, l := range r.store.Expired(now, atOnce) {
		change.Delete = append(change.Delete, lease.DeleteRef{Key: l.Key, Prefix: l.Prefix})
		events = append(events, Event{Kind: Expired, Lease: l})
	}
	if len(change.Delete) == 0 {
		return time.Millisecond // the clock of the timer is finer than that of the leases
	}
	r.commit(change, events, func(err error) {
		if err != nil && !errors.Is(err, lease.ErrBusy) {
			r.fail(fmt.Errorf("lease store: %w", err))
		}
	})
	return time.Second // the commit wakes sooner; this is for when the store was busy
}
