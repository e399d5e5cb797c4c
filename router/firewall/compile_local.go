package firewall

import (
	"slices"

	"github.com/sixfold-router/sixfold/router/firewall/packet"
)

// local compiles what zones send to this router, and what it sends to zones, as far as policies name it.
func (c *compiler) local() {
	input := &Chain{Name: "input", Hook: Input, Priority: priorityFilter}
	output := &Chain{Name: "output", Hook: Output, Priority: priorityFilter}
	established := func(chain *Chain) {
		if len(chain.Rules) == 0 {
			chain.add("connections that were let through", state(StateEstablished|StateRelated), c.counter(establishedCounter), accept())
		}
	}
	essential := map[string]bool{}
	for i := range c.conf.Zones {
		z := &c.conf.Zones[i]
		if policies := c.between(z.Name, Router); len(policies) > 0 {
			if !essential[Router] {
				c.essential(Router)
				essential[Router] = true
			}
			c.pair(z.Name, Router, policies)
			established(input)
			for _, on := range c.on(InName, z) {
				input.add("zone "+z.Name+" to this router", on, goTo(pairChain(z.Name, Router)))
			}
		}
		if policies := c.between(Router, z.Name); len(policies) > 0 {
			if !essential[z.Name] && !essential[""] {
				c.essential("")
				essential[""] = true
			}
			c.pair(Router, z.Name, policies)
			established(output)
			for _, on := range c.on(OutName, z) {
				output.add("this router to zone "+z.Name, on, goTo(pairChain(Router, z.Name)))
			}
		}
	}
	for _, chain := range []*Chain{input, output} {
		if len(chain.Rules) > 0 {
			c.put(chain)
		}
	}
}

// essentialChain names the chain with what this router cannot do without, in or out.
func essentialChain(to string) string {
	if to == Router {
		return "essential.in"
	}
	return "essential.out"
}

// essential compiles what this router needs, to it or from it: what RFC 4890 4.4.1 says must not be dropped, and what the rest of the
// configuration serves. Errors are let through with the connection that they belong to.
func (c *compiler) essential(to string) {
	inward := to == Router
	chain := &Chain{Name: essentialChain(to)}
	six, icmp := octet(Family, family6), octet(L4Proto, uint8(packet.ICMPv6))
	local := c.set("essential/neighbor", Types6, octetElements[uint8](133, 134, 135, 136, 137, 141, 142, 148, 149))
	listener := c.set("essential/listener", Types6, octetElements[uint8](130, 131, 132, 143, 151, 152, 153))
	chain.add("neighbor discovery", six, icmp, in{field: ICMPKind, set: local}, octet(HopLimit6, 255), accept())
	chain.add("multicast listener discovery", six, icmp, in{field: ICMPKind, set: listener}, octet(HopLimit6, 1), accept())
	chain.add("IGMP", octet(L4Proto, uint8(packet.IGMP)), accept())
	for i := range c.conf.Services {
		c.service(chain, &c.conf.Services[i], inward)
	}
	c.put(chain)
}

// service lets through what this router serves.
func (c *compiler) service(chain *Chain, s *Service, inward bool) {
	links := [][]Part{nil}
	if len(s.Links) > 0 {
		links = nil
		field := OutName
		if inward {
			field = InName
		}
		for _, on := range c.onLinks(field, c.digest("links", s.Links), s.Links, inward) {
			links = append(links, []Part{on})
		}
	}
	ours, theirs, six, four := DestPort, SourcePort, Source6, Source4
	if !inward {
		ours, theirs, six, four = SourcePort, DestPort, Dest6, Dest4
	}
	ports := []Field{ours}
	if s.Both && s.Port > 0 && !inward { // answers belong to the connection
		ports = append(ports, theirs)
	}
	peers := [][]Part{nil}
	if len(s.Peers) > 0 {
		peers = nil
		a := Addresses{Text: texts(s.Peers), Prefixes: s.Peers}
		cond := c.address(a, six, four)
		for _, family := range []uint8{family6, family4} {
			if parts, ok := cond.of(family); ok {
				peers = append(peers, slices.Concat([]Part{octet(Family, family)}, parts))
			}
		}
	}
	for _, link := range links {
		for _, peer := range peers {
			for _, field := range ports {
				transport := []Part{octet(L4Proto, uint8(s.Protocol))}
				if s.Port > 0 {
					transport = append(transport, between{field, packet.Port(s.Port)})
				}
				chain.add(s.Name, slices.Concat(link, peer, transport, []Part{accept()})...)
			}
		}
	}
}
