package plan

import (
	"maps"
	"net/netip"
	"slices"

	"github.com/sixfold-router/sixfold/bgp"
	"github.com/sixfold-router/sixfold/router/config"
	"github.com/sixfold-router/sixfold/router/firewall"
)

// planTranslation resolves what changes addresses, ports and segment sizes. What waits for a delegation translates nothing.
func (p *planner) planTranslation(f *config.Firewall) {
	out := &p.plan.Firewall
	for _, m := range f.Masquerades {
		from, _ := p.resolve("firewall.masquerade."+m.Name+".from", m.From)
		out.Masquerades = append(out.Masquerades, firewall.Masquerade{
			Name: m.Name, Text: m.From.String(), From: from.prefix, Out: m.Out, FormerFrom: p.formerPrefixes(m.From, from),
		})
	}
	for _, t := range f.Translations {
		where := "firewall.translate." + t.Name
		inside, _ := p.resolve(where+".inside", t.Inside)
		outside, _ := p.resolve(where+".outside", t.Outside)
		out.Translations = append(out.Translations, firewall.Translation{
			Name: t.Name, InsideText: t.Inside.String(), OutsideText: t.Outside.String(), Inside: inside.prefix, Outside: outside.prefix, Out: t.Out,
			FormerInside: p.formerPrefixes(t.Inside, inside), FormerOutside: p.formerPrefixes(t.Outside, outside),
		})
	}
	for _, one := range f.Forwards {
		where := "firewall.forwards." + one.Name
		w := firewall.Forward{Name: one.Name, In: one.In, Protocols: one.Protocols, Ports: one.Ports, ToText: one.To.String(), ToPort: one.ToPort}
		to, ok := p.resolveHost(where+".to", one.To)
		if one.Address.IsValid() {
			w.AddressText = one.Address.String()
			var known bool
			w.Address, known = p.resolveHost(where+".address", one.Address)
			ok = ok && known
			for _, was := range p.formerPrefixes(one.Address.Expr(), cut{prefix: netip.PrefixFrom(w.Address, w.Address.BitLen())}) {
				w.Former = append(w.Former, was.Addr())
			}
		}
		if ok {
			w.To = to
		}
		out.Forwards = append(out.Forwards, w)
	}
	for _, m := range f.MSSClamps {
		out.MSSClamps = append(out.MSSClamps, firewall.MSSClamp{Out: m.Out, MSS: m.MSS})
	}
}

// formerPrefixes returns what a prefix was in earlier delegations that are still valid. The kernel goes on translating what began before;
// what others begin to an old address, as long as their name server remembers it, has to arrive too.
func (p *planner) formerPrefixes(e config.Expr, now cut) []netip.Prefix {
	var out []netip.Prefix
	if !now.prefix.IsValid() {
		return nil
	}
	for _, c := range p.formers(e.Delegation, now) {
		out = append(out, c.prefix)
	}
	return out
}

// planProtection says what packets to this router must be, by what the rest of the plan does with others.
func (p *planner) planProtection(f *config.Firewall) {
	c := f.Protection
	if c.Off {
		return
	}
	out := &firewall.Protection{
		ICMPRate: c.ICMPRate, NeighborRate: c.NeighborRate, DHCPv6Rate: c.DHCPv6Rate, BGPRate: c.BGPRate, ConnectionRate: c.ConnectionRate,
	}
	for _, link := range slices.Sorted(maps.Keys(p.Links)) {
		if v := p.Config.VRFOf(link); v != nil && v.Management {
			out.Exempt = append(out.Exempt, link)
		}
	}
	if m := p.Config.Management; m != nil {
		out.Exempt = append(out.Exempt, m.VRF)
		slices.Sort(out.Exempt)
		out.Exempt = slices.Compact(out.Exempt)
	}
	for _, s := range p.speakers() {
		port := s.Port
		if port == 0 {
			port = bgpPort
		}
		if s.ASN != 0 && !slices.Contains(out.BGPPorts, port) {
			out.BGPPorts = append(out.BGPPorts, port)
		}
		for _, a := range neighborsOf(s) {
			if !slices.Contains(out.Neighbors, a) {
				out.Neighbors = append(out.Neighbors, a)
			}
		}
	}
	slices.Sort(out.BGPPorts)
	slices.SortFunc(out.Neighbors, netip.Prefix.Compare)
	p.plan.Firewall.Protection = out
}

// speakers returns the BGP of the main instance and of each VRF.
func (p *planner) speakers() []bgp.Config {
	all := []bgp.Config{p.plan.BGP}
	for _, name := range slices.Sorted(maps.Keys(p.plan.Instances)) {
		all = append(all, p.plan.Instances[name].BGP)
	}
	return all
}

// neighborsOf returns the addresses of a speaker's neighbors, without zones, each once.
func neighborsOf(s bgp.Config) []netip.Prefix {
	var out []netip.Prefix
	for _, name := range slices.Sorted(maps.Keys(s.Neighbors)) {
		a := s.Neighbors[name].Address.WithZone("")
		if !a.IsValid() {
			continue
		}
		if one := netip.PrefixFrom(a, a.BitLen()); !slices.Contains(out, one) {
			out = append(out, one)
		}
	}
	return out
}
