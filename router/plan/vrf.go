package plan

import (
	"fmt"
	"net/netip"

	"github.com/sixfold-router/sixfold/router/config"
	"github.com/sixfold-router/sixfold/router/kernel"
	"github.com/sixfold-router/sixfold/router/rib"
	"github.com/sixfold-router/sixfold/router/vrf"
)

// planVRFs plans the instances: their devices, which links belong to them, and what their tables have.
func (p *planner) planVRFs() {
	p.plan.Rules = len(p.Config.VRFs) > 0
	for i := range p.Config.VRFs {
		v := &p.Config.VRFs[i]
		where := vrfWhere(v)
		if l, ok := p.Links[v.Name]; ok && l.Kind != "vrf" {
			p.pending(where, fmt.Sprintf("%s exists and is no VRF device: give the instance another name, or remove that link", v.Name))
			continue
		}
		// Programs in the instance find their own loopback there: that of the machine is in the default instance.
		p.plan.Kernel.Links[v.Name] = kernel.Link{Name: v.Name, DAD: true, Made: true, Addresses: loopback()}
		for _, name := range v.Interfaces {
			if _, ok := p.Links[name]; !ok && !config.IsPattern(name) {
				p.pending(fmt.Sprintf("%s.interfaces %q", where, name), "there is no such link; it is added when it appears")
			}
		}
		p.planStatic(where+".routes", v.Routes, v.Table)
		for _, e := range v.Local {
			p.plan.Kernel.AnyIP = p.plan.Kernel.AnyIP || e.Prefix.Addr().Is6()
		}
		for _, c := range p.resolveAll(where+".local", v.Local) {
			p.plan.Local = append(p.plan.Local, rib.Route{Prefix: c.prefix.Masked(), Kind: rib.Deliver, Link: v.Name, Table: v.Table})
		}
	}
}

// vrfWhere is the place of an instance in the configuration.
func vrfWhere(v *config.VRF) string {
	if v.Management {
		return "management"
	}
	return "vrfs." + v.Name
}

// loopback returns the addresses of the device of an instance.
func loopback() []kernel.Address {
	return []kernel.Address{
		{Prefix: netip.MustParsePrefix("127.0.0.1/8")},
		{Prefix: netip.MustParsePrefix("::1/128")},
	}
}

// planServices plans the units of systemd that run in the management instance.
func (p *planner) planServices() {
	m := p.Config.Management
	if m == nil {
		return
	}
	p.plan.Services = vrf.Config{Device: m.VRF, Index: p.Links[m.VRF].Index, Units: m.Services}
	if len(m.Services) > 0 && p.plan.Services.Index == 0 {
		p.pending("management.services", fmt.Sprintf("there is no device %s yet", m.VRF))
	}
}
