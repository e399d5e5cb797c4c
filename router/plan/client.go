package plan

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/sixfold-router/sixfold/dhcpv6/pd"
	"github.com/sixfold-router/sixfold/router/config"
	"github.com/sixfold-router/sixfold/router/kernel"
	"github.com/sixfold-router/sixfold/router/rib"
)

// isUplink tells whether we are a DHCPv6 client on an interface.
func isUplink(i config.Interface) bool {
	return len(i.Delegations) > 0 || i.RequestAddress || i.Client != nil && i.Client.Stateless
}

// clientOf adds what is configured of the client of an uplink, and which addresses of the link others have too.
func clientOf(u *pd.Uplink, c *config.Client, state kernel.LinkState) {
	u.Reconfigure = true
	for _, a := range state.Addresses {
		if a.Duplicate && a.Ours && u.Address != nil {
			u.Duplicates = append(u.Duplicates, a.Prefix.Addr())
		}
	}
	if c == nil {
		return
	}
	u.DUID, u.Reconfigure, u.Stateless, u.Request = c.DUID, c.Reconfigure, c.Stateless, c.Request
	for _, o := range c.Send {
		u.Send = append(u.Send, pd.Option{Code: o.Code, Data: o.Data})
	}
}

// clientAddresses returns the addresses that an uplink has as a client: what a server gave, one in what a server excludes from a
// delegation for the link, or else one that is cut from a delegation.
func (p *planner) clientAddresses(i config.Interface) []kernel.Address {
	var out []kernel.Address
	given := false
	if i.RequestAddress {
		for _, d := range p.Delegations {
			if d.Name == "" && d.Link == i.Name && p.Now.Before(d.ValidUntil) {
				out, given = append(out, kernel.Address{Prefix: d.Prefix}), true
			}
		}
	}
	for _, asked := range i.Delegations {
		d, ok := p.held[asked.Name]
		if !asked.ExcludedAddress.IsValid() || !ok {
			continue
		}
		where := fmt.Sprintf("interfaces.%s.delegations.%s.excluded_address", i.Name, asked.Name)
		if !d.Exclude.IsValid() {
			p.pending(where, fmt.Sprintf("the server excludes nothing from %s for this link", d.Prefix))
			continue
		}
		e := config.Expr{Delegation: asked.Name, Prefix: netip.PrefixFrom(asked.ExcludedAddress, 128)}
		address, err := e.Resolve(d.Exclude)
		if err != nil {
			p.pending(where, fmt.Sprintf("%s does not fit into %s, which the server excludes", asked.ExcludedAddress, d.Exclude))
			continue
		}
		prefix := netip.PrefixFrom(address.Addr(), d.Exclude.Bits())
		out, given = append(out, kernel.Address{Prefix: prefix}), true
		p.use(asked.Name, where, asked.ExcludedAddress.String(), prefix.String())
	}
	if i.Client == nil || !i.Client.Fallback.IsValid() || given || autoconfigured(p.Links[i.Name]) {
		return out
	}
	// RFC 7084 WAA-7.
	if c, ok := p.resolve("interfaces."+i.Name+".client.fallback_address", i.Client.Fallback); ok {
		out = append(out, kernel.Address{Prefix: c.prefix})
	}
	return out
}

// autoconfigured tells whether the kernel has given a link a global address that router advertisements told.
func autoconfigured(l kernel.LinkState) bool {
	return slices.ContainsFunc(l.Addresses, func(a kernel.AddressState) bool {
		addr := a.Prefix.Addr()
		return a.Dynamic && !a.Ours && addr.Is6() && addr.IsGlobalUnicast() && !addr.IsPrivate()
	})
}

// Spared says why what an expression is now must not be used at a place of the configuration: the server keeps it for the uplink
// (RFC 6603 4.2).
func Spared(where string, d pd.Delegation, got netip.Prefix) string {
	if !d.Exclude.IsValid() || !d.Exclude.Contains(got.Addr()) || got.Bits() < d.Exclude.Bits() ||
		strings.HasPrefix(where, "interfaces."+d.Link+".") {
		return ""
	}
	return fmt.Sprintf("the ISP keeps %s of %s for the link to it: choose another part", d.Exclude, d.Name)
}

// excludedParts returns what servers keep for uplinks: no pool may give it away.
func (p *planner) excludedParts() []netip.Prefix {
	var out []netip.Prefix
	for _, name := range sortedNames(p.held) {
		if d := p.held[name]; d.Exclude.IsValid() {
			out = append(out, d.Exclude)
		}
	}
	return out
}

// sparePrefixes plans the unreachable routes of the prefixes that a server gave beside those in use.
func (p *planner) sparePrefixes() {
	for _, name := range sortedNames(p.held) {
		d := p.held[name]
		for _, f := range d.Spare {
			if p.Now.Before(f.ValidUntil) {
				p.plan.Aggregate = append(p.plan.Aggregate, rib.Route{Prefix: f.Prefix, Kind: rib.Unreachable, Table: p.tableOf(d.Link)})
			}
		}
	}
}

// learned returns the DNS servers and search domains of a list with those that the client learnt from a delegation or on an uplink.
func (p *planner) learned(where, from string, dns []netip.Addr, domains []string) ([]netip.Addr, []string) {
	if from == "" {
		return dns, domains
	}
	dns, domains = slices.Clone(dns), slices.Clone(domains)
	found := false
	add := func(servers []netip.Addr, names []string) {
		found = found || len(servers)+len(names) > 0
		for _, s := range servers {
			if !slices.Contains(dns, s) {
				dns = append(dns, s)
			}
		}
		for _, n := range names {
			if !slices.Contains(domains, n) {
				domains = append(domains, n)
			}
		}
	}
	_, delegation := p.uplinks[from]
	for _, d := range p.Delegations {
		if !p.Now.Before(d.ValidUntil) || d.Name != "" && p.uplinks[d.Name] != d.Link {
			continue
		}
		if delegation && d.Name == from || !delegation && d.Link == from {
			add(d.DNS, d.Domains)
		}
	}
	for _, r := range p.Resolvers {
		if r.Link == from && !delegation {
			add(r.DNS, r.Domains)
		}
	}
	if _, held := p.held[from]; !found {
		reason := fmt.Sprintf("no server on %s has told DNS servers or domains", from)
		switch {
		case delegation && held:
			reason = fmt.Sprintf("no DNS servers or domains came with %s", from)
		case delegation:
			reason = p.whyNotHeld(from)
		}
		p.pending(where, reason)
	}
	return dns, domains
}
