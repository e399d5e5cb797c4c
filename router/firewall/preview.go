package firewall

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sixfold-router/sixfold/router/change"
	"github.com/sixfold-router/sixfold/router/firewall/packet"
)

// tableObject is what the table as a whole is called.
const tableObject = "table inet " + Table

// ops says the changes in words, in the order of a batch. left is what was wanted before: sets that go have their titles from it.
func (c *changes) ops(conf Config, have snapshot, want, left *Ruleset, listed []Listed) []change.Op {
	var out []change.Op
	switch {
	case c.remove:
		return []change.Op{{Class: change.Delete, Object: tableObject, Action: "remove", Disturbs: "all filtering and translation"}}
	case c.whole:
		rules := 0
		for i := range want.Chains {
			rules += len(want.Chains[i].Rules)
		}
		action := fmt.Sprintf("add with %s", plural(rules, "rule"))
		if have.exists {
			action = fmt.Sprintf("make anew, because %s", c.reason)
		}
		out = append(out, change.Op{Object: tableObject, Action: action})
		for i := range conf.Zones {
			op := change.Op{Object: chainObject(pairChain(conf.Zones[i].Name, Router)), Action: "filter what comes in"}
			if conf.shuts(&op, &conf.Zones[i]); op.Disturbs != "" {
				out = append(out, op)
			}
		}
		return out
	}
	for _, s := range c.addSets {
		out = append(out, change.Op{Object: s.object(), Action: "add with " + plural(len(s.Elements), "element")})
	}
	for _, e := range c.elements {
		out = append(out, change.Op{Object: e.set.object(), Action: e.words()})
	}
	for _, chain := range c.addChains {
		out = append(out, conf.chainOp(chain.Name, "add with "+plural(len(chain.Rules), "rule")))
	}
	for _, chain := range c.fill {
		out = append(out, conf.chainOp(chain.Name, difference(have.chains[chain.Name].rules, chain, listed)))
	}
	for _, name := range c.delChains {
		out = append(out, change.Op{Object: chainObject(name), Action: "remove"})
	}
	for _, name := range c.dropSets {
		op := change.Op{Object: setObject(name), Action: "remove"}
		if s := left.set(name); s != nil {
			op.Object = s.object()
		}
		if slices.ContainsFunc(c.addSets, func(s *Set) bool { return s.object() == op.Object }) {
			op.Action = "remove the former ones"
		}
		out = append(out, op)
	}
	if n := len(c.addCounters) + len(c.addTimeouts); n > 0 && len(out) == 0 {
		out = append(out, change.Op{Object: tableObject, Action: "add " + plural(n, "counter")})
	}
	if n := len(c.delCounters) + len(c.delTimeouts); n > 0 && len(out) == 0 {
		out = append(out, change.Op{Object: tableObject, Action: "remove " + plural(n, "counter")})
	}
	return out
}

// chainOp is what is done to a chain, with a warning where it keeps people out.
func (c Config) chainOp(name, action string) change.Op {
	op := change.Op{Object: chainObject(name), Action: action}
	for i := range c.Zones {
		if pairChain(c.Zones[i].Name, Router) == name {
			c.shuts(&op, &c.Zones[i])
		}
	}
	return op
}

// words says what happens to the elements of a set.
func (e elementChange) words() string {
	var words []string
	list := func(verb string, elements []Element) {
		if len(elements) == 0 {
			return
		}
		s := Set{Type: e.set.Type, Elements: elements}
		words = append(words, verb+" "+strings.Join(s.words(3), ", "))
	}
	list("remove", e.del)
	list("add", e.add)
	return strings.Join(words, "; ")
}

// chainObject is what a chain is called: by its zones, if it is for a pair of them.
func chainObject(name string) string {
	if from, to, ok := strings.Cut(name, "/"); ok {
		return "policy " + from + " to " + to
	}
	return "chain " + name
}

// difference says which rules come and go. Counters of those that stay go on.
func difference(have []string, chain *Chain, listed []Listed) string {
	left := map[string]int{}
	for _, comment := range have {
		left[comment]++
	}
	var added []string // what the rules are there for: one place of the configuration may be several rules of the kernel
	rules := 0
	for _, r := range chain.Rules {
		if left[r.comment()] > 0 {
			left[r.comment()]--
			continue
		}
		rules++
		if text := purpose(chain.Name, r.Where, listed); !slices.Contains(added, text) {
			added = append(added, text)
		}
	}
	removed := 0
	for _, n := range left {
		removed += n
	}
	var words []string
	if rules > 0 {
		text := "add " + added[0]
		if len(added) > 1 {
			text += fmt.Sprintf(" and %d more", len(added)-1)
		}
		words = append(words, text)
	}
	if removed > 0 {
		words = append(words, "remove "+plural(removed, "rule"))
	}
	if len(words) == 0 {
		return "put the rules into another order"
	}
	return strings.Join(words, "; ")
}

// purpose says what a rule is there for.
func purpose(chain, where string, listed []Listed) string {
	for _, l := range listed {
		if where != "" && l.Where == where && pairChain(l.From, l.To) == chain {
			return strings.TrimSpace(where + ": " + l.Match + " " + l.Action.String())
		}
	}
	return where
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// shuts warns where nobody can log in from a zone any more.
func (c Config) shuts(op *change.Op, z *Zone) {
	var names []string
	for _, l := range c.Logins {
		if !c.admits(z.Name, packet.TCP, l.Port) {
			names = append(names, l.Name)
		}
	}
	if len(names) > 0 {
		op.Disturbs, op.Links = "new "+strings.Join(names, " and ")+" sessions from zone "+z.Name+" to this router", slices.Clone(z.Interfaces)
	}
}

// admits reports whether a rule from the zone to this router lets a connection to the port begin from some address at least.
func (c Config) admits(zone string, proto Protocol, port uint16) bool {
	found := false
	for _, p := range c.Policies {
		if p.To != Router || p.From != zone && p.From != Any {
			continue
		}
		found = true
		for _, r := range p.Rules {
			switch {
			case !r.meets(c, proto, port):
			case r.Action == Accept:
				return true
			case r.Action != Continue && len(r.Sources.Text)+len(r.Destinations.Text)+len(r.SourcePorts.Ranges)+len(r.SourcePorts.Sets) == 0:
				return false
			}
		}
		if p.End != Continue {
			return p.End == Accept
		}
	}
	return !found
}

// meets reports whether the rule is for a protocol and port, of whatever address.
func (r *PolicyRule) meets(c Config, proto Protocol, port uint16) bool {
	if len(r.ICMPTypes) > 0 || len(r.Protocols) > 0 && !slices.Contains(r.Protocols, proto) {
		return false
	}
	if len(r.Ports.Ranges)+len(r.Ports.Sets) == 0 {
		return true
	}
	ranges := slices.Clone(r.Ports.Ranges)
	for _, s := range c.PortSets {
		if slices.Contains(r.Ports.Sets, s.Name) {
			ranges = append(ranges, s.Ranges...)
		}
	}
	return slices.ContainsFunc(ranges, func(p PortRange) bool { return p.First <= port && port <= p.Last })
}
