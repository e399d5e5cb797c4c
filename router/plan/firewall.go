package plan

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"github.com/sixfold-router/sixfold/router/config"
	"github.com/sixfold-router/sixfold/router/firewall"
	"github.com/sixfold-router/sixfold/router/firewall/packet"
)

// planFirewall plans the table. It comes last: what this router serves follows from the rest of the plan.
func (p *planner) planFirewall() {
	f := p.Config.Firewall
	p.planVTEPs()
	p.planStale()
	if f == nil {
		return
	}
	p.planZones(f)
	for _, s := range f.AddressSets {
		set := firewall.AddressSet{Name: s.Name}
		set.Prefixes, set.Relative, _ = p.networks("firewall.address_sets."+s.Name, s.Addresses)
		p.plan.Firewall.AddressSets = append(p.plan.Firewall.AddressSets, set)
	}
	for _, s := range f.PortSets {
		p.plan.Firewall.PortSets = append(p.plan.Firewall.PortSets, firewall.PortSet{Name: s.Name, Ranges: s.Ports})
	}
	for i := range f.Policies {
		p.plan.Firewall.Policies = append(p.plan.Firewall.Policies, p.policy(fmt.Sprintf("firewall.policies[%d]", i), &f.Policies[i]))
	}
	p.plan.Firewall.Services = p.served()
	p.plan.Firewall.Logins = p.logins()
	p.planTranslation(f)
	p.planProtection(f)
}

// planVTEPs has VXLAN packets accepted from known end points only, with or without a firewall: the protocol has no authentication.
// A port of which every device takes packets from all addresses there are needs no filter.
func (p *planner) planVTEPs() {
	filtered := map[uint16]bool{}
	for _, v := range p.plan.VTEPs {
		open := len(v.Links) == 0 && slices.ContainsFunc(v.Sources, func(s netip.Prefix) bool { return s.Bits() == 0 })
		filtered[v.Port] = filtered[v.Port] || !open
	}
	for _, v := range p.plan.VTEPs {
		if filtered[v.Port] {
			p.plan.Firewall.VTEPs = append(p.plan.Firewall.VTEPs, firewall.VTEPFilter{Device: v.Device, VNI: v.VNI, Port: v.Port, Sources: v.Sources, Links: v.Links})
		}
	}
}

// planZones says which links are in each zone. Links of the management instance are in none that does not name them.
func (p *planner) planZones(f *config.Firewall) {
	links := f.ZoneLinks(slices.Sorted(maps.Keys(p.Links)), func(link string) bool {
		v := p.Config.VRFOf(link)
		return v == nil || !v.Management
	})
	checks := map[string]firewall.SourceCheck{"strict": firewall.CheckStrict, "loose": firewall.CheckLoose}
	for _, z := range f.Zones {
		p.plan.Firewall.Zones = append(p.plan.Firewall.Zones, firewall.Zone{
			Name: z.Name, Interfaces: links[z.Name], Stateless: z.Stateless, SourceCheck: checks[z.SourceCheck],
			Bridges: p.bridges(links[z.Name]),
			Slaves:  slices.ContainsFunc(links[z.Name], func(link string) bool { return p.vrfOf(link) != "" }),
		})
	}
}

// bridges returns the links of a list that are bridges.
func (p *planner) bridges(links []string) []string {
	var out []string
	for _, name := range links {
		if p.Links[name].Kind == "bridge" {
			out = append(out, name)
		}
	}
	return out
}

// networks resolves conditions on addresses: what they are now, whether some are in a delegated prefix, and whether some wait for it.
func (p *planner) networks(where string, list []config.Expr) (now []netip.Prefix, relative, pending bool) {
	for _, e := range list {
		relative = relative || e.Delegation != ""
		c, ok := p.resolve(where, e)
		if !ok {
			pending = true
			continue
		}
		for _, c := range append([]cut{c}, p.formers(e.Delegation, c)...) {
			now = append(now, c.prefix.Masked())
		}
	}
	return now, relative, pending
}

