package pd

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"slices"
	"time"

	dhcp6 "github.com/insomniacslk/dhcp/dhcpv6"
)

// States of an identity association, as Status shows them.
const (
	stateWaiting    = "waiting"
	stateSoliciting = "soliciting"
	stateRequesting = "requesting"
	stateBound      = "bound"
	stateRenewing   = "renewing"
	stateRebinding  = "rebinding"
	stateConfirming = "confirming"
	stateReleasing  = "releasing"
	stateDeclining  = "declining"
	stateReleased   = "released"
)

// errNotReady is the answer to a Renew on an uplink that cannot send.
var errNotReady = errors.New("the link is not ready")

// machine is the client of one uplink. It has no clock and no socket: callers pass the time, send what take returns, and
// call tick when wake has come. One goroutine at a time may use it.
type machine struct {
	link string
	duid []byte
	cfg  Uplink
	up   bool // cfg names a link that can send
	gone bool // the uplink is not in the configuration

	ias     []*ia
	ex      *exchange // nil: none in progress
	readyAt time.Time // the random delay before the first message on a link (RFC 8415 18.2.1, 18.2.12)
	confirm confirm
	fresh   bool // what is held is not what is configured, or no server knows it: start over with a Solicit, keep it meanwhile

	follow    bool      // the next exchange is what a Reconfigure asked for
	keys      []key     // of servers that may tell us to renew; never changed in place
	infoAt    time.Time // when an Information-request is due; zero: none is
	infoSince time.Time // when resolver came
	resolver  *Resolver // nil: nothing known
	infMaxRT  time.Duration

	solMaxRT    time.Duration
	rand        *rand.Rand
	out         *request
	sendProblem string
}

// confirm says how far the Rebind is (of addresses alone: the Confirm) that confirms leases after a restart or a change of the link.
type confirm uint8

const (
	confirmNone  confirm = iota
	confirmQuick         // with the timing of Confirm, for CNF_MAX_RD
	confirmSlow          // nobody answered: with the timing of Rebind
)

// newMachine returns a machine that waits for its configuration.
func newMachine(link string, r *rand.Rand) *machine {
	return &machine{link: link, rand: r, solMaxRT: solMaxRT, infMaxRT: infMaxRT}
}

// restore gives the machine a delegation of an earlier process. Call it before configure.
func (m *machine) restore(now time.Time, duid []byte, iaid uint32, d Delegation, k *key) {
	m.duid = duid
	if k != nil && m.keyOf(k.Server) == nil && len(m.keys) < maxKeys {
		m.keys = append(m.keys, *k)
	}
	i := &ia{cfg: IA{Name: d.Name, IAID: iaid}, key: iaKey{d.Name == "", iaid}, wanted: true, restored: true, lease: &d}
	m.ias = append(m.ias, i)
	m.observe(now)
}

// configure takes over what is wanted on the uplink; nil: the link is not there now, what is held is kept. To configure
// the same again changes nothing.
func (m *machine) configure(now time.Time, duid []byte, want *Uplink) {
	m.gone = want == nil
	if want == nil {
		m.up, m.ex, m.out, m.resolver = false, nil, nil, nil
		m.observe(now)
		return
	}
	duid = want.identifier(duid)
	able, moved := want.able(), m.moves(want)
	changed := m.sync(now, want)
	if !bytes.Equal(m.duid, duid) {
		// Servers know our leases by the DUID: as a new client, we can only ask for the same prefix.
		m.fresh = m.fresh || m.duid != nil && m.holds()
		m.duid, changed = bytes.Clone(duid), true
	}
	if m.cfg.Link != "" && (!slices.Equal(m.cfg.Request, want.Request) || !slices.EqualFunc(m.cfg.Send, want.Send, Option.same)) {
		changed = m.askAgain(now) || changed
	}
	m.cfg, m.up = *want, able
	if !want.Reconfigure {
		m.keys = nil
	}
	if !m.stateless() {
		m.resolver = nil
		if m.infoAt.After(now) {
			m.infoAt = time.Time{}
		}
	} else if m.resolver == nil && m.infoAt.IsZero() {
		m.infoAt = now
	}
	switch {
	case moved:
		m.rejoin(now)
	case !able:
		m.ex, m.out = nil, nil
	case changed:
		m.abandon()
	}
	m.decline(now, want.Duplicates)
	m.tick(now)
}

// askAgain has what is not held asked for at once, as servers may answer otherwise now, and says whether there is such.
func (m *machine) askAgain(now time.Time) (any bool) {
	for _, i := range m.ias {
		if i.active() && i.lease == nil {
			i.ask(now)
			any = true
		}
	}
	return any
}

// able reports whether the client can speak on the uplink.
func (u *Uplink) able() bool { return !u.NoCarrier && u.LinkLocal.IsValid() }

// moves reports whether the uplink comes up, or becomes another link.
func (m *machine) moves(want *Uplink) bool {
	return want.able() && (!m.up || m.cfg.Index != want.Index || m.cfg.LinkLocal != want.LinkLocal)
}

// associations returns all that is asked for on the uplink.
func (u *Uplink) associations() []IA {
	list := slices.Clone(u.Prefixes)
	if u.Address != nil {
		a := *u.Address
		a.Name = ""
		list = append(list, a)
	}
	return list
}

