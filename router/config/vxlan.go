package config

import (
	"net"
	"net/netip"
	"slices"
	"time"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
)

// VXLAN is a tunnel end point. Its addresses are of one family.
type VXLAN struct {
	VNI          uint32
	Group        netip.Addr // multicast; invalid: none
	Remotes      []Host     // not together with Group
	Static       []VXLANStatic
	Link         string // empty: none
	Local        Host   // invalid: the kernel chooses
	TTL          uint8
	Port         uint16
	Learning     bool
	Ageing       time.Duration // Forever: none
	MaxAddresses uint32        // 0: any number
	UDPChecksum  bool
	TOS          uint8     // 1: that of the inner packet
	DF           string    // unset, set, inherit
	SourcePorts  [2]uint16 // both 0: as the kernel chooses
	Sources      []Expr    // empty: from the remotes or the link
	InnerTags    int       // octets of the VLAN tags that inner frames may have
}

// VXLANStatic says behind which remote a hardware address is.
type VXLANStatic struct {
	MAC    net.HardwareAddr
	Remote Host
}

// hosts lists the outer addresses, the group among them, with the fields they stand in.
func (v *VXLAN) hosts() []Host {
	var all []Host
	for _, h := range append([]Host{{Addr: v.Group}, v.Local}, v.Remotes...) {
		if h.IsValid() {
			all = append(all, h)
		}
	}
	for _, s := range v.Static {
		if s.Remote.IsValid() {
			all = append(all, s.Remote)
		}
	}
	return all
}

// OverIPv6 reports the family of the outer header. What is cut from a delegated prefix is IPv6.
func (v *VXLAN) OverIPv6() bool {
	all := v.hosts()
	return len(all) > 0 && all[0].Addr.Is6()
}

// vxlan converts a tunnel end point.
func (b *builder) vxlan(name string, m *sixfoldv1.Vxlan, s *spot) *VXLAN {
	v := &VXLAN{
		VNI: m.GetVni(), Link: m.GetLink(), TTL: 64, Port: 4789, Learning: true, MaxAddresses: m.GetMaxAddresses(), UDPChecksum: true, DF: "unset",
	}
	if m.Ttl != nil {
		v.TTL = uint8(m.GetTtl())
	}
	if m.Port != nil {
		v.Port = uint16(m.GetPort())
	}
	if m.Learning != nil {
		v.Learning = m.GetLearning()
	}
	if m.UdpChecksum != nil {
		v.UDPChecksum = m.GetUdpChecksum()
	}
	if m.GetDf() != "" {
		v.DF = m.GetDf()
	}
	v.Ageing = b.duration(m.GetAgeing(), s.field("ageing"), time.Second, time.Second, Forever, 300*time.Second)
	v.TOS = b.dscp(m.GetDscp(), s.field("dscp"))
	v.SourcePorts = b.portRange(m.GetSourcePorts(), s.field("source_ports"))
	b.vxlanTargets(v, m, s)
	b.vxlanLink(name, v, m, s)
	if m.GetLocal() != "" {
		v.Local = b.local(m.GetLocal(), s.field("local"))
	}
	b.vxlanFamilies(v, m, s)
	b.vxlanScopes(v, m, s)
	for n, text := range m.GetSources() {
		v.Sources = append(v.Sources, b.source(v, text, s.field("sources").item(n)))
	}
	if v.DF != "unset" && v.OverIPv6() {
		b.errorf(s.field("df"), "an IPv6 header has no such bit; its packets are never fragmented on the way")
	}
	if v.TTL == 1 && v.Group.IsValid() {
		b.warnf(s.field("ttl"), "packets to the group %s end at the first router: this segment is one link only", v.Group)
	}
	own := len(v.Static)
	if v.Group.IsValid() || len(v.Remotes) > 0 {
		own++
	}
	if m.MaxAddresses != nil && int(v.MaxAddresses) <= own && v.MaxAddresses > 0 {
		b.errorf(s.field("max_addresses"), "%d leaves no room to learn: %d are taken by fdb, and by the group or the remotes", v.MaxAddresses, own)
	}
	return v
}

// vxlanTargets reads where packets go: a group, remotes, and static entries.
func (b *builder) vxlanTargets(v *VXLAN, m *sixfoldv1.Vxlan, s *spot) {
	switch {
	case m.GetGroup() != "":
		v.Group = b.group(m.GetGroup(), s.field("group"))
		if len(m.GetRemotes()) > 0 {
			b.errorf(s.field("remotes"), "do not go with group (%s): packets to all go to the one or to the others", s.field("group").where())
		}
	case len(m.GetRemotes()) == 0 && len(m.GetFdb()) == 0:
		b.errorf(s.field("group"), "is missing: a VXLAN needs the multicast group of its segment, as 239.0.3.232 or ff05::1000, or remotes")
	}
	for n, text := range m.GetRemotes() {
		at := s.field("remotes").item(n)
		h := b.remote(text, at)
		if h.IsValid() && slices.Contains(v.Remotes, h) {
			b.errorf(at, "%s is in the list twice", text)
		}
		v.Remotes = append(v.Remotes, h)
	}
	for _, text := range inOrder(m.GetFdb(), s.field("fdb")) {
		at := s.field("fdb").entry(text)
		e := VXLANStatic{Remote: b.remote(m.GetFdb()[text], at)}
		mac, err := net.ParseMAC(text)
		switch {
		case err != nil || len(mac) != 6:
			b.key(at, "%s is not a hardware address, as 52:54:00:d6:c2:a9", excerpt(text))
			continue
		case mac[0]&1 != 0:
			b.key(at, "%s is a hardware address of many; one of a machine belongs here", text)
			continue
		case slices.Equal(mac, make(net.HardwareAddr, 6)):
			b.key(at, "%s is no hardware address of a machine; what goes to all goes to group or remotes", text)
			continue
		}
		e.MAC = mac
		if slices.ContainsFunc(v.Static, func(o VXLANStatic) bool { return slices.Equal(o.MAC, mac) }) {
			b.key(at, "%s is here a second time", mac)
		}
		v.Static = append(v.Static, e)
	}
	slices.SortFunc(v.Static, func(a, b VXLANStatic) int { return slices.Compare(a.MAC, b.MAC) })
}

