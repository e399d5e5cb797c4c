package dhcpv6

import (
	"bytes"
	"net/netip"
	"slices"
	"time"

	"github.com/insomniacslk/dhcp/iana"

	"github.com/sixfold-router/sixfold/dhcpv6/lease"
)

// assignment says what may be done about the identity associations of a message.
type assignment struct {
	commit   bool // record it, else only tell
	move     bool // a reservation may come over from another binding of the same client
	strict   bool // answer NotOnLink to addresses that are not of the link
	withdraw bool // the client holds what it listed: tell it what it loses, make bindings anew
	others   bool // another server may have given what the client holds and we do not know
	known    bool // nothing new from a pool
}

// result is the answer for one identity association.
type result struct {
	ia     *ia
	give   []lease.Lease
	lives  []lifetime     // of give
	gone   []netip.Prefix // to be told with lifetimes of zero
	status iana.StatusCode

	unknown bool // nothing can be said of it
}

// lifetime is what the client is told of a lease.
type lifetime struct{ preferred, valid time.Duration }

func given(rs []result) bool {
	return slices.ContainsFunc(rs, func(r result) bool { return len(r.give) > 0 })
}

func (h *handler) assignAll(m assignment) []result {
	results := make([]result, 0, len(h.req.ias))
	for i := range h.req.ias {
		results = append(results, h.assign(&h.req.ias[i], m))
	}
	return results
}

// assign decides what one identity association gets: what is reserved for the client, else what it has, else what it wishes,
// else what a pool has free.
func (h *handler) assign(a *ia, m assignment) result {
	r := result{ia: a}
	key := h.req.key(a, h.in.Link)
	had := h.had(key)
	if m.strict && a.kind == lease.Address && slices.ContainsFunc(a.leases, func(p netip.Prefix) bool {
		return !h.in.onLink(p.Addr()) && !has(had, p)
	}) {
		r.status = iana.StatusNotOnLink
		return r
	}
	h.fromReservations(&r, key, m)
	if len(r.give) == 0 {
		for _, l := range had {
			h.give(&r, key, l.Prefix)
		}
	}
	if len(r.give) == 0 && h.space.count(h.in.Link) < maxLeasesPerLink {
		h.fromPools(&r, key, had, m)
	}
	h.runOut(&r, had, m)
	h.settle(&r, key, had, m)
	return r
}

// had returns what the binding has. What is reserved for somebody else and was last given to another link-layer address than
// this frame has is not the sender's: he took somebody's DUID, and must not even end that lease.
func (h *handler) had(key lease.Key) []lease.Lease {
	all := h.leases.Get(key)
	out := make([]lease.Lease, 0, len(all))
	for _, l := range all {
		if l.State == lease.Bound && !(h.foreign(l.Prefix) && !bytes.Equal(l.MAC, h.req.mac)) {
			out = append(out, l)
		}
	}
	return out
}

// foreign reports whether p is, or touches, what is reserved for another client.
func (h *handler) foreign(p netip.Prefix) bool {
	if r, ok := h.cat.reserved.of[p]; ok && slices.Contains(h.mine, r) {
		return false
	}
	return h.cat.reserved.overlaps(p)
}

// fromReservations gives a what is reserved for the client. Several associations of one kind share it in turn.
func (h *handler) fromReservations(r *result, key lease.Key, m assignment) {
	if len(h.mine) == 0 {
		return
	}
	place, count := h.placeOf(r.ia)
	n := 0
	for _, res := range h.mine {
		reserved := res.Prefixes
		if r.ia.kind == lease.Address {
			reserved = nil
			for _, a := range res.Addresses {
				reserved = append(reserved, netip.PrefixFrom(a, a.BitLen()))
			}
		}
		for _, p := range reserved {
			if n++; (n-1)%count != place {
				continue
			}
			p = p.Masked()
			from, ok := h.available(key, p, m)
			if ok && len(r.give) < maxLeases && h.give(r, key, p) && m.commit && from != key {
				h.out.change.Delete = append(h.out.change.Delete, lease.DeleteRef{Key: from, Prefix: p})
			}
		}
	}
}

// placeOf returns which of the client's associations of its kind a is, and how many there are.
func (h *handler) placeOf(a *ia) (place, count int) {
	for i := range h.req.ias {
		if b := &h.req.ias[i]; b.kind == a.kind {
			if b == a {
				place = count
			}
			count++
		}
	}
	return place, count
}

