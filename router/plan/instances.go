package plan

import (
	"fmt"

	"github.com/sixfold-router/sixfold/bgp"
	"github.com/sixfold-router/sixfold/dhcpv6"
	"github.com/sixfold-router/sixfold/router/kernel"
	"github.com/sixfold-router/sixfold/router/rib"
)

// planInstances makes room for what runs in each VRF, before any link is planned.
func (p *planner) planInstances() {
	for _, v := range p.Config.VRFs {
		if p.plan.Instances == nil {
			p.plan.Instances = map[string]Instance{}
		}
		p.plan.Instances[v.Name] = Instance{
			Table: v.Table,
			DHCP:  dhcpv6.Config{DUID: p.DUID, Device: p.device(v.Name), Interfaces: map[string]dhcpv6.Interface{}},
		}
	}
	if len(p.Config.VRFs) == 0 {
		return
	}
	for _, l := range p.Links {
		if l.Index != 0 && l.Kind != "vrf" && p.tables(l) != rib.MainTable {
			if p.plan.DHCP.Elsewhere == nil {
				p.plan.DHCP.Elsewhere = map[int]bool{}
			}
			p.plan.DHCP.Elsewhere[l.Index] = true
		}
	}
}

// device returns the index of the device of a VRF, 0 if there is none.
func (p *planner) device(vrf string) int {
	if l := p.Links[vrf]; l.Kind == "vrf" {
		return l.Index
	}
	return 0
}

// vrfOf returns the VRF that a link is configured to be in; empty: none.
func (p *planner) vrfOf(link string) string {
	if v := p.Config.VRFOf(link); v != nil {
		return v.Name
	}
	return ""
}

// tableOf returns the table that a link is configured to be in; 0 is the main one.
func (p *planner) tableOf(link string) uint32 {
	if v := p.Config.VRFOf(link); v != nil {
		return v.Table
	}
	return 0
}

// misplaced says why nothing can run on a link yet: what it would learn and serve is for another instance than the link is in. Empty:
// it is where it belongs.
func (p *planner) misplaced(state kernel.LinkState) string {
	v := p.Config.VRFOf(state.Name)
	switch is := p.tables(state); {
	case v == nil && is != rib.MainTable:
		return fmt.Sprintf("the link belongs to the VRF with table %d, and is not configured to", is)
	case v != nil && is != v.Table:
		return fmt.Sprintf("the link does not belong to VRF %s yet", v.Name)
	}
	return ""
}

// serve adds what DHCPv6 serves on a link, to the instance of the link.
func (p *planner) serve(in dhcpv6.Interface) {
	if vrf := p.vrfOf(in.Link); vrf != "" {
		p.plan.Instances[vrf].DHCP.Interfaces[in.Link] = in
		return
	}
	p.plan.DHCP.Interfaces[in.Link] = in
}

// planSpeakers plans the BGP speaker of each instance that has one.
func (p *planner) planSpeakers() {
	if b := p.Config.BGP; b != nil {
		p.plan.BGP = p.planBGP("bgp", b)
	}
	for _, v := range p.Config.VRFs {
		if v.BGP == nil {
			continue
		}
		where := vrfWhere(&v) + ".bgp"
		if _, ok := p.Links[v.Name]; !ok {
			p.pending(where, fmt.Sprintf("the device %s does not exist yet", v.Name))
			continue
		}
		n := p.plan.Instances[v.Name]
		n.BGP = p.planBGP(where, v.BGP)
		n.BGP.Device, n.BGP.Index = v.Name, p.device(v.Name)
		p.plan.Instances[v.Name] = n
	}
}

// Instance is the desired state of what runs in a VRF.
type Instance struct {
	Table uint32
	BGP   bgp.Config
	DHCP  dhcpv6.Config
}
