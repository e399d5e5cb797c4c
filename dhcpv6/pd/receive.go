package pd

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"time"

	dhcp6 "github.com/insomniacslk/dhcp/dhcpv6"
	"github.com/insomniacslk/dhcp/iana"
)

// Why a well-formed message was ignored. The texts are keys of Client.Dropped.
var (
	errUnasked    = errors.New("no exchange with this transaction id")
	errNotForUs   = errors.New("another client's identifier")
	errNoServerID = errors.New("no server identifier")
	errNotAsked   = errors.New("not the server asked")
	errWrongType  = errors.New("not the answer to what was sent")
)

// bestPreference ends the wait for more Advertises (RFC 8415 18.2.1).
const bestPreference = 255

// receive takes an Advertise or Reply. The error says why it was ignored.
func (m *machine) receive(now time.Time, a *answer) error {
	m.expire(now)
	e := m.ex
	switch {
	case e == nil || e.sent == 0 || a.xid != e.xid:
		return errUnasked
	case !bytes.Equal(a.clientID, m.duid) && !(a.clientID == nil && m.informing()): // RFC 9915 16.10
		return errNotForUs
	case a.serverID == nil:
		return errNoServerID
	case e.server != nil && !bytes.Equal(a.serverID, e.server):
		return errNotAsked
	}
	solicit := e.kind == dhcp6.MessageTypeSolicit
	switch {
	case solicit && a.kind == dhcp6.MessageTypeAdvertise:
		m.learn(a)
		m.advertised(now, a)
	case solicit && a.kind == dhcp6.MessageTypeReply && a.rapid && m.cfg.RapidCommit, !solicit && a.kind == dhcp6.MessageTypeReply:
		m.learn(a)
		m.replied(now, a)
	default:
		return errWrongType
	}
	m.tick(now)
	return nil
}

// learn takes over SOL_MAX_RT, which counts even in an answer that has nothing else for us (RFC 8415 18.2.9, 21.24).
func (m *machine) learn(a *answer) {
	if a.solMaxRT >= minSolMaxRT && a.solMaxRT <= maxSolMaxRT {
		m.solMaxRT = a.solMaxRT
	}
	if a.infMaxRT >= minSolMaxRT && a.infMaxRT <= maxSolMaxRT {
		m.infMaxRT = a.infMaxRT
	}
	m.learnKey(a)
}

// advertised notes an offer. The first interval is for collecting them, later the first one is taken.
func (m *machine) advertised(now time.Time, a *answer) {
	e := m.ex
	got, all := a.offers(e.ias)
	if got == (offerRank{}) || !a.status.ok() {
		e.refused(a)
		return
	}
	if e.offer == nil {
		e.offer = a
	} else if best, _ := e.offer.offers(e.ias); got.better(best) {
		e.offer = a
	}
	// Preference 255 ends the wait only with all that we want: otherwise one server that has little could keep a better
	// one from being heard.
	if e.sent > 1 || all && a.preference == bestPreference {
		m.request(now, e.offer)
	}
}

// offerRank says how good an offer is: prefixes first, which are what this client is for.
type offerRank struct {
	prefixes, addresses int
	preference          uint8
}

func (r offerRank) better(o offerRank) bool {
	if r.prefixes != o.prefixes {
		return r.prefixes > o.prefixes
	}
	if r.addresses != o.addresses {
		return r.addresses > o.addresses
	}
	return r.preference > o.preference
}

// offers ranks an Advertise and says whether it has something for all of ias. The rank is zero without anything.
func (a *answer) offers(ias []*ia) (r offerRank, all bool) {
	all = true
	for _, i := range ias {
		switch {
		case a.usable(i.key) == nil:
			all = false
		case i.key.address:
			r.addresses++
		default:
			r.prefixes++
		}
	}
	if r.prefixes+r.addresses > 0 {
		r.preference = a.preference
	}
	return r, all
}

// refused notes why an answer does not end the exchange.
func (e *exchange) refused(a *answer) {
	for _, i := range e.ias {
		i.problem = a.refusal(i.key)
		e.refusal = i.problem
	}
}

// refusal says why the answer has nothing for key.
func (a *answer) refusal(key iaKey) string {
	if ia := a.find(key); ia != nil && !ia.status.ok() {
		return ia.status.String()
	}
	if !a.status.ok() {
		return a.status.String()
	}
	for _, ia := range a.ias {
		if ia.key == key && ia.disordered() {
			return fmt.Sprintf("the server's T1 of %s is above its T2 of %s: such an offer does not count (RFC 9915 21.21)", ia.t1, ia.t2)
		}
	}
	return "not offered by the server"
}

