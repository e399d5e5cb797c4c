package firewall

import (
	"slices"

	"github.com/sixfold-router/sixfold/router/firewall/packet"
)

// priorityProtection is before all else that looks at packets to this router.
const priorityProtection = -20

// burstOf is how many packets may come at once where so many may come a second.
func burstOf(rate uint32) uint32 { return max(rate/4, 16) }

// Types of ICMPv6 and ICMP.
const (
	typeEchoRequest4     = 8
	typeAdvertisement    = 134
	typeRedirect         = 137
	firstInformational6  = 128 // those below are errors (RFC 4443 2.1)
	hopLimitOfNeighbors  = 255
	hopLimitOfListeners  = 1
	connectionsFromBits6 = 64
)

// protect compiles what packets to this router must be to be looked at, whoever they come from.
func (c *compiler) protect() {
	p := c.conf.Protection
	if p == nil {
		return
	}
	chain := &Chain{Name: "protection", Hook: Input, Priority: priorityProtection}
	chain.add("this router itself", equal(InName, nameKey("lo")), accept())
	for _, on := range c.onLinks(InName, "protection/exempt", p.Exempt, true) {
		chain.add("the management instance", on, accept())
	}
	c.discovery(chain, p)
	c.dhcp(chain, p)
	c.speakers(chain, p)
	c.icmp(chain, p)
	c.connections(chain, p)
	c.put(chain)
}

// discovery compiles what neighbor discovery (RFC 4861 6.1, 7.1, 8.1) and multicast listener discovery (RFC 3810 5.1.14, 5.2.13) ask
// of their packets, and a limit for the packets of each interface.
func (c *compiler) discovery(chain *Chain, p *Protection) {
	six, icmp := octet(Family, family6), octet(L4Proto, uint8(packet.ICMPv6))
	neighbor := in{field: ICMPKind, set: c.set("protection/neighbor", Types6, octetElements[uint8](133, 134, 135, 136, 137))}
	listener := in{field: ICMPKind, set: c.set("protection/listener", Types6, octetElements[uint8](130, 131, 132, 143))}
	routers := in{field: ICMPKind, set: c.set("protection/routers", Types6, octetElements[uint8](typeAdvertisement, typeRedirect))}
	local := c.set("protection/link-local", Addresses6, addressElements(prefixes("fe80::/10"), false))
	listeners := c.set("protection/listener-sources", Addresses6, addressElements(prefixes("fe80::/10", "::/128"), false))
	not := func(value uint8) is {
		m := octet(HopLimit6, value)
		m.op = cmpNot
		return m
	}
	chain.add("neighbor discovery from beyond the link", six, icmp, neighbor, not(hopLimitOfNeighbors), c.dropped("hop-limit"), drop())
	chain.add("advertisements and redirects come from link-local addresses", six, icmp, routers, in{field: Source6, set: local, not: true}, c.dropped("router-source"), drop())
	chain.add("multicast listener discovery from beyond the link", six, icmp, listener, not(hopLimitOfListeners), c.dropped("hop-limit"), drop())
	chain.add("multicast listener discovery comes from link-local addresses", six, icmp, listener, in{field: Source6, set: listeners, not: true}, c.dropped("listener-source"), drop())
	if p.NeighborRate == 0 {
		return
	}
	for _, kind := range []in{neighbor, listener} {
		chain.add("so much discovery from one interface", six, icmp, kind,
			c.each("protection/discovery", Interfaces, InName, 0, p.NeighborRate), c.dropped("discovery-rate"), drop())
		chain.add("discovery", six, icmp, kind, accept())
	}
}

// each makes the dynamic set that keeps count.
func (c *compiler) each(set string, t SetType, field Field, bits int, rate uint32) tooManyFrom {
	c.sets[set] = Set{Name: set, Type: t, Dynamic: true}
	return tooManyFrom{tooMany{rate, burstOf(rate)}, field, bits, set}
}

