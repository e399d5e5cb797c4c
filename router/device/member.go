package device

import (
	"fmt"
	"maps"
	"slices"
)

// members compares who is a port of what.
func (c *comparison) members() {
	for _, name := range slices.Sorted(maps.Keys(c.want.Members)) {
		p, exists := c.names[name]
		_, made := c.want.Devices[name]
		if !exists || c.gone[p.Index] || made && !p.ours() {
			continue
		}
		if want := c.want.Members[name]; want.Master != "" {
			c.member(p, want)
		} else {
			c.leaves(p)
		}
	}
	for _, p := range c.have {
		if _, said := c.want.Members[p.Name]; !said && (p.Group == groupPort || p.ours()) && !c.gone[p.Index] {
			c.leaves(p)
		}
	}
}

// leaves lets a link go from a master of ours, or one that we put it to.
func (c *comparison) leaves(p present) {
	marked := p.Group == groupPort
	master := c.index[p.Master]
	if !marked && (p.Master == 0 || !master.ours()) {
		return
	}
	was := c.originals[p.Index]
	o := operation{verb: release, name: p.Name, link: p, mark: marked, up: was.wasUp}
	if back, ok := c.index[was.master]; ok && !c.gone[back.Index] {
		o.master = back
	}
	c.do(o)
}

// member makes a link a port, or compares how it is one.
func (c *comparison) member(p present, want Member) {
	master, ok := c.below(p.Name, want.Master)
	if !ok {
		return
	}
	d, made := c.want.Devices[want.Master]
	switch {
	case made && !master.ours():
		return // that is told with the master
	case !slices.Contains([]string{"bridge", "bond", "vrf"}, master.Kind):
		c.problems[p.Name] = fmt.Sprintf("%s is no bridge, bond or VRF", want.Master)
		return
	case p.Master != master.Index:
		c.do(operation{verb: enslave, name: p.Name, link: p, master: master, mark: p.Group == 0})
		return
	case master.Kind != "bridge" || p.PortKind != "bridge":
		return
	}
	settings, lacks := differing(want.Port.settings(), p.PortData)
	if lacks != "" {
		c.problems[p.Name] = "this kernel has no " + lacks
	}
	if len(settings) > 0 {
		c.do(operation{verb: setPort, name: p.Name, link: p, master: master, settings: settings})
	}
	if made && d.Bridge != nil && d.Bridge.VLANFiltering && p.VLANs != nil {
		c.vlans(p, master, want.Port.vlans(d.Bridge.PVID))
	}
}
