package plan

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/sixfold-router/sixfold/ra"
	"github.com/sixfold-router/sixfold/router/advertised"
	"github.com/sixfold-router/sixfold/router/config"
	"github.com/sixfold-router/sixfold/router/rib"
)

// planWithdrawal adds to the advertisement of a link what its hosts may have from earlier ones and is in it no more, with lifetimes of
// zero (RFC 9096 3.5): so they stop using it at once. What is no longer advertised only because the configuration skips it is left to
// run out: another router may go on with it.
func (p *planner) planWithdrawal(i config.Interface, out *ra.Interface) {
	p.advertiseFormers(out)
	current := p.advertisedNow(out)
	have := slices.DeleteFunc(slices.Clone(p.Advertised.On(i.Name)), func(e advertised.Entry) bool {
		return e.Kind == advertised.Prefix && p.skipped(i.Advertise.Prefixes, e.Prefix)
	})
	gone := advertised.Withdrawn(have, current, p.Now, p.whyWithdrawn)
	for _, e := range gone {
		out.Withdrawn = append(out.Withdrawn, Withdrawn(e))
		switch e.Kind {
		case advertised.Prefix:
			out.Prefixes = append(out.Prefixes, ra.Prefix{Prefix: e.Prefix, OnLink: e.OnLink, Autonomous: e.Autonomous})
		case advertised.Route:
			out.Routes = append(out.Routes, ra.Route{Prefix: e.Prefix, Preference: e.Preference})
		case advertised.Server:
			out.GoneRDNSS = append(out.GoneRDNSS, e.Prefix.Addr())
		case advertised.PREF64:
			out.PREF64 = append(out.PREF64, ra.PREF64{Prefix: e.Prefix})
		case advertised.Resolver:
			out.GoneDNR = append(out.GoneDNR, ra.RawOption{Type: optionDNR, Data: []byte(e.Option)})
		}
	}
	p.plan.Advertised[i.Name] = advertised.Link{Current: current, Withdrawn: gone}
}

// advertisedNow lists what hosts of a link will have from its advertisement.
func (p *planner) advertisedNow(out *ra.Interface) []advertised.Entry {
	var list []advertised.Entry
	add := func(kind advertised.Kind, prefix netip.Prefix, e advertised.Entry) {
		e.Link, e.Kind, e.Prefix = out.Link, kind, prefix
		e.Delegation = p.cutFrom(prefix)
		list = append(list, e)
	}
	for _, x := range out.Prefixes {
		add(advertised.Prefix, x.Prefix, advertised.Entry{OnLink: x.OnLink, Autonomous: x.Autonomous, Lifetime: x.Valid, Ends: x.ValidUntil})
	}
	for _, x := range out.Routes {
		add(advertised.Route, x.Prefix, advertised.Entry{Preference: x.Preference, Lifetime: x.Lifetime, Ends: x.Until})
	}
	for _, x := range out.RDNSS {
		add(advertised.Server, netip.PrefixFrom(x, 128), advertised.Entry{Lifetime: out.DNSLifetime})
	}
	for _, x := range out.PREF64 {
		add(advertised.PREF64, x.Prefix, advertised.Entry{Lifetime: x.Lifetime, Ends: x.Until})
	}
	for _, x := range out.DNR {
		gone, err := x.Gone()
		if err != nil {
			continue // it is not advertised either
		}
		address := netip.IPv6Unspecified()
		if len(x.Addresses) > 0 {
			address = x.Addresses[0]
		}
		add(advertised.Resolver, netip.PrefixFrom(address, 128), advertised.Entry{Key: advertised.Key{Option: string(gone.Data)}, Name: x.Name, Lifetime: x.Lifetime})
	}
	return list
}

// optionDNR is the type of the encrypted DNS option (RFC 9463 6.1).
const optionDNR = 144

// skipped reports whether the configuration says of a prefix not to advertise it.
func (p *planner) skipped(list []config.AdvertisedPrefix, prefix netip.Prefix) bool {
	return slices.ContainsFunc(list, func(a config.AdvertisedPrefix) bool {
		if !a.Skip {
			return false
		}
		e, _ := p.plan.Placed(a.Prefix)
		got, err := e.Resolve(p.held[a.Prefix.Delegation].Prefix)
		return err == nil && got.Masked() == prefix
	})
}

