package dhcpv6

import (
	"bytes"
	"net/netip"
	"slices"
	"time"

	dhcp6 "github.com/insomniacslk/dhcp/dhcpv6"
	"github.com/insomniacslk/dhcp/iana"

	"github.com/sixfold-router/sixfold/dhcpv6/lease"
)

// refreshTime is the Information Refresh Time of RFC 8415 21.23: after how long a client without leases asks again.
const refreshTime = 24 * time.Hour

// quarantine is for how long a declined address is kept from everybody.
const quarantine = 24 * time.Hour

// verdict is what becomes of a request: a reply, which may leave once change is durable, or a reason to drop it.
type verdict struct {
	reply  *dhcp6.Message
	change lease.Change
	events []Event
	drop   string
}

// handler decides about one request. It reads the leases and changes nothing but what space remembers of full pools.
type handler struct {
	now    time.Time
	cat    *catalog
	in     *served
	req    *request
	leases leases
	space  *space
	keys   keys // nil: no client is told to renew

	contact *lease.Contact // what its leases get, see reach
	handOut bool           // the key of contact is told to the client
	mine    []*Reservation // of this client
	taken   []netip.Prefix // given to one of its identity associations by this very message
	out     verdict
}

// handle decides what to answer to a request that came from the link of in.
func handle(now time.Time, cat *catalog, in *served, req *request, view leases, space *space, keys keys) verdict {
	h := &handler{now: now, cat: cat, in: in, req: req, leases: view, space: space, keys: keys}
	if reason := discard(req, cat.duid); reason != "" {
		return verdict{drop: reason}
	}
	h.mine = in.match(req.mac, req.client)
	h.reach()
	switch req.kind {
	case dhcp6.MessageTypeSolicit:
		h.solicit()
	case dhcp6.MessageTypeRequest:
		h.request()
	case dhcp6.MessageTypeRenew, dhcp6.MessageTypeRebind:
		h.extend()
	case dhcp6.MessageTypeConfirm:
		h.confirm()
	case dhcp6.MessageTypeRelease:
		h.giveBack(h.release)
	case dhcp6.MessageTypeDecline:
		h.giveBack(h.decline)
	case dhcp6.MessageTypeInformationRequest:
		h.begin(dhcp6.MessageTypeReply)
		h.information()
		if h.asked(dhcp6.OptionInformationRefreshTime) {
			h.out.reply.AddOption(dhcp6.OptInformationRefreshTime(refreshTime))
		}
	}
	return h.out
}

// discard tells why RFC 8415 16 has the message dropped.
func discard(r *request, duid []byte) string {
	ours := r.server != nil && bytes.Equal(r.server, duid)
	switch r.kind {
	case dhcp6.MessageTypeSolicit, dhcp6.MessageTypeConfirm, dhcp6.MessageTypeRebind:
		if r.client == nil {
			return "no-client-id"
		}
		if r.server != nil {
			return "unexpected-server-id"
		}
	case dhcp6.MessageTypeInformationRequest:
		if r.hasIA {
			return "unexpected-ia"
		}
		if r.server != nil && !ours {
			return "other-server"
		}
	default:
		if r.client == nil {
			return "no-client-id"
		}
		if r.server == nil {
			return "no-server-id"
		}
		if !ours {
			return "other-server"
		}
	}
	return ""
}

// solicit answers a Solicit with an Advertise, or with a Reply at once where client and configuration agree to it and there
// is something to give (RFC 8415 18.3.1).
func (h *handler) solicit() {
	rapid := h.req.rapid && h.in.RapidCommit
	results := h.assignAll(assignment{commit: rapid, move: true})
	if rapid && !given(results) {
		// Nothing is done then, and nothing said to be done, such as the end of an old lease.
		rapid = false
		h.out, h.taken = verdict{}, nil
		results = h.assignAll(assignment{move: true})
	}
	if rapid {
		h.begin(dhcp6.MessageTypeReply)
		h.out.reply.AddOption(&dhcp6.OptionGeneric{OptionCode: dhcp6.OptionRapidCommit})
	} else {
		h.begin(dhcp6.MessageTypeAdvertise)
		if h.in.Preference > 0 {
			h.out.reply.AddOption(&dhcp6.OptionGeneric{OptionCode: dhcp6.OptionPreference, OptionData: []byte{h.in.Preference}})
		}
	}
	h.identityAssociations(results)
	h.information()
	h.reconfigurable(given(results))
}

