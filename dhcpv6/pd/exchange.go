package pd

import (
	"bytes"
	"cmp"
	"net/netip"
	"slices"
	"time"

	dhcp6 "github.com/insomniacslk/dhcp/dhcpv6"
)

// titles are the message names of the RFC; the library's are in capitals.
var titles = map[dhcp6.MessageType]string{
	dhcp6.MessageTypeSolicit: "Solicit",
	dhcp6.MessageTypeRequest: "Request",
	dhcp6.MessageTypeRenew:   "Renew",
	dhcp6.MessageTypeRebind:  "Rebind",
	dhcp6.MessageTypeRelease: "Release",
	dhcp6.MessageTypeDecline: "Decline",
	dhcp6.MessageTypeConfirm: "Confirm",

	dhcp6.MessageTypeInformationRequest: "Information-request",
	dhcp6.MessageTypeAdvertise:          "Advertise",
	dhcp6.MessageTypeReply:              "Reply",
	dhcp6.MessageTypeReconfigure:        "Reconfigure",
}

// failedSendRetry bounds the wait after a message that could not even be sent: servers need no mercy then.
const failedSendRetry = 10 * time.Second

// An identity association starves after so many Replies in a row that did not give it to us; then Solicits ask for it alone,
// for this long, so that the leases that are well are renewed in time.
const (
	starvation  = 3
	besideMaxRD = 10 * time.Second
)

// exchange is a message that is repeated until it is answered, RFC 8415 15.
type exchange struct {
	kind    dhcp6.MessageType
	xid     dhcp6.TransactionID
	server  []byte // nil: any
	ias     []*ia
	offered map[*ia][]netip.Prefix // what the chosen Advertise offers
	offer   *answer                // the best Advertise so far
	follows bool                   // a Reconfigure asked for it
	refusal string                 // what the last answer that did not help said
	beside  bool                   // for what starves: it is not about the leases that are well

	schedule schedule
	sent     int
	began    time.Time
	rt       time.Duration
	next     time.Time
	end      time.Time // MRD; zero: none
}

// startAt returns when the next exchange is to start, false for never.
func (m *machine) startAt() (time.Time, bool) {
	var at time.Time
	found := false
	for _, i := range m.ias {
		if i.old != nil {
			return time.Time{}.Add(1), true
		}
		if !i.active() {
			continue
		}
		if due := i.due(m.fresh); !found || due.Before(at) {
			at, found = due, true
		}
	}
	if !m.infoAt.IsZero() && (!found || m.infoAt.Before(at)) {
		at, found = m.infoAt, true
	}
	if found && (m.confirm != confirmNone || at.Before(m.readyAt)) {
		at = m.readyAt
	}
	return at, found
}

// startExchange starts the exchange that is due: what must be given back first, then what keeps leases alive, and a
// Solicit only when there is nothing to keep.
func (m *machine) startExchange(now time.Time) {
	if m.ex != nil || !m.up {
		return
	}
	if at, ok := m.startAt(); !ok || now.Before(at) {
		return
	}
	for _, i := range m.ias {
		if i.old != nil {
			m.begin(now, &exchange{kind: i.farewell(), server: i.old.ServerDUID, ias: []*ia{i}})
			return
		}
	}
	if !m.infoAt.IsZero() && !now.Before(m.infoAt) {
		m.begin(now, &exchange{kind: dhcp6.MessageTypeInformationRequest})
		return
	}
	var all, leased []*ia
	for _, i := range m.ias {
		if i.active() {
			all = append(all, i)
			if i.lease != nil {
				leased = append(leased, i)
			}
		}
	}
	if len(leased) == 0 || m.fresh {
		m.begin(now, &exchange{kind: dhcp6.MessageTypeSolicit, ias: all})
		return
	}
	if m.confirm == confirmQuick && !slices.ContainsFunc(leased, func(i *ia) bool { return !i.key.address }) {
		// RFC 9915 18.2.12: Confirm is for addresses, where no prefix is held.
		m.begin(now, &exchange{kind: dhcp6.MessageTypeConfirm, ias: leased})
		return
	}
	starving, hungry := m.starving(now)
	if len(starving) > 0 && !now.Before(hungry) {
		m.begin(now, &exchange{kind: dhcp6.MessageTypeSolicit, ias: starving, beside: true, end: now.Add(besideMaxRD)})
		return
	}
	first, t2 := leased[0], time.Time{}
	for _, i := range leased {
		if i.due(false).Before(first.due(false)) {
			first = i
		}
		// Of what starves the T2 has passed: that is no reason to ask other servers for the rest.
		if !slices.Contains(starving, i) && (t2.IsZero() || i.lease.T2.Before(t2)) {
			t2 = i.lease.T2
		}
	}
	if m.confirm != confirmNone || !now.Before(t2) {
		m.begin(now, &exchange{kind: dhcp6.MessageTypeRebind, ias: all, end: hungry})
		return
	}
	e := &exchange{kind: dhcp6.MessageTypeRenew, server: first.lease.ServerDUID, end: t2}
	if !hungry.IsZero() && hungry.Before(t2) {
		e.end = hungry
	}
	for _, i := range all {
		// What another server gave is that server's to renew; its turn is next.
		if i.lease == nil || bytes.Equal(i.lease.ServerDUID, e.server) {
			e.ias = append(e.ias, i)
		}
	}
	m.begin(now, e)
}

