package firewall

import (
	"net/netip"
	"slices"
)

// nat compiles the translation of addresses. Only the first packet of a connection comes here; the kernel remembers for the rest.
func (c *compiler) nat() {
	destination := &Chain{Name: "nat.destination", Hook: Prerouting, NAT: true, Priority: priorityDestination}
	source := &Chain{Name: "nat.source", Hook: Postrouting, NAT: true, Priority: prioritySource}
	for i := range c.conf.Forwards {
		c.forwardPort(destination, source, &c.conf.Forwards[i])
	}
	for i := range c.conf.Translations {
		c.translation(destination, source, &c.conf.Translations[i])
	}
	for i := range c.conf.Masquerades {
		c.masquerade(source, &c.conf.Masquerades[i])
	}
	for _, chain := range []*Chain{destination, source} {
		if len(chain.Rules) > 0 {
			c.put(chain)
		}
	}
}

// inPrefix matches an address of a packet in a prefix, with the family that goes before it.
func inPrefix(p netip.Prefix, source bool) []Part {
	six, four := Dest6, Dest4
	if source {
		six, four = Source6, Source4
	}
	if p.Addr().Is4() {
		return []Part{octet(Family, family4), within{four, p}}
	}
	return []Part{octet(Family, family6), within{six, p}}
}

// notLocal matches packets that are not for this machine, whether there is a route for them or not.
func notLocal() is {
	m := number(DestinationType, typeLocal)
	m.op = cmpNot
	return m
}

func alone(a netip.Addr) netip.Prefix { return netip.PrefixFrom(a, a.BitLen()) }

// masquerade compiles NAT66, for labs.
func (c *compiler) masquerade(source *Chain, m *Masquerade) {
	z := c.zones[m.Out]
	if z == nil || !m.From.IsValid() {
		return
	}
	for _, on := range c.on(OutName, z) {
		for _, from := range slices.Concat([]netip.Prefix{m.From}, m.FormerFrom) {
			source.add("firewall.masquerade."+m.Name, slices.Concat([]Part{on}, inPrefix(from, true),
				[]Part{c.counter(masqueradeCounter + m.Name), masquerade{}})...)
		}
	}
}

// translation compiles the exchange of one prefix for another: each address has one of the other side, in both directions.
func (c *compiler) translation(destination, source *Chain, t *Translation) {
	z := c.zones[t.Out]
	if z == nil || !t.Inside.IsValid() || !t.Outside.IsValid() {
		return
	}
	where := "firewall.translate." + t.Name
	out, in := c.counter(translateCounter+t.Name+sourceSuffix), c.counter(translateCounter+t.Name+destinationSuffix)
	for _, on := range c.on(OutName, z) {
		for _, inside := range slices.Concat([]netip.Prefix{t.Inside}, t.FormerInside) {
			source.add(where, slices.Concat([]Part{on}, inPrefix(inside, true), []Part{out, mapped{source: true, to: t.Outside}})...)
		}
	}
	// Our own addresses in the outside prefix stay ours. From any interface: hosts inside may use the outside addresses of others
	// (RFC 6296 4.2), and get answers only if they come from such an address too.
	for _, outside := range slices.Concat([]netip.Prefix{t.Outside}, t.FormerOutside) {
		destination.add(where, slices.Concat(inPrefix(outside, false), []Part{notLocal(), in, mapped{to: t.Inside}})...)
	}
	source.add(where, slices.Concat(inPrefix(t.Inside, true), inPrefix(t.Inside, false)[1:], []Part{translated{}, out, mapped{source: true, to: t.Outside}})...)
}

// forwardPort compiles a port of ours that leads to another machine.
func (c *compiler) forwardPort(destination, source *Chain, f *Forward) {
	z := c.zones[f.In]
	if z == nil || !f.To.IsValid() {
		return
	}
	where := "firewall.forwards." + f.Name
	family, ours := octet(Family, family6), [][]Part{{number(DestinationType, typeLocal)}}
	if f.To.Is4() {
		family = octet(Family, family4)
	}
	if f.Address.IsValid() {
		ours = nil
		for _, a := range slices.Concat([]netip.Addr{f.Address}, f.Former) {
			ours = append(ours, inPrefix(alone(a), false)[1:])
		}
	}
	used := c.counter(forwardCounter + f.Name)
	for _, on := range c.on(InName, z) {
		for _, address := range ours {
			for _, transport := range f.transports(f.Ports) {
				destination.add(where, slices.Concat([]Part{family, on}, address, transport, []Part{used, sentTo{f.To, f.ToPort}})...)
			}
		}
	}
	// A machine that is in the same zone as who connects would answer past us.
	for _, in := range c.on(InName, z) {
		for _, out := range c.on(OutName, z) {
			source.add(where, slices.Concat([]Part{in, out}, inPrefix(alone(f.To), false), []Part{translated{}, masquerade{}})...)
		}
	}
}

// transports returns the protocols and ports of a forward.
func (f *Forward) transports(ports []PortRange) [][]Part {
	var out [][]Part
	for _, p := range f.Protocols {
		for _, r := range ports {
			out = append(out, []Part{octet(L4Proto, uint8(p)), between{DestPort, r}})
		}
	}
	return out
}

// forwarded lets pass, from a zone, what a port forward of that zone sent on. The forward itself says that it is meant to.
func (c *compiler) forwarded(chain *Chain, z *Zone) {
	for i := range c.conf.Forwards {
		f := &c.conf.Forwards[i]
		if f.In != z.Name || !f.To.IsValid() {
			continue
		}
		ports := f.Ports
		if f.ToPort != 0 {
			ports = []PortRange{{First: f.ToPort, Last: f.ToPort}}
		}
		for _, transport := range f.transports(ports) {
			chain.add("firewall.forwards."+f.Name, slices.Concat(inPrefix(alone(f.To), false), transport, []Part{translated{}, accept()})...)
		}
	}
}
