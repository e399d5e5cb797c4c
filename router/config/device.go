package config

import (
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
)

// devices converts what makes an interface, and what it is a port of.
func (b *builder) devices(i *Interface, m *sixfoldv1.Interface, s *spot) {
	b.oneKind(i.Name, m, s)
	if m.GetVlan() != nil {
		i.VLAN = b.vlan(i.Name, m.GetVlan(), s.field("vlan"))
	}
	if m.GetBridge() != nil {
		i.Bridge = b.bridge(m.GetBridge(), s.field("bridge"))
	}
	if m.GetDummy() != nil {
		i.Dummy = &Dummy{}
	}
	if m.GetGre() != nil {
		i.GRE = b.gre(i.Name, m.GetGre(), s.field("gre"))
	}
	if m.GetBond() != nil {
		i.Bond = b.bond(m.GetBond(), s.field("bond"))
	}
	i.MAC = b.linkMAC(m, s)
	if i.Master = m.GetMaster(); i.Master == i.Name {
		b.errorf(s.field("master"), "%s cannot be a port of itself", i.Name)
		i.Master = ""
	} else if i.Master != "" && !b.link(i.Master, s.field("master")) {
		i.Master = ""
	}
	if p := m.GetBridgePort(); p != nil {
		i.BridgePort = b.bridgePort(p, s.field("bridge_port"))
		if m.GetMaster() == "" {
			b.errorf(s.field("bridge_port"), "says how the interface is a port, but not of which bridge: add master")
		}
	}
}

// oneKind reports an interface that should be two kinds of device.
func (b *builder) oneKind(name string, m *sixfoldv1.Interface, s *spot) {
	var kinds []string
	for _, k := range []struct {
		name string
		set  bool
	}{
		{"vxlan", m.GetVxlan() != nil}, {"vlan", m.GetVlan() != nil}, {"bridge", m.GetBridge() != nil},
		{"dummy", m.GetDummy() != nil}, {"gre", m.GetGre() != nil}, {"bond", m.GetBond() != nil},
	} {
		if k.set {
			kinds = append(kinds, k.name)
		}
	}
	if len(kinds) == 0 {
		return
	}
	kinds = inFile(kinds, func(k string) *spot { return s.field(k) })
	for _, k := range kinds[1:] {
		b.key(s.field(k), "%s is a %s already; an interface is of one kind", name, kinds[0])
	}
	if name == "lo" {
		b.key(s.field(kinds[0]), "lo is the loopback interface, which the kernel makes")
	}
}

// linkMAC reads a hardware address of an interface (IEEE 802).
func (b *builder) linkMAC(m *sixfoldv1.Interface, s *spot) net.HardwareAddr {
	text, at := m.GetMac(), s.field("mac")
	if text == "" {
		return nil
	}
	mac, err := net.ParseMAC(text)
	switch {
	case err != nil || len(mac) != 6:
		b.errorf(at, "%q is not a hardware address: six octets, as 52:54:00:d6:c2:a9", excerpt(text))
	case mac[0]&1 != 0:
		b.errorf(at, "%s is a group address, which no interface can have", mac)
	case slices.Max(mac) == 0:
		b.errorf(at, "%s is not an address", mac)
	case m.GetGre() != nil:
		b.errorf(at, "a gre tunnel has no hardware address")
	default:
		return mac
	}
	return nil
}

func (b *builder) vlan(name string, m *sixfoldv1.Vlan, s *spot) *VLAN {
	v := &VLAN{ID: uint16(m.GetId()), Dot1AD: m.GetProtocol() == "802.1ad"}
	v.Link = b.lower(name, m.GetLink(), s.field("link"))
	if m.GetLink() == "" {
		b.errorf(s.field("link"), "is missing: a VLAN needs an interface that carries it")
	}
	return v
}

// lower reads the interface that another one lies on.
func (b *builder) lower(name, link string, s *spot) string {
	switch {
	case link == "":
	case link == name:
		b.errorf(s, "%s cannot lie on itself", name)
	case b.link(link, s):
		return link
	}
	return ""
}

