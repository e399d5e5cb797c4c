package firewall

import "net/netip"

// forward compiles what passes between zones.
func (c *compiler) forward() {
	base := &Chain{Name: "forward", Hook: ForwardHook, Priority: priorityFilter}
	c.bridged(base)
	c.timeouts(base)
	base.add("connections that were let through", state(StateEstablished|StateRelated), c.counter(establishedCounter), accept())
	for i := range c.conf.Zones {
		z := &c.conf.Zones[i]
		c.from(z)
		for _, on := range c.on(InName, z) {
			base.add("zone "+z.Name, on, goTo("from."+z.Name))
		}
	}
	for i := range c.conf.Zones {
		z := &c.conf.Zones[i]
		for _, on := range c.on(OutName, z) {
			base.add("interfaces in no zone to "+z.Name, on, c.dropped("no-policy"), drop())
		}
	}
	c.put(base)
}

// bridged lets pass what goes from one port of a bridge to another, which the kernel shows here where br_netfilter is loaded, as
// Docker does: it is not forwarded, and DHCP or duplicate address detection have sources that no router would take.
func (c *compiler) bridged(base *Chain) {
	for i := range c.conf.Zones {
		for _, bridge := range c.conf.Zones[i].Bridges {
			base.add("between ports of "+bridge, equal(InName, nameKey(bridge)), equal(OutName, nameKey(bridge)), accept())
		}
	}
}

// from compiles what becomes of packets from a zone.
func (c *compiler) from(z *Zone) {
	chain := &Chain{Name: "from." + z.Name}
	c.sources(chain, z)
	to := func(stateless bool) {
		for i := range c.conf.Zones {
			o := &c.conf.Zones[i]
			if o.Stateless != stateless {
				continue
			}
			policies := c.between(z.Name, o.Name)
			if len(policies) == 0 && o.Name != z.Name {
				continue
			}
			var then Part = accept()
			if len(policies) > 0 {
				c.pair(z.Name, o.Name, policies)
				then = goTo(pairChain(z.Name, o.Name))
			}
			for _, on := range c.on(OutName, o) {
				chain.add("zone "+z.Name+" to "+o.Name, on, then)
			}
		}
	}
	// Of a connection through a stateless zone only one direction is seen: what tracking calls invalid is not.
	to(true)
	if !z.Stateless {
		chain.add("packets that belong to no connection", state(StateInvalid), c.dropped("invalid"), drop())
	}
	c.forwarded(chain, z)
	to(false)
	chain.add("no policy for packets from "+z.Name, c.dropped("no-policy"), drop())
	c.put(chain)
}

// pairChain is the name of the chain for what goes from a zone to another.
func pairChain(from, to string) string { return from + "/" + to }

// between returns the policies that packets from one zone to another are meant by.
func (c *compiler) between(from, to string) []*Policy {
	var out []*Policy
	for i := range c.conf.Policies {
		if p := &c.conf.Policies[i]; p.meant(from, to) {
			out = append(out, p)
		}
	}
	return out
}

// martians6 and martians4 have the sources that no packet on a wire can have (RFC 6092 REC-1 to REC-6, RFC 1812 5.3.7).
func martians6() []netip.Prefix {
	return prefixes("::/127", "::ffff:0:0/96", "ff00::/8")
}

func martians4() []netip.Prefix {
	return prefixes("0.0.0.0/8", "127.0.0.0/8", "224.0.0.0/3")
}

func prefixes(texts ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(texts))
	for i, t := range texts {
		out[i] = netip.MustParsePrefix(t)
	}
	return out
}

// sources drops packets from a zone whose source address cannot be true.
func (c *compiler) sources(chain *Chain, z *Zone) {
	six := c.set("martians/6", Addresses6, addressElements(martians6(), false))
	four := c.set("martians/4", Addresses4, addressElements(martians4(), true))
	chain.add("sources that cannot be", octet(Family, family6), in{field: Source6, set: six}, c.dropped("martian"), drop())
	chain.add("sources that cannot be", octet(Family, family4), in{field: Source4, set: four}, c.dropped("martian"), drop())
	chain.add("routing headers of type 0 (RFC 5095)", octet(Family, family6), octet(RoutingType, 0), c.dropped("routing-header"), drop())
	switch z.SourceCheck {
	case CheckStrict:
		chain.add("sources that are not behind "+z.Name+" (BCP 38)", number(RouteBack, 0), c.dropped("spoofed"), drop())
	case CheckLoose:
		chain.add("sources that there is no route to (BCP 84)", number(RouteSource, 0), c.dropped("spoofed"), drop())
	}
}
