package plan

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/sixfold-router/sixfold/ra"
	"github.com/sixfold-router/sixfold/router/advertised"
	"github.com/sixfold-router/sixfold/router/config"
	"github.com/sixfold-router/sixfold/router/kernel"
)

// advertiseFrom is the address to send from, and whether another router may have it after us. One that is configured must be on the
// link: that is what moves it between two routers.
func (p *planner) advertiseFrom(where string, adv *config.Advertise, state kernel.LinkState, self netip.Addr) (source netip.Addr, shared, ok bool) {
	if !adv.SourceAddress.IsValid() {
		return self, false, true
	}
	for _, a := range state.Addresses {
		if a.Prefix.Addr() == adv.SourceAddress && !a.Tentative && !a.Duplicate {
			return adv.SourceAddress, !a.Ours, true
		}
	}
	p.pending(where+".source_address", fmt.Sprintf("the link does not have %s, or not usable yet; nothing is advertised without it", adv.SourceAddress))
	return netip.Addr{}, false, false
}

// advertiseOptions adds what goes beyond RFC 4861.
func (p *planner) advertiseOptions(where string, i *config.Interface, state kernel.LinkState, addresses []cut, out *ra.Interface) {
	adv := i.Advertise
	if adv.NoSourceLinkLayer {
		out.MAC = nil
	}
	// The mtu that is configured is that of the link soon, if it is not yet.
	room := i.MTU
	if room == 0 {
		room = state.MTU
	}
	if room > 0 && out.LinkMTU > room {
		p.pending(where+".link_mtu", fmt.Sprintf("%d is more than the MTU of the link, %d: no MTU is advertised", out.LinkMTU, room))
		out.LinkMTU = 0
	}
	if out.PacketSize = adv.PacketSize; room > 0 && out.PacketSize > room {
		p.pending(where+".ra_mtu", fmt.Sprintf("%d is more than the MTU of the link, %d", out.PacketSize, room))
		out.PacketSize = max(room, 1280)
	}
	for _, r := range adv.Routes {
		if c, ok := p.resolve(where+".routes", r.Prefix); ok {
			out.Routes = append(out.Routes, ra.Route{
				Prefix: c.prefix.Masked(), Preference: uint8(r.Preference), Lifetime: r.Lifetime, Until: c.validUntil, Keep: r.Keep,
			})
		}
	}
	for _, n := range adv.PREF64 {
		if c, ok := p.resolve(where+".pref64", n.Prefix); ok {
			out.PREF64 = append(out.PREF64, ra.PREF64{Prefix: c.prefix.Masked(), Lifetime: n.Lifetime, Until: c.validUntil})
		}
	}
	for n, r := range adv.DNR {
		resolver := ra.Resolver{Priority: r.Priority, Lifetime: r.Lifetime, Name: r.Name}
		resolver.Addresses = p.servers(fmt.Sprintf("%s.dnr[%d].addresses", where, n), r.Addresses, out.LinkLocal, addresses)
		if len(resolver.Addresses) > 0 {
			for _, s := range r.Parameters {
				resolver.Parameters = append(resolver.Parameters, ra.SvcParam{Key: s.Key, Value: s.Value})
			}
		}
		out.DNR = append(out.DNR, resolver)
	}
	if h := adv.HomeAgent; h != nil {
		out.HomeAgent = &ra.HomeAgent{Preference: h.Preference, Lifetime: h.Lifetime, MobileRouter: h.MobileRouter}
	}
	for _, o := range adv.Options {
		out.Raw = append(out.Raw, ra.RawOption{Type: o.Type, Data: o.Data})
	}
	out.CaptivePortal, out.Interval, out.SNAC = adv.CaptivePortal, adv.IntervalOption, adv.SNAC
	out.UnicastOnly, out.Clients, out.Excluded = adv.UnicastOnly, adv.Clients, adv.Excluded
	out.RandomDelay, out.SolicitRate = adv.RandomDelay, adv.SolicitRate
	out.MinDelay, out.Keep, out.KeepDNS = adv.MinDelay, adv.Keep, adv.KeepDNS
}

// servers resolves addresses of servers, among them an own one of the link: a unique local one before a global one, because it stays
// when the prefix of the provider changes, and the link-local one without either.
func (p *planner) servers(where string, list []config.Expr, self netip.Addr, addresses []cut) []netip.Addr {
	var out []netip.Addr
	for _, e := range list {
		if e == config.Self {
			out = append(out, ownServer(self, addresses))
		} else {
			out = append(out, p.resolveAddrs(where, []config.Expr{e})...)
		}
	}
	return out
}

func ownServer(self netip.Addr, addresses []cut) netip.Addr {
	best := self
	for _, a := range addresses {
		addr := a.prefix.Addr()
		switch {
		case !addr.Is6() || addr.IsLinkLocalUnicast() || addr.IsMulticast():
		case addr.IsPrivate():
			return addr
		case best == self:
			best = addr
		}
	}
	return best
}

// routerAddress is our address in a prefix that is advertised with it; invalid if that is not asked for.
func (p *planner) routerAddress(where string, o config.PrefixOptions, prefix netip.Prefix, addresses []cut) netip.Addr {
	if !o.RouterAddress {
		return netip.Addr{}
	}
	for _, a := range addresses {
		if a.prefix.Masked() == prefix && a.prefix.Addr() != prefix.Addr() {
			return a.prefix.Addr()
		}
	}
	p.pending(fmt.Sprintf("%s %q", where, prefix), "router_address needs an address of the interface in it; it has none")
	return netip.Addr{}
}

// sooner is the earlier of two moments; a zero one is none.
func sooner(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// Defaults of lifetimes of prefixes that are cut from a delegation, which another may take the place of any time (RFC 9096 L-15, L-16).
const (
	preferredLimit = 45 * time.Minute // ND_PREFERRED_LIMIT
	validLimit     = advertised.Hold  // ND_VALID_LIMIT
)

// lifetimes chooses those to advertise a prefix with.
func lifetimes(o config.PrefixOptions, c cut) config.PrefixOptions {
	if c.validUntil.IsZero() {
		return o
	}
	if o.ValidDefault {
		o.Valid = min(o.Valid, validLimit)
	}
	if o.PreferredDefault {
		o.Preferred = min(o.Preferred, preferredLimit, o.Valid)
	}
	return o
}
