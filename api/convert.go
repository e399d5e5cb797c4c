package api

import (
	"encoding/hex"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/sixfold-router/sixfold/bgp"
	"github.com/sixfold-router/sixfold/dhcpv6"
	"github.com/sixfold-router/sixfold/dhcpv6/lease"
	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
	"github.com/sixfold-router/sixfold/ra"
	"github.com/sixfold-router/sixfold/router"
	"github.com/sixfold-router/sixfold/router/kernel"
	"github.com/sixfold-router/sixfold/router/plan"
)

func interfaceState(i router.InterfaceStatus, names map[int]string) *sixfoldv1.InterfaceState {
	l := i.Link
	m := &sixfoldv1.InterfaceState{
		Name: clean(i.Name), Description: clean(i.Description), Configured: i.Configured, Pattern: clean(i.Pattern), Exists: l.Index != 0,
		Index: uint32(l.Index), Kind: clean(l.Kind), Mac: macText(l.MAC), Mtu: uint32(l.MTU),
		Up: l.Up, Running: l.Running, Loopback: l.Loopback,
		Parent: linkName(l.Parent, names), Master: linkName(l.Master, names),
	}
	for _, a := range l.Addresses {
		m.Addresses = append(m.Addresses, linkAddress(a))
	}
	if i.Device != nil {
		deviceState(m, i.Device)
	}
	return m
}

// linkName names a link by index; the lower end of a veth may be in another namespace and unknown here.
func linkName(index int, names map[int]string) string {
	if index == 0 {
		return ""
	}
	if name, ok := names[index]; ok {
		return clean(name)
	}
	return fmt.Sprintf("if#%d", index)
}

func linkAddress(a kernel.AddressState) *sixfoldv1.LinkAddress {
	m := &sixfoldv1.LinkAddress{
		Prefix: prefixText(a.Prefix), Tentative: a.Tentative, Duplicate: a.Duplicate,
		Deprecated: a.Deprecated, Dynamic: a.Dynamic, Ours: a.Ours,
		Valid: lifetime(a.Valid), Preferred: lifetime(a.Preferred),
	}
	if a.Deprecated {
		m.Preferred = durationpb.New(0)
	}
	return m
}

func routeState(r router.RouteStatus) *sixfoldv1.RouteState {
	return &sixfoldv1.RouteState{
		Prefix: prefixText(r.Route.Prefix), Kind: r.Route.Kind.String(), Via: addrText(r.Route.Via), Link: clean(r.Route.Link),
		Table: r.Route.Key().Table, Metric: r.Route.Metric, Src: addrText(r.Route.Src),
		Source: clean(r.Source), Best: r.Best, InKernel: r.InKernel, Reason: clean(r.Reason), Vrf: clean(r.VRF),
	}
}

func prefixState(p plan.Delegated, now time.Time) *sixfoldv1.PrefixState {
	m := &sixfoldv1.PrefixState{
		Name: clean(p.Name), Link: clean(p.Link), Iaid: p.IAID, State: clean(p.State),
		Since: timestamp(p.Since), Problem: clean(p.Problem),
	}
	if d := p.Delegation; d != nil {
		m.Prefix = prefixText(d.Prefix)
		m.PreferredUntil, m.ValidUntil = until(d.PreferredUntil, now), until(d.ValidUntil, now)
		m.RenewAt, m.RebindAt = until(d.T1, now), until(d.T2, now)
		m.Server, m.ServerDuid = addrText(d.Server), hex.EncodeToString(d.ServerDUID)
		m.Dns, m.Domains = addrTexts(d.DNS), cleanAll(d.Domains)
	}
	clientState(m, p, now)
	m.Former, m.Withdrawn = formers(p.Delegation, now), withdrawn(p.Withdrawn)
	m.Assignments = assignments(p.Parts)
	for _, u := range p.Uses {
		m.Uses = append(m.Uses, &sixfoldv1.PrefixUse{Where: clean(u.Where), Expression: clean(u.Expr), Prefix: clean(u.Prefix)})
	}
	return m
}

