package explain

import (
	"fmt"
	"net"
	"net/netip"
	"strings"

	"github.com/sixfold-router/sixfold/dhcpv6"
	"github.com/sixfold-router/sixfold/dhcpv6/lease"
	"github.com/sixfold-router/sixfold/ra"
	"github.com/sixfold-router/sixfold/router/change"
)

// origin tells how a host on a link came to its address: a lease, a reservation, or SLAAC. mac is what the neighbor table says,
// nil if it says nothing.
func (v View) origin(link string, a netip.Addr, mac net.HardwareAddr) []check {
	if !a.Is6() || a.IsLinkLocalUnicast() {
		return v.identifier(a, mac, "")
	}
	single := netip.PrefixFrom(a, 128)
	out := v.leases(single)
	leased := len(out) > 0
	if r, on := v.reservationOf(single); r != nil {
		out = append(out, v.reserved(*r, on, single, mac))
		leased = true
	}
	if !leased {
		for _, i := range v.Plan.DHCP.Interfaces {
			for _, p := range i.Pools {
				if p.First.Compare(a) <= 0 && a.Compare(p.Last) <= 0 {
					out = append(out, note("lease", "", "within pool %s of %s, and not leased", p.Name, i.Link))
				}
			}
		}
	}
	if adv, p := v.advertised(link, single); p != nil && !leased {
		switch {
		case p.Autonomous:
			out = append(out, v.identifier(a, mac, fmt.Sprintf("SLAAC from %s, which we advertise on %s", p.Prefix, adv.Interface.Link))...)
		case len(mac) > 0:
			out = append(out, note("slaac", "", "neither leased nor SLAAC (%s is advertised without A): configured by hand", p.Prefix))
		}
	}
	return out
}

// identifier tells what the interface identifier says of the host, and whether the neighbor table agrees.
func (v View) identifier(a netip.Addr, mac net.HardwareAddr, by string) []check {
	derived, ok := macOf(a)
	switch {
	case !ok && by == "":
		return nil
	case !ok:
		return []check{note("slaac", "", "%s: a stable-privacy or temporary identifier, which does not tell the MAC address", by)}
	}
	if by != "" {
		by += ", "
	}
	text := fmt.Sprintf("%sEUI-64 of MAC %s", by, derived)
	switch {
	case len(mac) == 0:
		return []check{note("slaac", "", "%s", text)}
	case mac.String() == derived.String():
		return []check{good("slaac", "", "%s, as in the neighbor table", text)}
	}
	return []check{note("slaac", "", "%s, but %s answers for it: a host whose card was changed, or that chose the address by hand", text, mac)}
}

// leases tells the leases of what contains p.
func (v View) leases(p netip.Prefix) []check {
	var out []check
	for _, l := range v.Leases {
		if l.Prefix.Bits() <= p.Bits() && l.Prefix.Contains(p.Addr()) {
			out = append(out, v.lease(l))
		}
	}
	return out
}

func (v View) lease(l lease.Lease) check {
	name := thing(l.Prefix)
	who := macText(l.MAC)
	if len(l.MAC) == 0 {
		who = fmt.Sprintf("DUID %x", l.Key.DUID)
	}
	if l.Client.IsValid() {
		who += " at " + l.Client.String()
	}
	from := "pool " + l.Pool
	if l.Reserved {
		from = "reservation " + l.Pool
	}
	what := "lease of " + name
	switch {
	case l.State == lease.Declined:
		return bad("lease", what, "find the host that has it without asking; to try again: sixfold lease release "+name,
			"a client found %s in use by another host, so it is kept from everybody %s", name, v.left(l.Valid))
	case !l.Valid.IsZero() && !v.Now.Before(l.Valid):
		return note("lease", what, "%s was leased to %s, and the lease %s", name, who, v.left(l.Valid))
	}
	return good("lease", what, "%s is leased to %s on %s from %s, preferred %s, valid %s%s", name, who, l.Key.Link, from,
		v.left(l.Preferred), v.left(l.Valid), when(!l.Updated.IsZero(), ", last extended "+change.Rough(v.Now.Sub(l.Updated))+" ago"))
}

// reservationOf returns the reservation that has p, and the link it is on.
func (v View) reservationOf(p netip.Prefix) (*dhcpv6.Reservation, string) {
	for link, i := range v.Plan.DHCP.Interfaces {
		for n, r := range i.Reservations {
			for _, a := range r.Addresses {
				if p.IsSingleIP() && a == p.Addr() {
					return &i.Reservations[n], link
				}
			}
			for _, q := range r.Prefixes {
				if q.Bits() <= p.Bits() && q.Contains(p.Addr()) {
					return &i.Reservations[n], link
				}
			}
		}
	}
	return nil, ""
}

