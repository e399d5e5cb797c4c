package dhcpv6

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	dhcp6 "github.com/insomniacslk/dhcp/dhcpv6"

	"github.com/sixfold-router/sixfold/dhcpv6/lease"
)

// client is who can be told to renew: a DUID on a link.
type client struct{ link, duid string }

// contacts returns the leases of clients that can be told to renew, by client. walk yields all leases, each time it is called: most
// of them may be of clients that cannot.
func contacts(cat *catalog, walk func(func(lease.Lease) bool), now time.Time) map[client][]lease.Lease {
	out := map[client][]lease.Lease{}
	right := func(l lease.Lease) bool {
		in := cat.links[l.Key.Link]
		return in != nil && in.Reconfigure && l.State == lease.Bound && !ended(l, now)
	}
	walk(func(l lease.Lease) bool {
		if l.Contact != nil && right(l) {
			out[client{l.Key.Link, l.Key.DUID}] = nil
		}
		return true
	})
	if len(out) == 0 {
		return out
	}
	walk(func(l lease.Lease) bool {
		c := client{l.Key.Link, l.Key.DUID}
		if have, ok := out[c]; ok && right(l) {
			out[c] = append(have, l)
		}
		return true
	})
	return out
}

// newest returns the lease with the contact that its client told last.
func newest(leases []lease.Lease) (lease.Lease, bool) {
	leases = slices.DeleteFunc(slices.Clone(leases), func(l lease.Lease) bool { return l.Contact == nil })
	if len(leases) == 0 {
		return lease.Lease{}, false
	}
	return slices.MaxFunc(leases, func(a, b lease.Lease) int { return a.Updated.Compare(b.Updated) }), true
}

// slack is by how much lifetimes may be shorter than the client believes without it being told.
const slack = 10 * time.Second

// stale tells what would become of the leases of one client if it renewed now, if that is not what it believes: it is the answer
// to the Renew that the client would send.
func stale(now time.Time, cat *catalog, all []lease.Lease, view leases, space *space) (reason string) {
	last, ok := newest(all)
	in := cat.links[last.Key.Link]
	if !ok || in == nil {
		return ""
	}
	req := &request{
		kind: dhcp6.MessageTypeRenew, client: []byte(last.Key.DUID), server: cat.duid,
		origin: origin{mac: last.MAC, nextHop: last.Client, path: last.Contact.Path},
	}
	had := map[netip.Prefix]lease.Lease{}
	slices.SortFunc(all, func(a, b lease.Lease) int {
		return cmp.Or(cmp.Compare(a.Key.Kind, b.Key.Kind), cmp.Compare(a.Key.IAID, b.Key.IAID), a.Prefix.Compare(b.Prefix))
	})
	for _, l := range all {
		had[l.Prefix] = l
		if n := len(req.ias); n == 0 || req.ias[n-1].kind != l.Key.Kind || req.ias[n-1].id != l.Key.IAID {
			req.ias = append(req.ias, ia{kind: l.Key.Kind, id: l.Key.IAID})
		}
		a := &req.ias[len(req.ias)-1]
		a.leases = append(a.leases, l.Prefix)
	}
	h := &handler{now: now, cat: cat, in: in, req: req, leases: view, space: space}
	h.mine = in.match(req.mac, req.client)
	results := h.assignAll(assignment{commit: true, withdraw: true})
	for _, r := range results {
		if len(r.gone) > 0 {
			reason := "no longer right: " + text(r.gone[0])
			if len(r.give) > 0 {
				reason += ", now " + text(r.give[0].Prefix)
			}
			return reason
		}
	}
	for _, r := range results {
		for _, l := range r.give {
			old, ok := had[l.Prefix]
			switch {
			case !ok:
				return "new: " + text(l.Prefix)
			case shorter(now, old.Preferred, l.Preferred), shorter(now, old.Valid, l.Valid):
				return "shorter lifetimes: " + text(l.Prefix)
			}
		}
	}
	return ""
}

// shorter reports whether a lifetime now ends well before the client believes.
func shorter(now, believed, ends time.Time) bool {
	switch {
	case ends.IsZero():
		return false
	case believed.IsZero():
		return true
	}
	return believed.After(now) && ends.Add(slack).Before(believed)
}

func text(p netip.Prefix) string {
	if p.IsSingleIP() {
		return p.Addr().String()
	}
	return p.String()
}
