package plan

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/sixfold-router/sixfold/router/config"
	"github.com/sixfold-router/sixfold/vxlan"
)

// VTEPFilter says from where packets of a VXLAN device are accepted: VXLAN has no authentication of its own. A packet to UDP port Port
// is good if its source is in one of Sources and it came in by one of Links; the VNI is in bytes 4 to 6 of its VXLAN header.
type VTEPFilter struct {
	Device  string
	VNI     uint32
	Port    uint16         // UDP destination
	Sources []netip.Prefix // of one family, sorted; empty: no packet is good
	Links   []string       // empty: any
}

// planVXLAN plans the device of an interface. One of which something is not known yet, but for a few of its remotes, is not made.
func (p *planner) planVXLAN(i config.Interface) {
	v, where := i.VXLAN, fmt.Sprintf("interfaces.%s.vxlan", i.Name)
	if _, ok := p.Links[v.Link]; !ok && v.Link != "" {
		// The kernel removes a device with the link that carries it.
		p.pending(where, fmt.Sprintf("there is no link %s to carry it", v.Link))
		return
	}
	local, ok := p.resolveHost(where+".local", v.Local)
	if !ok {
		return
	}
	d := vxlan.Device{
		Name: i.Name, VNI: v.VNI, Group: v.Group, IPv6: v.OverIPv6(), Link: v.Link, Local: local, TTL: v.TTL, Port: v.Port, MTU: i.MTU,
		InnerTags: v.InnerTags, NoLearning: !v.Learning, Ageing: v.Ageing, MaxAddresses: v.MaxAddresses, NoChecksum: !v.UDPChecksum,
		TOS: v.TOS, DF: dontFragment(v.DF), PortLow: v.SourcePorts[0], PortHigh: v.SourcePorts[1],
	}
	for n, h := range v.Remotes {
		if a, ok := p.resolveHost(fmt.Sprintf("%s.remotes[%d]", where, n), h); ok && !slices.Contains(d.Remotes, a) {
			d.Remotes = append(d.Remotes, a)
		}
	}
	for _, e := range v.Static {
		if a, ok := p.resolveHost(fmt.Sprintf("%s.fdb[%q]", where, e.MAC), e.Remote); ok {
			d.Static = append(d.Static, vxlan.StaticEntry{MAC: vxlan.MAC(e.MAC), Remote: a})
		}
	}
	p.plan.VXLAN.Devices[i.Name] = d
	p.plan.VTEPs = append(p.plan.VTEPs, p.vtepSources(i, d))
}

func dontFragment(text string) vxlan.DF {
	for _, df := range []vxlan.DF{vxlan.DFSet, vxlan.DFInherit} {
		if df.String() == text {
			return df
		}
	}
	return vxlan.DFUnset
}

func anywhere(ipv6 bool) netip.Prefix {
	if ipv6 {
		return netip.PrefixFrom(netip.IPv6Unspecified(), 0)
	}
	return netip.PrefixFrom(netip.IPv4Unspecified(), 0)
}

// vtepSources says from where packets of a device are accepted: from the configured sources; else from its remotes, wherever they come
// in, and with a group also from what is on the underlying link.
func (p *planner) vtepSources(i config.Interface, d vxlan.Device) VTEPFilter {
	f := VTEPFilter{Device: d.Name, VNI: d.VNI, Port: d.Port}
	add := func(prefix netip.Prefix) {
		if prefix.Addr().Is6() == d.OverIPv6() && !slices.Contains(f.Sources, prefix.Masked()) {
			f.Sources = append(f.Sources, prefix.Masked())
		}
	}
	switch {
	case len(i.VXLAN.Sources) > 0:
		for _, c := range p.resolveAll(fmt.Sprintf("interfaces.%s.vxlan.sources", i.Name), i.VXLAN.Sources) {
			add(c.prefix)
		}
	case d.Group.IsValid():
		for _, a := range p.Links[d.Link].Addresses {
			add(a.Prefix)
		}
		f.Links = []string{d.Link}
		if len(f.Sources) == 0 { // without an address of its own the link has no prefix to tell neighbors from others
			add(anywhere(d.OverIPv6()))
		}
	}
	if len(i.VXLAN.Sources) == 0 {
		for _, a := range d.Remotes {
			add(netip.PrefixFrom(a, a.BitLen()))
		}
		for _, e := range d.Static {
			// One that is not on the link of the group may come in by another.
			if a := netip.PrefixFrom(e.Remote, e.Remote.BitLen()); !slices.ContainsFunc(f.Sources, func(s netip.Prefix) bool { return s.Contains(e.Remote) }) {
				add(a)
				f.Links = nil
			}
		}
	}
	slices.SortFunc(f.Sources, func(a, b netip.Prefix) int {
		if c := a.Addr().Compare(b.Addr()); c != 0 {
			return c
		}
		return a.Bits() - b.Bits()
	})
	return f
}

// Accepts reports whether a packet from a is good.
func (f VTEPFilter) Accepts(a netip.Addr) bool {
	return slices.ContainsFunc(f.Sources, func(s netip.Prefix) bool { return s.Contains(a) })
}