// dhcp compiles where DHCPv6 comes from: to clients only from the link (RFC 8415 18.2.10); servers hear relays from anywhere.
func (c *compiler) dhcp(chain *Chain, p *Protection) {
	six, udp := octet(Family, family6), octet(L4Proto, uint8(packet.UDP))
	local := c.set("protection/link-local", Addresses6, addressElements(prefixes("fe80::/10"), false))
	chain.add("DHCPv6 to clients comes from the link", six, udp, between{DestPort, packet.Port(546)}, in{field: Source6, set: local, not: true}, c.dropped("dhcpv6-source"), drop())
	if p.DHCPv6Rate > 0 {
		ports := PortRange{First: 546, Last: 547}
		chain.add("so much DHCPv6", six, udp, between{DestPort, ports}, tooMany{p.DHCPv6Rate, burstOf(p.DHCPv6Rate)}, c.dropped("dhcpv6-rate"), drop())
	}
}

// speakers lets configured neighbors only begin BGP sessions.
func (c *compiler) speakers(chain *Chain, p *Protection) {
	tcp := octet(L4Proto, uint8(packet.TCP))
	for _, port := range p.BGPPorts {
		to := between{DestPort, packet.Port(port)}
		for _, family := range []uint8{family6, family4} {
			field, t := Source6, Addresses6
			if family == family4 {
				field, t = Source4, Addresses4
			}
			set := c.set("protection/bgp"+familySuffix(family), t, addressElements(p.Neighbors, family == family4))
			chain.add("BGP from others than neighbors", octet(Family, family), tcp, to, in{field: field, set: set, not: true}, c.dropped("bgp-source"), drop())
		}
		if p.BGPRate > 0 {
			chain.add("so many BGP connections", tcp, to, opens{without: flagRST | flagACK}, tooMany{p.BGPRate, burstOf(p.BGPRate)}, c.dropped("bgp-rate"), drop())
		}
	}
}

// icmp limits ICMP. Errors have a limit of their own: a flood of echo requests must not keep packet-too-big from us.
func (c *compiler) icmp(chain *Chain, p *Protection) {
	if p.ICMPRate == 0 {
		return
	}
	limit := tooMany{p.ICMPRate, burstOf(p.ICMPRate)}
	six, four := []Part{octet(Family, family6), octet(L4Proto, uint8(packet.ICMPv6))}, []Part{octet(Family, family4), octet(L4Proto, uint8(packet.ICMP))}
	echo4, echo6, rest6 := octet(ICMPKind, typeEchoRequest4), octet(ICMPKind, firstInformational6), octet(ICMPKind, firstInformational6)
	echo6.op, rest6.op = cmpFrom, cmpBelow
	rest4 := echo4
	rest4.op = cmpNot
	for _, kind := range [][]Part{append(six, echo6), append(four, echo4)} {
		chain.add("so many echo requests", slices.Concat(kind, []Part{limit, c.dropped("icmp-rate"), drop()})...)
	}
	for _, kind := range [][]Part{append(six, rest6), append(four, rest4)} {
		chain.add("so many ICMP errors", slices.Concat(kind, []Part{limit, c.dropped("icmp-rate"), drop()})...)
	}
}

// connections limits the TCP connections that one address, or one IPv6 /64, begins to this router.
func (c *compiler) connections(chain *Chain, p *Protection) {
	if p.ConnectionRate == 0 {
		return
	}
	first := opens{without: flagRST | flagACK}
	tcp := octet(L4Proto, uint8(packet.TCP))
	chain.add("so many connections from one /64", octet(Family, family6), tcp, first,
		c.each("protection/connections/6", Addresses6, Source6, connectionsFromBits6, p.ConnectionRate), c.dropped("connection-rate"), drop())
	chain.add("so many connections from one address", octet(Family, family4), tcp, first,
		c.each("protection/connections/4", Addresses4, Source4, 0, p.ConnectionRate), c.dropped("connection-rate"), drop())
}
