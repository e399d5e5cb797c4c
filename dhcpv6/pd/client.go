package pd

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	mathrand "math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"
)

// conn is the socket of one uplink, with a fake for tests.
type conn interface {
	Read(p []byte) (n int, from netip.Addr, err error) // blocks until Close
	Write(p []byte) error                              // to all servers on the link; does not block
	Close() error
}

// Client is the DHCPv6 client of all uplinks.
type Client struct {
	log     *slog.Logger
	changed func()
	listen  func(index int, local netip.Addr) (conn, error)
	files   store         // used by New and Run only
	wakeup  chan struct{} // Run is to look at the machines again

	mu        sync.Mutex
	machines  map[string]*machine     // by link; also of links that have gone while something is held
	published map[string][]Delegation // what Delegations returns: it is on disk already
	resolvers map[string]Resolver     // what Resolvers returns, by link
	counters  map[string]*Counters    // by link
	unsaved   map[string]error        // by link: why the files do not have what is held there
}

// New returns a client that keeps its delegations in dir (empty: nowhere). It already has those that an earlier process
// left there and that are still valid. It calls changed, without locks and from Run's goroutine, whenever Delegations may
// return something else.
func New(log *slog.Logger, dir string, changed func()) *Client {
	return newClient(log, store{dir: dir, boot: readBootTime}, changed)
}

// newClient is New with a store of its own making.
func newClient(log *slog.Logger, files store, changed func()) *Client {
	c := &Client{
		log: log, changed: changed, listen: listen, files: files, wakeup: make(chan struct{}, 1),
		machines: make(map[string]*machine), published: make(map[string][]Delegation),
		resolvers: make(map[string]Resolver), counters: make(map[string]*Counters), unsaved: make(map[string]error),
	}
	now := time.Now()
	for _, h := range c.files.load(log, now) {
		link := h.Delegation.Link
		c.machine(link).restore(now, h.DUID, h.IAID, h.Delegation, h.Key)
		c.published[link] = append(c.published[link], h.Delegation)
		log.Info("remembered delegation", "link", link, "name", h.Delegation.Name, "prefix", h.Delegation.Prefix,
			"valid_until", h.Delegation.ValidUntil)
	}
	return c
}

// machine returns the machine of a link, a new one if need be. c.mu is held, or c is new.
func (c *Client) machine(link string) *machine {
	m := c.machines[link]
	if m == nil {
		// The transaction id is all that keeps off-link hosts from answering for a server: not to be guessed.
		var seed [32]byte
		_, _ = rand.Read(seed[:]) // never fails
		m = newMachine(link, mathrand.New(mathrand.NewChaCha8(seed)))
		c.machines[link] = m
	}
	return m
}

// Apply takes over what is wanted. An uplink that is not in want may have lost its link only: what it holds stays until it
// expires, and Delegations goes on to return it. A delegation that is no longer wanted on an uplink that is there is
// dropped, without telling the server, and taken up again if it is wanted once more before it expires.
func (c *Client) Apply(_ context.Context, want Config) error {
	if err := want.check(); err != nil {
		return err
	}
	now := time.Now()
	c.mu.Lock()
	for link, up := range want.Uplinks {
		c.machine(link).configure(now, want.DUID, &up)
	}
	for link, m := range c.machines {
		if _, ok := want.Uplinks[link]; !ok {
			m.configure(now, want.DUID, nil)
		}
	}
	c.mu.Unlock()
	c.kick()
	return nil
}

// check finds what Apply refuses.
func (want Config) check() error {
	if len(want.DUID) < minDUID || len(want.DUID) > maxDUID {
		return fmt.Errorf("client identifier has %d octets, not %d to %d", len(want.DUID), minDUID, maxDUID)
	}
	var errs []error
	for _, link := range slices.Sorted(maps.Keys(want.Uplinks)) {
		if err := want.Uplinks[link].check(); err != nil {
			errs = append(errs, fmt.Errorf("uplink %s: %w", link, err))
		}
	}
	return errors.Join(errs...)
}

