package explain

import (
	"fmt"
	"net"
	"net/netip"
	"strings"

	"github.com/sixfold-router/sixfold/dhcpv6"
	"github.com/sixfold-router/sixfold/router/change"
	"github.com/sixfold-router/sixfold/router/config"
	"github.com/sixfold-router/sixfold/router/kernel"
	"github.com/sixfold-router/sixfold/router/plan"
	"github.com/sixfold-router/sixfold/vxlan"
)

// taleOfInterface follows an interface from its link up.
func (v View) taleOfInterface(name string) tale {
	t := tale{bad: map[string]string{
		"": "does not work", "link": "carries nothing", "device": "is not what it should be", "delegation": "has no prefix", "address": "lacks an address", "advertisement": "is badly advertised",
		"pool": "has nothing to give out", "drift": "is not as configured", "configuration": "is not as configured",
	}}
	i := v.configured(name)
	if x := v.Config.VRF(name); i == nil && x != nil {
		return v.taleOfVRF(x)
	}
	link := v.link(name)
	if i == nil {
		t.good = fmt.Sprintf("%s is not configured, and left alone", name)
		t.checks = []check{link.with(v.addresses(name, nil)...)}
		return t
	}
	if l, ok := v.Links[name]; ok && v.inTheWay(name, l) {
		link = bad("device", "", plan.NotOursAdvice(l), "%s", plan.NotOurs(l))
	}
	var on []check
	if i.Pattern != "" {
		on = append(on, note("configuration", "", "configured by the pattern %s", i.Pattern))
	}
	if i.VXLAN == nil && i.Lower() == "" && link.state == OK {
		t.bad["link"] = "has no prefix" // what is broken is the link that the prefix would come in on
	}
	if i.VXLAN != nil {
		on = append(on, v.tunnel(name)...)
	}
	on = append(on, v.made(i)...)
	on = append(on, v.addresses(name, i)...)
	for _, d := range i.Delegations {
		steps := v.delegation(d.Name)
		on = append(on, steps[len(steps)-1]) // the link is above
	}
	on = append(on, v.acceptRA(*i)...)
	on = append(on, v.advertisement(name, netip.Prefix{})...)
	if i.DHCPv6 != nil {
		on = append(on, v.served(name)...)
	}
	if link.state == OK {
		on = append(on, v.pendingAt("interfaces."+name)...)
	}
	on = append(on, v.drifted(name, "")...)
	t.checks = []check{link.with(on...)}
	does := []string{count(len(v.Links[name].Addresses), "address", "addresses")}
	if i.Advertise != nil {
		does = append(does, "advertised")
	}
	if i.DHCPv6 != nil {
		does = append(does, "DHCPv6 served")
	}
	if len(i.Delegations) > 0 {
		does = append(does, "delegation held")
	}
	t.good = fmt.Sprintf("%s works: %s", name, strings.Join(does, ", "))
	if d := v.Plan.DefaultRouters[name]; d.Reason != "" {
		t.good = fmt.Sprintf("%s works, but its hosts have no default router by us: %s; %s", name, d.Reason, strings.Join(does, ", "))
	}
	return t
}

// addresses compares what a link has with what is configured. Those cut from one delegation are under it.
func (v View) addresses(name string, i *config.Interface) []check {
	var out []check
	told := map[netip.Prefix]bool{}
	if i != nil {
		under := map[string]int{} // place of a delegation in out
		for _, e := range i.Addresses {
			p := e.Prefix
			if e.Delegation != "" {
				if _, ok := under[e.Delegation]; !ok {
					steps := chain(v.delegation(e.Delegation))
					under[e.Delegation] = len(out)
					out = append(out, steps...)
				}
				p = netip.Prefix{}
				for _, s := range v.Prefixes {
					if s.Name == e.Delegation && s.Delegation != nil && v.Now.Before(s.Delegation.ValidUntil) {
						placed, _ := v.Plan.Placed(e)
						if got, err := placed.Resolve(s.Delegation.Prefix); err == nil && plan.Spared("interfaces."+name+".addresses", *s.Delegation, got) == "" {
							p = got
						}
					}
				}
			}
			var c check
			if p.IsValid() {
				told[p] = true
				o := owned{link: name, state: kernel.AddressState{Prefix: p}, wanted: true}
				for _, s := range v.Links[name].Addresses {
					if s.Prefix == p {
						o.state, o.on = s, true
					}
				}
				from, _ := v.expression(o)
				c = v.present(o, from)
			} else {
				c = bad("address", "address "+e.String(), "", "%s cannot be had", e)
			}
			if at, ok := under[e.Delegation]; ok && e.Delegation != "" {
				deepest(&out[at]).next = append(deepest(&out[at]).next, c)
				continue
			}
			out = append(out, c)
		}
	}
	for _, s := range v.Links[name].Addresses {
		if o := (owned{link: name, state: s, on: true}); !told[s.Prefix] {
			from, _ := v.expression(o)
			out = append(out, v.present(o, from))
		}
	}
	return out
}

