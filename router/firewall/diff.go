package firewall

import (
	"maps"
	"slices"
)

// diff says what makes the kernel's table the wanted one.
func diff(have snapshot, want *Ruleset) *changes {
	c := &changes{}
	switch {
	case want.IsEmpty():
		c.remove = have.exists
		return c
	case !have.exists:
		c.whole, c.reason = true, "it was missing"
		return c
	case have.strange != "":
		c.whole, c.reason = true, have.strange
		return c
	}
	c.sets(have, want)
	c.chains(have, want)
	c.objects(have, want)
	if c.whole {
		return &changes{whole: true, reason: c.reason}
	}
	return c
}

func (c *changes) sets(have snapshot, want *Ruleset) {
	wanted := map[string]bool{}
	for i := range want.Sets {
		s := &want.Sets[i]
		wanted[s.Name] = true
		h, ok := have.sets[s.Name]
		switch {
		case !ok:
			c.addSets = append(c.addSets, s)
		case h.kind != s.kind():
			c.whole, c.reason = true, "set "+s.Name+" was of another type"
		case !s.Dynamic:
			if add, del := compare(h.elements, s.Elements); len(add)+len(del) > 0 {
				c.elements = append(c.elements, elementChange{s, add, del})
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(have.sets)) {
		if !wanted[name] {
			c.dropSets = append(c.dropSets, name)
		}
	}
}

// compare returns what the sorted list want has beyond have, and the other way round.
func compare(have, want []Element) (add, del []Element) {
	i, j := 0, 0
	for i < len(have) || j < len(want) {
		switch {
		case i == len(have) || j < len(want) && less(want[j], have[i]):
			add = append(add, want[j])
			j++
		case j == len(want) || less(have[i], want[j]):
			del = append(del, have[i])
			i++
		default:
			i, j = i+1, j+1
		}
	}
	return add, del
}

func less(a, b Element) bool {
	if a.First != b.First {
		return a.First < b.First
	}
	return a.Last < b.Last
}

func (c *changes) chains(have snapshot, want *Ruleset) {
	wanted := map[string]bool{}
	for i := range want.Chains {
		chain := &want.Chains[i]
		wanted[chain.Name] = true
		h, ok := have.chains[chain.Name]
		switch {
		case !ok:
			c.addChains = append(c.addChains, chain)
		case h.hook != chain.Hook || h.priority != chain.Priority || h.nat != chain.NAT:
			c.whole, c.reason = true, "chain "+chain.Name+" was at another place"
		case !slices.Equal(h.rules, chain.comments()):
			c.fill = append(c.fill, chain)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(have.chains)) {
		if !wanted[name] {
			c.delChains = append(c.delChains, name)
		}
	}
}

// comments returns what recognises the rules.
func (chain *Chain) comments() []string {
	out := make([]string, len(chain.Rules))
	for i, r := range chain.Rules {
		out[i] = r.comment()
	}
	return out
}

func (c *changes) objects(have snapshot, want *Ruleset) {
	for _, name := range want.Counters {
		if _, ok := have.counters[name]; !ok {
			c.addCounters = append(c.addCounters, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(have.counters)) {
		if !slices.Contains(want.Counters, name) {
			c.delCounters = append(c.delCounters, name)
		}
	}
	var timeouts []string
	for _, t := range want.Timeouts {
		timeouts = append(timeouts, t.Name)
		if !have.timeouts[t.Name] {
			c.addTimeouts = append(c.addTimeouts, t)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(have.timeouts)) {
		if !slices.Contains(timeouts, name) {
			c.delTimeouts = append(c.delTimeouts, name)
		}
	}
}
