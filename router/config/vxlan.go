package config

import (
	"net/netip"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
)

// vxlan converts a tunnel end point.
func (b *builder) vxlan(name string, m *sixfoldv1.Vxlan, s *spot) *VXLAN {
	v := &VXLAN{VNI: m.GetVni(), Link: m.GetLink(), TTL: 64, Port: 4789}
	if m.Ttl != nil {
		v.TTL = uint8(m.GetTtl())
	}
	if m.Port != nil {
		v.Port = uint16(m.GetPort())
	}
	v.Group = b.group(m.GetGroup(), s.field("group"))
	switch at := s.field("link"); v.Link {
	case "":
		b.errorf(at, "is missing: a VXLAN needs an underlying interface")
	case name:
		b.errorf(at, "%s cannot lie on itself", name)
	default:
		if !b.link(v.Link, at) {
			v.Link = ""
		}
	}
	if m.GetLocal() != "" {
		v.Local = b.local(m.GetLocal(), s.field("local"))
		if v.Local.IsValid() && v.Group.IsValid() && v.Local.Addr.Is4() != v.Group.Is4() {
			b.errorf(s.field("local"), "%s and the group %s are not of the same family", v.Local, v.Group)
		}
	}
	return v
}

func (b *builder) group(text string, s *spot) netip.Addr {
	if text == "" {
		b.errorf(s, "is missing: a VXLAN needs the multicast group of its segment, as 239.0.3.232 or ff05::1000")
		return netip.Addr{}
	}
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
