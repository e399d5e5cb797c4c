package vxlan

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"reflect"
	"slices"
	"strings"
)

// settled is a device as it was left: while the same is wanted on the same link, a difference is somebody else's work.
type settled struct {
	device Device
	link   int // index of the underlying link: with it the kernel deletes the device
}

func (s settled) equal(o settled) bool {
	return s.link == o.link && reflect.DeepEqual(s.device, o.device)
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
	steady := func(d Device) bool { return m.devices[d.Name].equal(settled{d, names[d.Link].Index}) }
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
		if m.want != nil && reflect.DeepEqual(m.want, want.Devices) && !again[p.Name] {
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
	if p.Vxlan.Group != d.Group {
		differ("group", addrText(p.Vxlan.Group), addrText(d.Group))
	}
	differ("TTL", p.Vxlan.TTL, d.TTL)
	differ("DSCP", DSCP(p.Vxlan.TOS), DSCP(d.TOS))
	differ("DF", p.Vxlan.DF, d.DF)
	differ("ageing", ageingText(p.Vxlan.Ageing), ageingText(d.ageing()))
	differ("limit of addresses", p.Vxlan.Limit, d.MaxAddresses)
	differ("source ports", portsText(p.Vxlan.PortLow, p.Vxlan.PortHigh), portsText(d.PortLow, d.PortHigh))
	if p.Vxlan.Local != d.Local {
		words = append(words, "with another local address")
	}
	switch {
	case p.Vxlan.Link == link:
	case d.Link == "":
		words = append(words, "on a link")
	default:
		words = append(words, "on another link than "+d.Link)
	}
	switch {
	case p.Vxlan.Learning && d.NoLearning:
		words = append(words, "with learning")
	case !p.Vxlan.Learning && !d.NoLearning:
		words = append(words, "without learning")
	}
	if p.Family != unknown && p.Family != d.family() {
		words = append(words, "of the other address family")
	}
	if p.Vxlan.Odd || anew(d, plainly(d, p, link), link, true) {
		words = append(words, "with other options")
	}
	if p.Vxlan.VNI == d.VNI && p.Vxlan.Port == d.Port {
		words = append(words, unlikeEntries(d.entries(link), p.Entries)...)
	}
	if p.Group != groupOurs {
		words = append(words, "about to be deleted")
	}
	return words
}

// plainly is p with all that has words of its own as d has it: what is left are flags.
func plainly(d Device, p present, link int) present {
	t := &p.Vxlan
	t.VNI, t.Port, t.Limit, t.PortLow, t.PortHigh, t.Group, t.Link, t.Odd = d.VNI, d.Port, d.MaxAddresses, d.PortLow, d.PortHigh, d.Group, link, false
	p.Family = d.family()
	return p
}

// unlikeEntries says how a forwarding table differs.
func unlikeEntries(want, have []entry) []string {
	var words []string
	for _, e := range missing(want, have) {
		words = append(words, "without "+e.String())
	}
	for _, e := range missing(have, want) {
		words = append(words, "with "+e.String())
	}
	if len(words) > wordy {
		words = append(words[:wordy], fmt.Sprintf("and %d more", len(words)-wordy))
	}
	return words
}

func addrText(a netip.Addr) string {
	if !a.IsValid() {
		return "none"
	}
	return a.String()
}

func portsText(low, high uint16) string {
	if low == 0 {
		return "of the kernel"
	}
	return fmt.Sprintf("%d-%d", low, high)
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
		if problems[name] == "" || m.devices[name].equal(now) {
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
