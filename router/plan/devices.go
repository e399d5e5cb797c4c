package plan

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"net"

	"github.com/sixfold-router/sixfold/router/config"
	"github.com/sixfold-router/sixfold/router/device"
	"github.com/sixfold-router/sixfold/router/kernel"
)

// planDevices plans the links that the router makes, what links are ports of, and hardware addresses.
func (p *planner) planDevices() {
	for i := range p.Config.Interfaces {
		p.planDevice(&p.Config.Interfaces[i])
	}
	for i := range p.Config.VRFs {
		v := &p.Config.VRFs[i]
		p.plan.Devices.Devices[v.Name] = device.Device{Name: v.Name, VRF: &device.VRF{Table: v.Table}}
	}
	for name := range p.Links {
		p.planInstance(name)
	}
	for name := range p.plan.Devices.Devices {
		p.planInstance(name)
	}
	p.plan.Ports = map[string]int{}
	for name, m := range p.plan.Devices.Members {
		if l, ok := p.Links[name]; ok && m.Master != "" {
			p.plan.Ports[name] = l.Index
		}
	}
}

// planInstance makes a link a port of the device of its VRF.
func (p *planner) planInstance(name string) {
	if v := p.Config.VRFOf(name); v != nil && v.Name != name && name != "lo" && p.plan.Devices.Members[name].Master == "" {
		p.plan.Devices.Members[name] = device.Member{Master: v.Name}
	}
}

func (p *planner) planDevice(i *config.Interface) {
	member := device.Member{Master: i.Master, Port: device.DefaultPort()}
	if b := i.BridgePort; b != nil {
		member.Port = bridgePort(b)
	}
	p.plan.Devices.Members[i.Name] = member
	d := device.Device{Name: i.Name, MAC: i.MAC}
	switch i.Kind() {
	case "", "vxlan":
		if i.MAC != nil {
			p.plan.Devices.MACs[i.Name] = i.MAC
		}
		return
	case "vlan":
		d.VLAN = &device.VLAN{Link: i.VLAN.Link, ID: i.VLAN.ID, Protocol: tag(i.VLAN.Dot1AD)}
	case "bridge":
		d.Bridge = p.bridge(i)
		if d.MAC == nil {
			d.MAC = p.ownMAC(i.Name)
		}
	case "dummy":
		d.Dummy = true
	case "gre":
		local, ok := p.resolveHost(fmt.Sprintf("interfaces.%s.gre.local", i.Name), i.GRE.Local)
		if !ok {
			return
		}
		d.GRE = &device.GRE{Local: local, Remote: i.GRE.Remote.Addr, Link: i.GRE.Link, Key: i.GRE.Key, TTL: i.GRE.TTL, TOS: i.GRE.TOS}
	case "bond":
		d.Bond = bond(i.Bond)
	}
	if lower := i.Lower(); lower != "" && !p.comes(lower) {
		p.pending(fmt.Sprintf("interfaces.%s.%s", i.Name, i.Kind()), fmt.Sprintf("there is no link %s to carry it", lower))
		return
	}
	p.plan.Devices.Devices[i.Name] = d
}

// comes reports whether a link is there, or will be made together with those on it.
func (p *planner) comes(name string) bool {
	for range p.Config.Interfaces { // a circle is refused with the configuration; this ends in any case
		if _, ok := p.Links[name]; ok {
			return true
		}
		i := p.configured(name)
		if i == nil || i.Kind() == "" || i.Kind() == "vxlan" {
			return false
		}
		if name = i.Lower(); name == "" {
			return true
		}
	}
	return false
}

// configured returns the configuration of an interface, nil if there is none.
func (p *planner) configured(name string) *config.Interface {
	if p.byName == nil {
		p.byName = make(map[string]*config.Interface, len(p.Config.Interfaces))
		for i := range p.Config.Interfaces {
			p.byName[p.Config.Interfaces[i].Name] = &p.Config.Interfaces[i]
		}
	}
	return p.byName[name]
}