// deepest follows a chain to the check of the delegation.
func deepest(c *check) *check {
	for c.topic == "link" && len(c.next) > 0 {
		c = &c.next[0]
	}
	return c
}

// acceptRA tells whether an uplink got a default route.
func (v View) acceptRA(i config.Interface) []check {
	if !i.AcceptRA {
		return nil
	}
	for _, r := range v.Kernel {
		if r.Protocol == "ra" && r.Link == i.Name && r.Prefix.Bits() == 0 {
			return []check{good("route", "default route", "the default route is by %s, from a router advertisement", r.Via)}
		}
	}
	return []check{note("route", "default route", "no default route came by a router advertisement on %s: see sixfold ra watch %s", i.Name, i.Name)}
}

// tunnel checks a VXLAN: the link that carries it and the device.
func (v View) tunnel(name string) []check {
	for _, s := range v.VXLAN {
		d := s.Device
		if d.Name != name {
			continue
		}
		what := "vxlan " + name
		c := good("vxlan", what, "VNI %d%s%s, %s", d.VNI, carried(d), when(d.Local.IsValid(), ", from "+d.Local.String()),
			count(remotes(s.Forwarding), "host learnt", "hosts learnt"))
		if s.Problem != "" {
			c = bad("vxlan", what, "", "%s is not as configured: %s", name, s.Problem)
		}
		if d.Link == "" {
			return []check{c}
		}
		return chain([]check{v.link(d.Link), c})
	}
	return nil
}

func (v View) pendingAt(where string) []check {
	var out []check
	for _, p := range v.Plan.Pending {
		if (p.What == where || strings.HasPrefix(p.What, where+".")) && !strings.HasPrefix(p.Reason, "no prefix ") && !strings.HasPrefix(p.Reason, "another host") {
			out = append(out, bad("configuration", "", "", "%s waits: %s", p.What, p.Reason))
		}
	}
	return out
}

// served checks the DHCPv6 server on a link and its pools.
func (v View) served(link string) []check {
	i, ok := v.Plan.DHCP.Interfaces[link]
	if !ok {
		for _, p := range v.Plan.Pending {
			if p.What == "interfaces."+link+".dhcpv6" {
				return []check{bad("dhcpv6", "DHCPv6 on "+link, p.Reason, "DHCPv6 is not served on %s", link)}
			}
		}
		return []check{bad("dhcpv6", "DHCPv6 on "+link, "see sixfold show pending", "DHCPv6 is not served on %s", link)}
	}
	c := good("dhcpv6", "DHCPv6 on "+link, "DHCPv6 is served on %s: %s, %s", link, count(poolsOf(i), "pool", "pools"),
		count(len(i.Reservations), "reservation", "reservations"))
	for _, u := range v.Units {
		if u.Name == "dhcpv6" && u.Problem != "" {
			c = bad("dhcpv6", "DHCPv6 on "+link, "", "the DHCPv6 server does not run: %s", u.Problem)
		}
	}
	for _, s := range v.DHCP.Interfaces {
		for _, p := range s.Pools {
			if s.Link == link {
				c = c.with(v.pool(link, p))
			}
		}
	}
	return []check{c}
}

// poolsOf counts pools as they are configured: one of prefixes may have many parts.
func poolsOf(i dhcpv6.Interface) int {
	names := map[string]bool{}
	for _, p := range i.Pools {
		names["address "+p.Name] = true
	}
	for _, p := range i.Delegate {
		names["prefix "+p.Name] = true
	}
	return len(names)
}

// pool tells how full a pool is.
func (v View) pool(link string, p dhcpv6.PoolStatus) check {
	used := float64(p.Leased + p.Declined)
	text := fmt.Sprintf("pool %s of %s, %s: %d of %.0f in use", p.Name, link, p.Range, p.Leased, p.Size)
	if p.Size >= 1e6 {
		text = fmt.Sprintf("pool %s of %s, %s: %d of %.3g in use", p.Name, link, p.Range, p.Leased, p.Size)
	}
	if p.Declined > 0 {
		text += fmt.Sprintf(", %d kept away because another host uses them", p.Declined)
	}
	switch {
	case p.Size > 0 && used >= p.Size:
		return bad("pool", "", "make it larger, or its lifetimes shorter; see sixfold show leases", "%s: it is full", text)
	case p.Size > 0 && used >= 0.9*p.Size:
		return note("pool", "", "%s: it is nearly full", text)
	}
	return good("pool", "", "%s", text)
}

