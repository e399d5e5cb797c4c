package plan

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/sixfold-router/sixfold/dhcpv6"
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

func (p *planner) planDHCP(i config.Interface, state kernel.LinkState, self netip.Addr, addresses []cut) {
	where := "interfaces." + i.Name + ".dhcpv6"
	d := i.DHCPv6
	out := dhcpv6.Interface{
		Link: i.Name, Index: state.Index, LinkLocal: self,
		RapidCommit: d.RapidCommit, Preference: d.Preference, Renew: d.Renew, Rebind: d.Rebind,
		Preferred: d.Preferred, Valid: d.Valid, DNS: p.servers(where+".dns", d.DNS, self, addresses), Domains: d.Domains,
	}
	if adv := i.Advertise; adv != nil {
		if len(d.DNS) == 0 {
			out.DNS = p.servers(where+".dns", adv.DNS, self, addresses)
		}
		if len(d.Domains) == 0 {
			out.Domains = adv.Domains
		}
	}
	for _, c := range onLink(addresses) {
		out.Subnets = append(out.Subnets, c.prefix)
	}
	out.DNS, out.Domains = p.learned(where+".dns_from", d.DNSFrom, out.DNS, out.Domains)
	out.Exclude = p.own(i.Name)
	out.Former = p.formerLeases()
	for _, f := range d.Former {
		if c, ok := p.resolve(where+".former", f.Prefix); ok {
			former := dhcpv6.Former{Prefix: c.prefix.Masked(), Until: earliest(dhcpv6.Until{Valid: f.Until}, until(c)).Valid}
			if !f.Until.IsZero() {
				former.Valid = d.Valid
			}
			out.Former = append(out.Former, former)
		}
	}
	planMotion(d, &out)
	for _, pool := range d.Pools {
		at := fmt.Sprintf("%s.pools.%s", where, pool.Name)
		first, ok := p.resolve(at, config.Expr{Delegation: pool.Delegation, Auto: pool.Auto, Prefix: netip.PrefixFrom(pool.First, 128)})
		if !ok {
			continue
		}
		last, ok := p.resolve(at, config.Expr{Delegation: pool.Delegation, Auto: pool.Auto, Prefix: netip.PrefixFrom(pool.Last, 128)})
		if !ok {
			continue
		}
		out.Pools = append(out.Pools, dhcpv6.AddressPool{
			Name: pool.Name, First: first.prefix.Addr(), Last: last.prefix.Addr(), Until: until(first),
		})
	}
	for _, pool := range d.Delegate {
		for _, c := range p.pieces(fmt.Sprintf("%s.delegate.%s", where, pool.Name), pool) {
			out.Delegate = append(out.Delegate, dhcpv6.PrefixPool{
				Name: pool.Name, Prefix: c.prefix, Length: pool.Length,
				Preferred: pool.Preferred, Valid: pool.Valid, Until: until(c), Exclude: pool.Exclude,
			})
		}
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

// own lists what no pool may give away, neither as an address nor within a prefix: our own addresses in the instance of a link, and
// what servers keep for uplinks. All links of an instance share one list.
func (p *planner) own(link string) []netip.Prefix {
	if p.ours == nil {
		p.ours = map[string][]netip.Prefix{}
		instances := map[string]bool{}
		for _, i := range p.Config.Interfaces {
			vrf := p.vrfOf(i.Name)
			instances[vrf] = true
			for _, e := range i.Addresses {
				prefix := e.Prefix
				if e.Delegation != "" {
					d, ok := p.held[e.Delegation]
					if !ok {
						continue
					}
					e, _ = p.plan.Placed(e)
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
		for vrf := range instances {
			p.ours[vrf] = append(p.ours[vrf], p.excludedParts()...)
		}
	}
	return p.ours[p.vrfOf(link)]
}
