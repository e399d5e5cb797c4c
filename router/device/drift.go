package device

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// settled is a link as it was left: while the same is wanted, a difference is somebody else's work.
type settled struct {
	device Device // with Name, if it is one
	member Member
	mac    string
	index  int // of the link; of a device, 0
	lower  int // index of the link below: with it the kernel deletes the device
	master int // index of its master
}

// memory is what this process knows beside what the kernel reports.
type memory struct {
	originals map[int]original // by index
	links     map[string]settled
	want      *Config // nil: not all that was wanted could be done
}

// forget drops what is known of links that exist no more.
func (m *memory) forget(have snapshot) {
	exists := have.byIndex()
	maps.DeleteFunc(m.originals, func(i int, _ original) bool { _, ok := exists[i]; return !ok })
}

// did notes what a link was like before an operation on it.
func (m *memory) did(o operation) {
	was, known := m.originals[o.link.Index]
	switch o.verb {
	case setMAC:
		if was.mac == nil {
			was.mac = o.link.MAC
		} else if string(was.mac) == string(o.mac) {
			was.mac = nil // it has again what it had
		}
	case enslave:
		if o.master.Kind == "bond" && o.link.Up {
			was.wasUp = true
		}
		if o.mark && o.link.Master != 0 {
			was.master = o.link.Master
		}
	case release:
		was.wasUp, was.master = false, 0
	default:
		return
	}
	if was.mac == nil && was.master == 0 && !was.wasUp {
		if known {
			delete(m.originals, o.link.Index)
		}
		return
	}
	m.originals[o.link.Index] = was
}

// wanted is what is wanted of a link, among those that exist.
func (c *comparison) wanted(name string) settled {
	s := settled{member: c.want.Members[name], mac: c.want.MACs[name].String()}
	if d, ok := c.want.Devices[name]; ok {
		d.Name = name
		s.device = d
		s.lower = c.names[d.lower()].Index
	} else {
		s.index = c.names[name].Index
	}
	s.master = c.names[s.member.Master].Index
	return s
}

// found is one thing that was not as it was left.
type found struct{ object, what string }

// drift returns what the first plan of an Apply mends that others did.
func (m *memory) drift(want Config, first *comparison) []found {
	var all []found
	for _, o := range first.ops {
		was, known := m.links[o.name]
		switch {
		case known && reflect.DeepEqual(was, first.wanted(o.name)):
			all = append(all, found{o.name, o.unlike(first)})
		case o.verb == remove && !o.again && m.want != nil && reflect.DeepEqual(*m.want, want):
			all = append(all, found{o.name, "a device with our mark was added"})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(first.problems)) {
		p, exists := first.names[name]
		if was, known := m.links[name]; known && exists && !p.ours() && reflect.DeepEqual(was, first.wanted(name)) {
			all = append(all, found{name, "the device was missing"}) // another one has its name
		}
	}
	return all
}

// unlike says how a link was not as the operation makes it.
func (o operation) unlike(c *comparison) string {
	switch o.verb {
	case create:
		return "the device was missing"
	case remove:
		return "it was another device than " + o.device.Text()
	case enslave:
		return "it was no port of " + o.master.Name
	case release:
		return "it was a port of " + c.index[o.link.Master].Name
	case setMAC:
		return fmt.Sprintf("its hardware address was %s, not %s", o.link.MAC, o.mac)
	case setVLANs:
		return fmt.Sprintf("it had the VLANs %s", o.link.VLANs)
	}
	have := o.link.Data
	if o.verb == setPort {
		have = o.link.PortData
	}
	different, _ := differing(o.settings, have)
	words := texts(different)
	if o.mark {
		words = append(words, "about to be deleted")
	}
	if o.up {
		words = append(words, "down")
	}
	if len(different) > 0 {
		return "it was not with " + strings.Join(words, ", ")
	}
	return "it was " + strings.Join(words, ", ")
}

// texts lists settings in words, each once.
func texts(settings []setting) []string {
	var out []string
	for _, s := range settings {
		if !slices.Contains(out, s.text) {
			out = append(out, s.text)
		}
	}
	return out
}

// settle remembers how the links were left. One that could not be mended is left as it was before: it is drift until it can.
func (m *memory) settle(want Config, last *comparison, problems map[string]error) {
	next := map[string]settled{}
	note := func(name string) {
		now := last.wanted(name)
		if was, known := m.links[name]; problems[name] == nil || known && reflect.DeepEqual(was, now) {
			next[name] = now
		}
	}
	for name := range want.Devices {
		note(name)
	}
	for name := range want.Members {
		note(name)
	}
	for name := range want.MACs {
		note(name)
	}
	m.links, m.want = next, nil
	if len(problems) == 0 {
		m.want = &want
	}
}

// report tells of drift. Callers hold mu.
func (m *Manager) report(all []found, problems map[string]error) {
	if m.OnDrift == nil {
		return
	}
	for _, f := range all {
		m.OnDrift(f.object, f.what, problems[f.object])
	}
}
