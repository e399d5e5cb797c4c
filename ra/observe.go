package ra

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
)

// Bounds of what strangers can make an Observer do and remember.
const (
	maxRouters      = 32   // on one link
	maxRoutersInAll = 1024 // on all links
	maxObserved     = 4096 // bytes of an advertisement
	observeBurst    = 200  // advertisements of one link at once
	observeRate     = 50   // and in a second
	windowSize      = 500  // packets of all links in a window
	window          = 100 * time.Millisecond
)

// ObserveConfig is the desired state of an Observer: the links to listen on, by name.
type ObserveConfig struct {
	Links map[string]Observed
}

// Observed is a link on which the advertisements of others are listened to.
type Observed struct {
	Index int
	Own   []netip.Addr // our link-local addresses there: who advertises from these does it in our name
	// Ours is what we advertise there, to compare with; nil: nothing.
	Ours *Interface
	// Known are the routers that may advertise there; nil: that is not said.
	Known *Known
}

// Known is a list of routers.
type Known struct {
	Addresses []netip.Addr // link-local, without zone
	MACs      []net.HardwareAddr
}

// has reports whether a router is one of the list.
func (k *Known) has(router netip.Addr, mac string) bool {
	return slices.Contains(k.Addresses, router) ||
		mac != "" && slices.ContainsFunc(k.MACs, func(m net.HardwareAddr) bool { return m.String() == mac })
}

// Observer listens to the advertisements of other routers on the links it is told to, with one socket for all, remembers what each
// router says, and finds what does not agree with what we say (RFC 4861 6.2.7) and who should not say anything. Its methods may be
// called from any goroutine.
type Observer struct {
	// OnEvent, if set before Run, is called for each event, from any goroutine. It must neither block nor call the Observer.
	OnEvent func(RouterEvent)
	// OnImpostor, if set before Run, is called with the name of a link where somebody else advertises in our name that hosts have lost
	// what we give them, at most every three seconds on and on. As OnEvent, it must neither block nor call the Observer.
	OnImpostor func(link string)

	log  *slog.Logger
	open func() (conn, error)
	met  chan struct{} // there are other routers, for expire

	mu      sync.Mutex // guards what follows
	links   map[string]*observedLink
	byIndex map[int]*observedLink
	routers int // of all links
	running bool
}

// NewObserver returns an Observer that hears nothing until Run is called.
func NewObserver(log *slog.Logger) *Observer {
	return &Observer{
		log:     log,
		open:    func() (conn, error) { return openDeaf(typeAdvertisement) },
		met:     make(chan struct{}, 1),
		links:   map[string]*observedLink{},
		byIndex: map[int]*observedLink{},
	}
}

// Apply makes want the set of links to listen on. What was heard on a link that stays is kept.
func (o *Observer) Apply(_ context.Context, want ObserveConfig) error {
	now := time.Now()
	o.mu.Lock()
	defer o.mu.Unlock()
	for name, l := range o.links {
		if w, wanted := want.Links[name]; !wanted || w.Index != l.conf.Index {
			o.routers -= len(l.routers)
			delete(o.links, name)
			delete(o.byIndex, l.conf.Index)
		}
	}
	var met []string // links with other routers
	for name, w := range want.Links {
		l := o.links[name]
		if l == nil {
			l = &observedLink{name: name, routers: map[netip.Addr]*otherRouter{}, dropped: map[string]uint64{}}
			o.links[name], o.byIndex[w.Index] = l, l
		}
		l.conf, l.ours = w, nil
		if len(l.routers) > 0 {
			met = append(met, name)
		}
	}
	var errs []error
	slices.Sort(met)
	for _, name := range met {
		if err := o.links[name].reconsider(now); err != nil {
			errs = append(errs, fmt.Errorf("compare with others on %s: %w", name, err))
		}
	}
	return errors.Join(errs...)
}

// Run listens until ctx ends and returns nil. It opens its socket in the network namespace of the calling thread. When it returns an
// error it may be called again.
//
// The kernel is a member of ff02::1 on every link that has IPv6, and gives a socket that has joined nothing what comes to any group:
// nothing has to be joined.
func (o *Observer) Run(ctx context.Context) error {
	c, err := o.open()
	if err != nil {
		return err
	}
	o.mu.Lock()
	running := o.running
	o.running = true
	o.mu.Unlock()
	if running {
		return errors.Join(errors.New("ra: the observer is already running"), c.close())
	}
	ctx, cancel := context.WithCancel(ctx)
	var others sync.WaitGroup
	others.Go(func() {
		<-ctx.Done()
		c.interrupt()
	})
	others.Go(func() { o.expire(ctx) })
	err = o.receive(ctx, c)
	cancel()
	others.Wait()
	o.mu.Lock()
	o.running = false
	o.mu.Unlock()
	return errors.Join(err, c.close())
}

