package explain

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/sixfold-router/sixfold/router/change"
	"github.com/sixfold-router/sixfold/router/kernel"
	"github.com/sixfold-router/sixfold/router/rib"
)

// taleOfAddress tells of one of our own addresses, or of the way to one of another.
func (v View) taleOfAddress(a netip.Addr) tale {
	if a.IsMulticast() || a.IsUnspecified() || a.IsLoopback() {
		return v.taleOfSpecial(a)
	}
	if own := v.own(a); len(own) > 0 {
		return v.taleOfOwn(a, own)
	}
	single := netip.PrefixFrom(a.WithZone(""), a.BitLen())
	if r, ok := v.anyIP(single); ok {
		return v.taleOfLocal(single, r)
	}
	if a.Is6() && a.IsLinkLocalUnicast() {
		return v.taleOfLinkLocal(a)
	}
	t := v.taleOfHost(a)
	t.checks = append(t.checks, v.vteps(a)...)
	t.checks = append(t.checks, v.behindFirewall(a)...)
	return t
}

func (v View) taleOfSpecial(a netip.Addr) tale {
	text := a.String() + " is the loopback address: packets to it do not leave the machine"
	switch {
	case a.IsMulticast():
		return v.taleOfGroup(a)
	case a.IsUnspecified():
		text = a.String() + " is the unspecified address: no host has it"
	}
	return tale{good: text, checks: []check{note("address", "", "%s", text)}}
}

// owned is an address that is on one of our links, or should be.
type owned struct {
	link   string
	state  kernel.AddressState
	on     bool // the link has it
	wanted bool // the plan has it
}

// own returns the links that have an address, or should have it.
func (v View) own(a netip.Addr) []owned {
	var out []owned
	at := map[string]int{}
	for name, l := range v.Links {
		for _, s := range l.Addresses {
			if s.Prefix.Addr() == a.WithZone("") && (a.Zone() == "" || a.Zone() == name) {
				at[name] = len(out)
				out = append(out, owned{link: name, state: s, on: true})
			}
		}
	}
	for name, l := range v.Plan.Kernel.Links {
		for _, w := range l.Addresses {
			if w.Prefix.Addr() != a.WithZone("") {
				continue
			}
			if n, ok := at[name]; ok {
				out[n].wanted = true
				continue
			}
			out = append(out, owned{link: name, state: kernel.AddressState{Prefix: w.Prefix}, wanted: true})
		}
	}
	slices.SortFunc(out, func(a, b owned) int { return strings.Compare(a.link, b.link) })
	return out
}

// expression tells what of the configuration an address of ours comes from, and the delegation in it.
func (v View) expression(o owned) (text, delegation string) {
	where := "interfaces." + o.link + ".addresses"
	for name, uses := range v.Plan.Uses {
		for _, u := range uses {
			if u.Where == where && u.Prefix == thing(o.state.Prefix) {
				return fmt.Sprintf("configured as %q", u.Expr), name
			}
		}
	}
	if i := v.configured(o.link); i != nil {
		for _, e := range i.Addresses {
			if e.Delegation == "" && e.Prefix == o.state.Prefix {
				return "configured in " + where, ""
			}
		}
	}
	switch {
	case o.wanted:
		return "given to us by DHCPv6", ""
	case o.state.Dynamic:
		return "made from a router advertisement", ""
	case o.state.Prefix.Addr().IsLinkLocalUnicast():
		return "link-local", ""
	case o.state.Ours:
		return "no longer configured", ""
	}
	return "not ours to manage: someone else added it", ""
}

// address checks one of our addresses, after what it needs.
func (v View) address(o owned) []check {
	from, delegation := v.expression(o)
	var steps []check
	if delegation != "" {
		steps = v.delegation(delegation)
	}
	steps = append(steps, v.link(o.link))
	return append(steps, v.present(o, from))
}

