package plan

import (
	"fmt"
	"net/netip"

	"github.com/sixfold-router/sixfold/dhcpv6/pd"
	"github.com/sixfold-router/sixfold/router/config"
	"github.com/sixfold-router/sixfold/router/kernel"
	"github.com/sixfold-router/sixfold/router/rib"
)

// planInterface plans all that stands under one link.
func (p *planner) planInterface(i config.Interface) {
	where := "interfaces." + i.Name
	if i.VXLAN != nil {
		p.planVXLAN(i)
	}
	if l, ok := p.Links[i.Name]; ok && Foreign(i, l) {
		// The unit that would make it refuses: it is not ours to give addresses.
		p.pending(where+"."+i.Kind(), NotOurs(l)+": "+NotOursAdvice(l))
		return
	}
	addresses := p.resolveEvery(where+".addresses", i.Addresses)
	link := kernel.Link{Name: i.Name, MTU: p.mtu(&i), AcceptRA: i.AcceptRA, DAD: i.DAD, Sysctls: linkSettings(i), Made: i.Kind() != ""}
	for _, a := range addresses {
		link.Addresses = append(link.Addresses, kernel.Address{Prefix: a.prefix, Deprecated: a.former})
	}
	link.Addresses = append(link.Addresses, p.clientAddresses(i)...)
	p.plan.Kernel.Links[i.Name] = link

	state, ok := p.Links[i.Name]
	if !ok {
		reason := "there is no such link; it is configured when it appears"
		if i.Kind() != "" {
			reason = "the device does not exist yet"
		}
		p.pending(where, reason)
		return
	}
	p.connected(state)
	for _, a := range state.Addresses {
		if a.Duplicate && a.Ours {
			p.pending(fmt.Sprintf("%s.addresses %q", where, a.Prefix), "another host on the link has this address: take it from there, or configure another")
		}
	}

	uplink := isUplink(i)
	if !uplink && i.Advertise == nil && i.DHCPv6 == nil {
		return
	}
	if reason := p.misplaced(state); reason != "" {
		p.waits(i, reason, uplink)
		return
	}
	self, ok := state.LinkLocal()
	if !ok {
		p.waits(i, lacksLinkLocal(state), uplink)
		return
	}
	// A client keeps what it has over a loss of carrier; servers have nobody to serve.
	if !state.Running {
		p.waits(i, "the link has no carrier", false)
	}
	if uplink {
		p.planUplink(i, state, self)
	}
	if i.Advertise != nil && state.Running {
		p.planAdvertise(i, state, self, addresses)
	}
	if i.DHCPv6 != nil && state.Running {
		p.planDHCP(i, state, self, addresses)
	}
}

// waits notes what of an interface waits for its link.
func (p *planner) waits(i config.Interface, reason string, uplink bool) {
	where := "interfaces." + i.Name
	if uplink {
		p.pending(where+".delegations", reason)
	}
	if i.Advertise != nil {
		p.pending(where+".advertise", reason)
	}
	if i.DHCPv6 != nil {
		p.pending(where+".dhcpv6", reason)
	}
}

// connected notes the prefixes of the addresses that a link has.
func (p *planner) connected(state kernel.LinkState) {
	if !state.Running {
		return
	}
	table := p.tables(state)
	if table == rib.MainTable {
		table = 0
	}
	seen := map[netip.Prefix]bool{}
	for _, a := range state.Addresses {
		prefix := a.Prefix.Masked()
		if addr := a.Prefix.Addr(); addr.IsLinkLocalUnicast() || addr.IsLoopback() || seen[prefix] {
			continue
		}
		seen[prefix] = true
		p.plan.Connected = append(p.plan.Connected, rib.Route{Prefix: prefix, Link: state.Name, Table: table})
	}
}

func (p *planner) planUplink(i config.Interface, state kernel.LinkState, self netip.Addr) {
	u := pd.Uplink{Link: i.Name, Index: state.Index, LinkLocal: self, NoCarrier: !state.Running}
	if i.RequestAddress {
		u.Address = &pd.IA{IAID: pd.DeriveIAID(i.Name, "")}
	}
	for _, d := range i.Delegations {
		iaid := d.IAID
		if iaid == 0 && !d.ZeroIAID {
			iaid = pd.DeriveIAID(i.Name, d.Name)
		}
		u.RapidCommit = u.RapidCommit || d.RapidCommit
		u.Prefixes = append(u.Prefixes, pd.IA{Name: d.Name, IAID: iaid, Hint: d.Hint})
	}
	clientOf(&u, i.Client, state)
	p.plan.PD.Uplinks[i.Name] = u
}
