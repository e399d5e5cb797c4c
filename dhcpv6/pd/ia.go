package pd

import (
	"bytes"
	"fmt"
	"net/netip"
	"slices"
	"time"

	dhcp6 "github.com/insomniacslk/dhcp/dhcpv6"
)

// minT1 keeps a server that hands out tiny lifetimes from making us renew without a pause (RFC 8415 14.1).
const minT1 = time.Second

// ia is an identity association.
type ia struct {
	cfg      IA
	key      iaKey
	wanted   bool        // configured; until the first configuration: remembered
	restored bool        // from an earlier process, not yet configured
	lease    *Delegation // nil: none
	old      *Delegation // to be released
	released bool        // on request: do not ask
	declined bool        // old is an address that another host has
	asap     bool        // asked for by the operator

	failures int       // Replies in a row that did not give it to us
	retryAt  time.Time // not before, after a failure
	problem  string

	state string
	since time.Time
}

// held is a lease with what else has to be remembered of it.
type held struct {
	Delegation Delegation
	IAID       uint32
	DUID       []byte
	Key        *key // of its server; nil: it gave none
	wanted     bool
}

// clone returns a copy that shares nothing with d.
func (d *Delegation) clone() Delegation {
	c := *d
	c.ServerDUID, c.DNS, c.Domains = bytes.Clone(d.ServerDUID), slices.Clone(d.DNS), slices.Clone(d.Domains)
	c.Former, c.Spare, c.Options = slices.Clone(d.Former), slices.Clone(d.Spare), slices.Clone(d.Options)
	return c
}

// ask makes the next exchange about i due at once.
func (i *ia) ask(now time.Time) {
	i.released, i.asap, i.failures, i.retryAt = false, true, 0, now
}

// active says whether exchanges are to be about i.
func (i *ia) active() bool { return i.wanted && !i.released }

// due returns when an exchange about i should start.
func (i *ia) due(fresh bool) time.Time {
	if i.lease == nil || fresh || i.asap || i.failures > 0 || i.retryAt.After(i.lease.T1) {
		return i.retryAt
	}
	return i.lease.T1
}

// fail notes that a server answered, but did not give us i, and puts off the next try: 1 s, doubled each time.
func (i *ia) fail(m *machine, now time.Time, problem string) {
	i.failures++
	wait := time.Second << min(i.failures-1, 16)
	wait = min(wait, m.solMaxRT)
	if i.lease != nil {
		wait = min(wait, rebMaxRT) // there is something to lose
	}
	i.retryAt = now.Add(wait + jitter(m.rand, wait))
	i.asap, i.problem = false, problem
}

// wish returns the prefixes to put into a message about i.
func (i *ia) wish(e *exchange) []netip.Prefix {
	if farewells(e.kind) {
		return i.old.prefixes()
	}
	if p, ok := e.offered[i]; ok {
		return p
	}
	renumber := e.kind == dhcp6.MessageTypeSolicit || e.kind == dhcp6.MessageTypeRequest
	if l := i.lease; l != nil && !(renumber && i.cfg.Hint.IsValid() && i.cfg.Hint.Bits() != l.Prefix.Bits()) {
		if !renumber {
			return l.prefixes() // all that is to be extended (RFC 9915 18.2.4)
		}
		return []netip.Prefix{l.Prefix}
	}
	if !i.cfg.Hint.IsValid() {
		return nil
	}
	return []netip.Prefix{i.cfg.Hint}
}