// starving returns what Renew and Rebind do not get or do not keep, and when to ask for it the next time; the zero time if
// nothing starves. Servers exist that extend addresses and leave prefixes out (dibbler 1.0.1 in a Rebind), or drop a
// Rebind of what they have forgotten (RFC 9915 18.3.5 lets them): as long as any other lease lives, only a Solicit of its
// own brings such an identity association back.
func (m *machine) starving(now time.Time) (all []*ia, at time.Time) {
	for _, i := range m.actives() {
		if !i.starves(now) {
			continue
		}
		all = append(all, i)
		if at.IsZero() || i.retryAt.Before(at) {
			at = i.retryAt
		}
	}
	return all, at
}

// starves says whether i is one of those.
func (i *ia) starves(now time.Time) bool {
	return i.failures >= starvation && (i.lease == nil || !now.Before(i.lease.T2))
}

// begin starts e with its first message.
func (m *machine) begin(now time.Time, e *exchange) {
	v := m.rand.Uint32()
	e.xid = dhcp6.TransactionID{byte(v >> 16), byte(v >> 8), byte(v)}
	e.schedule = scheduleOf(e.kind, m.solMaxRT)
	if m.confirm == confirmQuick && (e.kind == dhcp6.MessageTypeRebind || e.kind == dhcp6.MessageTypeConfirm) {
		e.schedule = schedule{irt: cnfTimeout, mrt: cnfMaxRT}
		if quick := now.Add(cnfMaxRD); e.end.IsZero() || quick.Before(e.end) {
			e.end = quick
		}
	}
	if e.kind == dhcp6.MessageTypeInformationRequest && !m.stateless() {
		e.end = now.Add(besideMaxRD) // leases come first
	}
	e.follows, m.follow = m.follow, false
	m.ex = e
	m.transmit(now)
}

// continueExchange repeats the message in progress, goes on to the next step, or gives up.
func (m *machine) continueExchange(now time.Time) {
	e := m.ex
	switch {
	case e == nil:
	case !m.useful(e):
		m.ex, m.out = nil, nil
	case !e.end.IsZero() && !now.Before(e.end):
		m.giveUp(now)
	case now.Before(e.next):
	case e.offer != nil:
		m.request(now, e.offer)
	case e.schedule.mrc > 0 && e.sent >= e.schedule.mrc:
		m.giveUp(now)
	default:
		m.transmit(now)
	}
}

// useful says whether e still has a lease to keep or to give back, where it is about that.
func (m *machine) useful(e *exchange) bool {
	switch e.kind {
	case dhcp6.MessageTypeRenew, dhcp6.MessageTypeRebind:
		for _, i := range e.ias {
			if i.active() && i.lease != nil {
				return true
			}
		}
		return false
	case dhcp6.MessageTypeRelease, dhcp6.MessageTypeDecline:
		return e.ias[0].old != nil
	case dhcp6.MessageTypeConfirm:
		return m.holds()
	case dhcp6.MessageTypeInformationRequest:
		return !m.infoAt.IsZero()
	}
	return true
}

// transmit sends the message of the exchange and sets the time of the next.
func (m *machine) transmit(now time.Time) {
	e := m.ex
	if e.sent == 0 {
		e.began = now
		e.rt = e.schedule.first(m.rand, e.kind == dhcp6.MessageTypeSolicit)
	} else {
		if e.kind == dhcp6.MessageTypeSolicit {
			e.schedule.mrt = m.solMaxRT // learnt since
		}
		if e.kind == dhcp6.MessageTypeInformationRequest {
			e.schedule.mrt = m.infMaxRT
		}
		e.rt = e.schedule.next(m.rand, e.rt)
	}
	e.sent++
	e.next = now.Add(e.rt)
	r := &request{kind: e.kind, xid: e.xid, client: m.duid, server: e.server, elapsed: now.Sub(e.began),
		rapid: e.kind == dhcp6.MessageTypeSolicit && m.cfg.RapidCommit, accept: m.cfg.Reconfigure, extra: m.cfg.Send, asked: m.cfg.Request}
	for _, i := range e.ias {
		r.ias = append(r.ias, iaRequest{key: i.key, prefixes: i.wish(e)})
	}
	m.out = r
}

// sent tells the machine what became of a message that take returned.
func (m *machine) sent(now time.Time, r *request, err error) {
	if err == nil {
		m.sendProblem = ""
		return
	}
	m.sendProblem = err.Error()
	if e := m.ex; e != nil && e.xid == r.xid && e.rt > failedSendRetry {
		e.rt = failedSendRetry
		e.next = now.Add(e.rt)
	}
}

// giveUp ends an exchange that nobody answered in its time.
func (m *machine) giveUp(now time.Time) {
	e := m.ex
	m.ex, m.out = nil, nil
	if e.beside {
		for _, i := range e.ias {
			i.fail(m, now, cmp.Or(i.problem, "no answer to Solicit and Request messages"))
		}
		return
	}
	switch e.kind {
	case dhcp6.MessageTypeRequest:
		// The server has gone that offered it: look for another, and keep what is held meanwhile.
		for _, i := range e.ias {
			i.retryAt = now
		}
		m.fresh = m.holds()
		m.readyAt = now.Add(upTo(m.rand, solMaxDelay))
	case dhcp6.MessageTypeRebind:
		if m.confirm == confirmQuick {
			m.confirm = confirmSlow
		}
	case dhcp6.MessageTypeConfirm:
		m.confirm = confirmNone // nobody objects: go on with what is held (18.2.3)
	case dhcp6.MessageTypeRelease, dhcp6.MessageTypeDecline:
		e.ias[0].told()
	case dhcp6.MessageTypeInformationRequest:
		m.infoAt = time.Time{}
	}
}
