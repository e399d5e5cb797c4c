package vxlan

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// settled is a device as it was left: while the same is wanted on the same link, a difference is somebody else's work.
type settled struct {
	device Device
	link   int // index of the underlying link: with it the kernel deletes the device
}

// memory is how a sync left the devices.
type memory struct {
	devices map[string]settled
	want    map[string]Device // nil: not all that was wanted could be done
}

// found is one thing that was not as it was left.
type found struct{ object, what string }

// drift returns what operations mend that others did, by device. A device whose underlying link was made anew, or that is wanted
// otherwise than before, is none.
func (m memory) drift(want Config, ops operations, have snapshot) []found {
	var all []found
	names := have.byName()
	steady := func(d Device) bool { return m.devices[d.Name] == settled{d, names[d.Link].Index} }
	again := map[string]bool{}
	for _, o := range ops.Create {
		again[o.Device.Name] = true
		if !steady(o.Device) {
			continue
		}
		what := "the device was missing"
		if p, exists := names[o.Device.Name]; exists {
			what = "it was " + strings.Join(unlike(o.Device, p, o.Link), ", ")
		}
		all = append(all, found{o.Device.Name, what})
	}
	for _, o := range ops.Modify {
		if steady(o.Device) {
			p := names[o.Device.Name]
			all = append(all, found{o.Device.Name, "it was " + strings.Join(unlike(o.Device, p, names[o.Device.Link].Index), ", ")})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(ops.Problems)) {
		if _, exists := names[name]; exists && steady(ops.Final[name]) {
			all = append(all, found{name, "the device was missing"}) // another one has its name
		}
	}
	for _, p := range ops.Remove {
		if m.want != nil && maps.Equal(m.want, want.Devices) && !again[p.Name] {
			all = append(all, found{p.Name, "a device with our mark was added"})
		}
	}
	return all
}

// unlike says in words how p differs from d on the link with that index.
func unlike(d Device, p present, link int) []string {
	var words []string
	differ := func(what string, have, want any) {
		if have != want {
			words = append(words, fmt.Sprintf("with %s %v, not %v", what, have, want))
		}
	}
	if !p.Up {
		words = append(words, "down")
	}
	differ("MTU", p.MTU, d.MTU)
	differ("VNI", p.Vxlan.VNI, d.VNI)
	differ("port", p.Vxlan.Port, d.Port)
	differ("group", p.Vxlan.Group, d.Group)
	differ("TTL", p.Vxlan.TTL, d.TTL)
	if p.Vxlan.Local != d.Local {
		words = append(words, "with another local address")
	}
	if p.Vxlan.Link != link {
		words = append(words, "on another link than "+d.Link)
	}
	if !p.Vxlan.Learning {
		words = append(words, "without learning")
	}
	if p.Group != groupOurs {
		words = append(words, "about to be deleted")
	}
	return words
}

// settle returns how the devices were left. One that could not be mended is left as it was before: it is drift until it can.
func (m memory) settle(want Config, ops operations, have snapshot, problems map[string]string, clean bool) memory {
	next := memory{devices: map[string]settled{}}
	if clean {
		next.want = want.Devices
	}
	names := have.byName()
	for name, d := range ops.Final {
		now := settled{d, names[d.Link].Index}
		if problems[name] == "" || m.devices[name] == now {
			next.devices[name] = now
		}
	}
	return next
}

// report tells of drift. Callers hold applying.
func (m *Manager) report(all []found, problems map[string]string) {
	if m.OnDrift == nil {
		return
	}
	for _, f := range all {
		var problem error
		if p := problems[f.object]; p != "" {
			problem = errors.New(p)
		}
		m.OnDrift(f.object, f.what, problem)
	}
}
