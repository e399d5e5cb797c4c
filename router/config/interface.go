package config

import (
	"net/netip"
	"slices"
	"strings"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
)

// kernelName tells whether the kernel uses the name for something else than an interface.
func kernelName(name string) bool {
	return slices.Contains([]string{".", "..", "all", "default"}, name)
}

// iface converts an interface.
func (b *builder) iface(name string, m *sixfoldv1.Interface, s *spot) Interface {
	if kernelName(name) {
		b.key(s, "%s cannot be the name of an interface: the kernel has another use for it", name)
	}
	b.here = name
	defer func() { b.here = "" }()
	i := Interface{
		Name: name, Description: m.GetDescription(), MTU: int(m.GetMtu()),
		AcceptRA: m.GetAcceptRa(), RequestAddress: m.GetRequestAddress(), DAD: true,
	}
	if m.Dad != nil {
		i.DAD = m.GetDad()
	}
	for n, text := range m.GetAddresses() {
		i.Addresses = append(i.Addresses, b.ownAddress(text, s.field("addresses").item(n)))
	}
	b.linkSettings(&i, m, s)
	i.KnownRouters = b.knownRouters(m.GetKnownRouters(), s.field("known_routers"))
	i.Delegations = b.delegationList(m.GetDelegations(), s.field("delegations"))
	i.Client = b.client(m, s.field("client"))
	if m.GetAdvertise() != nil {
		i.Advertise = b.advertise(m.GetAdvertise(), s.field("advertise"))
		if i.AcceptRA {
			b.errorf(s.field("accept_ra"), "an interface cannot accept router advertisements and send them (%s)", s.field("advertise").where())
		}
	}
	if m.GetDhcpv6() != nil {
		i.DHCPv6 = b.dhcpv6(m.GetDhcpv6(), i.Advertise, s.field("dhcpv6"))
	}
	b.prefixesToAskFor(&i, m, s)
	b.noSLAAC(&i, s)
	if m.GetVxlan() != nil {
		i.VXLAN = b.vxlan(name, m.GetVxlan(), s.field("vxlan"))
	}
	b.devices(&i, m, s)
	if m.GetMld() != nil {
		i.MLD = b.mld(m.GetMld(), s.field("mld"))
	}
	if IsPattern(name) {
		b.checkPattern(name, m, i, s)
	}
	return i
}

// ownAddress reads an address of the router with its prefix length.
func (b *builder) ownAddress(text string, s *spot) Expr {
	e := b.expr(text, s)
	if !e.IsValid() {
		return e
	}
	_, rest := splitName(text)
	if e.Auto != (Slot{}) && !strings.ContainsAny(rest, " \t") && e.Auto.Bits < 128 {
		e.Prefix = netip.PrefixFrom(e.Prefix.Addr().Next(), e.Auto.Bits)
	}
	a, bits := e.Prefix.Addr(), e.Prefix.Bits()
	free := a.BitLen() - bits
	switch {
	case e.IsValid() && !hasLength(rest):
		b.errorf(s, "%s needs a prefix length, as %s/%d", rest, rest, usualBits(e))
	case a.IsMulticast():
		b.errorf(s, "%s is multicast, which no interface can have as its address", rest)
	case a.IsLoopback() && e.Delegation == "":
		b.errorf(s, "%s is the loopback address", rest)
	case free > 1 && e.Prefix.Masked().Addr() == a:
		b.errorf(s, "%s is the network itself; give an address in it, as %s", rest, netip.PrefixFrom(a.Next(), bits))
	case a.IsUnspecified() && e.Auto == (Slot{}):
		b.errorf(s, "%s is not an address", rest)
	case free > 1 && a.Is4() && !e.Prefix.Contains(a.Next()):
		b.errorf(s, "%s is the broadcast address of its network", rest)
	default:
		return e
	}
	return Expr{}
}

func hasLength(text string) bool {
	for _, r := range text {
		if r == '/' {
			return true
		}
	}
	return false
}

func (b *builder) delegationList(m map[string]*sixfoldv1.Delegation, s *spot) []Delegation {
	var all []Delegation
	byIAID := map[uint32]*spot{}
	for _, name := range inOrder(m, s) {
		d, at := m[name], s.entry(name)
		one := Delegation{Name: name, RapidCommit: d.GetRapidCommit(), IAID: d.GetIaid(), ZeroIAID: d.Iaid != nil && d.GetIaid() == 0}
		one.OnChange = b.consumers(d.GetOnChange(), at.field("on_change"))
		one.ExcludedAddress = b.excludedAddress(d.GetExcludedAddress(), at.field("excluded_address"))
		switch {
		case d.GetPrefix() != "":
			if e := b.prefix6(d.GetPrefix(), at.field("prefix")); e.IsValid() {
				if e.Delegation != "" {
					b.errorf(at.field("prefix"), "a hint for the server is a plain prefix")
				}
				one.Hint = e.Prefix
			}
		case d.Length != nil && d.GetLength() <= 64:
			one.Hint = netip.PrefixFrom(netip.IPv6Unspecified(), int(d.GetLength()))
		}
		if d.Iaid != nil {
			if first, ok := byIAID[d.GetIaid()]; ok {
				b.errorf(at.field("iaid"), "iaid %d is used twice on this link, first by %s", d.GetIaid(), first.where())
			} else {
				byIAID[d.GetIaid()] = at
			}
		}
		all = append(all, one)
	}
	sortByName(all, func(d Delegation) string { return d.Name })
	return all
}
