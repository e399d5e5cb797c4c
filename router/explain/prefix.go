package explain

import (
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/sixfold-router/sixfold/dhcpv6/lease"
	"github.com/sixfold-router/sixfold/router/rib"
)

// taleOfPrefix tells of a prefix: who has it, how packets get there and who is told.
func (v View) taleOfPrefix(p netip.Prefix) tale {
	if r, ok := v.anyIP(p); ok {
		return v.taleOfLocal(p, r)
	}
	t := tale{bad: map[string]string{"": "cannot be reached", "lease": "is in dispute"}}
	t.checks = append(t.checks, v.cutFrom(p)...)
	steps, used := v.way(p, 0)
	last := &steps[len(steps)-1]
	t.good = v.reach(p, used)
	switch {
	case !used.Prefix.IsValid():
		// A part of it may have a route all the same.
	case used.Kind != rib.Unicast && used.Prefix != p:
		*last = v.discards(*last, used, p.String())
	case used.Kind != rib.Unicast:
		t.good = fmt.Sprintf("%s is %s as a whole; longer prefixes in it have their own routes", p, used.Kind)
		for _, s := range v.Prefixes {
			if s.Delegation != nil && s.Delegation.Prefix == p {
				t.good = fmt.Sprintf("%s is delegated to us as %s, valid %s; what is not in use of it is %s", p, s.Name, v.left(s.Delegation.ValidUntil), used.Kind)
			}
		}
	case used.Prefix != p:
		*last = last.with(note("route", "", "%s has no route of its own: it goes with %s", p, used.Prefix))
	}
	for _, l := range v.Leases {
		if l.Prefix == p && l.Key.Kind == lease.Prefix {
			t.good = fmt.Sprintf("%s is delegated to the client %s on %s", p, macText(l.MAC), l.Key.Link)
		}
	}
	// The lease comes before the route that was made for it.
	t.checks = append(t.checks, v.leases(p)...)
	if r, link := v.reservationOf(p); r != nil {
		t.checks = append(t.checks, v.reserved(*r, link, p, nil))
	}
	t.checks = append(t.checks, v.poolsAround(p)...)
	t.checks = append(t.checks, chain(steps)...)
	if used.Link != "" && !used.Via.IsValid() && used.Prefix == p {
		t.checks = append(t.checks, v.advertisement(used.Link, p)...)
	}
	t.checks = append(t.checks, v.followers(p)...)
	if used.Prefix.IsValid() {
		t.checks = append(t.checks, v.learnt(used.Prefix)...)
		t.checks = append(t.checks, v.heard(p)...)
		t.checks = append(t.checks, v.drifted(used.Prefix.String(), "")...)
	}
	return t
}

// poolsAround tells which pool of prefixes p is a piece of.
func (v View) poolsAround(p netip.Prefix) []check {
	var out []check
	for _, i := range v.Plan.DHCP.Interfaces {
		for _, pool := range i.Delegate {
			if !pool.Prefix.Overlaps(p) || pool.Prefix.Bits() > p.Bits() {
				continue
			}
			text := fmt.Sprintf("within pool %s of %s, which is given out as /%ds of %s", pool.Name, i.Link, pool.Length, pool.Prefix)
			if len(v.leases(p)) == 0 && p.Bits() >= pool.Length {
				text += "; it is not leased"
			}
			out = append(out, note("pool", "", "%s", text))
		}
	}
	return out
}

// taleOfMAC tells all places where a MAC address was seen or is expected.
func (v View) taleOfMAC(mac net.HardwareAddr) tale {
	t := tale{bad: map[string]string{"": "is in dispute", "neighbor": "does not answer", "link": "cannot be reached"}}
	is := func(other net.HardwareAddr) bool { return other.String() == mac.String() }
	var about []string
	for _, name := range slices.Sorted(maps.Keys(v.Links)) {
		if is(v.Links[name].MAC) {
			about = append(about, "ours, of "+name)
			t.checks = append(t.checks, v.link(name))
		}
	}
	seen := map[netip.Addr]bool{}
	for _, n := range v.Neighbors {
		if !is(n.MAC) {
			continue
		}
		seen[n.Address.WithZone("")] = true
		about = append(about, "on "+n.Link)
		c := v.neighbor(n.Link, n.Address, "")
		c.next = append(v.origin(n.Link, n.Address, n.MAC), c.next...)
		t.checks = append(t.checks, c)
	}
	for _, link := range slices.Sorted(maps.Keys(v.Plan.DHCP.Interfaces)) {
		for _, r := range v.Plan.DHCP.Interfaces[link].Reservations {
			if !is(r.MAC) {
				continue
			}
			about = append(about, "reservation "+r.Name)
			for _, p := range reservedThings(r.Addresses, r.Prefixes) {
				if seen[p.Addr()] && p.IsSingleIP() {
					continue // told with the neighbor
				}
				var holder net.HardwareAddr
				if n, ok := v.neighborOn(link, p.Addr()); ok && p.IsSingleIP() {
					holder = n.MAC
				}
				t.checks = append(t.checks, v.reserved(r, link, p, holder))
			}
		}
	}
	for _, l := range v.Leases {
		if is(l.MAC) && !(seen[l.Prefix.Addr()] && l.Prefix.IsSingleIP()) {
			about = append(about, "has a lease on "+l.Key.Link)
			t.checks = append(t.checks, v.lease(l))
		}
	}
	for _, s := range v.VXLAN {
		for _, f := range s.Forwarding {
			if m, err := net.ParseMAC(f.MAC); err == nil && is(m) && !slices.Contains(about, "on "+s.Device.Name) {
				about = append(about, "behind VTEP "+f.Remote)
				t.checks = append(t.checks, v.vtep(s, f))
			}
		}
	}
	if len(about) == 0 {
		t.good = fmt.Sprintf("nothing has been seen of %s: no neighbor, lease, reservation or forwarding entry has it", mac)
	} else {
		t.good = fmt.Sprintf("%s is %s", mac, strings.Join(slices.Compact(about), ", "))
	}
	t.checks = append(t.checks, v.expected(mac, seen)...)
	return t
}

// expected tells the addresses that a host makes of its MAC address by SLAAC on the links that we advertise on.
func (v View) expected(mac net.HardwareAddr, seen map[netip.Addr]bool) []check {
	var out []check
	for _, s := range v.RA {
		for _, p := range s.Interface.Prefixes {
			if a := eui64(p.Prefix, mac); p.Autonomous && p.Prefix.Bits() == 64 && !seen[a] && len(out) < maxNeighbors {
				out = append(out, note("slaac", "", "on %s it would be %s by EUI-64", s.Interface.Link, a))
			}
		}
	}
	return out
}

func reservedThings(addresses []netip.Addr, prefixes []netip.Prefix) []netip.Prefix {
	var out []netip.Prefix
	for _, a := range addresses {
		out = append(out, netip.PrefixFrom(a, a.BitLen()))
	}
	return append(out, prefixes...)
}