// grant takes over what a Reply gives for i. It returns what is wrong with it, empty if nothing is.
func (i *ia) grant(m *machine, now time.Time, a *answer) (problem string) {
	got := a.find(i.key)
	switch {
	case got == nil && !a.status.ok():
		return a.status.String()
	case got == nil:
		return "left out of the server's Reply"
	case !got.status.ok():
		return got.status.String()
	}
	best, withdrawn := got.choose(i.lease)
	extend := m.ex.kind == dhcp6.MessageTypeRenew || m.ex.kind == dhcp6.MessageTypeRebind
	keep := got.beside(now, i.lease, best, extend)
	if best == nil && i.lease != nil {
		i.lease.Former, i.lease.Spare = keep.former, keep.spare
	}
	switch {
	case best == nil && withdrawn:
		if !i.lease.promote(now) {
			i.lease = nil
		}
		return "withdrawn by the server"
	case best == nil:
		return "nothing in the server's Reply"
	}
	t1, t2 := got.times(best)
	i.lease = &Delegation{
		Name: i.cfg.Name, Link: m.link, Prefix: best.prefix,
		PreferredUntil: now.Add(best.preferred), ValidUntil: now.Add(best.valid), T1: now.Add(t1), T2: now.Add(t2),
		Server: a.from, ServerDUID: a.serverID, DNS: a.dns, Domains: a.domains,
		Exclude: best.exclude, Former: keep.former, Spare: keep.spare,
		Options: a.asked(m.cfg.Request),
	}
	i.asap, i.failures, i.retryAt, i.problem = false, 0, time.Time{}, ""
	return ""
}

// asked returns the options that were asked for beside the usual ones.
func (a *answer) asked(codes []uint16) []Option {
	var all []Option
	for _, o := range a.options {
		if slices.Contains(codes, o.Code) {
			all = append(all, o)
		}
	}
	return all
}

// find returns the identity association of key if the answer has one that counts: with T1 above T2 it does not (RFC 8415
// 21.4, 21.21).
func (a *answer) find(key iaKey) *iaAnswer {
	for n := range a.ias {
		if ia := &a.ias[n]; ia.key == key && !ia.disordered() {
			return ia
		}
	}
	return nil
}

// disordered reports whether T1 is above T2.
func (ia *iaAnswer) disordered() bool { return ia.t1 > ia.t2 && ia.t2 > 0 }

// usable says whether the answer gives something for key.
func (a *answer) usable(key iaKey) *leaseAnswer {
	ia := a.find(key)
	if ia == nil || !ia.status.ok() {
		return nil
	}
	best, _ := ia.choose(nil)
	return best
}

// offered returns all prefixes that can be used, the best first: they are asked for together (RFC 9915 18.2.2).
func (ia *iaAnswer) offered(best *leaseAnswer) []netip.Prefix {
	all := []netip.Prefix{best.prefix}
	for _, l := range ia.leases {
		if l.valid > 0 && l.prefix != best.prefix && len(all) < maxBeside {
			all = append(all, l.prefix)
		}
	}
	return all
}

// choose returns the lease to use, nil for none, and whether current is taken from us. What we have stays while it is
// preferred; an ISP that renumbers gives a new prefix beside the old one, whose lifetimes it lets go to 0.
func (ia *iaAnswer) choose(current *Delegation) (best *leaseAnswer, withdrawn bool) {
	ours := func(l *leaseAnswer) bool { return current != nil && current.Prefix == l.prefix }
	for n := range ia.leases {
		l := &ia.leases[n]
		switch {
		case l.valid == 0:
			withdrawn = withdrawn || ours(l)
		case best == nil:
			best = l
		case (l.preferred > 0) != (best.preferred > 0):
			if l.preferred > 0 {
				best = l
			}
		case ours(best):
		case ours(l) || l.preferred > best.preferred || l.preferred == best.preferred && l.valid > best.valid:
			best = l
		}
	}
	return best, withdrawn
}

// times returns T1 and T2. A server that leaves them to us (0) gets 0.5 and 0.8 of the shortest preferred lifetime (RFC
// 8415 21.4); one that puts them beyond the lease's end is not followed.
func (ia *iaAnswer) times(best *leaseAnswer) (t1, t2 time.Duration) {
	base := best.preferred
	for _, l := range ia.leases {
		if l.preferred > 0 {
			base = min(base, l.preferred)
		}
	}
	if base == 0 {
		base = best.valid
	}
	t1, t2 = ia.t1, ia.t2
	if t2 == 0 || t2 > best.valid {
		t2 = max(base/10*8, min(t1, base))
	}
	if t1 == 0 || t1 > t2 {
		t1 = min(base/2, t2)
	}
	t1 = max(t1, minT1)
	return t1, max(t1, t2)
}

