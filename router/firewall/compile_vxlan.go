package firewall

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/sixfold-router/sixfold/router/firewall/packet"
)

// vxlan lets VXLAN packets in from known end points only. Segments with the same end points share a rule.
func (c *compiler) vxlan() {
	if len(c.conf.VTEPs) == 0 {
		return
	}
	chain := &Chain{Name: "vxlan", Hook: Input, Priority: priorityVXLAN}
	ports := map[uint16]bool{}
	groups := map[string][]VTEPFilter{}
	for _, f := range c.conf.VTEPs {
		ports[f.Port] = true
		key := fmt.Sprint(f.Port, f.Sources, f.Links)
		groups[key] = append(groups[key], f)
	}
	for _, key := range slices.Sorted(maps.Keys(groups)) {
		c.segments(chain, groups[key])
	}
	for _, port := range slices.Sorted(maps.Keys(ports)) {
		chain.add("VXLAN from others", octet(L4Proto, uint8(packet.UDP)), between{DestPort, packet.Port(port)}, c.dropped("vxlan"), drop())
	}
	c.put(chain)
}

// segments lets in packets of segments that have the same end points.
func (c *compiler) segments(chain *Chain, list []VTEPFilter) {
	f := list[0]
	keys, names := make([]string, len(list)), make([]string, len(list))
	for i, one := range list {
		keys[i], names[i] = vniKey(one.VNI), one.Device
	}
	name := c.digest("vteps", append(texts(f.Sources), fmt.Sprint(f.Port, f.Links)))
	links := [][]Part{nil}
	if len(f.Links) > 0 {
		links = nil
		for _, on := range c.onLinks(InName, c.digest("links", f.Links), f.Links, true) {
			links = append(links, []Part{on})
		}
	}
	transport := []Part{
		octet(L4Proto, uint8(packet.UDP)), between{DestPort, packet.Port(f.Port)},
		in{field: VNI, set: c.set(name+"/vni", VNIs, single(keys))},
	}
	devices := strings.Join(names, ", ")
	if len(names) > 3 {
		devices = fmt.Sprintf("%s and %d more", strings.Join(names[:3], ", "), len(names)-3)
	}
	where := "VXLAN from known end points of " + devices
	c.titles[name+"/vni"] = "VXLAN segments of " + devices
	c.titles[name+familySuffix(family6)] = "VXLAN sources (IPv6) of " + devices
	c.titles[name+familySuffix(family4)] = "VXLAN sources (IPv4) of " + devices
	for _, link := range links {
		for _, family := range []uint8{family6, family4} {
			field, t := Source6, Addresses6
			if family == family4 {
				field, t = Source4, Addresses4
			}
			if elements := addressElements(f.Sources, family == family4); len(elements) > 0 {
				set := c.set(name+familySuffix(family), t, elements)
				chain.add(where, slices.Concat(link, []Part{octet(Family, family), in{field: field, set: set}}, transport, []Part{accept()})...)
			}
		}
	}
}