func (p *planner) addresses(where string, a config.AddressMatch) firewall.Addresses {
	out := firewall.Addresses{Text: a.Text, Sets: a.Sets}
	out.Prefixes, out.Relative, out.Pending = p.networks(where, a.Addresses)
	for _, s := range p.Config.Firewall.AddressSets {
		if slices.Contains(a.Sets, s.Name) {
			out.Pending = out.Pending || slices.ContainsFunc(s.Addresses, func(e config.Expr) bool { return !p.known(e) })
		}
	}
	return out
}

// policy resolves what passes from one zone to another.
func (p *planner) policy(where string, from *config.Policy) firewall.Policy {
	out := firewall.Policy{Where: where, From: from.From, To: from.To, End: action(from.End), Log: from.Log}
	for i := range from.Rules {
		r := &from.Rules[i]
		at := fmt.Sprintf("%s.rules[%d]", where, i)
		out.Rules = append(out.Rules, firewall.PolicyRule{
			Where: at, Name: r.Name, Protocols: r.Protocols, ICMPTypes: r.ICMPTypes, Action: action(r.Verdict), Log: r.Log,
			Sources:      p.addresses(at+".sources", r.Sources),
			Destinations: p.addresses(at+".destinations", r.Destinations),
			Ports:        firewall.Ports{Ranges: r.Ports.Ports, Sets: r.Ports.Sets},
			SourcePorts:  firewall.Ports{Ranges: r.SourcePorts.Ports, Sets: r.SourcePorts.Sets},
		})
	}
	return out
}

func action(v config.Verdict) firewall.Action {
	return map[config.Verdict]firewall.Action{
		config.AcceptPacket: firewall.Accept, config.DropPacket: firewall.Drop, config.RejectPacket: firewall.Reject, config.SimpleSecurity: firewall.SimpleSecurity,
	}[v]
}

// Ports of DHCPv6 (RFC 8415 7.2) and BGP (RFC 4271 8.2.1).
const (
	bgpPort          = 179
	dhcpv6ClientPort = 546
	dhcpv6ServerPort = 547
)

// served lists what this router does with others by the rest of its configuration, and must be able to do from guarded zones.
func (p *planner) served() []firewall.Service {
	var out []firewall.Service
	for _, s := range p.speakers() {
		peers := neighborsOf(s)
		if len(peers) == 0 {
			continue
		}
		const name = "BGP with configured neighbors"
		out = append(out, firewall.Service{Name: name, Protocol: packet.TCP, Port: bgpPort, Peers: peers, Both: true})
		if s.Port != bgpPort && s.Port != 0 {
			out = append(out, firewall.Service{Name: name, Protocol: packet.TCP, Port: s.Port, Peers: peers})
		}
	}
	servers := slices.Collect(maps.Keys(p.plan.DHCP.Interfaces))
	clients := slices.Sorted(maps.Keys(p.plan.PD.Uplinks))
	for _, i := range p.plan.Instances {
		servers = slices.AppendSeq(servers, maps.Keys(i.DHCP.Interfaces))
	}
	slices.Sort(servers)
	if len(servers) > 0 {
		out = append(out, firewall.Service{Name: "DHCPv6 server", Links: servers, Protocol: packet.UDP, Port: dhcpv6ServerPort})
	}
	if len(clients) > 0 {
		linkLocal := []netip.Prefix{netip.MustParsePrefix("fe80::/10")}
		out = append(out, firewall.Service{Name: "DHCPv6 client", Links: clients, Protocol: packet.UDP, Port: dhcpv6ClientPort, Peers: linkLocal})
	}
	var ports []uint16
	for _, name := range slices.Sorted(maps.Keys(p.plan.VXLAN.Devices)) {
		if port := p.plan.VXLAN.Devices[name].Port; !slices.Contains(ports, port) {
			ports = append(ports, port)
			out = append(out, firewall.Service{Name: "VXLAN", Protocol: packet.UDP, Port: port, Both: true})
		}
	}
	return out
}

// sshPort is where people log in (RFC 4250 4).
const sshPort = 22

// logins lists how people come to this router: by SSH, and by the API where that is on the network.
func (p *planner) logins() []firewall.Login {
	out := []firewall.Login{{Name: "SSH", Port: sshPort}}
	if t := p.Config.API.TCP; t != nil {
		for _, l := range t.Listen {
			if one := (firewall.Login{Name: "API", Port: l.Port()}); !slices.Contains(out, one) {
				out = append(out, one)
			}
		}
	}
	return out
}