func (b *builder) vxlanLink(name string, v *VXLAN, m *sixfoldv1.Vxlan, s *spot) {
	switch at := s.field("link"); v.Link {
	case "":
		if m.GetGroup() != "" {
			b.errorf(at, "is missing: a VXLAN with a group needs an underlying interface")
		}
	case name:
		b.errorf(at, "%s cannot lie on itself", name)
	default:
		if !b.link(v.Link, at) {
			v.Link = ""
		}
	}
}

// vxlanFamilies reports the addresses that are not of the family of the first one.
func (b *builder) vxlanFamilies(v *VXLAN, m *sixfoldv1.Vxlan, s *spot) {
	six := v.OverIPv6()
	with := "the group " + v.Group.String()
	if !v.Group.IsValid() {
		with = "the rest: all outer addresses of a VXLAN are"
		if v.Local.IsValid() {
			with = "the local address " + v.Local.String()
		}
	}
	check := func(h Host, at *spot) {
		if !h.IsValid() || h.Addr.Is6() == six {
			return
		}
		if v.Group.IsValid() || v.Local.IsValid() {
			b.errorf(at, "%s and %s are not of the same family", h, with)
		} else {
			b.errorf(at, "%s is not of the family of %s of one", h, with)
		}
	}
	check(v.Local, s.field("local"))
	for n, h := range v.Remotes {
		check(h, s.field("remotes").item(n))
	}
	for text := range m.GetFdb() {
		mac, _ := net.ParseMAC(text)
		for _, e := range v.Static {
			if slices.Equal(e.MAC, mac) {
				check(e.Remote, s.field("fdb").entry(text))
			}
		}
	}
}

// vxlanScopes reports link-local addresses where there is no link, or together with others.
func (b *builder) vxlanScopes(v *VXLAN, m *sixfoldv1.Vxlan, s *spot) {
	if linkLocal(v.Local.Addr) && v.Link == "" && m.GetLink() == "" {
		b.errorf(s.field("local"), "%s is link-local: say on which link", v.Local)
	}
	for n, h := range v.Remotes {
		at := s.field("remotes").item(n)
		switch {
		case !h.IsValid() || h.Delegation != "":
		case linkLocal(h.Addr) && m.GetLink() == "":
			b.errorf(at, "%s is link-local: say on which link", h)
		case v.Local.IsValid() && linkLocal(h.Addr) != linkLocal(v.Local.Addr):
			b.errorf(at, "%s does not go with the local address %s: either both are link-local, or none", h, v.Local)
		case h == v.Local:
			b.errorf(at, "%s is the local address", h)
		}
	}
}

func (b *builder) group(text string, s *spot) netip.Addr {
	a, err := parseAddr(text)
	switch {
	case err != nil:
		b.errorf(s, "%v", err)
	case !a.IsMulticast():
		b.errorf(s, "%s is not a multicast address; accepted: 224.0.1.0 to 239.255.255.255, or IPv6 beginning with ff", a)
	case a.Is4() && a.IsLinkLocalMulticast():
		b.errorf(s, "%s belongs to the protocols of the link itself (RFC 5771 4); take one of 239.0.0.0/8", a)
	case a.IsInterfaceLocalMulticast():
		b.errorf(s, "%s never leaves the machine (RFC 4291 2.7); take one of ff05::/16", a)
	default:
		return a
	}
	return netip.Addr{}
}

// remote reads the address of another end point.
func (b *builder) remote(text string, s *spot) Host {
	if h, ok := b.relative(text, s); ok {
		return h
	}
	a, err := parseAddr(text)
	switch {
	case err != nil:
		b.errorf(s, "%v", err)
	case a.IsMulticast():
		b.errorf(s, "%s is a multicast group; it belongs to group", a)
	case a.IsUnspecified() || a.IsLoopback() || a == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		b.errorf(s, "%s is not the address of a machine", a)
	default:
		return Host{Addr: a}
	}
	return Host{}
}

// local reads one of our own addresses as the source of packets.
func (b *builder) local(text string, s *spot) Host {
	if h, ok := b.relative(text, s); ok {
		return h
	}
	a, err := parseAddr(text)
	switch {
	case err != nil:
		b.errorf(s, "%v", err)
	case a.IsUnspecified() || a.IsMulticast():
		b.errorf(s, "%s cannot be the source of packets", a)
	default:
		return Host{Addr: a}
	}
	return Host{}
}

// source reads a prefix from which packets are accepted; an address is one of a single machine.
func (b *builder) source(v *VXLAN, text string, s *spot) Expr {
	e := b.expr(text, s)
	switch {
	case !e.IsValid():
	case e.Masked() != e:
		b.errorf(s, "%s has bits beyond its length; did you mean %s?", e, e.Masked())
	case e.Prefix.Addr().IsMulticast():
		b.errorf(s, "%s is multicast, and no packet comes from there", e)
	case len(v.hosts()) > 0 && e.Prefix.Addr().Is6() != v.OverIPv6():
		b.errorf(s, "%s is not of the family of the segment", e)
	default:
		return e
	}
	return Expr{}
}
