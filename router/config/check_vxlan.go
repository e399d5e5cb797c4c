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
	under := map[string]string{}
	for _, i := range cfg.Interfaces {
		v := i.VXLAN
		if v == nil {
			continue
		}
		at := b.at(i.Name).field("vxlan")
		under[i.Name] = v.Link
		b.scopes(v, at)
		if v.VNI == 0 || !v.Group.IsValid() {
			continue
		}
		k := vniKey{vni: v.VNI, port: v.Port, ipv4: v.Group.Is4()}
		if linkLocal(v.Local.Addr) && v.Group.IsLinkLocalMulticast() {
			k.link = v.Link
		}
		if first, ok := seen[k]; ok {
			b.errorf(at.field("vni"), "vni %d on UDP port %d is also %s; the kernel takes one for each port and address family", v.VNI, v.Port, first.where())
			continue
		}
		seen[k] = at.field("vni")
	}
	b.loops(cfg, under)
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

// loops reports a VXLAN that lies, over others, on itself: at the last one of the circle, and once.
func (b *builder) loops(cfg *Config, under map[string]string) {
	reported := map[string]bool{}
	for n := len(cfg.Interfaces) - 1; n >= 0; n-- {
		name := cfg.Interfaces[n].Name
		path, at := name, under[name]
		members := []string{name}
		for steps := 0; at != "" && at != name && steps < len(under); steps++ {
			path += " over " + at
			members = append(members, at)
			at = under[at]
		}
		if at != name || reported[name] || under[name] == name {
			continue
		}
		for _, m := range members {
			reported[m] = true
		}
		b.errorf(b.at(name).field("vxlan").field("link"), "goes in a circle: %s over %s", excerpt(path), name)
	}
}
