package plan

import (
	"net/netip"
	"slices"

	"github.com/sixfold-router/sixfold/dhcpv6"
	"github.com/sixfold-router/sixfold/dhcpv6/pd"
	"github.com/sixfold-router/sixfold/ra"
	"github.com/sixfold-router/sixfold/router/config"
	"github.com/sixfold-router/sixfold/router/rib"
)

// A former prefix is one that a delegation had, and that the server lets run out beside the one it has now: graceful renumbering. What
// is cut from it stays as it was, but deprecated, until it ends.

// formers returns what now, which is cut from the delegation of that name, is in its former prefixes. The latest comes first.
func (p *planner) formers(name string, now cut) []cut {
	d, held := p.held[name]
	if name == "" || !held {
		return nil
	}
	var out []cut
	for _, f := range d.Former {
		if prefix, ok := rebase(now.prefix, d.Prefix, f.Prefix); ok && p.lasts(f) {
			out = append(out, cut{prefix: prefix, validUntil: f.ValidUntil, preferredUntil: f.PreferredUntil, former: true})
		}
	}
	return out
}

func (p *planner) lasts(f pd.Former) bool { return p.Now.Before(f.ValidUntil) }

// rebase puts what is cut from one prefix at the same place of another, if it fits there.
func rebase(part, from, to netip.Prefix) (netip.Prefix, bool) {
	if !from.Contains(part.Addr()) || part.Bits() < to.Bits() {
		return netip.Prefix{}, false
	}
	at, old, base := part.Addr().As16(), from.Masked().Addr().As16(), to.Masked().Addr().As16()
	for i := range at {
		at[i] ^= old[i]
	}
	// The place within from must lie within to as well.
	if place, err := netip.AddrFrom16(at).Prefix(to.Bits()); err != nil || place.Addr() != netip.IPv6Unspecified() {
		return netip.Prefix{}, false
	}
	for i := range at {
		at[i] |= base[i]
	}
	return netip.PrefixFrom(netip.AddrFrom16(at), part.Bits()), true
}

// resolveEvery resolves a list, in the prefixes that are in use first and then in those that run out.
func (p *planner) resolveEvery(where string, list []config.Expr) []cut {
	var out, old []cut
	for _, e := range list {
		if c, ok := p.resolve(where, e); ok {
			out, old = append(out, c), append(old, p.formers(e.Delegation, c)...)
		}
	}
	return append(out, old...)
}

// former returns the delegation that a prefix is an earlier part of.
func (p *planner) former(prefix netip.Prefix) (string, bool) {
	for _, name := range sortedNames(p.held) {
		d := p.held[name]
		if Within(prefix, d.Prefix) {
			continue
		}
		if slices.ContainsFunc(d.Former, func(f pd.Former) bool { return Within(prefix, f.Prefix) }) {
			return name, true
		}
	}
	return "", false
}

func Within(prefix, of netip.Prefix) bool {
	return of.Bits() <= prefix.Bits() && of.Contains(prefix.Addr())
}

// advertiseFormers puts what runs out behind the prefixes that are advertised: as they are, but not preferred any more.
func (p *planner) advertiseFormers(out *ra.Interface) {
	out.Prefixes = slices.DeleteFunc(out.Prefixes, func(x ra.Prefix) bool { _, old := p.former(x.Prefix); return old })
	for _, x := range out.Prefixes[:len(out.Prefixes):len(out.Prefixes)] {
		for _, c := range p.formers(p.cutFrom(x.Prefix), cut{prefix: x.Prefix}) {
			x.Prefix, x.Preferred, x.ValidUntil, x.PreferredUntil = c.prefix, 0, c.validUntil, c.preferredUntil
			x.RouterAddress, x.PDPreferred = netip.Addr{}, false
			out.Prefixes = append(out.Prefixes, x)
		}
	}
}

// formerLeases are the prefixes that clients keep their leases of until they end.
func (p *planner) formerLeases() []dhcpv6.Former {
	var out []dhcpv6.Former
	for _, name := range sortedNames(p.held) {
		for _, f := range p.held[name].Former {
			if p.lasts(f) {
				out = append(out, dhcpv6.Former{Prefix: f.Prefix, Until: f.ValidUntil})
			}
		}
	}
	return out
}

// planFormerAggregates keeps the unreachable routes of prefixes that run out.
func (p *planner) planFormerAggregates(name string) {
	d := p.held[name]
	for _, f := range d.Former {
		if p.lasts(f) {
			p.plan.Aggregate = append(p.plan.Aggregate, rib.Route{Prefix: f.Prefix, Kind: rib.Unreachable, Table: p.tableOf(d.Link)})
		}
	}
}
