package router

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/sixfold-router/sixfold/dhcpv6"
	"github.com/sixfold-router/sixfold/ra"
	"github.com/sixfold-router/sixfold/router/config"
	"github.com/sixfold-router/sixfold/router/kernel"
)

// onLink returns the prefixes of a link's own global IPv6 addresses, each once.
func onLink(addresses []cut) []cut {
	var out []cut
	for _, a := range addresses {
		addr := a.prefix.Addr()
		if !addr.Is6() || addr.IsLinkLocalUnicast() || a.prefix.IsSingleIP() {
			continue
		}
		a.prefix = a.prefix.Masked()
		if !slices.ContainsFunc(out, func(c cut) bool { return c.prefix == a.prefix }) {
			out = append(out, a)
		}
	}
	return out
}

func (p *planner) planAdvertise(i config.Interface, state kernel.LinkState, self netip.Addr, addresses []cut) {
	where := "interfaces." + i.Name + ".advertise"
	adv := i.Advertise
	out := ra.Interface{
		Link: i.Name, Index: state.Index, LinkLocal: self, MAC: state.MAC,
		MinInterval: adv.MinInterval, MaxInterval: adv.MaxInterval,
		HopLimit: adv.HopLimit, LinkMTU: adv.LinkMTU, ReachableTime: adv.ReachableTime, RetransTimer: adv.RetransTime,
		RouterLifetime: adv.RouterLifetime, Preference: uint8(adv.Preference),
		RDNSS: p.resolveAddrs(where+".dns", adv.DNS), DNSSL: adv.Domains, DNSLifetime: adv.DNSLifetime,
	}
	if out.LinkMTU == 0 {
		out.LinkMTU = i.MTU
	}
	if adv.Managed != nil {
		out.Managed = *adv.Managed
	} else {
		out.Managed = i.DHCPv6 != nil && (len(i.DHCPv6.Pools) > 0 || len(i.DHCPv6.Reservations) > 0)
	}
	if adv.OtherConfig != nil {
		out.OtherConfig = *adv.OtherConfig
	} else {
		out.OtherConfig = i.DHCPv6 != nil
	}

	prefixes := onLink(addresses)
	options := map[netip.Prefix]config.AdvertisedPrefix{}
	for _, entry := range adv.Prefixes {
		c, ok := p.resolve(where+".prefixes", entry.Prefix)
		if !ok {
			continue
		}
		c.prefix = c.prefix.Masked()
		options[c.prefix] = entry
		if !slices.ContainsFunc(prefixes, func(o cut) bool { return o.prefix == c.prefix }) {
			prefixes = append(prefixes, c)
		}
	}
	for _, c := range prefixes {
		entry, listed := options[c.prefix]
		if listed && entry.Skip {
			continue
		}
		o := adv.Prefix
		if listed {
			o = entry.Options
		}
		autonomous := c.prefix.Bits() == 64
		if o.Autonomous != nil {
			autonomous = *o.Autonomous
		}
		out.Prefixes = append(out.Prefixes, ra.Prefix{
			Prefix: c.prefix, OnLink: o.OnLink, Autonomous: autonomous, Valid: o.Valid, Preferred: o.Preferred,
			ValidUntil: c.validUntil, PreferredUntil: c.preferredUntil,
		})
	}
	// RFC 7084 L-4: a router that waits for its prefix is not a default router yet.
	if len(prefixes) == 0 && slices.ContainsFunc(i.Addresses, func(e config.Expr) bool { return e.Delegation != "" && !e.Prefix.IsSingleIP() }) {
		out.RouterLifetime = 0
	}
	p.plan.RA.Interfaces[i.Name] = out
}

