package device

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"net"
	"slices"
)

// verb is what an operation does.
type verb int

// The verbs, in the order in which they are done.
const (
	release verb = iota // a link leaves its master
	remove
	create
	modify // settings of a device
	setMAC
	enslave // a link becomes a port
	setPort
	setVLANs
)

// operation is one thing to do.
type operation struct {
	verb     verb
	name     string
	link     present // as it is; nothing for create
	device   Device  // create, modify; again: what a removed one becomes
	again    bool    // remove: the device is made anew
	lower    present // create: of a VLAN
	settings []setting
	mark     bool    // put it into our link group, or that of ports; release: out of it
	up       bool    // bring it up
	master   present // enslave, setPort, setVLANs; release: where it goes back to
	mac      net.HardwareAddr
	add      vlanSet
	drop     vlanSet
}

// original is how a link was before we changed it: what this process knows of it.
type original struct {
	mac    net.HardwareAddr // nil: we did not change it
	master int              // a foreign master that it was taken from
	wasUp  bool             // before a bond made us take it down
}

// comparison is the state of a plan in the making.
type comparison struct {
	want      Config
	have      snapshot
	names     map[string]present
	index     map[int]present
	originals map[int]original
	failed    map[string]error // what was tried in vain
	gone      map[int]bool     // links that are about to be removed
	ops       []operation
	problems  map[string]string // by name, why something wanted can be neither made nor changed
	waiting   map[string]string // by name, for which link it waits that is to be made
}

// plan compares. It returns what can be done at once; once that is done, there may be more: a VLAN on a bond is made after the
// bond.
func plan(want Config, have snapshot, originals map[int]original, failed map[string]error) *comparison {
	c := &comparison{
		want: want, have: have, failed: failed, names: have.byName(), index: have.byIndex(), originals: originals,
		gone: map[int]bool{}, problems: map[string]string{}, waiting: map[string]string{},
	}
	c.removals()
	for _, name := range slices.Sorted(maps.Keys(want.Devices)) {
		d := want.Devices[name]
		d.Name = name
		c.device(d)
	}
	c.addresses()
	c.members()
	slices.SortStableFunc(c.ops, func(a, b operation) int { return cmp.Compare(a.verb, b.verb) })
	return c
}

func (c *comparison) do(o operation) { c.ops = append(c.ops, o) }

// removals notes devices of ours that are wanted no more, or that have to be made anew.
func (c *comparison) removals() {
	for _, p := range c.have {
		if !p.ours() {
			continue
		}
		d, wanted := c.want.Devices[p.Name]
		d.Name = p.Name
		switch {
		case !wanted:
			c.gone[p.Index] = true
			c.do(operation{verb: remove, name: p.Name, link: p})
		case c.anew(d, p):
			c.gone[p.Index] = true
			c.do(operation{verb: remove, name: p.Name, link: p, device: d, again: true})
		}
	}
	// The kernel removes with a link what lies on it.
	for again := true; again; {
		again = false
		for _, p := range c.have {
			if lies(p) && c.gone[p.Lower] && !c.gone[p.Index] {
				c.gone[p.Index], again = true, true
			}
		}
	}
}

// lies reports whether a link vanishes with the one below it.
func lies(p present) bool {
	return p.Lower != 0 && !p.elsewhere && slices.Contains([]string{"vlan", "macvlan", "macvtap", "ipvlan", "ipvtap", "vxlan"}, p.Kind)
}

// anew reports whether d differs from p in something that the kernel does not change.
func (c *comparison) anew(d Device, p present) bool {
	if d.kind() != p.Kind {
		return true
	}
	if d.VLAN != nil {
		if lower, ok := c.names[d.VLAN.Link]; ok && lower.Index != p.Lower {
			return true
		}
	}
	different, _ := differing(d.settings(c.names, p), p.Data)
	return slices.ContainsFunc(different, func(s setting) bool { return s.fixed })
}

// device compares one device that is wanted.
func (c *comparison) device(d Device) {
	p, exists := c.names[d.Name]
	if exists && c.gone[p.Index] {
		exists = false
	}
	if exists && !p.ours() {
		c.problems[d.Name] = fmt.Sprintf("there is a link %s already, of kind %s, which is not ours: remove it, or configure another name", d.Name, cmp.Or(p.Kind, "hardware"))
		return
	}
	var lower present
	if name := d.lower(); name != "" {
		var ok bool
		if lower, ok = c.below(d.Name, name); !ok {
			return
		}
		if !exists && c.joining(lower) {
			c.waiting[d.Name] = name
			return
		}
	}
	if d.kind() == "" {
		c.problems[d.Name] = "nothing says what kind of device it is"
		return
	}
	if !exists {
		c.do(operation{verb: create, name: d.Name, device: d, lower: lower, settings: d.settings(c.names, present{}), up: d.VRF != nil})
		return
	}
	settings, lacks := differing(d.settings(c.names, p), p.Data)
	if lacks != "" {
		c.problems[d.Name] = "this kernel has no " + lacks
	}
	o := operation{verb: modify, name: d.Name, link: p, device: d, settings: settings, mark: p.Group != groupOurs, up: d.VRF != nil && !p.Up}
	if len(settings) > 0 && d.GRE != nil {
		o.settings = d.settings(c.names, p)
	}
	if len(settings) > 0 || o.mark || o.up {
		c.do(o)
	}
	if d.Bridge != nil && d.Bridge.VLANFiltering && p.VLANs != nil {
		c.vlans(p, p, d.Bridge.vlans())
	}
}

// joining reports whether a bond gets a port first. It takes the hardware address of its first port, and a VLAN that of the bond when
// it is made.
func (c *comparison) joining(bond present) bool {
	if bond.Kind != "bond" {
		return false
	}
	for name, m := range c.want.Members {
		p, ok := c.names[name]
		if ok && m.Master == bond.Name && p.Master != bond.Index && !c.gone[p.Index] && c.failed[name] == nil {
			return true
		}
	}
	return false
}

// below finds the link that name lies on, if it is there to stay.
func (c *comparison) below(name, lower string) (present, bool) {
	p, exists := c.names[lower]
	_, wanted := c.want.Devices[lower]
	switch {
	case exists && !c.gone[p.Index]:
		return p, true
	case wanted || exists:
		c.waiting[name] = lower
	default:
		c.problems[name] = fmt.Sprintf("there is no link %s, which it lies on", lower)
	}
	return present{}, false
}

// vlans compares what a port of a filtering bridge takes.
func (c *comparison) vlans(p, bridge present, want vlanSet) {
	if add, drop := p.VLANs.change(want); len(add)+len(drop) > 0 {
		c.do(operation{verb: setVLANs, name: p.Name, link: p, master: bridge, add: add, drop: drop})
	}
}

// addresses compares hardware addresses.
func (c *comparison) addresses() {
	for _, p := range c.have {
		if c.gone[p.Index] || len(p.MAC) == 0 {
			continue
		}
		want := c.want.MACs[p.Name]
		if d, ok := c.want.Devices[p.Name]; ok {
			if !p.ours() {
				continue
			}
			want = d.MAC
		}
		if want == nil {
			want = c.originals[p.Index].mac
		}
		if want != nil && !bytes.Equal(want, p.MAC) {
			c.do(operation{verb: setMAC, name: p.Name, link: p, mac: want})
		}
	}
}