func (v View) present(o owned, from string) check {
	p := o.state.Prefix
	what := "address " + p.String()
	text := fmt.Sprintf("%s is ours on %s, %s", p, o.link, from)
	if !o.on {
		advice := "see sixfold show version for the health of the kernel unit"
		for _, u := range v.Units {
			if u.Name == "kernel" && u.Problem != "" {
				advice = u.Problem
			}
		}
		return bad("address", what, advice, "%s is %s, but %s does not have it", p, from, o.link)
	}
	if o.state.Dynamic && o.state.Valid < century {
		text += fmt.Sprintf(", preferred for %s, valid for %s", change.Rough(o.state.Preferred), change.Rough(o.state.Valid))
	}
	switch {
	case o.state.Duplicate:
		advice := "take it from there, or configure another"
		if n, ok := v.neighborOn(o.link, p.Addr()); ok && len(n.MAC) > 0 {
			advice = fmt.Sprintf("that is %s: %s", n.MAC, advice)
		}
		return bad("address", what, advice, "another host on %s has %s, so the kernel does not use it", o.link, p.Addr())
	case o.state.Tentative:
		return note("address", what, "%s; it is being checked for duplicates", text)
	case o.state.Deprecated:
		return note("address", what, "%s; it is deprecated: not for new connections", text)
	}
	return good("address", what, "%s", text)
}

func (v View) taleOfOwn(a netip.Addr, own []owned) tale {
	t := tale{bad: map[string]string{"": "is not usable"}}
	single := netip.PrefixFrom(a.WithZone(""), a.BitLen())
	for _, o := range own {
		steps := v.address(o)
		last := &steps[len(steps)-1]
		t.good = fmt.Sprintf("%s is our own address on %s", a, o.link)
		if o.state.Tentative || o.state.Deprecated {
			t.good = last.text
		}
		prefix := o.state.Prefix.Masked()
		if !prefix.IsSingleIP() && !a.IsLinkLocalUnicast() {
			*last = last.with(v.advertisement(o.link, prefix)...)
			*last = last.with(v.heard(single)...)
		}
		*last = last.with(v.alsoUsed(o)...)
		*last = last.with(v.inZone(o.link, true)...)
		*last = last.with(v.drifted(o.link, o.state.Prefix.String())...)
		t.checks = append(t.checks, chain(steps)...)
	}
	return t
}

// alsoUsed tells what else of the configuration has an address of ours that is cut from a delegation.
func (v View) alsoUsed(o owned) []check {
	var out []check
	for _, s := range v.containing(netip.PrefixFrom(o.state.Prefix.Addr(), o.state.Prefix.Addr().BitLen())) {
		for _, u := range v.Plan.Uses[s.Name] {
			if at, _, _ := strings.Cut(u.Prefix, "/"); at == o.state.Prefix.Addr().String() && u.Where != "interfaces."+o.link+".addresses" && u.Prefix != o.state.Prefix.Masked().String() {
				out = append(out, note("configuration", "", "%s has it as %q", u.Where, u.Expr))
			}
		}
	}
	return out
}

// drifted tells what was found changed behind our back about an address or a route.
func (v View) drifted(object, words string) []check {
	var out []check
	for _, d := range slices.Backward(v.Drift) {
		if d.Object != object || words != "" && !strings.Contains(d.What, words) || len(out) == 3 {
			continue
		}
		text := fmt.Sprintf("%s ago: %s %s", change.Rough(v.Now.Sub(d.Time)), d.Object, d.What)
		if d.Problem != "" {
			out = append(out, bad("drift", "", "", "%s, and could not be mended: %s", text, d.Problem))
		} else {
			out = append(out, note("drift", "", "%s, and was mended", text))
		}
	}
	return out
}

