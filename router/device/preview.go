package device

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/sixfold-router/sixfold/router/change"
)

// Link is a link of others as it will be when Apply is done, for Preview.
type Link struct {
	Kind string
	MTU  int
	New  bool // it is made, or made anew
}

// Preview is what an Apply would do.
type Preview struct {
	Ops []change.Op
	// Links are those that Apply makes, or that become a port or none, by name.
	Links map[string]PreviewLink
	// Gone are links that will exist no more, ours and those that lie on them.
	Gone []string
	// Refused says, a line each, what of the configuration Apply could not do: a name that somebody else has, something that the kernel
	// lacks.
	Refused []string
}

// PreviewLink is a link as it will be.
type PreviewLink struct {
	Kind   string
	MTU    int
	Lower  string // link that it lies on; empty: none
	Master string // empty: it is no port
	New    bool   // it will have been made: all that others had put on a device of that name is gone
}

// Preview tells what Apply would do, and writes nothing. others are links that other units will have made by then, by name.
func (m *Manager) Preview(want Config, others map[string]Link) (Preview, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	k, err := m.open()
	if err != nil {
		return Preview{}, err
	}
	have, err := k.snapshot(want.filtering())
	if err != nil {
		return Preview{}, fmt.Errorf("list links: %w", err)
	}
	return foresee(want, have, m.left.originals, others), nil
}

// foresee plans until nothing is left to do, lets the links of others appear, which may go with those below them, and plans again.
func foresee(want Config, have snapshot, originals map[int]original, others map[string]Link) Preview {
	p := Preview{Links: map[string]PreviewLink{}}
	before := have.byName()
	made, told := map[string]bool{}, map[[2]string]bool{}
	settle := func() {
		for range maxPasses {
			c := plan(want, have, originals, nil)
			p.Refused = p.Refused[:0]
			for _, name := range slices.Sorted(maps.Keys(c.problems)) {
				p.Refused = append(p.Refused, name+": "+c.problems[name])
			}
			if len(c.ops) == 0 {
				break
			}
			for _, o := range c.ops {
				if o.verb == create {
					made[o.name] = true
				}
			}
			for _, op := range c.describe() {
				if said := [2]string{op.Object, op.Action}; !told[said] {
					told[said] = true
					p.Ops = append(p.Ops, op)
				}
			}
			have = c.after()
		}
	}
	settle()
	stay := have.byName()
	for name := range before {
		if _, stays := stay[name]; !stays {
			p.Gone = append(p.Gone, name)
		}
	}
	slices.Sort(p.Gone)
	if len(others) > 0 {
		for _, name := range slices.Sorted(maps.Keys(others)) {
			have = have.appear(name, others[name])
			made[name] = others[name].New
		}
		settle()
	}
	names, indexes := have.byName(), have.byIndex()
	for name, now := range names {
		was, existed := before[name]
		if made[name] || !existed || was.Master != now.Master {
			p.Links[name] = PreviewLink{
				Kind: now.Kind, MTU: now.MTU, Lower: indexes[now.Lower].Name, Master: indexes[now.Master].Name, New: made[name] || !existed,
			}
		}
	}
	return p
}

// appear adds a link that others will make, in place of one with its name.
func (s snapshot) appear(name string, l Link) snapshot {
	out, next := make(snapshot, 0, len(s)+1), 0
	for _, p := range s {
		next = max(next, p.Index)
		if p.Name != name {
			out = append(out, p)
		} else if !l.New {
			return s
		}
	}
	return append(out, present{Name: name, Index: next + 1, Kind: l.Kind, MTU: l.MTU, Group: groupPort + 1})
}

