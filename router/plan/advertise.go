package plan

import (
	"net/netip"
	"slices"

	"github.com/sixfold-router/sixfold/ra"
	"github.com/sixfold-router/sixfold/router/config"
	"github.com/sixfold-router/sixfold/router/kernel"
)

func (p *planner) planAdvertise(i config.Interface, state kernel.LinkState, self netip.Addr, addresses []cut) {
	where := "interfaces." + i.Name + ".advertise"
	adv := i.Advertise
	source, shared, ok := p.advertiseFrom(where, adv, state, self)
	if !ok {
		return
	}
	out := ra.Interface{
		Link: i.Name, Index: state.Index, LinkLocal: source, SharedSource: shared, MAC: state.MAC,
		MinInterval: adv.MinInterval, MaxInterval: adv.MaxInterval,
		HopLimit: adv.HopLimit, LinkMTU: adv.LinkMTU, ReachableTime: adv.ReachableTime, RetransTimer: adv.RetransTime,
		RouterLifetime: adv.RouterLifetime, Preference: uint8(adv.Preference),
		RDNSS: p.servers(where+".dns", adv.DNS, self, addresses), DNSSL: adv.Domains, DNSLifetime: adv.DNSLifetime, DNSSLLifetime: adv.DomainsLifetime,
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
	out.Prefixes = p.advertisedPrefixes(i, addresses)
	p.advertiseOptions(where, &i, state, addresses, &out)
	p.planDefaultRouter(where, &i, addresses, &out)
	p.planOffer(where, &i, &out)
	out.RDNSS, out.DNSSL = p.learned(where+".dns_from", adv.DNSFrom, out.RDNSS, out.DNSSL)
	p.planWithdrawal(i, &out)
	p.plan.RA.Interfaces[i.Name] = out
}

// advertisedPrefixes are those of the link's own addresses and those that are listed.
func (p *planner) advertisedPrefixes(i config.Interface, addresses []cut) []ra.Prefix {
	where, adv := "interfaces."+i.Name+".advertise.prefixes", i.Advertise
	var out []ra.Prefix
	prefixes := onLink(addresses)
	options := map[netip.Prefix]config.AdvertisedPrefix{}
	for _, entry := range adv.Prefixes {
		c, ok := p.resolve(where, entry.Prefix)
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
		switch {
		case listed:
			o = entry.Options
		case adv.Own != nil && adv.Own.Skip:
			continue
		case adv.Own != nil:
			o = adv.Own.Options
		}
		autonomous := c.prefix.Bits() == 64
		if o.Autonomous != nil {
			autonomous = *o.Autonomous
		}
		o = lifetimes(o, c)
		out = append(out, ra.Prefix{
			Prefix: c.prefix, OnLink: o.OnLink, Autonomous: autonomous, Valid: o.Valid, Preferred: o.Preferred,
			ValidUntil: sooner(c.validUntil, o.ValidUntil), PreferredUntil: sooner(c.preferredUntil, o.PreferredUntil),
			RouterAddress: p.routerAddress(where, o, c.prefix, addresses),
			PDPreferred:   o.PDPreferred, Decrement: o.Decrement, Deprecate: o.Deprecate,
		})
	}
	return out
}