// available reports whether the reserved prefix can be given to the binding now, and what binding it is taken from: if another
// one of the same client has it, because the DUID or the IAID changed (a boot loader, then the installed system), it comes
// over.
func (h *handler) available(key lease.Key, p netip.Prefix, m assignment) (from lease.Key, ok bool) {
	l, found := h.leases.ByPrefix(p)
	switch {
	case !found && h.leases.Overlaps(p):
		h.conflict(key, p, "a part of it, or more than it, is leased", m)
	case !found, h.leaving(l):
		return key, true
	case l.State == lease.Declined && !ended(l, h.now):
		h.conflict(key, p, "a client declined it", m)
	case l.Key == key, ended(l, h.now), m.move && h.sameClient(l) && !h.inMessage(l.Key):
		return l.Key, true
	case !h.sameClient(l):
		h.conflict(key, p, "another client has it", m)
	}
	return key, false
}

// leaving reports whether this message took the lease from the binding already.
func (h *handler) leaving(l lease.Lease) bool {
	return slices.Contains(h.out.change.Delete, lease.DeleteRef{Key: l.Key, Prefix: l.Prefix})
}

// sameClient reports whether the lease was given to the sender of the message.
func (h *handler) sameClient(l lease.Lease) bool {
	return l.Key.DUID == string(h.req.client) || len(h.req.mac) > 0 && bytes.Equal(l.MAC, h.req.mac)
}

func (h *handler) inMessage(key lease.Key) bool {
	for i := range h.req.ias {
		if h.req.key(&h.req.ias[i], h.in.Link) == key {
			return true
		}
	}
	return false
}

// has reports whether p is among the leases.
func has(all []lease.Lease, p netip.Prefix) bool {
	return slices.ContainsFunc(all, func(l lease.Lease) bool { return l.Prefix == p })
}

func ended(l lease.Lease, now time.Time) bool { return !l.Valid.IsZero() && !l.Valid.After(now) }

func (h *handler) conflict(key lease.Key, p netip.Prefix, why string, m assignment) {
	if m.commit {
		h.event(Conflict, lease.Lease{Key: key, Prefix: p, MAC: h.req.mac, Client: h.req.nextHop}, why)
	}
}

// fromPools gives the binding what the client wishes, if that is free, or else something that is. A client that says it holds
// several leases gets back all that are free; any other gets one.
//
// Who has something that no pool has any longer comes to the same place in the pool as it is now, where that is free.
func (h *handler) fromPools(r *result, key lease.Key, had []lease.Lease, m assignment) {
	for _, p := range r.ia.leases {
		switch {
		case !m.withdraw && len(r.give) > 0, h.leases.Overlaps(p), h.touchesTaken(p):
		case h.space.keptForAnother(key, p):
		case !m.withdraw && h.space.promisedToAnother(key, p, h.now):
		case h.give(r, key, p) && !m.commit:
			h.space.promise(key, p, h.now)
		}
	}
	if len(r.give) > 0 || m.known {
		return
	}
	if p := h.in.place(key.Kind, had, r.ia.leases); p.IsValid() && !h.leases.Overlaps(p) && !h.space.keptForAnother(key, p) && h.give(r, key, p) {
		if !m.commit {
			h.space.promise(key, p, h.now)
		}
		return
	}
	w := wish{
		key: key, now: h.now, promise: !m.commit, busy: h.touchesTaken,
		denied: func(p netip.Prefix) bool {
			_, ok := h.in.offerOf(h.now, key.Kind, p)
			return !ok || h.cat.reserved.overlaps(p)
		},
	}
	try := func(p *pool) bool {
		piece, found := h.space.pick(h.leases, p, w)
		return found && h.give(r, key, piece)
	}
	if key.Kind == lease.Address {
		for i, pool := range h.in.Pools {
			if remaining(h.now, h.in.Valid, pool.Until.Valid) > 0 && try(h.in.addresses[i]) {
				return
			}
		}
		return
	}
	length := 0
	if len(r.ia.leases) > 0 {
		w.hint = r.ia.leases[0]
		length = w.hint.Bits()
	}
	for _, i := range h.in.delegateOrder(length) {
		pool := h.in.Delegate[i]
		if _, valid := h.in.lifetimes(pool); remaining(h.now, valid, pool.Until.Valid) > 0 && try(h.in.prefixes[i]) {
			return
		}
	}
}