func (v View) taleOfPool(name string) tale {
	t := tale{bad: map[string]string{"": "gives nothing out"}}
	for _, i := range v.Config.Interfaces {
		if i.DHCPv6 == nil {
			continue
		}
		delegation, found := "", false
		for _, p := range i.DHCPv6.Pools {
			if p.Name == name {
				delegation, found = p.Delegation, true
			}
		}
		for _, p := range i.DHCPv6.Delegate {
			if p.Name == name {
				delegation, found = p.Pool.Delegation, true
			}
		}
		if !found {
			continue
		}
		var steps []check
		if delegation != "" {
			steps = v.delegation(delegation)
		}
		steps = append(steps, v.link(i.Name))
		served := v.served(i.Name)[0]
		served.next = nil
		steps = append(steps, served)
		if served.state == OK {
			t.good = fmt.Sprintf("pool %s is served on %s", name, i.Name)
		}
		for _, s := range v.DHCP.Interfaces {
			for _, p := range s.Pools {
				if s.Link == i.Name && p.Name == name {
					c := v.pool(i.Name, p)
					t.good, steps = c.text, append(steps, c)
				}
			}
		}
		t.checks = append(t.checks, chain(steps)...)
	}
	if t.good == "" {
		t.good = fmt.Sprintf("pool %s is not served yet", name)
	}
	return t
}

func (v View) taleOfReservation(name string) tale {
	t := tale{bad: map[string]string{"": "cannot be given", "reservation": "is in dispute", "lease": "is in dispute", "neighbor": "is not answered for"}}
	for _, i := range v.Config.Interfaces {
		if i.DHCPv6 == nil {
			continue
		}
		for _, r := range i.DHCPv6.Reservations {
			if r.Name != name {
				continue
			}
			var steps []check
			for _, e := range append(r.Addresses[:len(r.Addresses):len(r.Addresses)], r.Prefixes...) {
				if e.Delegation != "" && len(steps) == 0 {
					steps = v.delegation(e.Delegation)
				}
			}
			served := v.served(i.Name)[0]
			served.next = nil
			steps = append(steps, v.link(i.Name), served)
			last := &steps[len(steps)-1]
			for _, planned := range v.Plan.DHCP.Interfaces[i.Name].Reservations {
				if planned.Name != name {
					continue
				}
				t.good = fmt.Sprintf("%s is for %s on %s", name, clientText(planned), i.Name)
				for _, p := range reservedThings(planned.Addresses, planned.Prefixes) {
					*last = last.with(v.reservedThing(planned, i.Name, p)...)
				}
			}
			t.checks = append(t.checks, chain(steps)...)
			t.checks = append(t.checks, v.advertisement(i.Name, netip.Prefix{})...)
		}
	}
	return t
}

func (v View) reservedThing(r dhcpv6.Reservation, link string, p netip.Prefix) []check {
	var mac net.HardwareAddr
	var out []check
	if n, ok := v.neighborOn(link, p.Addr()); ok && p.IsSingleIP() {
		mac = n.MAC
	}
	out = append(out, v.reserved(r, link, p, mac))
	for _, l := range v.Leases {
		if l.Prefix == p {
			out = append(out, v.lease(l))
		}
	}
	if p.IsSingleIP() && len(mac) > 0 {
		out = append(out, v.neighbor(link, p.Addr(), ""))
	}
	return out
}

// unit checks a part of the router; it is nothing if all is well with it.
func (v View) unit(name string) []check {
	for _, u := range v.Units {
		if u.Name == name && u.Problem != "" {
			return []check{bad("unit", "unit "+name, "see the log of the daemon", "%s does not run as configured since %s: %s", name, change.Rough(v.Now.Sub(u.Since)), u.Problem)}
		}
	}
	return nil
}

func (v View) taleOfUnit(name string) tale {
	t := tale{good: fmt.Sprintf("%s runs as configured", name), checks: v.unit(name)}
	if len(t.checks) == 0 {
		t.checks = []check{good("unit", "", "%s", t.good)}
	}
	for _, d := range v.Drift {
		if d.Unit == name && len(t.checks) < maxNeighbors {
			t.checks = append(t.checks, note("drift", "", "%s ago: %s %s%s", change.Rough(v.Now.Sub(d.Time)), d.Object, d.What, when(d.Problem != "", ": "+d.Problem)))
		}
	}
	return t
}

// remotes counts the hosts of a forwarding table, without the entries that flood.
func remotes(list []vxlan.ForwardingEntry) int {
	n := 0
	for _, f := range list {
		if f.MAC != "00:00:00:00:00:00" {
			n++
		}
	}
	return n
}