func leaseState(l router.LeaseStatus, now time.Time) *sixfoldv1.Lease {
	state := "bound"
	if l.State == lease.Declined {
		state = "declined"
	}
	return &sixfoldv1.Lease{
		Prefix: prefixText(l.Prefix), Kind: l.Key.Kind.String(), State: state, Link: clean(l.Key.Link),
		Duid: hex.EncodeToString([]byte(l.Key.DUID)), Iaid: l.Key.IAID, Mac: macText(l.MAC), Client: addrText(l.Client),
		Pool: clean(l.Pool), Reserved: l.Reserved, Routed: l.Routed,
		PreferredUntil: until(l.Preferred, now), ValidUntil: until(l.Valid, now), Updated: timestamp(l.Updated), Vrf: clean(l.VRF),
		Reconfigurable: l.Contact != nil,
	}
}

func neighborEntry(n kernel.Neighbor) *sixfoldv1.NeighborEntry {
	return &sixfoldv1.NeighborEntry{
		Link: clean(n.Link), Address: addrText(n.Address), Mac: macText(n.MAC), State: clean(n.State), Router: n.Router, Vrf: clean(n.VRF),
	}
}

func bgpNeighborState(vrf string, s bgp.NeighborStatus) *sixfoldv1.BgpNeighborState {
	n := s.Neighbor
	return &sixfoldv1.BgpNeighborState{
		Name: clean(n.Name), Description: clean(n.Description), Address: addrText(n.Address), RemoteAs: n.RemoteAS,
		State: clean(s.State), Since: timestamp(s.Since),
		Received: s.Received, Accepted: s.Accepted, Advertised: s.Advertised, Flaps: s.Flaps,
		LastError: clean(s.LastError), LimitExceeded: s.LimitExceeded,
		Import: clean(n.Import), Export: clean(n.Export), ImportLimit: uint32(n.ImportLimit),
		HoldTime: durationpb.New(n.HoldTime), LocalAddress: addrText(n.LocalAddress), Multihop: uint32(n.Multihop),
		Passive: n.Passive, NextHopSelf: n.NextHopSelf, HasPassword: n.Password != "", Vrf: clean(vrf),
	}
}

func bgpPath(p bgp.Path) *sixfoldv1.BgpPath {
	return &sixfoldv1.BgpPath{
		Prefix: prefixText(p.Prefix), Best: p.Best, Neighbor: clean(p.Neighbor), NextHop: addrText(p.NextHop), Link: clean(p.Link),
		AsPath: clean(p.ASPath), Origin: clean(p.Origin), LocalPref: p.LocalPref, Med: p.MED,
		Communities: cleanAll(p.Community), Source: clean(p.Source), Learned: timestamp(p.Age), Unusable: clean(p.Unusable),
	}
}

func advertisement(s ra.Status) *sixfoldv1.Advertisement {
	i := s.Interface
	m := &sixfoldv1.Advertisement{
		Link: clean(i.Link), Source: addrText(i.LinkLocal),
		MinInterval: durationpb.New(i.MinInterval), MaxInterval: durationpb.New(i.MaxInterval),
		Managed: i.Managed, OtherConfig: i.OtherConfig, HopLimit: uint32(i.HopLimit), LinkMtu: uint32(i.LinkMTU),
		ReachableTime: durationpb.New(i.ReachableTime), RetransTimer: durationpb.New(i.RetransTimer),
		RouterLifetime: durationpb.New(i.RouterLifetime), Preference: preference(i.Preference),
		Dns: addrTexts(i.RDNSS), Domains: cleanAll(i.DNSSL), DnsLifetime: durationpb.New(i.DNSLifetime), DomainsLifetime: durationpb.New(i.DNSSLLifetime),
		Sent: s.Sent, Solicited: s.Solicited, Last: timestamp(s.Last), Next: timestamp(s.Next),
		Errors: s.Errors, LastError: clean(s.LastError),
	}
	for _, p := range i.Prefixes {
		m.Prefixes = append(m.Prefixes, &sixfoldv1.PrefixInformation{
			Prefix: prefixText(p.Prefix), OnLink: p.OnLink, Autonomous: p.Autonomous,
			Valid: infinite(p.Valid), Preferred: infinite(p.Preferred),
			ValidUntil: timestamp(p.ValidUntil), PreferredUntil: timestamp(p.PreferredUntil),
			RouterAddress: addrText(p.RouterAddress), PdPreferred: p.PDPreferred, Since: timestamp(p.Since), Deprecate: p.Deprecate,
		})
	}
	advertisedOptions(m, i)
	m.Withdrawn = withdrawn(i.Withdrawn)
	return m
}