// touchesTaken reports whether p overlaps what another association of this message got.
func (h *handler) touchesTaken(p netip.Prefix) bool {
	return slices.ContainsFunc(h.taken, p.Overlaps)
}

// give adds p to the result, with its lifetimes of now, if it is right for the link and the client.
func (h *handler) give(r *result, key lease.Key, p netip.Prefix) bool {
	o, ok := h.offer(key.Kind, p)
	if !ok || h.touchesTaken(p) {
		return false
	}
	l := lease.Lease{
		Key:       key,
		Prefix:    p,
		Preferred: end(h.now, o.preferred),
		Valid:     end(h.now, o.valid),
		MAC:       h.req.mac,
		Client:    h.req.nextHop,
		Pool:      o.pool,
		Reserved:  o.reserved,
		Updated:   h.now,
		Contact:   h.contact,
	}
	r.give = append(r.give, l)
	r.lives = append(r.lives, lifetime{o.preferred, o.valid})
	h.taken = append(h.taken, p)
	return true
}

// offer tells on what terms the client can have p: by a reservation, or from a pool if it is nobody's reservation.
func (h *handler) offer(kind lease.Kind, p netip.Prefix) (offer, bool) {
	if res, ok := h.cat.reserved.of[p]; ok && slices.Contains(h.mine, res) {
		if kind == lease.Address && !h.in.onLink(p.Addr()) {
			return offer{}, false
		}
		return h.in.timed(h.now, offer{pool: res.Name, reserved: true}, h.in.Preferred, h.in.Valid, res.Until)
	}
	if h.cat.reserved.overlaps(p) {
		return offer{}, false
	}
	return h.in.offerOf(h.now, kind, p)
}

// end turns a lifetime into a time. The infinite one has none.
func end(now time.Time, life time.Duration) time.Time {
	if life >= Forever {
		return time.Time{}
	}
	return now.Add(life)
}

// settle completes the result: the status of an empty one, what the client loses, and the change of the store.
func (h *handler) settle(r *result, key lease.Key, had []lease.Lease, m assignment) {
	keeps := func(p netip.Prefix) bool { return has(r.give, p) }
	if m.commit {
		for _, l := range had {
			if !keeps(l.Prefix) {
				h.out.change.Delete = append(h.out.change.Delete, lease.DeleteRef{Key: key, Prefix: l.Prefix})
				// A client that asks anew holds nothing but what it says, and some take up what is told to deprecate it.
				if m.withdraw || m.strict && slices.Contains(r.ia.leases, l.Prefix) {
					r.gone = append(r.gone, l.Prefix)
				}
				h.event(Withdrawn, l, "no longer right for the client or the link")
			}
		}
		for _, l := range r.give {
			h.out.change.Put = append(h.out.change.Put, l)
			kind := Leased
			if has(had, l.Prefix) {
				kind = Extended
			}
			h.event(kind, l, "")
		}
	}
	if m.withdraw {
		for _, p := range r.ia.leases {
			if !keeps(p) && !slices.Contains(r.gone, p) && (!m.others || len(had) > 0 || h.decides(key.Kind, p)) {
				r.gone = append(r.gone, p)
			}
		}
	}
	if len(r.give)+len(r.gone) == 0 {
		r.unknown = m.known
		r.status = iana.StatusNoAddrsAvail
		if key.Kind == lease.Prefix {
			r.status = iana.StatusNoPrefixAvail
		}
	}
}

// decides reports whether it is up to this server to say that a client must not have p: it is not right for the link, or
// from a pool or a reservation of ours.
func (h *handler) decides(kind lease.Kind, p netip.Prefix) bool {
	if h.cat.reserved.overlaps(p) || kind == lease.Address && !h.in.onLink(p.Addr()) {
		return true
	}
	in := func(pool *pool) bool {
		a := p.Masked().Addr()
		return pool.first.Compare(a) <= 0 && a.Compare(pool.last) <= 0
	}
	if kind == lease.Address {
		return slices.ContainsFunc(h.in.addresses, in)
	}
	return slices.ContainsFunc(h.in.prefixes, in)
}
