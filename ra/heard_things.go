package ra

import (
	"fmt"
	"net/netip"
	"strings"
)

// thingsOf lists what the options of an advertisement say, in its order, each thing once.
func thingsOf(r Received) []thing {
	var all []thing
	if r.MAC != "" {
		all = append(all, thing{key: "hardware address", text: r.MAC, add: func(o *Received) { o.MAC = r.MAC }})
	}
	if r.MTU != 0 {
		all = append(all, thing{key: "mtu", text: fmt.Sprint(r.MTU), add: func(o *Received) { o.MTU = r.MTU }})
	}
	for _, p := range r.Prefixes {
		all = append(all, thing{
			key: "prefix " + p.Prefix.String(), text: prefixText(p), lives: []uint32{p.Valid, p.Preferred},
			add: func(o *Received) { o.Prefixes = append(o.Prefixes, p) },
		})
	}
	for _, p := range r.Routes {
		all = append(all, thing{
			key: "route " + p.Prefix.String(), text: "preference " + p.Preference, lives: []uint32{p.Lifetime},
			add: func(o *Received) { o.Routes = append(o.Routes, p) },
		})
	}
	for _, s := range r.RDNSS {
		for _, a := range s.Servers {
			all = append(all, thing{key: "dns " + a.String(), lives: []uint32{s.Lifetime}, add: func(o *Received) { o.addServer(a, s.Lifetime) }})
		}
	}
	for _, s := range r.DNSSL {
		for _, d := range s.Domains {
			all = append(all, thing{key: "domain " + d, lives: []uint32{s.Lifetime}, add: func(o *Received) { o.addDomain(d, s.Lifetime) }})
		}
	}
	for _, p := range r.PREF64 {
		all = append(all, thing{
			key: "nat64 prefix " + p.Prefix.String(), lives: []uint32{p.Lifetime},
			add: func(o *Received) { o.PREF64 = append(o.PREF64, p) },
		})
	}
	if r.CaptivePortal != "" {
		all = append(all, thing{key: "captive portal", text: r.CaptivePortal, add: func(o *Received) { o.CaptivePortal = r.CaptivePortal }})
	}
	for _, d := range r.DNR {
		all = append(all, thing{
			key: "encrypted dns " + d.Name, text: resolverText(d), lives: []uint32{d.Lifetime},
			add: func(o *Received) { o.DNR = append(o.DNR, d) },
		})
	}
	return append(all, seldom(r)...)
}

// seldom is thingsOf for options that few routers send.
func seldom(r Received) []thing {
	var all []thing
	if r.Interval != 0 {
		all = append(all, thing{key: "advertisement interval", text: millisText(r.Interval), add: func(o *Received) { o.Interval = r.Interval }})
	}
	if h := r.HomeAgentInfo; h != nil {
		text := fmt.Sprintf("preference %d", h.Preference)
		if h.MobileRouter {
			text += ", serves mobile networks"
		}
		all = append(all, thing{key: "home agent", text: text, lives: []uint32{uint32(h.Lifetime)}, add: func(o *Received) { o.HomeAgentInfo = h }})
	}
	if len(r.MoreFlags) > 0 {
		all = append(all, thing{key: "more flags", text: r.MoreFlags.String(), add: func(o *Received) { o.MoreFlags = r.MoreFlags }})
	}
	for _, c := range r.Contexts {
		all = append(all, thing{
			key: fmt.Sprintf("6lowpan context %d", c.ID), text: c.Prefix.String(), lives: []uint32{60 * uint32(c.Minutes)},
			add: func(o *Received) { o.Contexts = append(o.Contexts, c) },
		})
	}
	for _, c := range r.BorderRouters {
		all = append(all, thing{
			key: "6lowpan border router " + c.Address.String(), text: fmt.Sprintf("version %d", c.Version), lives: []uint32{60 * uint32(c.Minutes)},
			add: func(o *Received) { o.BorderRouters = append(o.BorderRouters, c) },
		})
	}
	for _, u := range r.Unknown {
		all = append(all, thing{
			key: fmt.Sprintf("option %d %s", u.Type, u.Data.short()), add: func(o *Received) { o.Unknown = append(o.Unknown, u) },
		})
	}
	return all
}

// shortHex is how much of an option that nobody knows is written.
const shortHex = 16

// short is at most the first 16 bytes.
func (h Hex) short() string {
	if len(h) > shortHex {
		return h[:shortHex].String() + "…"
	}
	return h.String()
}

func prefixText(p ReceivedPrefix) string {
	var words []string
	if p.OnLink {
		words = append(words, "on-link")
	}
	if p.Autonomous {
		words = append(words, "autonomous")
	}
	if p.PDPreferred {
		words = append(words, "pd-preferred")
	}
	if p.RouterAddress.IsValid() {
		words = append(words, "router address "+p.RouterAddress.String())
	}
	return strings.Join(words, " ")
}

func resolverText(d ReceivedResolver) string {
	parts := []string{fmt.Sprintf("priority %d", d.Priority)}
	for _, a := range d.Addresses {
		parts = append(parts, a.String())
	}
	return strings.Join(append(parts, d.Parameters...), " ")
}

// addServer adds a server to the option with the lifetime, or to a new one.
func (r *Received) addServer(a netip.Addr, lifetime uint32) {
	if n := len(r.RDNSS) - 1; n >= 0 && r.RDNSS[n].Lifetime == lifetime {
		r.RDNSS[n].Servers = append(r.RDNSS[n].Servers, a)
		return
	}
	r.RDNSS = append(r.RDNSS, ReceivedServers{Lifetime: lifetime, Servers: []netip.Addr{a}})
}

// addDomain is addServer for search domains.
func (r *Received) addDomain(d string, lifetime uint32) {
	if n := len(r.DNSSL) - 1; n >= 0 && r.DNSSL[n].Lifetime == lifetime {
		r.DNSSL[n].Domains = append(r.DNSSL[n].Domains, d)
		return
	}
	r.DNSSL = append(r.DNSSL, ReceivedDomains{Lifetime: lifetime, Domains: []string{d}})
}