// expire forgets routers that are not heard any more, until ctx ends.
func (o *Observer) expire(ctx context.Context) {
	tick := time.NewTicker(forgetEvery)
	defer tick.Stop()
	for {
		var due <-chan time.Time
		if o.forget(time.Now()) > 0 {
			due = tick.C // a ticker that nobody waits for wakes nobody
		}
		select {
		case <-ctx.Done():
			return
		case <-o.met:
		case <-due:
		}
	}
}

// receive reads advertisements until the socket is interrupted. However many come, it looks at no more than windowSize in a window:
// the kernel drops the rest.
func (o *Observer) receive(ctx context.Context, c conn) error {
	b := make([]byte, maxObserved)
	began, count := time.Now(), 0
	for {
		n, info, err := c.read(b)
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			return nil
		case err != nil:
			return fmt.Errorf("receive advertisements: %w", err)
		}
		now := time.Now()
		o.heard(b[:n], info, now)
		if now.Sub(began) >= window {
			began, count = now, 0
		}
		if count++; count >= windowSize {
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(window - now.Sub(began)):
			}
		}
	}
}

// heard handles one packet.
func (o *Observer) heard(b []byte, info packetInfo, now time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	l := o.byIndex[info.index]
	if l == nil {
		return
	}
	reason := DropRate
	if l.looks.take(observeBurst, time.Second/observeRate, now) {
		reason = checkAdvertisement(b, info)
	}
	var r Received
	if reason == "" {
		var err error
		if r, err = Decode(b); err != nil {
			reason = DropType
		} else if r.Truncated {
			reason = DropOption // RFC 4861 6.1.2
		}
	}
	if reason != "" {
		l.dropped[reason]++
		return
	}
	r.Time, r.Index, r.Router = now, info.index, info.source
	if slices.Contains(l.conf.Own, info.source) {
		o.imposture(l, r)
		return
	}
	l.received++
	alone := o.routers == 0
	o.take(l, r)
	if alone && o.routers > 0 {
		select {
		case o.met <- struct{}{}:
		default:
		}
	}
}

// checkAdvertisement applies RFC 4861 6.1.2 to an ICMPv6 message, whose checksum the kernel has verified. It returns why the message
// must be dropped, or "".
func checkAdvertisement(b []byte, info packetInfo) string {
	switch {
	case len(b) < 1 || b[0] != typeAdvertisement:
		return DropType
	case info.truncated:
		return DropTruncated
	case info.hopLimit != infiniteHops:
		return DropHopLimit
	case len(b) < 16:
		return DropShort
	case b[1] != 0:
		return DropCode
	case !info.source.Is6() || !info.source.IsLinkLocalUnicast():
		return DropSource
	}
	return ""
}

// meter is a token bucket, as the time at which it is full again. The zero value is full.
type meter struct{ full time.Time }

// take takes a token, of which there are burst at once and one more each refill.
func (m *meter) take(burst int, refill time.Duration, now time.Time) bool {
	if m.full.Before(now) {
		m.full = now
	}
	next := m.full.Add(refill)
	if next.Sub(now) > time.Duration(burst)*refill {
		return false
	}
	m.full = next
	return true
}

// Observation is what came in on one link, as a copy.
type Observation struct {
	Link         string
	Compared     bool     // we advertise there
	Known        []string // who may advertise there; nil: that is not said, empty: nobody
	Routers      int
	Received     uint64 // valid advertisements
	Inconsistent uint64 // that did not agree with ours
	Rogue        uint64 // of routers that are not known
	Overflow     uint64 // of routers that there was no room for
	Dropped      map[string]uint64
}

// Links returns the links that are listened on, by name.
func (o *Observer) Links() []Observation {
	o.mu.Lock()
	defer o.mu.Unlock()
	all := make([]Observation, 0, len(o.links))
	for name, l := range o.links {
		s := Observation{
			Link: name, Compared: l.conf.Ours != nil, Routers: len(l.routers), Received: l.received, Inconsistent: l.inconsistent,
			Rogue: l.rogue, Overflow: l.overflow, Dropped: maps.Clone(l.dropped),
		}
		if k := l.conf.Known; k != nil {
			s.Known = []string{}
			for _, a := range k.Addresses {
				s.Known = append(s.Known, a.String())
			}
			for _, m := range k.MACs {
				s.Known = append(s.Known, m.String())
			}
		}
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b Observation) int { return strings.Compare(a.Link, b.Link) })
	return all
}