func (b *builder) bridge(m *sixfoldv1.Bridge, s *spot) *Bridge {
	v := &Bridge{
		STP: m.GetStp(), Priority: 32768, PVID: 1, VLANFiltering: m.GetVlanFiltering(), Dot1AD: m.GetVlanProtocol() == "802.1ad",
		MulticastSnooping: m.MulticastSnooping,
		HelloTime:         b.duration(m.GetHelloTime(), s.field("hello_time"), time.Second, time.Second, 10*time.Second, 2*time.Second),
		MaxAge:            b.duration(m.GetMaxAge(), s.field("max_age"), time.Second, 6*time.Second, 40*time.Second, 20*time.Second),
		AgeingTime:        b.duration(m.GetAgeingTime(), s.field("ageing_time"), time.Second, 0, 1000000*time.Second, 300*time.Second),
		ForwardDelay:      b.duration(m.GetForwardDelay(), s.field("forward_delay"), time.Second, 0, 30*time.Second, 15*time.Second),
	}
	if m.Priority != nil {
		v.Priority = uint16(m.GetPriority())
	}
	if m.Pvid != nil {
		v.PVID = uint16(m.GetPvid())
	}
	if v.STP && v.ForwardDelay < 2*time.Second {
		b.errorf(s.field("forward_delay"), "with stp it is 2s to 30s: without it a loop would be forwarded before it is seen")
	}
	// IEEE 802.1D 8.10.2: else the tree forgets its root while a change still spreads.
	if v.STP && v.MaxAge > 2*(v.ForwardDelay-time.Second) && v.ForwardDelay >= 2*time.Second {
		b.errorf(s.field("max_age"), "%s is more than twice forward_delay less 1s, %s (IEEE 802.1D 8.10.2)", FormatDuration(v.MaxAge), FormatDuration(2*(v.ForwardDelay-time.Second)))
	}
	if v.STP && v.MaxAge < 2*(v.HelloTime+time.Second) {
		b.errorf(s.field("max_age"), "%s is less than twice hello_time and 1s, %s (IEEE 802.1D 8.10.2)", FormatDuration(v.MaxAge), FormatDuration(2*(v.HelloTime+time.Second)))
	}
	v.Tagged = b.vlanList(m.GetTagged(), s.field("tagged"))
	if !v.VLANFiltering {
		for _, field := range []struct {
			name string
			set  bool
		}{{"pvid", m.Pvid != nil}, {"vlan_protocol", m.GetVlanProtocol() != ""}, {"tagged", len(m.GetTagged()) > 0}} {
			if field.set {
				b.errorf(s.field(field.name), "counts only on a bridge that keeps VLANs apart: add vlan_filtering: true")
			}
		}
	}
	return v
}

// vlanList reads VLANs as 300 and 300-309.
func (b *builder) vlanList(texts []string, s *spot) []VLANRange {
	var all []VLANRange
	for n, text := range texts {
		r, err := parseVLANs(text)
		if err != nil {
			b.errorf(s.item(n), "%v", err)
		} else if at := slices.IndexFunc(all, func(o VLANRange) bool { return o.From != 0 && r.From <= o.To && o.From <= r.To }); at >= 0 {
			b.errorf(s.item(n), "%s overlaps %s", text, s.item(at).where())
		}
		all = append(all, r)
	}
	return all
}

func parseVLANs(text string) (VLANRange, error) {
	first, last, isRange := strings.Cut(text, "-")
	if !isRange {
		last = first
	}
	from, err := strconv.ParseUint(strings.TrimSpace(first), 10, 16)
	to, err2 := strconv.ParseUint(strings.TrimSpace(last), 10, 16)
	switch {
	case err != nil || err2 != nil:
		return VLANRange{}, fmt.Errorf("%q is not a VLAN: a number as 300, or two as 300-309", excerpt(text))
	case from < 1 || to > 4094:
		return VLANRange{}, fmt.Errorf("%s is out of range; accepted: 1 to 4094", excerpt(text))
	case from > to:
		return VLANRange{}, fmt.Errorf("%s ends before it begins", excerpt(text))
	}
	return VLANRange{uint16(from), uint16(to)}, nil
}