// request answers a Request. Addresses that cannot be on the link are said to be so, association by association (RFC 8415
// 18.3.2), and the client solicits anew; one that we gave to the client ourselves comes back with lifetimes of zero, beside what it
// has instead.
func (h *handler) request() {
	results := h.assignAll(assignment{commit: true, move: true, strict: true})
	h.begin(dhcp6.MessageTypeReply)
	h.identityAssociations(results)
	h.information()
	h.reconfigurable(given(results))
}

// extend answers Renew and Rebind (RFC 8415 18.3.4, 18.3.5). What the client holds and should not have any longer comes back
// with lifetimes of zero, beside what it has instead. A binding that we do not know, because its lease expired or the store
// was lost, is made anew if what the client holds is free: the other answers make some clients stop until they are told to
// renew by hand.
//
// A Renew names this server. A Rebind goes to all, so that a lease which we do not know may be that of another server on the
// link: it is left alone, unless it is from a pool of ours or not right for the link at all. A client of which we know nothing
// gets nothing new by it, unless Solicits with Rapid Commit are answered, too.
func (h *handler) extend() {
	m := assignment{commit: true, withdraw: true}
	if h.req.kind == dhcp6.MessageTypeRebind {
		m.others = true
		m.known = !h.in.RapidCommit && !h.bound()
	}
	results := slices.DeleteFunc(h.assignAll(m), func(r result) bool { return r.unknown })
	if len(results) == 0 && len(h.req.ias) > 0 {
		h.out = verdict{drop: "unknown-binding"}
		return
	}
	h.begin(dhcp6.MessageTypeReply)
	h.identityAssociations(results)
	h.information()
	h.reconfigurable(given(results))
}

// bound reports whether a binding in the message is known.
func (h *handler) bound() bool {
	for i := range h.req.ias {
		if len(h.had(h.req.key(&h.req.ias[i], h.in.Link))) > 0 {
			return true
		}
	}
	return false
}

// confirm answers whether the client is still on the link that its addresses are from. Where that cannot be told, it is not
// answered at all (RFC 8415 18.3.3).
func (h *handler) confirm() {
	count, status := 0, iana.StatusSuccess
	for _, a := range h.req.ias {
		if a.kind != lease.Address {
			continue
		}
		for _, p := range a.leases {
			if count++; !h.in.onLink(p.Addr()) {
				status = iana.StatusNotOnLink
			}
		}
	}
	if count == 0 || len(h.in.Subnets) == 0 {
		h.out.drop = "nothing-to-confirm"
		return
	}
	h.begin(dhcp6.MessageTypeReply)
	h.out.reply.AddOption(statusOption(status))
}

// begin starts the reply with the identifiers.
func (h *handler) begin(kind dhcp6.MessageType) {
	m := &dhcp6.Message{MessageType: kind, TransactionID: h.req.xid}
	m.AddOption(&dhcp6.OptionGeneric{OptionCode: dhcp6.OptionServerID, OptionData: h.cat.duid})
	if h.req.client != nil {
		m.AddOption(&dhcp6.OptionGeneric{OptionCode: dhcp6.OptionClientID, OptionData: h.req.client})
	}
	h.out.reply = m
}

// information adds the configuration options that the client asked for.
func (h *handler) information() {
	if h.in.dns != nil && h.asked(dhcp6.OptionDNSRecursiveNameServer) {
		h.out.reply.AddOption(&dhcp6.OptionGeneric{OptionCode: dhcp6.OptionDNSRecursiveNameServer, OptionData: h.in.dns})
	}
	if h.in.domains != nil && h.asked(dhcp6.OptionDomainSearchList) {
		h.out.reply.AddOption(&dhcp6.OptionGeneric{OptionCode: dhcp6.OptionDomainSearchList, OptionData: h.in.domains})
	}
}

func (h *handler) asked(code dhcp6.OptionCode) bool { return h.req.oro.Contains(code) }

func (h *handler) event(kind EventKind, l lease.Lease, note string) {
	h.out.events = append(h.out.events, Event{Kind: kind, Lease: l, Note: note})
}

func statusOption(code iana.StatusCode) *dhcp6.OptStatusCode {
	return &dhcp6.OptStatusCode{StatusCode: code, StatusMessage: statusText(code)}
}

// statusText is what the operator of the client finds in its log.
func statusText(code iana.StatusCode) string {
	switch code {
	case iana.StatusSuccess:
		return "done"
	case iana.StatusNoAddrsAvail:
		return "no address is free for this client on this link"
	case iana.StatusNoPrefixAvail:
		return "no prefix is free for this client on this link"
	case iana.StatusNoBinding:
		return "no such binding"
	case iana.StatusNotOnLink:
		return "the address does not belong to this link"
	}
	return code.String()
}
