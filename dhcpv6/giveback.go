package dhcpv6

import (
	"slices"

	dhcp6 "github.com/insomniacslk/dhcp/dhcpv6"
	"github.com/insomniacslk/dhcp/iana"

	"github.com/sixfold-router/sixfold/dhcpv6/lease"
)

// giveBack answers Release and Decline: Success for the message, NoBinding for each association that has no binding (RFC
// 8415 18.3.7, 18.3.8). Leases that the binding does not have are ignored.
func (h *handler) giveBack(each func(lease.Lease)) {
	h.begin(dhcp6.MessageTypeReply)
	h.out.reply.AddOption(statusOption(iana.StatusSuccess))
	for i := range h.req.ias {
		a := &h.req.ias[i]
		had := h.had(h.req.key(a, h.in.Link))
		for _, l := range had {
			if slices.Contains(a.leases, l.Prefix) {
				each(l)
			}
		}
		if len(had) == 0 {
			r := result{ia: a, status: iana.StatusNoBinding}
			h.out.reply.AddOption(r.option(0, 0))
		}
	}
}

func (h *handler) release(l lease.Lease) {
	h.out.change.Delete = append(h.out.change.Delete, lease.DeleteRef{Key: l.Key, Prefix: l.Prefix})
	h.event(Released, l, "by the client")
}

// decline keeps an address that somebody else uses from everybody for a while. A prefix cannot be declined.
func (h *handler) decline(l lease.Lease) {
	if l.Key.Kind != lease.Address {
		return
	}
	l.State = lease.Declined
	l.Preferred, l.Valid, l.Updated = h.now, h.now.Add(quarantine), h.now
	h.out.change.Put = append(h.out.change.Put, l)
	h.event(Declined, l, "the client found it in use by another")
}