// sync makes the identity associations those of want and says whether anything changed.
func (m *machine) sync(now time.Time, want *Uplink) (changed bool) {
	keep := make(map[*ia]bool)
	for _, cfg := range want.associations() {
		i := m.find(cfg.Name)
		existed := i != nil
		switch {
		case !existed:
			i = &ia{retryAt: now, since: now}
			m.ias = append(m.ias, i)
			changed = true
		case !i.wanted:
			i.ask(now)
			if i.lease != nil && m.confirm == confirmNone {
				m.confirm = confirmQuick
			}
			changed = true
		}
		if i.restored { // the hint of then is not known, nor of interest
			i.restored = false
			if i.cfg.IAID == cfg.IAID {
				i.cfg.Hint = cfg.Hint
			}
		}
		if existed && i.cfg != cfg {
			i.ask(now)
			m.fresh = m.fresh || i.lease != nil
			changed = true
		}
		i.cfg, i.key, i.wanted = cfg, iaKey{cfg.Name == "", cfg.IAID}, true
		keep[i] = true
	}
	for _, i := range m.ias {
		if i.wanted && !keep[i] {
			i.wanted, changed = false, true
		}
	}
	return changed
}

// rejoin starts over on a link that came up or became another one: with a Rebind that confirms what is held, RFC 8415
// 18.2.12, or else with a Solicit, both after a random delay.
func (m *machine) rejoin(now time.Time) {
	m.ex, m.out = nil, nil
	m.readyAt = now.Add(upTo(m.rand, max(solMaxDelay, cnfMaxDelay)))
	if m.holds() {
		m.confirm = confirmQuick
	}
	for _, i := range m.ias {
		i.retryAt, i.failures = now, 0
	}
	if m.stateless() { // what was learnt may not hold here (RFC 9915 18.2.12)
		m.infoAt = now
	}
}

// abandon drops the exchange in progress, unless it gives something back: that one is about what is no longer ours.
func (m *machine) abandon() {
	if m.ex != nil && !farewells(m.ex.kind) {
		m.ex, m.out = nil, nil
	}
}

// release forgets the lease of name, tells the server, and says whether there was something of that name.
func (m *machine) release(now time.Time, name string) bool {
	i := m.find(name)
	if i == nil {
		return false
	}
	if i.lease != nil {
		i.old, i.lease = i.lease, nil
	}
	i.released, i.problem = true, ""
	m.abandon()
	m.tick(now)
	return true
}

// renew asks for name now, also when it was released. The bool says whether there is such a name.
func (m *machine) renew(now time.Time, name string) (bool, error) {
	i := m.find(name)
	if i == nil || !i.wanted {
		return false, nil
	}
	i.ask(now)
	if !m.up {
		return true, errNotReady
	}
	m.readyAt = now
	m.abandon()
	m.tick(now)
	return true, nil
}

// tick does what is due.
func (m *machine) tick(now time.Time) {
	m.expire(now)
	m.continueExchange(now)
	m.startExchange(now)
	m.observe(now)
}

// expire drops leases whose valid lifetime has ended.
func (m *machine) expire(now time.Time) {
	lost := false
	for _, i := range m.ias {
		if i.lease != nil {
			if _, alive := i.lease.age(now); !alive {
				i.lease, lost = nil, true
				i.retryAt, i.failures = now, starvation
				i.problem = "expired: no server extended it"
			}
		}
		if i.old != nil && !now.Before(i.old.ValidUntil) {
			i.told()
		}
	}
	if !m.holds() {
		m.fresh, m.confirm = false, confirmNone
	}
	if e := m.ex; lost && e != nil && (e.kind == dhcp6.MessageTypeRenew || e.kind == dhcp6.MessageTypeRebind) {
		m.ex, m.out = nil, nil // it did not help what is lost: start over with that
	}
}

// take returns the message to send, nil if there is none.
func (m *machine) take() *request {
	r := m.out
	m.out = nil
	return r
}

// expect returns the transaction id that answers to the exchange in progress have, and expecting; 0: there is none.
func (m *machine) expect() uint32 {
	if m.ex == nil {
		return 0
	}
	return expecting | transaction(m.ex.xid[:])
}

// wake returns when tick is due. The zero time: never.
func (m *machine) wake() time.Time {
	var at time.Time
	sooner := func(t time.Time) {
		if !t.IsZero() && (at.IsZero() || t.Before(at)) {
			at = t
		}
	}
	for _, i := range m.ias {
		if i.lease != nil {
			i.lease.wakes(sooner)
		}
		if i.old != nil {
			sooner(i.old.ValidUntil)
		}
	}
	switch {
	case m.ex != nil:
		sooner(m.ex.next)
		sooner(m.ex.end)
	case m.up:
		if start, ok := m.startAt(); ok {
			sooner(start)
		}
	}
	return at
}

// idle says whether the machine can be forgotten: its uplink is gone, it holds nothing, and there is no Release to honour
// when the uplink comes back.
func (m *machine) idle() bool {
	return m.gone && !slices.ContainsFunc(m.ias, func(i *ia) bool { return i.lease != nil || i.old != nil || i.wanted && i.released })
}

// find returns the identity association of a delegation, or of the address for the empty name.
func (m *machine) find(name string) *ia {
	for _, i := range m.ias {
		if i.cfg.Name == name {
			return i
		}
	}
	return nil
}

// holds says whether a lease that is wanted is held.
func (m *machine) holds() bool {
	return slices.ContainsFunc(m.ias, func(i *ia) bool { return i.wanted && i.lease != nil })
}

// leases returns a copy of what is held, wanted or not: what is configured away now may be wanted again by the rollback.
func (m *machine) leases() []held {
	var all []held
	for _, i := range m.ias {
		if i.lease != nil {
			all = append(all, held{Delegation: i.lease.clone(), IAID: i.cfg.IAID, DUID: bytes.Clone(m.duid), Key: m.keyOf(i.lease.ServerDUID), wanted: i.wanted})
		}
	}
	return all
}