// check finds what would make two identity associations one.
func (u Uplink) check() error {
	names, ids := make(map[string]bool), make(map[uint32]bool)
	if u.DUID != nil && (len(u.DUID) < minDUID || len(u.DUID) > maxDUID) {
		return fmt.Errorf("client identifier has %d octets, not %d to %d", len(u.DUID), minDUID, maxDUID)
	}
	for _, ia := range u.Prefixes {
		switch {
		case ia.Name == "":
			return errors.New("delegation without a name")
		case names[ia.Name]:
			return fmt.Errorf("delegation %q twice", ia.Name)
		case ids[ia.IAID]:
			return fmt.Errorf("delegation %q: IAID %d twice", ia.Name, ia.IAID)
		case ia.Hint.IsValid() && !ia.Hint.Addr().Is6():
			return fmt.Errorf("delegation %q: hint %s is not an IPv6 prefix", ia.Name, ia.Hint)
		}
		names[ia.Name], ids[ia.IAID] = true, true
	}
	return nil
}

// kick wakes Run.
func (c *Client) kick() {
	select {
	case c.wakeup <- struct{}{}:
	default:
	}
}

// Delegations returns what is valid now, sorted by name.
func (c *Client) Delegations() []Delegation {
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []Delegation
	for _, list := range c.published {
		for _, d := range list {
			if now.Before(d.ValidUntil) {
				all = append(all, d.clone())
			}
		}
	}
	byName(all)
	return all
}

// Resolvers returns what was learnt by Information-request, sorted by link. What came with a delegation or an address is
// in these.
func (c *Client) Resolvers() []Resolver {
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []Resolver
	for _, link := range slices.Sorted(maps.Keys(c.resolvers)) {
		r := c.resolvers[link]
		all = append(all, r.clone())
	}
	return all
}

// Status returns the state of each identity association, sorted by link and name.
func (c *Client) Status() []Status {
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []Status
	for _, m := range c.machines {
		all = append(all, m.status()...)
	}
	for n := range all {
		if s := &all[n]; s.Delegation != nil && c.unsaved[s.Link] != nil {
			s.Problem = strings.TrimPrefix(s.Problem+"; it would not survive a restart: "+c.unsaved[s.Link].Error(), "; ")
		}
	}
	slices.SortFunc(all, func(a, b Status) int {
		if n := strings.Compare(a.Link, b.Link); n != 0 {
			return n
		}
		return strings.Compare(a.Name, b.Name)
	})
	return all
}

// Release gives the delegation of that name back to its server (on all uplinks that have it; empty: the addresses): it is
// forgotten at once, the server is told by Run, and nothing asks for it again until Renew, a change of its
// configuration, or a restart.
func (c *Client) Release(_ context.Context, name string) error {
	now := time.Now()
	found := false
	c.mu.Lock()
	for _, m := range c.machines {
		found = m.release(now, name) || found
	}
	c.mu.Unlock()
	if !found {
		return unknown(name)
	}
	c.kick()
	return nil
}

// Renew asks for the delegation of that name now, also after Release. It does not wait for the server.
func (c *Client) Renew(_ context.Context, name string) error {
	now := time.Now()
	found := false
	var errs []error
	c.mu.Lock()
	for link, m := range c.machines {
		ok, err := m.renew(now, name)
		found = found || ok
		if err != nil {
			errs = append(errs, fmt.Errorf("uplink %s: %w", link, err))
		}
	}
	c.mu.Unlock()
	if !found {
		return unknown(name)
	}
	c.kick()
	return errors.Join(errs...)
}

// unknown is the error for a name that is not there.
func unknown(name string) error {
	if name == "" {
		return errors.New("no address is asked for")
	}
	return fmt.Errorf("no delegation is named %q", name)
}
