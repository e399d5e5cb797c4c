package vxlan

import (
	"fmt"
	"maps"
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
	// Refused says, a line each, what of the configuration Apply could not do: a name or VNI that somebody else has, an MTU that does not
	// fit, a limit that cannot be raised.
	Refused []string
}

// Preview tells what Apply would do if the links had the MTUs in links, and writes nothing. A link that does not exist yet and is in links
// is taken to appear before, unless it is one of want. A device that is impossible at the moment is left out, as Apply leaves it.
func (m *Manager) Preview(want Config, links map[string]int) (Preview, error) {
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
	p, after := foresee(want, have.expect(links, want), kernelRejoins())
	if len(p.New) == 0 && !slices.ContainsFunc(p.Ops, func(o foreseen.Op) bool { return o.Class == foreseen.Live }) {
		return p, nil
	}
	four, six := memberships(want, after)
	var raised []foreseen.Op
	for _, l := range limits(four, six) {
		low, now, err := l.low()
		if err != nil {
			return p, err
		}
		if !low {
			continue
		}
		if text := l.refused(max(four, six), now); text != "" {
			p.Refused = append(p.Refused, text)
		}
		raised = append(raised, foreseen.Op{Object: l.name(), Action: fmt.Sprintf("raise to %d", l.value)})
	}
	p.Ops = append(raised, p.Ops...)
	return p, nil
}

// expect returns the links with other MTUs, and with those that others will have made.
func (s snapshot) expect(links map[string]int, want Config) snapshot {
	names, next := s.byName(), 0
	for i := range s {
		if to, ok := links[s[i].Name]; ok {
			s[i].MTU = to
		}
		next = max(next, s[i].Index)
	}
	for _, name := range slices.Sorted(maps.Keys(links)) {
		_, exists := names[name]
		if _, ours := want.Devices[name]; !exists && !ours {
			next++
			s = append(s, present{Name: name, Index: next, MTU: links[name], Up: true})
		}
	}
	return s
}

// foresee plans until nothing is left to do: a device may be made on another that is made first. It returns the links as they
// will be.
func foresee(want Config, have snapshot, rejoin bool) (Preview, snapshot) {
	p := Preview{Devices: map[string]Device{}, New: map[string]bool{}}
	for range len(want.Devices) + 1 {
		ops := plan(want, have, rejoin)
		p.Refused = ops.problems()
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
			Vxlan: d.tunnel(c.Link), Family: d.family(), Entries: d.entries(c.Link),
		})
	}
	return out
}

// tunnel is what the kernel has of d once it is made.
func (d Device) tunnel(link int) tunnel {
	t := tunnel{
		VNI: d.VNI, Group: d.Group, Link: link, Local: d.Local, TTL: d.TTL, TOS: d.TOS, Port: d.Port, Learning: !d.NoLearning,
		Ageing: d.ageing(), Limit: d.MaxAddresses, DF: d.DF, PortLow: d.PortLow, PortHigh: d.PortHigh, Checksum: true,
	}
	if d.OverIPv6() {
		t.ZeroTx, t.ZeroRx = d.NoChecksum, d.NoChecksum
	} else {
		t.Checksum = !d.NoChecksum
	}
	return t
}

// carriers says how the remotes of d are reached.
func carriers(d Device) string {
	text := ""
	if d.Group.IsValid() {
		text += ", group " + d.Group.String()
	}
	switch n := len(d.Remotes); {
	case n == 1:
		text += ", remote " + d.Remotes[0].String()
	case n > 1 && n <= wordy:
		var all []string
		for _, r := range d.Remotes {
			all = append(all, r.String())
		}
		text += ", remotes " + strings.Join(all, " and ")
	case n > 1:
		text += fmt.Sprintf(", %d remotes", n)
	}
	if n := len(d.Static); n > 0 {
		text += fmt.Sprintf(", %d static addresses", n)
	}
	if d.Link != "" {
		text += ", link " + d.Link
	}
	return text
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
		text := fmt.Sprintf("create with vni %d%s, mtu %d", d.VNI, carriers(d), d.MTU)
		out = append(out, foreseen.Op{Object: d.Name, Action: text})
	}
	return out
}

// reasons says what of d the device p cannot be changed to.
func reasons(d Device, p present, links map[int]string) []string {
	var out []string
	t := p.Vxlan
	add := func(when bool, format string, args ...any) {
		if when {
			out = append(out, fmt.Sprintf(format, args...))
		}
	}
	add(t.VNI != d.VNI, "vni %d", d.VNI)
	add(t.Port != d.Port, "port %d", d.Port)
	add(t.Group != d.Group && d.Group.IsValid(), "group %s", d.Group)
	add(t.Group != d.Group && !d.Group.IsValid(), "no group")
	add(links[t.Link] != d.Link && d.Link != "", "link %s", d.Link)
	add(links[t.Link] != d.Link && d.Link == "", "no link")
	add(t.Limit != d.MaxAddresses && d.MaxAddresses != 0, "max_addresses %d", d.MaxAddresses)
	add(t.Limit != d.MaxAddresses && d.MaxAddresses == 0, "no max_addresses")
	add(t.PortLow != d.PortLow || t.PortHigh != d.PortHigh, "source_ports %s", portsText(d.PortLow, d.PortHigh))
	add(p.Family != unknown && p.Family != d.family() && t.Group == d.Group, "IPv%d", d.family())
	plain := p.Family == unknown || p.Family == d.family()
	checksum := p
	checksum.Vxlan.Odd = false
	add(plain && !t.Odd && anew(d, plainly(d, checksum, t.Link), t.Link, true), "udp_checksum %t", !d.NoChecksum)
	add(t.Odd, "no options of others")
	return out
}
