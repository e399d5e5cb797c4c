package firewall

// priorityStale is before the filter: it may let pass what belongs to a connection of old.
const priorityStale = -10

// stale tells hosts that go on with addresses of a prefix that is no longer ours that these have failed (RFC 7084 L-14): the answers
// would go elsewhere.
func (c *compiler) stale() {
	elements := addressElements(c.conf.Stale, false)
	if len(elements) == 0 && !c.conf.StaleReady {
		return
	}
	chain := &Chain{Name: "stale", Hook: ForwardHook, Priority: priorityStale}
	set := c.set("stale"+familySuffix(family6), Addresses6, elements)
	c.titles[set] = "prefixes that are no longer ours"
	chain.add("sources of prefixes that are no longer ours (RFC 7084 L-14)", octet(Family, uint8(family6)), in{field: Source6, set: set},
		c.dropped("stale"), reject{source: true})
	c.put(chain)
}