// observe brings the states up to date and drops what is neither wanted nor held.
func (m *machine) observe(now time.Time) {
	m.ias = slices.DeleteFunc(m.ias, func(i *ia) bool {
		busy := m.ex != nil && slices.Contains(m.ex.ias, i)
		return !i.wanted && i.lease == nil && i.old == nil && !busy
	})
	for _, i := range m.ias {
		if s := m.stateOf(i); s != i.state {
			i.state, i.since = s, now
		}
	}
}

// stateOf returns the state of i in the words of Status.
func (m *machine) stateOf(i *ia) string {
	switch {
	case i.old != nil && i.declined:
		return stateDeclining
	case i.old != nil:
		return stateReleasing
	case i.released:
		return stateReleased
	case !m.up:
		return stateWaiting
	}
	if m.ex != nil && slices.Contains(m.ex.ias, i) {
		switch m.ex.kind {
		case dhcp6.MessageTypeSolicit:
			return stateSoliciting
		case dhcp6.MessageTypeRequest:
			return stateRequesting
		case dhcp6.MessageTypeRebind:
			return stateRebinding
		case dhcp6.MessageTypeConfirm:
			return stateConfirming
		}
		if i.lease == nil {
			return stateRequesting // in a Renew, beside what is held
		}
		return stateRenewing
	}
	if i.lease != nil {
		return stateBound
	}
	return stateWaiting
}

// status returns the states of what is wanted or being released.
func (m *machine) status() []Status {
	var all []Status
	for _, i := range m.ias {
		if !i.wanted && i.old == nil {
			continue
		}
		s := Status{
			Link: m.link, Name: i.cfg.Name, IAID: i.cfg.IAID, State: i.state, Since: i.since, Problem: m.problem(i),
			Kind: "prefix", DUID: bytes.Clone(m.duid),
		}
		if i.key.address {
			s.Kind = "address"
		} else if i.cfg.Hint.IsValid() {
			s.Hint = wished(i.cfg)
		}
		if i.lease != nil {
			d := i.lease.clone()
			s.Delegation, s.Reconfigurable = &d, m.keyOf(d.ServerDUID) != nil
		}
		switch {
		case m.ex != nil && slices.Contains(m.ex.ias, i):
			s.Message, s.Attempts, s.Next = titles[m.ex.kind], m.ex.sent, m.ex.next
		case m.up && i.active():
			s.Next = i.due(m.fresh)
		}
		all = append(all, s)
	}
	if m.stateless() {
		all = append(all, m.statelessStatus())
	}
	return all
}

// statelessStatus is the state of what is asked for by Information-request.
func (m *machine) statelessStatus() Status {
	s := Status{Link: m.link, Kind: "information", DUID: bytes.Clone(m.duid), State: stateWaiting, Since: m.infoSince, Next: m.infoAt}
	if m.resolver != nil {
		r := m.resolver.clone()
		s.Resolver, s.State = &r, stateBound
	}
	switch {
	case !m.up:
		s.Problem = errNotReady.Error()
	case m.informing():
		s.Message, s.Attempts, s.Next = titles[m.ex.kind], m.ex.sent, m.ex.next
		s.State = stateRequesting
		switch {
		case m.sendProblem != "":
			s.Problem = m.sendProblem
		case m.ex.sent > 2:
			s.Problem = fmt.Sprintf("no answer to %d %s messages", m.ex.sent, titles[m.ex.kind])
		}
	}
	return s
}

// problem says why i does not get ahead.
func (m *machine) problem(i *ia) string {
	switch {
	case !m.up && (i.active() || i.old != nil):
		return errNotReady.Error()
	case m.ex != nil && m.sendProblem != "":
		return m.sendProblem
	case i.problem != "":
		return i.problem
	case m.ex != nil && m.ex.sent > 2 && slices.Contains(m.ex.ias, i):
		return fmt.Sprintf("no answer to %d %s messages", m.ex.sent, titles[m.ex.kind])
	}
	return ""
}