func (p *planner) planDHCP(i config.Interface, state kernel.LinkState, self netip.Addr, addresses []cut) {
	where := "interfaces." + i.Name + ".dhcpv6"
	d := i.DHCPv6
	out := dhcpv6.Interface{
		Link: i.Name, Index: state.Index, LinkLocal: self,
		RapidCommit: d.RapidCommit, Preference: d.Preference, Renew: d.Renew, Rebind: d.Rebind,
		Preferred: d.Preferred, Valid: d.Valid, DNS: p.resolveAddrs(where+".dns", d.DNS), Domains: d.Domains,
	}
	if adv := i.Advertise; adv != nil {
		if len(d.DNS) == 0 {
			out.DNS = p.resolveAddrs(where+".dns", adv.DNS)
		}
		if len(d.Domains) == 0 {
			out.Domains = adv.Domains
		}
	}
	for _, c := range onLink(addresses) {
		out.Subnets = append(out.Subnets, c.prefix)
	}
	out.Exclude = p.own(i.Name)
	for _, pool := range d.Pools {
		at := fmt.Sprintf("%s.pools.%s", where, pool.Name)
		first, ok := p.resolve(at, config.Expr{Delegation: pool.Delegation, Prefix: netip.PrefixFrom(pool.First, 128)})
		if !ok {
			continue
		}
		last, ok := p.resolve(at, config.Expr{Delegation: pool.Delegation, Prefix: netip.PrefixFrom(pool.Last, 128)})
		if !ok {
			continue
		}
		out.Pools = append(out.Pools, dhcpv6.AddressPool{
			Name: pool.Name, First: first.prefix.Addr(), Last: last.prefix.Addr(), Until: until(first),
		})
	}
	for _, pool := range d.Delegate {
		c, ok := p.resolve(fmt.Sprintf("%s.delegate.%s", where, pool.Name), pool.Pool)
		if !ok {
			continue
		}
		out.Delegate = append(out.Delegate, dhcpv6.PrefixPool{
			Name: pool.Name, Prefix: c.prefix.Masked(), Length: pool.Length,
			Preferred: pool.Preferred, Valid: pool.Valid, Until: until(c),
		})
	}
	for _, r := range d.Reservations {
		at := fmt.Sprintf("%s.reservations.%s", where, r.Name)
		res := dhcpv6.Reservation{Name: r.Name, MAC: r.MAC, DUID: r.DUID}
		for _, c := range p.resolveAll(at, r.Addresses) {
			res.Addresses, res.Until = append(res.Addresses, c.prefix.Addr()), earliest(res.Until, until(c))
		}
		for _, c := range p.resolveAll(at, r.Prefixes) {
			res.Prefixes, res.Until = append(res.Prefixes, c.prefix.Masked()), earliest(res.Until, until(c))
		}
		out.Reservations = append(out.Reservations, res)
	}
	p.serve(out)
}

func until(c cut) dhcpv6.Until {
	return dhcpv6.Until{Preferred: c.preferredUntil, Valid: c.validUntil}
}

// earliest combines two caps; a zero time is none.
func earliest(a, b dhcpv6.Until) dhcpv6.Until {
	first := func(x, y time.Time) time.Time {
		if x.IsZero() || !y.IsZero() && y.Before(x) {
			return y
		}
		return x
	}
	return dhcpv6.Until{Preferred: first(a.Preferred, b.Preferred), Valid: first(a.Valid, b.Valid)}
}

// own lists our own addresses in the instance of a link: what no pool may give away, neither as an address nor within a prefix.
func (p *planner) own(link string) []netip.Prefix {
	if p.ours == nil {
		p.ours = map[string][]netip.Prefix{}
		for _, i := range p.Config.Interfaces {
			vrf := p.vrfOf(i.Name)
			for _, e := range i.Addresses {
				prefix := e.Prefix
				if e.Delegation != "" {
					d, ok := p.held[e.Delegation]
					if !ok {
						continue
					}
					var err error
					if prefix, err = e.Resolve(d.Prefix); err != nil {
						continue
					}
				}
				if addr := prefix.Addr(); addr.Is6() && !addr.IsLinkLocalUnicast() {
					p.ours[vrf] = append(p.ours[vrf], netip.PrefixFrom(addr, 128))
				}
			}
		}
	}
	return p.ours[p.vrfOf(link)]
}