// reserved checks that the host that has a reserved address is the one it is for.
func (v View) reserved(r dhcpv6.Reservation, link string, p netip.Prefix, mac net.HardwareAddr) check {
	name := thing(p)
	text := fmt.Sprintf("%s is reserved as %s for %s on %s", name, r.Name, clientText(r), link)
	if len(r.MAC) > 0 && len(mac) > 0 && r.MAC.String() != mac.String() {
		return bad("reservation", "", fmt.Sprintf("take it from there, or correct the MAC address of reservation %s", r.Name), "%s, but %s has it", text, mac)
	}
	for _, l := range v.Leases {
		if l.Prefix != p || l.State == lease.Declined || !l.Valid.IsZero() && !v.Now.Before(l.Valid) {
			continue
		}
		if len(r.MAC) > 0 && len(l.MAC) > 0 && l.MAC.String() != r.MAC.String() {
			return bad("reservation", "", "it is given back when that lease ends; to end it now: sixfold lease release "+name,
				"%s, but leased to %s, from before it was reserved", text, l.MAC)
		}
		return good("reservation", "", "%s", text)
	}
	c := note("reservation", "", "%s, and not leased: the client has not asked", text)
	if derived, ok := macOf(p.Addr()); ok && derived.String() == r.MAC.String() {
		c.text += ", or made the same address by SLAAC, which is the EUI-64 of its MAC"
	}
	return c
}

func clientText(r dhcpv6.Reservation) string {
	return strings.Join(nonEmpty(when(len(r.MAC) > 0, r.MAC.String()), when(len(r.DUID) > 0, fmt.Sprintf("DUID %x", r.DUID))), " with ")
}

func nonEmpty(list ...string) []string {
	var out []string
	for _, s := range list {
		if s != "" {
			out = append(out, s)
		}
	}
	return out
}

// advertised returns what we advertise on a link, and the prefix in it that contains p, or nil.
func (v View) advertised(link string, p netip.Prefix) (ra.Status, *ra.Prefix) {
	for _, s := range v.RA {
		if s.Interface.Link != link {
			continue
		}
		for n, q := range s.Interface.Prefixes {
			if q.Prefix.Bits() <= p.Bits() && q.Prefix.Contains(p.Addr()) {
				return s, &s.Interface.Prefixes[n]
			}
		}
	}
	return ra.Status{}, nil
}

// advertisement tells who advertises p on a link, and whether the flags fit what is served. An invalid p means all prefixes.
func (v View) advertisement(link string, p netip.Prefix) []check {
	i := v.configured(link)
	if i == nil || i.Advertise == nil {
		return nil
	}
	var s *ra.Status
	for n := range v.RA {
		if v.RA[n].Interface.Link == link {
			s = &v.RA[n]
		}
	}
	if s == nil {
		reason := "see sixfold show pending"
		for _, w := range v.Plan.Pending {
			if at := "interfaces." + link + ".advertise"; w.What == at || w.What == at+".source_address" {
				reason = w.Reason
			}
		}
		return []check{bad("advertisement", "advertisement on "+link, reason, "%s is not advertised on", link)}
	}
	a := s.Interface
	text := fmt.Sprintf("we advertise on %s", link)
	if p.IsValid() {
		if _, q := v.advertised(link, p); q != nil {
			validUntil, preferredUntil := q.Ends()
			text += fmt.Sprintf(" %s, valid %s, preferred %s, flags %s", q.Prefix, v.lifetime(q.Valid, validUntil), v.lifetime(q.Preferred, preferredUntil),
				flags(when(q.OnLink, "L"), when(q.Autonomous, "A"), when(q.RouterAddress.IsValid(), "R"), when(q.PDPreferred, "P")))
		} else {
			text += ", but not a prefix with it"
		}
	} else {
		text += " " + count(len(a.Prefixes), "prefix", "prefixes")
	}
	text += ", router flags " + flags(when(a.Managed, "M"), when(a.OtherConfig, "O"), when(a.HomeAgent != nil, "H"), when(a.SNAC, "SNAC")) +
		when(a.UnicastOnly, ", by unicast only") + when(len(a.Clients) > 0, ", to "+count(len(a.Clients), "client", "clients")+" only")
	if a.RouterLifetime > 0 {
		text += ", default router for " + change.Rough(a.RouterLifetime)
	} else {
		text += ", not as default router"
	}
	c := good("advertisement", "advertisement on "+link, "%s%s", text, when(!s.Last.IsZero(), ", last "+change.Rough(v.Now.Sub(s.Last))+" ago"))
	if s.LastError != "" {
		c.state, c.advice = Broken, ""
		c.text = fmt.Sprintf("sending advertisements on %s fails: %s", link, s.LastError)
	}
	c = c.with(v.circumstances(link)...)
	served, serves := v.Plan.DHCP.Interfaces[link]
	addresses := serves && len(served.Pools)+len(served.Reservations) > 0
	switch {
	case a.Managed && i.DHCPv6 == nil:
		c = c.with(bad("advertisement", "", "serve DHCPv6 on "+link+", or clear managed", "hosts are told to ask DHCPv6 for addresses (M), but nothing is served on %s", link))
	case a.OtherConfig && !a.Managed && i.DHCPv6 == nil:
		c = c.with(bad("advertisement", "", "serve DHCPv6 on "+link+", or clear other_config", "hosts are told to ask DHCPv6 for the rest (O), but nothing is served on %s", link))
	case addresses && !a.Managed:
		c = c.with(note("advertisement", "", "addresses are served on %s, but hosts are not told to ask for them (M is clear)", link))
	}
	return []check{c}
}

func flags(list ...string) string {
	if on := nonEmpty(list...); len(on) > 0 {
		return strings.Join(on, " ")
	}
	return "none"
}
