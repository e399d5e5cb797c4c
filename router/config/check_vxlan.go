package config

import "net/netip"

// vniKey is what the kernel wants to be unique in a network namespace. The link belongs to it only where both ends of the
// outer header are link-local.
type vniKey struct {
	vni  uint32
	port uint16
	ipv4 bool
	link string
}

// checkVXLANs reports segments that clash, and tunnels that end up in themselves.
func (b *builder) checkVXLANs(cfg *Config) {
	seen := map[vniKey]*spot{}
	zero := map[uint16]checksum{}
	innerTags(cfg)
	for _, i := range cfg.Interfaces {
		v := i.VXLAN
		if v == nil {
			continue
		}
		at := b.at(i.Name).field("vxlan")
		b.scopes(v, at)
		if v.OverIPv6() {
			b.agree(v, at, zero)
		}
		if v.VNI == 0 || len(v.hosts()) == 0 {
			continue
		}
		k := vniKey{vni: v.VNI, port: v.Port, ipv4: !v.OverIPv6()}
		if linkLocal(v.Local.Addr) && v.Link != "" {
			k.link = v.Link
		}
		if first, ok := seen[k]; ok {
			b.errorf(at.field("vni"), "vni %d on UDP port %d is also %s; the kernel takes one for each port and address family", v.VNI, v.Port, first.where())
			continue
		}
		seen[k] = at.field("vni")
	}
}

// vlanTag is what an 802.1Q tag adds to a frame.
const vlanTag = 4

// innerTags notes which segments carry frames with VLAN tags: those with VLANs on them, or on the bridge that they are a port of.
func innerTags(cfg *Config) {
	byName := interfacesByName(cfg)
	tags := map[string]int{} // by the interface below
	for n := range cfg.Interfaces {
		deep := 0
		for i := &cfg.Interfaces[n]; i != nil && i.VLAN != nil && deep < len(cfg.Interfaces); i = byName[i.VLAN.Link] {
			deep++
			tags[i.VLAN.Link] = max(tags[i.VLAN.Link], deep*vlanTag)
		}
	}
	for n := range cfg.Interfaces {
		i := &cfg.Interfaces[n]
		if i.VXLAN == nil {
			continue
		}
		i.VXLAN.InnerTags = tags[i.Name]
		bridge := byName[i.Master]
		switch {
		case bridge == nil || bridge.Bridge == nil:
		case !bridge.Bridge.VLANFiltering:
			i.VXLAN.InnerTags = max(i.VXLAN.InnerTags, tags[i.Master])
		case i.BridgePort != nil && len(i.BridgePort.Tagged) > 0:
			i.VXLAN.InnerTags = max(i.VXLAN.InnerTags, vlanTag)
		}
	}
}

// checksum is whether packets of a port have one, and where it is said.
type checksum struct {
	on   bool
	spot *spot
}

// agree reports an IPv6 end point that has another mind of checksums than the first of its port: they share a socket.
func (b *builder) agree(v *VXLAN, at *spot, seen map[uint16]checksum) {
	s := at.field("udp_checksum")
	first, ok := seen[v.Port]
	switch {
	case !ok:
		seen[v.Port] = checksum{v.UDPChecksum, s}
	case first.on != v.UDPChecksum:
		b.errorf(s, "all IPv6 segments of UDP port %d share a socket, and it is %t for %s", v.Port, first.on, first.spot.where())
	}
}

// scopes reports source and group of which only one is link-local, which the kernel refuses.
func (b *builder) scopes(v *VXLAN, s *spot) {
	if !v.Local.IsValid() || !v.Group.IsValid() || v.Local.Addr.Is4() || v.Group.Is4() {
		return
	}
	if linkLocal(v.Local.Addr) != v.Group.IsLinkLocalMulticast() {
		b.errorf(s.field("local"), "%s does not go with the group %s: either both are link-local (fe80::/10 with ff02::/16), or none", v.Local, v.Group)
	}
}

func linkLocal(a netip.Addr) bool { return a.IsValid() && a.Is6() && a.IsLinkLocalUnicast() }