// cutFrom returns the name of the delegation that a prefix is part of, which may be one that runs out; empty: of none.
func (p *planner) cutFrom(prefix netip.Prefix) string {
	for _, name := range sortedNames(p.held) {
		if Within(prefix, p.held[name].Prefix) {
			return name
		}
	}
	name, _ := p.former(prefix)
	return name
}

// whyWithdrawn says why something that hosts have is no longer advertised.
func (p *planner) whyWithdrawn(e advertised.Entry) string {
	if e.Delegation == "" {
		return notThere(e.Kind)
	}
	d, held := p.held[e.Delegation]
	switch {
	case held && Within(e.Prefix, d.Prefix) && !p.grew(e, d.Prefix):
		return notThere(e.Kind)
	case held:
		return fmt.Sprintf("%s is %s now", e.Delegation, d.Prefix)
	case p.uplinks[e.Delegation] == "":
		return fmt.Sprintf("%s is asked for no more", e.Delegation)
	}
	return fmt.Sprintf("%s has ended", e.Delegation)
}

// grew reports whether what is withdrawn was cut from a prefix of its delegation that now lies within that of the delegation: it is part
// of that, but in another place of it.
func (p *planner) grew(e advertised.Entry, now netip.Prefix) bool {
	return slices.ContainsFunc(p.Advertised.On(""), func(was advertised.Entry) bool {
		return was.Kind == advertised.Aggregate && was.Delegation == e.Delegation && was.Prefix != now && Within(was.Prefix, now) && Within(e.Prefix, was.Prefix)
	})
}

// notThere is why something is withdrawn that no delegation took along. Routes and servers may come from the routing table and from an
// ISP, and go without a change of the configuration.
func notThere(kind advertised.Kind) string {
	switch kind {
	case advertised.Route:
		return "the route is there no more"
	case advertised.Server, advertised.Resolver:
		return "it is no DNS server of the link any more"
	}
	return "the configuration has it no more"
}

// planDelegated notes the prefixes that are delegated to us, and keeps those unreachable that were until a while ago: hosts may still
// send to them, and what comes back from the ISP by the default route would go round in circles.
func (p *planner) planDelegated() {
	var current []advertised.Entry
	add := func(name string, prefix netip.Prefix, table uint32) {
		current = append(current, advertised.Entry{
			Key:      advertised.Key{Kind: advertised.Aggregate, Prefix: prefix, Table: table},
			Lifetime: advertised.Hold, Delegation: name,
		})
	}
	for _, name := range sortedNames(p.held) {
		d := p.held[name]
		add(name, d.Prefix, p.tableOf(d.Link))
		for _, f := range d.Former {
			if p.lasts(f) {
				add(name, f.Prefix, p.tableOf(d.Link))
			}
		}
	}
	// What lies within a prefix of today is as reachable as that: an unreachable route of it would take out what a client is given of
	// the larger one.
	have := slices.DeleteFunc(slices.Clone(p.Advertised.On("")), func(e advertised.Entry) bool {
		return slices.ContainsFunc(current, func(c advertised.Entry) bool {
			return c.Prefix != e.Prefix && c.Table == e.Table && Within(e.Prefix, c.Prefix)
		})
	})
	gone := advertised.Withdrawn(have, current, p.Now, p.whyWithdrawn)
	p.plan.Advertised[""] = advertised.Link{Current: current, Withdrawn: gone}
	for _, e := range gone {
		p.plan.Withdrawn = append(p.plan.Withdrawn, rib.Route{Prefix: e.Prefix, Kind: rib.Unreachable, Table: e.Table})
	}
}

func Withdrawn(e advertised.Entry) ra.Withdrawn {
	return ra.Withdrawn{Kind: string(e.Kind), Prefix: e.Prefix, Name: e.Name, Since: e.Since, Until: e.Until, Reason: e.Reason}
}