func (v View) taleOfLinkLocal(a netip.Addr) tale {
	t := tale{bad: map[string]string{"": "does not answer"}}
	found := ""
	for _, n := range v.Neighbors {
		if n.Address.WithZone("") != a.WithZone("") || a.Zone() != "" && a.Zone() != n.Link {
			continue
		}
		if found == "" {
			t.good = fmt.Sprintf("%s is a host on %s", a.WithZone(""), n.Link)
		} else if found != n.Link {
			t.good += ", and one on " + n.Link
		}
		found = n.Link
		steps := []check{v.link(n.Link), v.neighbor(n.Link, n.Address, "").with(v.identifier(a.WithZone(""), n.MAC, "")...)}
		for _, l := range v.Leases {
			if l.Client == a.WithZone("") && l.Key.Link == n.Link {
				steps[1] = steps[1].with(v.lease(l))
			}
		}
		t.checks = append(t.checks, chain(steps)...)
	}
	switch {
	case found != "":
	case a.Zone() != "":
		t.good = fmt.Sprintf("nothing is known of %s", a)
		t.checks = chain([]check{v.link(a.Zone()), v.neighbor(a.Zone(), a, "").with(v.identifier(a.WithZone(""), nil, "")...)})
	default:
		t.good = fmt.Sprintf("nothing is known of %s on any link; say on which: %s%%LINK", a, a)
		t.checks = append(v.identifier(a, nil, ""), note("neighbor", "", "%s is in no neighbor table", a))
	}
	return t
}

// taleOfHost tells of an address that is not ours.
func (v View) taleOfHost(a netip.Addr) tale {
	single := netip.PrefixFrom(a.WithZone(""), a.BitLen())
	t := tale{bad: map[string]string{"": "cannot be reached", "lease": "is in dispute", "reservation": "is in dispute", "advertisement": "is badly advertised"}}
	steps, used := v.way(single, 0)
	onLink := used.Prefix.IsValid() && used.Kind == rib.Unicast && !used.Via.IsValid() && used.Link != ""
	t.checks = append(t.checks, v.cutFrom(single)...)
	t.good = v.reach(single, used)
	last := &steps[len(steps)-1]
	if used.Kind != rib.Unicast {
		*last = v.discards(*last, used, a.String())
	}
	if n := len(steps); onLink {
		var mac net.HardwareAddr
		host, ok := v.neighborOn(used.Link, single.Addr())
		if ok {
			mac = host.MAC
		}
		steps[n-1] = steps[n-1].with(v.origin(used.Link, single.Addr(), mac)...)
		t.checks = append(t.checks, chain(steps)...)
		t.checks = append(t.checks, v.advertisement(used.Link, used.Prefix)...)
	} else {
		for _, c := range v.leases(single) {
			*last = last.with(c)
		}
		t.checks = append(t.checks, chain(steps)...)
	}
	if used.Prefix.IsValid() {
		t.checks = append(t.checks, v.learnt(used.Prefix)...)
		if len(Covering(v.Routes, single)) > 0 {
			t.checks = append(t.checks, v.heard(single)...)
		}
		t.checks = append(t.checks, v.drifted(used.Prefix.String(), "")...)
	}
	return t
}

// discards marks a route that ends the way of packets.
func (v View) discards(c check, r rib.Route, to string) check {
	if c.state == Broken {
		return c
	}
	c.state, c.advice = Broken, "the configuration wants it so, or this part of an aggregate is not in use"
	if from := v.containing(r.Prefix); len(from) > 0 {
		c.advice = fmt.Sprintf("no link and no client has this part of %s: give it to one", from[0].Name)
	} else if e, ok := v.formerly(r.Prefix); ok {
		c.advice = fmt.Sprintf("hosts and DNS names that still have it must change: %s", e.Reason)
	}
	does := "are answered with " + r.Kind.String()
	if r.Kind == rib.Blackhole {
		does = "are dropped"
	}
	c.text = fmt.Sprintf("only the route %s matches, so packets to %s %s", routeText(r), to, does)
	return c
}

// reach is the summary of a way that works.
func (v View) reach(p netip.Prefix, r rib.Route) string {
	if !r.Via.IsValid() {
		who := ""
		if res, _ := v.reservationOf(p); res != nil {
			who = ", reserved as " + res.Name
		}
		return fmt.Sprintf("%s is on %s%s", thing(p), r.Link, who)
	}
	by := ""
	for _, x := range v.Paths {
		if x.Prefix == r.Prefix && x.Best && x.Neighbor != "" {
			by = ", learnt from BGP neighbor " + x.Neighbor
		}
	}
	return fmt.Sprintf("%s is reached by %s%s", thing(p), routeText(r), by)
}
