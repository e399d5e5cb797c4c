package dhcpv6

import (
	"encoding/binary"
	"net"
	"time"

	dhcp6 "github.com/insomniacslk/dhcp/dhcpv6"
	"github.com/insomniacslk/dhcp/iana"

	"github.com/sixfold-router/sixfold/dhcpv6/lease"
)

// identityAssociations adds the results to the reply, with the same T1 and T2 in all of them (RFC 8415 18.3.1).
func (h *handler) identityAssociations(results []result) {
	var all []lifetime
	for _, r := range results {
		all = append(all, r.lives...)
	}
	t1, t2 := timers(h.in.Renew, h.in.Rebind, all)
	for _, r := range results {
		if len(r.give) == 0 {
			h.out.reply.AddOption(r.option(0, 0))
		} else {
			h.out.reply.AddOption(h.exclude(r.option(t1, t2)))
		}
	}
	h.beSoon(results)
}

// timers returns T1 and T2: as configured, or 0.5 and 0.8 of the shortest preferred lifetime (RFC 8415 21.4). A configured
// time that is not before the end of that lifetime would let the lease run out, so it counts as not configured. Leases that
// are deprecated already count with their valid lifetime.
func timers(renew, rebind time.Duration, all []lifetime) (t1, t2 time.Duration) {
	shortest := Forever
	for _, l := range all {
		if l.preferred > 0 {
			shortest = min(shortest, l.preferred)
		} else {
			shortest = min(shortest, l.valid)
		}
	}
	t1, t2 = renew, rebind
	if t2 <= 0 || t2 >= shortest {
		t2 = share(shortest, 8)
	}
	if t1 <= 0 || t1 > t2 {
		t1 = min(share(shortest, 5), t2)
	}
	return t1, t2
}

// share is n tenths of a lifetime in whole seconds, or Forever of Forever.
func share(life time.Duration, n int) time.Duration {
	if life >= Forever {
		return Forever
	}
	return (life / 10 * time.Duration(n)).Truncate(time.Second)
}

// option encodes the result.
func (r *result) option(t1, t2 time.Duration) dhcp6.Option {
	var id [4]byte
	binary.BigEndian.PutUint32(id[:], r.ia.id)
	var opts dhcp6.Options
	for i, l := range r.give {
		opts.Add(leaseOption(l, r.lives[i]))
	}
	for _, p := range r.gone {
		opts.Add(leaseOption(lease.Lease{Key: lease.Key{Kind: r.ia.kind}, Prefix: p}, lifetime{}))
	}
	if r.status != iana.StatusSuccess {
		opts.Add(statusOption(r.status))
	}
	if r.ia.kind == lease.Prefix {
		return &dhcp6.OptIAPD{IaId: id, T1: t1, T2: t2, Options: dhcp6.PDOptions{Options: opts}}
	}
	return &dhcp6.OptIANA{IaId: id, T1: t1, T2: t2, Options: dhcp6.IdentityOptions{Options: opts}}
}

func leaseOption(l lease.Lease, life lifetime) dhcp6.Option {
	ip := net.IP(l.Prefix.Addr().AsSlice())
	if l.Key.Kind == lease.Prefix {
		return &dhcp6.OptIAPrefix{
			PreferredLifetime: life.preferred,
			ValidLifetime:     life.valid,
			Prefix:            &net.IPNet{IP: ip, Mask: net.CIDRMask(l.Prefix.Bits(), 128)},
		}
	}
	return &dhcp6.OptIAAddress{IPv6Addr: ip, PreferredLifetime: life.preferred, ValidLifetime: life.valid}
}
