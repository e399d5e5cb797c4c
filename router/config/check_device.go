package config

import (
	"fmt"
	"slices"
)

// checkDevices reports interfaces that go into one another, and ports that cannot be ports.
func (b *builder) checkDevices(cfg *Config) {
	byName := interfacesByName(cfg)
	b.loops(cfg)
	b.checkVLANs(cfg)
	b.checkTunnels(cfg)
	for n := range cfg.Interfaces {
		i := &cfg.Interfaces[n]
		if i.Master != "" {
			b.checkPort(i, byName[i.Master])
			if v := cfg.VRFOf(i.Name); v != nil && slices.Contains(v.Interfaces, i.Name) {
				b.errorf(b.at(i.Name).field("master"), "%s is in the VRF %s by itself; put %s into that instead", i.Name, v.Name, i.Master)
			}
		}
		if i.Bond != nil && i.Bond.Primary != "" {
			if p := byName[i.Bond.Primary]; p != nil && p.Master != i.Name {
				b.errorf(b.at(i.Name).field("bond").field("primary"), "%s is no port of %s: add master: %s to it", p.Name, i.Name, i.Name)
			}
		}
	}
}

func interfacesByName(cfg *Config) map[string]*Interface {
	byName := make(map[string]*Interface, len(cfg.Interfaces))
	for n := range cfg.Interfaces {
		byName[cfg.Interfaces[n].Name] = &cfg.Interfaces[n]
	}
	return byName
}

// checkPort reports what cannot be with a port of that master, which is nil if it is only matched by a pattern.
func (b *builder) checkPort(i, master *Interface) {
	s := b.at(i.Name)
	switch {
	case master == nil || master.Bridge == nil && master.Bond == nil:
		b.errorf(s.field("master"), "%s is no bridge and no bond: add bridge: {} or bond: {} to it", i.Master)
		return
	case i.Name == "lo" || i.GRE != nil:
		b.errorf(s.field("master"), "%s carries no Ethernet, and cannot be a port", i.Name)
		return
	case i.Bridge != nil:
		b.errorf(s.field("master"), "a bridge cannot be a port; make the ports of %s ports of %s", i.Name, i.Master)
		return
	}
	what := map[bool]string{true: "bridge", false: "bond"}[master.Bridge != nil]
	// What comes in by a port belongs to its master: an address here would not be reached.
	if use := usesIP(i); use != "" {
		b.errorf(s.field(use), "%s is a port of the %s %s: this belongs to %[3]s", i.Name, what, i.Master)
	}
	if master.Bond == nil {
		if p := i.BridgePort; p != nil && !master.Bridge.VLANFiltering {
			b.portVLANs(p, i.Master, s.field("bridge_port"))
		}
		return
	}
	if i.BridgePort != nil {
		b.errorf(s.field("bridge_port"), "%s is a bond, whose ports have no such options", i.Master)
	}
	if i.Bond != nil {
		b.errorf(s.field("master"), "a bond cannot be a port of a bond")
	}
	if i.MAC != nil {
		b.errorf(s.field("mac"), "a bond gives its ports their hardware addresses; set that of %s", i.Master)
	}
	if i.MTU > 0 && i.MTU != master.MTU {
		b.errorf(s.field("mtu"), "a bond gives its ports their MTU; set that of %s", i.Master)
	}
}

// portVLANs reports VLANs that would not be kept apart.
func (b *builder) portVLANs(p *BridgePort, bridge string, s *spot) {
	for _, f := range []struct {
		field string
		set   bool
	}{{"pvid", p.PVID != nil}, {"tagged", len(p.Tagged) > 0}, {"untagged", len(p.Untagged) > 0}} {
		if f.set {
			b.errorf(s.field(f.field), "%s does not keep VLANs apart: add vlan_filtering: true to its bridge section", bridge)
		}
	}
}

// usesIP names the field of an interface that needs it to be reached itself; empty: none.
func usesIP(i *Interface) string {
	if len(i.Addresses) > 0 {
		return "addresses"
	}
	return speaksIPv6(i)
}

// checkVLANs reports VLANs of the same number on the same interface, and those that nothing can reach.
func (b *builder) checkVLANs(cfg *Config) {
	type key struct {
		link string
		VLAN
	}
	seen := map[key]*spot{}
	byName := interfacesByName(cfg)
	for _, i := range cfg.Interfaces {
		if i.VLAN == nil || i.VLAN.Link == "" || i.VLAN.ID == 0 {
			continue
		}
		at := b.at(i.Name).field("vlan")
		lower := byName[i.VLAN.Link]
		switch {
		case lower == nil:
		case lower.GRE != nil || lower.Name == "lo":
			b.errorf(at.field("link"), "%s carries no Ethernet, and so no VLANs", lower.Name)
		case lower.Master != "" && byName[lower.Master] != nil && byName[lower.Master].Bond != nil:
			b.errorf(at.field("link"), "%s is a port of the bond %s: make the VLAN on %[2]s", lower.Name, lower.Master)
		}
		k := key{link: i.VLAN.Link, VLAN: *i.VLAN}
		if first, ok := seen[k]; ok {
			b.errorf(at.field("id"), "VLAN %d on %s is also %s", i.VLAN.ID, i.VLAN.Link, first.where())
			continue
		}
		seen[k] = at
	}
}

// checkTunnels reports tunnels that the kernel could not tell apart.
func (b *builder) checkTunnels(cfg *Config) {
	seen := map[string]*spot{}
	for _, i := range cfg.Interfaces {
		g := i.GRE
		if g == nil || !g.Local.IsValid() || !g.Remote.IsValid() {
			continue
		}
		at := b.at(i.Name).field("gre")
		key := fmt.Sprint(g.Local, " ", g.Remote, " ", g.Link, " ", g.Key != nil)
		if g.Key != nil {
			key += fmt.Sprint(*g.Key)
		}
		if first, ok := seen[key]; ok {
			b.errorf(at.field("remote"), "%s has the same ends and key: give them different keys", first.where())
			continue
		}
		seen[key] = at
	}
}