// describe tells of operations, but for devices that are made anew, which are told of once.
func (c *comparison) describe() []change.Op {
	var out []change.Op
	anew := map[string]bool{}
	for _, o := range c.ops {
		if o.verb == remove && o.again {
			anew[o.name] = true
		}
	}
	for _, o := range c.ops {
		if o.verb == create && anew[o.name] {
			continue
		}
		op := change.Op{Object: o.name, Action: o.text(c.names)}
		switch o.verb {
		case remove:
			op.Class, op.Links = change.Delete, []string{o.name}
			op.Disturbs = "forwarding through " + c.through(o.link)
			if o.again {
				op.Class = change.Recreate
			}
		case release:
			op.Class, op.Links = change.Delete, []string{o.name}
			if master, ok := c.index[o.link.Master]; ok {
				op.Disturbs = fmt.Sprintf("forwarding between %s and %s", o.name, master.Name)
			}
		case enslave:
			op.Links = []string{o.name}
			op.Disturbs = "what goes over " + o.name + " by itself"
			if !o.link.Up || o.link.Name == "" {
				op.Links, op.Disturbs = nil, ""
			}
		case setMAC:
			op.Links, op.Disturbs = []string{o.name}, "neighbors of "+o.name+", which know its old hardware address"
		case modify:
			if o.disturbs() {
				op.Links, op.Disturbs = []string{o.name}, "forwarding through "+o.name
			}
		case setVLANs:
			if len(o.drop) > 0 {
				op.Links, op.Disturbs = []string{o.name}, fmt.Sprintf("forwarding in VLANs %s through %s", o.drop, o.name)
			}
		}
		out = append(out, op)
	}
	return out
}

// through names a link and those that lie on it.
func (c *comparison) through(p present) string {
	var above []string
	for _, l := range c.have {
		if l.Lower == p.Index && lies(l) {
			above = append(above, l.Name)
		}
	}
	if len(above) == 0 {
		return p.Name
	}
	slices.Sort(above)
	return p.Name + " and what lies on it: " + strings.Join(above, ", ")
}

// disturbs reports whether a change of settings stops packets for a while.
func (o operation) disturbs() bool {
	different, _ := differing(o.settings, o.link.Data)
	return slices.ContainsFunc(different, func(s setting) bool {
		for _, word := range []string{"stp ", "vlan_", "local ", "remote ", "key ", "no key"} {
			if strings.HasPrefix(s.text, word) {
				return true
			}
		}
		return false
	})
}

// text says what the operation does, in words that follow the name of the link.
func (o operation) text(names map[string]present) string {
	switch o.verb {
	case release:
		for name, p := range names {
			if p.Index == o.link.Master && p.Index != 0 {
				return "release from " + name
			}
		}
		return "release"
	case remove:
		if o.again {
			return "make anew as " + o.device.Text() + o.why()
		}
		return "remove"
	case create:
		return "create as " + o.device.Text()
	case setMAC:
		return "set hardware address to " + o.mac.String()
	case enslave:
		return "make a port of " + o.master.Name
	case setVLANs:
		var parts []string
		if len(o.add) > 0 {
			parts = append(parts, "take VLANs "+o.add.String())
		}
		if len(o.drop) > 0 {
			parts = append(parts, "take no more VLANs "+o.drop.String())
		}
		return strings.Join(parts, ", ")
	}
	have := o.link.Data
	if o.verb == setPort {
		have = o.link.PortData
	}
	different, _ := differing(o.settings, have)
	words := texts(different)
	for i := range words {
		words[i] = "set " + words[i]
	}
	if o.mark {
		words = append(words, "mark it as ours")
	}
	if o.up {
		words = append(words, "bring up")
	}
	return strings.Join(words, ", ")
}

// why says what of a device cannot be changed in place.
func (o operation) why() string {
	if o.device.kind() != o.link.Kind {
		return ", not " + o.link.Kind
	}
	different, _ := differing(o.device.settings(map[string]present{}, o.link), o.link.Data)
	said := strings.Fields(o.device.Text())
	fixed := slices.DeleteFunc(different, func(s setting) bool {
		words := strings.Fields(s.text)
		return !s.fixed || slices.Contains(said, words[len(words)-1])
	})
	if len(fixed) == 0 {
		return ""
	}
	return ", with " + strings.Join(texts(fixed), ", ")
}
