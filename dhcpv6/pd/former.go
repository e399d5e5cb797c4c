package pd

import (
	"net/netip"
	"slices"
	"time"
)

// maxBeside bounds how many prefixes beside the one in use are kept of an identity association.
const maxBeside = 16

// Former is a prefix of a delegation beside the one in use, with the time it has left.
type Former struct {
	Prefix         netip.Prefix
	PreferredUntil time.Time
	ValidUntil     time.Time
}

// same says whether two are equal.
func (f Former) same(o Former) bool {
	return f.Prefix == o.Prefix && f.PreferredUntil.Equal(o.PreferredUntil) && f.ValidUntil.Equal(o.ValidUntil)
}

// kept is what an identity association keeps beside the prefix in use.
type kept struct {
	former, spare []Former
}

// beside works out what is kept beside best after a Reply, RFC 9915 18.2.10.1. A prefix with lifetimes in the Reply gets
// these, and goes at once if its valid lifetime is 0. One that the Reply does not name stays as it was if the Reply answers a
// Renew or Rebind, or goes on with the same prefix; otherwise the server has no memory of it, and nobody can tell whether it
// is still routed to us. best is nil if the Reply has nothing to use.
func (ia *iaAnswer) beside(now time.Time, current *Delegation, best *leaseAnswer, extend bool) kept {
	var k kept
	if current == nil {
		current = &Delegation{}
	}
	stays := extend || best == nil || best.prefix == current.Prefix
	known := map[netip.Prefix]bool{current.Prefix: true}
	if best != nil {
		known[best.prefix] = true
	}
	carry := func(list *[]Former, f Former) {
		if f.Prefix == (netip.Prefix{}) || best != nil && f.Prefix == best.prefix {
			return
		}
		known[f.Prefix] = true
		if l := ia.lease(f.Prefix); l != nil {
			f.PreferredUntil, f.ValidUntil = now.Add(l.preferred), now.Add(l.valid)
		} else if !stays {
			return
		}
		if now.Before(f.ValidUntil) && len(*list) < maxBeside {
			*list = append(*list, f)
		}
	}
	if best != nil {
		carry(&k.former, current.asFormer())
	}
	for _, f := range current.Former {
		carry(&k.former, f)
	}
	for _, f := range current.Spare {
		carry(&k.spare, f)
	}
	for _, l := range ia.leases {
		if !known[l.prefix] {
			carry(&k.spare, Former{Prefix: l.prefix})
		}
	}
	return k
}

// lease returns what the answer says of a prefix; nil: nothing.
func (ia *iaAnswer) lease(p netip.Prefix) *leaseAnswer {
	for n := range ia.leases {
		if ia.leases[n].prefix == p {
			return &ia.leases[n]
		}
	}
	return nil
}

// asFormer returns the prefix in use with its lifetimes.
func (d *Delegation) asFormer() Former {
	return Former{Prefix: d.Prefix, PreferredUntil: d.PreferredUntil, ValidUntil: d.ValidUntil}
}

// age drops what has ended of d, and lets another of its prefixes take over where the one in use has ended, or is no longer
// preferred and a spare one is. It says whether the prefix in use changed, and whether there is one.
func (d *Delegation) age(now time.Time) (changed, alive bool) {
	ended := func(f Former) bool { return !now.Before(f.ValidUntil) }
	d.Former, d.Spare = slices.DeleteFunc(d.Former, ended), slices.DeleteFunc(d.Spare, ended)
	alive = now.Before(d.ValidUntil)
	if alive && (now.Before(d.PreferredUntil) || !slices.ContainsFunc(d.Spare, func(f Former) bool { return now.Before(f.PreferredUntil) })) {
		return false, true
	}
	before := d.asFormer()
	if !d.promote(now) {
		return false, alive
	}
	if alive {
		d.Former = append([]Former{before}, d.Former...)
	}
	return true, true
}

// promote makes the best of the prefixes beside it the one in use, and says whether there is any.
func (d *Delegation) promote(now time.Time) bool {
	var best *Former
	for _, list := range [][]Former{d.Spare, d.Former} {
		for n := range list {
			f := &list[n]
			switch better := best == nil || f.PreferredUntil.After(best.PreferredUntil); {
			case !now.Before(f.ValidUntil):
			case better || f.PreferredUntil.Equal(best.PreferredUntil) && f.ValidUntil.After(best.ValidUntil):
				best = f
			}
		}
	}
	if best == nil {
		return false
	}
	d.Prefix, d.PreferredUntil, d.ValidUntil = best.Prefix, best.PreferredUntil, best.ValidUntil
	d.Exclude = netip.Prefix{}
	gone := func(f Former) bool { return f.Prefix == d.Prefix }
	d.Former, d.Spare = slices.DeleteFunc(d.Former, gone), slices.DeleteFunc(d.Spare, gone)
	return true
}

// wakes calls sooner with the times at which age has something to do.
func (d *Delegation) wakes(sooner func(time.Time)) {
	sooner(d.ValidUntil)
	for _, f := range d.Former {
		sooner(f.ValidUntil)
	}
	for _, f := range d.Spare {
		sooner(f.ValidUntil)
		if f.PreferredUntil.After(d.PreferredUntil) {
			sooner(d.PreferredUntil)
		}
	}
}

// prefixes returns all prefixes of d, the one in use first.
func (d *Delegation) prefixes() []netip.Prefix {
	all := []netip.Prefix{d.Prefix}
	for _, list := range [][]Former{d.Spare, d.Former} {
		for _, f := range list {
			all = append(all, f.Prefix)
		}
	}
	return all
}