func (b *builder) gre(name string, m *sixfoldv1.Gre, s *spot) *GRE {
	g := &GRE{TTL: 64, TOS: uint8(m.GetTos()), Key: m.Key}
	if m.Ttl != nil {
		g.TTL = uint8(m.GetTtl())
	}
	if g.TOS%4 != 0 {
		b.errorf(s.field("tos"), "%d sets bits of ECN, which the kernel sees to (RFC 6040); accepted: multiples of 4", g.TOS)
	}
	g.Link = b.lower(name, m.GetLink(), s.field("link"))
	if m.GetLocal() == "" {
		b.errorf(s.field("local"), "is missing: a tunnel needs our own outer address")
	} else {
		g.Local = b.local(m.GetLocal(), s.field("local"))
	}
	if m.GetRemote() == "" {
		b.errorf(s.field("remote"), "is missing: a tunnel needs the outer address of the other end")
		return g
	}
	at := s.field("remote")
	if delegated, _ := splitName(m.GetRemote()); delegated != "" {
		b.errorf(at, "%s would be an address of ours; give that of the other end", excerpt(m.GetRemote()))
		return g
	}
	remote, err := parseAddr(m.GetRemote())
	switch {
	case err != nil:
		b.errorf(at, "%v", err)
	case remote.IsUnspecified() || remote.IsMulticast() || remote.IsLoopback():
		b.errorf(at, "%s is not the address of a machine", remote)
	default:
		g.Remote = Host{Addr: remote}
	}
	switch {
	case !g.Local.IsValid() || !g.Remote.IsValid():
	case g.Local.Delegation == "" && g.Local.Addr == g.Remote.Addr:
		b.errorf(at, "%s is also local: a tunnel has two ends", g.Remote)
	case g.Local.Addr.Is4() != g.Remote.Addr.Is4():
		b.errorf(at, "%s and the local address %s are not of the same family", g.Remote, g.Local)
	case linkLocal(g.Remote.Addr) && g.Link == "" && m.GetLink() == "":
		b.errorf(at, "%s is link-local: say with link which interface it is on", g.Remote)
	}
	return g
}

func (b *builder) bridgePort(m *sixfoldv1.BridgePort, s *spot) *BridgePort {
	on := func(v *bool) bool { return v == nil || *v }
	p := &BridgePort{
		Isolated: m.GetIsolated(), Hairpin: m.GetHairpin(), Cost: m.GetCost(), Priority: 32, Learning: on(m.Learning), Flood: on(m.Flood),
		MulticastFlood: on(m.MulticastFlood), BroadcastFlood: on(m.BroadcastFlood), BPDUGuard: m.GetBpduGuard(), RootGuard: m.GetRootGuard(), FastLeave: m.GetFastLeave(),
	}
	if m.Pvid != nil {
		v := uint16(m.GetPvid())
		p.PVID = &v
	}
	if m.Priority != nil {
		p.Priority = uint16(m.GetPriority())
	}
	p.Tagged = b.vlanList(m.GetTagged(), s.field("tagged"))
	p.Untagged = b.vlanList(m.GetUntagged(), s.field("untagged"))
	for n, u := range p.Untagged {
		for _, t := range p.Tagged {
			if u.From != 0 && t.From != 0 && u.From <= t.To && t.From <= u.To {
				b.errorf(s.field("untagged").item(n), "%s is also among the tagged ones", m.GetUntagged()[n])
			}
		}
	}
	if p.PVID != nil && *p.PVID != 0 {
		for n, t := range p.Tagged {
			if t.From != 0 && t.From <= *p.PVID && *p.PVID <= t.To {
				b.errorf(s.field("tagged").item(n), "%s has the pvid, %d, which leaves without a tag", m.GetTagged()[n], *p.PVID)
			}
		}
	}
	return p
}