// preference names the wire value of RFC 4191 2.2; the reserved one is to be taken as medium.
func preference(wire uint8) string {
	switch wire {
	case 1:
		return "high"
	case 3:
		return "low"
	}
	return "medium"
}

func dhcpv6LinkState(i dhcpv6.InterfaceStatus) *sixfoldv1.Dhcpv6LinkState {
	m := &sixfoldv1.Dhcpv6LinkState{Link: clean(i.Link), Received: i.Received, Sent: i.Sent}
	for _, p := range i.Pools {
		m.Pools = append(m.Pools, &sixfoldv1.PoolState{
			Name: clean(p.Name), Kind: clean(p.Kind), Range: clean(p.Range), Leased: p.Leased, Declined: p.Declined, Size: p.Size,
		})
	}
	return m
}

func reconfigureState(r dhcpv6.Reconfiguring) *sixfoldv1.ReconfigureState {
	return &sixfoldv1.ReconfigureState{
		Link: clean(r.Link), Client: addrText(r.Client), Duid: hex.EncodeToString(r.DUID), Reason: clean(r.Reason), Sent: uint32(r.Sent), Next: timestamp(r.Next),
	}
}

func pending(p plan.Pending) *sixfoldv1.Pending {
	return &sixfoldv1.Pending{What: clean(p.What), Reason: clean(p.Reason)}
}

// clean makes text fit for protobuf, which refuses what is not UTF-8: link names, and messages of DHCP servers and BGP
// neighbors, may be anything.
func clean(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

func cleanAll(list []string) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = clean(s)
	}
	return out
}

func addrText(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return clean(a.String())
}

func addrTexts(list []netip.Addr) []string {
	out := make([]string, len(list))
	for i, a := range list {
		out[i] = addrText(a)
	}
	return out
}

func prefixText(p netip.Prefix) string {
	if !p.IsValid() {
		return ""
	}
	return p.String()
}

func macText(m net.HardwareAddr) string { return m.String() }

// timestamp leaves the zero time out.
func timestamp(t time.Time) *timestamppb.Timestamp {
	if t.IsZero() {
		return nil
	}
	return timestamppb.New(t)
}

// eternity is how far ahead the end of a lifetime is taken as never: an infinite lifetime is 136 years on the wire.
const eternity = 100 * 365 * 24 * time.Hour

// until is the end of a lifetime; nil means that it never ends.
func until(t, now time.Time) *timestamppb.Timestamp {
	if t.IsZero() || t.After(now.Add(eternity)) {
		return nil
	}
	return timestamppb.New(t)
}

// lifetime is what is left of a lifetime in the kernel, which has 0xffffffff seconds, or nothing at all, for ever.
func lifetime(d time.Duration) *durationpb.Duration {
	if d <= 0 {
		return nil
	}
	return infinite(d)
}

func infinite(d time.Duration) *durationpb.Duration {
	if d >= ra.Forever {
		return nil
	}
	return durationpb.New(d)
}
