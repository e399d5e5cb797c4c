package vxlan

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	foreseen "github.com/sixfold-router/sixfold/router/change"
)

// Preview is what an Apply would do.
type Preview struct {
	Ops []foreseen.Op
	// Devices are the devices of the configuration that will exist, by name, with their final MTU.
	Devices map[string]Device
	// New are those of Devices that will have been made: all that others had put on a device of that name is gone.
	New map[string]bool
	// Gone are the devices that will exist no more.
	Gone []string
}

// Preview tells what Apply would do if the links had the MTUs in mtu, as far as they are in it, and writes nothing. A device that
// is impossible at the moment is left out, as Apply leaves it.
func (m *Manager) Preview(want Config, mtu map[string]int) (Preview, error) {
	m.applying.Lock()
	defer m.applying.Unlock()
	k, err := m.open()
	if err != nil {
		return Preview{}, err
	}
	have, err := k.snapshot()
	if err != nil {
		return Preview{}, fmt.Errorf("list links: %w", err)
	}
	for i := range have {
		if to, ok := mtu[have[i].Name]; ok {
			have[i].MTU = to
		}
	}
	p, after := foresee(want, have, kernelRejoins())
	if len(p.New) == 0 && !slices.ContainsFunc(p.Ops, func(o foreseen.Op) bool { return o.Class == foreseen.Live }) {
		return p, nil
	}
	var raised []foreseen.Op
	for _, l := range limits(memberships(want, after)) {
		low, err := l.low()
		if err != nil {
			return p, err
		}
		if low {
			raised = append(raised, foreseen.Op{
				Object: strings.ReplaceAll(strings.TrimPrefix(l.path, "/proc/sys/"), "/", "."), Action: fmt.Sprintf("raise to %d", l.value),
			})
		}
	}
	p.Ops = append(raised, p.Ops...)
	return p, nil
}

// foresee plans until nothing is left to do: a device may be made on another that is made first. It returns the links as they
// will be.
func foresee(want Config, have snapshot, rejoin bool) (Preview, snapshot) {
	p := Preview{Devices: map[string]Device{}, New: map[string]bool{}}
	for range len(want.Devices) + 1 {
		ops := plan(want, have, rejoin)
		if len(ops.Remove)+len(ops.Modify)+len(ops.Create) == 0 {
			break
		}
		p.Ops = append(p.Ops, describe(ops, have)...)
		for _, c := range ops.Create {
			p.New[c.Device.Name] = true
		}
		for _, gone := range ops.Remove {
			if !p.New[gone.Name] {
				p.Gone = append(p.Gone, gone.Name)
			}
		}
		have = ops.after(have)
	}
	names := have.byName()
	for name, d := range want.Devices {
		if l, ok := names[name]; ok && l.ours() {
			d.Name, d.MTU = name, l.MTU
			p.Devices[name] = d
		}
	}
	return p, have
}

// after returns the links as they will be once the operations are carried out.
func (ops operations) after(have snapshot) snapshot {
	drop, changes, next := map[int]bool{}, map[int]change{}, 0
	for _, p := range ops.Remove {
		drop[p.Index] = true
	}
	for _, m := range ops.Modify {
		changes[m.Index] = m.Change
	}
	var out snapshot
	for _, p := range have {
		next = max(next, p.Index)
		if !drop[p.Index] {
			out = append(out, changes[p.Index].on(p))
		}
	}
	for _, c := range ops.Create {
		next++
		d := c.Device
		out = append(out, present{
			Name: d.Name, Index: next, MTU: d.MTU, Group: groupOurs, Up: true, MAC: c.MAC, Kind: "vxlan",
			Vxlan: tunnel{VNI: d.VNI, Group: d.Group, Link: c.Link, Local: d.Local, TTL: d.TTL, Port: d.Port, Learning: true},
		})
	}
	return out
}

// on returns p as it is after the change.
func (c change) on(p present) present {
	if c.Mark {
		p.Group = groupOurs
	}
	if c.MTU != 0 {
		p.MTU = c.MTU
	}
	if c.Link != 0 {
		p.Vxlan.Link = c.Link
	}
	if c.Group.IsValid() {
		p.Vxlan.Group = c.Group
	}
	if c.Local.IsValid() {
		p.Vxlan.Local = c.Local
		if c.Local.IsUnspecified() {
			p.Vxlan.Local = netip.Addr{}
		}
	}
	if c.TTL != 0 {
		p.Vxlan.TTL = c.TTL
	}
	p.Vxlan.Learning = p.Vxlan.Learning || c.Learning
	p.Up = p.Up || c.Up
	return p
}

// describe tells of operations in the order of Apply, but for devices that are made anew, which are told of once.
func describe(ops operations, have snapshot) []foreseen.Op {
	var out []foreseen.Op
	made := make(map[string]Device, len(ops.Create))
	for _, c := range ops.Create {
		made[c.Device.Name] = c.Device
	}
	links := make(map[int]string, len(have))
	for _, p := range have {
		links[p.Index] = p.Name
	}
	anew := map[string]foreseen.Op{}
	for _, p := range ops.Remove {
		op := foreseen.Op{Class: foreseen.Delete, Object: p.Name, Action: "remove", Disturbs: "forwarding through " + p.Name, Links: []string{p.Name}}
		if d, again := made[p.Name]; again {
			op.Class, op.Action = foreseen.Recreate, "make anew with "+strings.Join(reasons(d, p, links), ", ")
			anew[p.Name] = op
			continue
		}
		out = append(out, op)
	}
	for _, m := range ops.Modify {
		out = append(out, foreseen.Op{Object: m.Device.Name, Action: m.Change.text(m.Device)})
	}
	for _, c := range ops.Create {
		if op, ok := anew[c.Device.Name]; ok {
			out = append(out, op)
			continue
		}
		d := c.Device
		text := fmt.Sprintf("create with vni %d, group %s, link %s, mtu %d", d.VNI, d.Group, d.Link, d.MTU)
		out = append(out, foreseen.Op{Object: d.Name, Action: text})
	}
	return out
}

// reasons says what of d the device p cannot be changed to.
func reasons(d Device, p present, links map[int]string) []string {
	var out []string
	if p.Vxlan.VNI != d.VNI {
		out = append(out, fmt.Sprintf("vni %d", d.VNI))
	}
	if p.Vxlan.Port != d.Port {
		out = append(out, fmt.Sprintf("port %d", d.Port))
	}
	if p.Vxlan.Group != d.Group {
		out = append(out, fmt.Sprintf("group %s", d.Group))
	}
	if links[p.Vxlan.Link] != d.Link {
		out = append(out, "link "+d.Link)
	}
	return out
}

// text tells what becomes of d.
func (c change) text(d Device) string {
	var parts []string
	add := func(when bool, format string, args ...any) {
		if when {
			parts = append(parts, fmt.Sprintf(format, args...))
		}
	}
	add(c.Link != 0, "move to link %s", d.Link)
	add(c.Group.IsValid(), "change group to %s", d.Group)
	add(d.Local.IsValid() && c.Local.IsValid(), "change local address to %s", d.Local)
	add(!d.Local.IsValid() && c.Local.IsValid(), "leave the local address to the kernel")
	add(c.TTL != 0, "change ttl to %d", c.TTL)
	add(c.Learning, "switch learning on")
	add(c.Mark, "mark it as ours")
	add(c.MTU != 0, "change mtu to %d", c.MTU)
	add(c.Up, "bring up")
	return strings.Join(parts, ", ")
}