// mtu returns the MTU that a link is to have, 0 for the one that it has. A VLAN of which nothing is said follows the link that carries
// it: the kernel looks at that once, when the VLAN is made, which may be before.
func (p *planner) mtu(i *config.Interface) int {
	for range p.Config.Interfaces {
		if i.MTU != 0 || i.VLAN == nil {
			return i.MTU
		}
		if i = p.configured(i.VLAN.Link); i == nil {
			return 0
		}
	}
	return 0
}

func (p *planner) bridge(i *config.Interface) *device.Bridge {
	b := i.Bridge
	out := &device.Bridge{
		STP: b.STP, Priority: b.Priority, HelloTime: b.HelloTime, ForwardDelay: b.ForwardDelay, MaxAge: b.MaxAge, AgeingTime: b.AgeingTime,
		VLANFiltering: b.VLANFiltering, PVID: b.PVID, VLANProtocol: tag(b.Dot1AD), Tagged: ranges(b.Tagged),
	}
	p.bridgeMulticast(i, out)
	if !b.VLANFiltering {
		return out
	}
	// What lies on the bridge has to reach it.
	for n := range p.Config.Interfaces {
		v := p.Config.Interfaces[n].VLAN
		if v != nil && v.Link == i.Name && v.Dot1AD == b.Dot1AD && v.ID != b.PVID {
			out.Tagged = append(out.Tagged, device.Range{From: v.ID, To: v.ID})
		}
	}
	return out
}

// ownMAC returns a locally administered hardware address that belongs to this machine and the name: a bridge that had that of a port
// would change it, and its link-local address, as ports come and go.
func (p *planner) ownMAC(name string) net.HardwareAddr {
	if len(p.DUID) == 0 {
		return nil
	}
	sum := sha256.Sum256(append([]byte("bridge "+name+" of "), p.DUID...))
	sum[0] = sum[0]&^1 | 2
	return sum[:6]
}

func bond(b *config.Bond) *device.Bond {
	out := &device.Bond{
		MIIMon: b.MIIMon, UpDelay: b.UpDelay, DownDelay: b.DownDelay, FastLACP: b.FastLACP, Primary: b.Primary, MinLinks: b.MinLinks,
	}
	for m := device.BalanceRR; m <= device.BalanceALB; m++ {
		if m.String() == b.Mode {
			out.Mode = m
		}
	}
	for h := device.Layer2; h <= device.VLANSource; h++ {
		if h.String() == b.HashPolicy {
			out.HashPolicy = h
		}
	}
	return out
}

func bridgePort(b *config.BridgePort) device.Port {
	return device.Port{
		PVID: b.PVID, Tagged: ranges(b.Tagged), Untagged: ranges(b.Untagged), Isolated: b.Isolated, Cost: b.Cost, Priority: b.Priority,
		Hairpin: b.Hairpin, Learning: b.Learning, Flood: b.Flood, MulticastFlood: b.MulticastFlood, BroadcastFlood: b.BroadcastFlood,
		BPDUGuard: b.BPDUGuard, RootGuard: b.RootGuard, FastLeave: b.FastLeave,
	}
}

func tag(dot1ad bool) device.Protocol {
	if dot1ad {
		return device.Dot1AD
	}
	return device.Dot1Q
}

func ranges(all []config.VLANRange) []device.Range {
	var out []device.Range
	for _, r := range all {
		out = append(out, device.Range{From: r.From, To: r.To})
	}
	return out
}

// Foreign reports whether a link has the name of one that the router makes, and was made by somebody else: it is not ours to give
// addresses.
func Foreign(i config.Interface, l kernel.LinkState) bool {
	switch i.Kind() {
	case "":
		return false
	case "vxlan":
		return l.Kind != "vxlan"
	}
	return !device.Owns(l.Kind, l.Group)
}

// NotOurs says what is in the way of a device that the router makes.
func NotOurs(l kernel.LinkState) string {
	return fmt.Sprintf("there is a link %s already, of kind %s, which is not ours", l.Name, cmp.Or(l.Kind, "hardware"))
}

func NotOursAdvice(l kernel.LinkState) string {
	if l.Kind == "" {
		return fmt.Sprintf("configure another name than %s", l.Name)
	}
	return fmt.Sprintf("remove it (ip link delete %s), and it is made anew, or take %s out of the configuration", l.Name, l.Name)
}