// request goes on from the best Advertise.
func (m *machine) request(now time.Time, offer *answer) {
	e := &exchange{kind: dhcp6.MessageTypeRequest, server: offer.serverID, ias: m.ex.ias, beside: m.ex.beside, offered: make(map[*ia][]netip.Prefix)}
	for _, i := range e.ias {
		if best := offer.usable(i.key); best != nil {
			e.offered[i] = offer.find(i.key).offered(best)
		}
	}
	m.begin(now, e)
}

// replied ends an exchange with the server's Reply, RFC 8415 18.2.10.
func (m *machine) replied(now time.Time, a *answer) {
	e := m.ex
	switch e.kind {
	case dhcp6.MessageTypeRelease, dhcp6.MessageTypeDecline:
		e.ias[0].told() // whatever the status (18.2.10.2)
		m.ex, m.out = nil, nil
		return
	case dhcp6.MessageTypeConfirm:
		m.confirmed(now, a)
		return
	}
	if e.kind == dhcp6.MessageTypeInformationRequest {
		if a.status.ok() {
			m.inform(now, a)
		}
		return // otherwise the message is repeated, slowly
	}
	switch a.status.code {
	case iana.StatusSuccess:
	case iana.StatusNoBinding, iana.StatusNoAddrsAvail, iana.StatusNoPrefixAvail, iana.StatusNotOnLink:
		a = a.spread()
	default:
		// UnspecFail and what we do not know: not now. Go on repeating the message, which is slow enough.
		e.refused(a)
		return
	}
	if e.kind == dhcp6.MessageTypeSolicit {
		if got, _ := a.offers(e.ias); got == (offerRank{}) {
			e.refused(a)
			return // not a Reply to stop for: others may have more
		}
	}
	extend := e.kind == dhcp6.MessageTypeRenew || e.kind == dhcp6.MessageTypeRebind
	notOnLink, noBinding := false, false
	for _, i := range e.ias {
		code := a.code(i.key)
		if extend && code == iana.StatusNoBinding {
			noBinding = true
			i.problem = a.refusal(i.key)
			continue
		}
		notOnLink = notOnLink || code == iana.StatusNotOnLink
		switch problem := i.grant(m, now, a); {
		case problem == "":
		case extend && i.starves(now):
			i.problem = problem // its own Solicit is not put off by that
		default:
			i.fail(m, now, problem)
		}
	}
	m.ex, m.out = nil, nil
	if e.beside {
		return
	}
	m.confirm, m.fresh = confirmNone, false
	if notOnLink && m.holds() {
		// 18.2.10.1 has us start over. What was granted beside it is not worth a hurry.
		m.fresh, m.readyAt = true, now.Add(solMaxDelay+upTo(m.rand, solMaxDelay))
	}
	if noBinding {
		// The server has forgotten us, or makes bindings only in a Request: ask for everything anew (18.2.10.1).
		m.begin(now, &exchange{kind: dhcp6.MessageTypeRequest, server: a.serverID, ias: m.actives()})
	}
}

// confirmed ends a Confirm, RFC 9915 18.2.10.3: what is held is right for the link, or it is asked for anew.
func (m *machine) confirmed(now time.Time, a *answer) {
	switch a.status.code {
	case iana.StatusSuccess:
		m.ex, m.out, m.confirm = nil, nil, confirmNone
	case iana.StatusNotOnLink:
		m.ex, m.out, m.confirm, m.fresh = nil, nil, confirmNone, true
		for _, i := range m.actives() {
			i.problem, i.retryAt = a.status.String(), now
		}
	}
}

// actives returns the identity associations that exchanges are about.
func (m *machine) actives() []*ia {
	var all []*ia
	for _, i := range m.ias {
		if i.active() {
			all = append(all, i)
		}
	}
	return all
}

// code returns the status of key's identity association in the answer.
func (a *answer) code(key iaKey) iana.StatusCode {
	if ia := a.find(key); ia != nil {
		return ia.status.code
	}
	return a.status.code
}

// spread returns the answer with its status in each identity association, where servers of RFC 3315 times mean it.
func (a *answer) spread() *answer {
	b := *a
	b.ias = nil
	for _, ia := range a.ias {
		if ia.status.ok() && len(ia.leases) == 0 {
			ia.status = a.status
		}
		b.ias = append(b.ias, ia)
	}
	return &b
}
