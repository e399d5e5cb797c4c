package device

import (
	"maps"
	"slices"

	"github.com/vishvananda/netlink/nl"
)

// after returns the links as they will be once the operations are done, as far as later plans look at them. What the kernel does
// by itself (default VLANs of new ports, addresses of bonds) is not foreseen in full: it counts only for the words of a preview.
func (c *comparison) after() snapshot {
	next := 0
	for _, p := range c.have {
		next = max(next, p.Index)
	}
	links := c.index
	links = maps.Clone(links)
	for i := range c.gone {
		delete(links, i)
	}
	for i, p := range links {
		if c.gone[p.Master] {
			p.Master, p.PortKind, p.PortData, p.VLANs = 0, "", nil, nil
			links[i] = p
		}
	}
	for _, o := range c.ops {
		if o.verb == remove {
			continue
		}
		p := links[o.link.Index]
		if o.verb == create {
			next++
			p = made(o, next)
		}
		links[p.Index] = o.on(p)
	}
	out := make(snapshot, 0, len(links))
	for _, i := range slices.Sorted(maps.Keys(links)) {
		out = append(out, links[i])
	}
	return out
}

// made is the device of a creation.
func made(o operation, index int) present {
	p := present{Name: o.name, Index: index, Group: groupOurs, Kind: o.device.kind(), MTU: 1500, Data: map[int][]byte{}, MAC: o.device.MAC, Up: o.up}
	if o.device.VLAN != nil {
		p.Lower, p.MTU = o.lower.Index, o.lower.MTU
	}
	if b := o.device.Bridge; b != nil && b.VLANFiltering {
		p.VLANs = vlansOf(b.PVID, nil, nil)
	}
	if g := o.device.GRE; g != nil {
		p.Lower, p.MTU = o.lower.Index, 1476
		if g.Local.Is6() {
			p.MTU = 1456
		}
	}
	return p
}

// on returns p as it is after the operation.
func (o operation) on(p present) present {
	switch o.verb {
	case release:
		p.Master, p.PortKind, p.PortData, p.VLANs = o.master.Index, o.master.Kind, nil, nil
		if o.mark {
			p.Group = 0
		}
		p.Up = p.Up || o.up
	case create, modify:
		p.Data = with(p.Data, o.settings)
		p.Group = groupOurs
		p.Up = p.Up || o.up
	case setMAC:
		p.MAC = o.mac
	case enslave:
		p.Master, p.PortKind, p.PortData = o.master.Index, o.master.Kind, map[int][]byte{}
		if o.mark {
			p.Group = groupPort
		}
		if o.master.Kind == "bridge" {
			p.PortData = with(nil, DefaultPort().settings())
			if number(o.master.Data[nl.IFLA_BR_VLAN_FILTERING]) != 0 {
				p.VLANs = vlansOf(uint16(number(o.master.Data[nl.IFLA_BR_VLAN_DEFAULT_PVID])), nil, nil)
			}
		}
	case setPort:
		p.PortData = with(p.PortData, o.settings)
	case setVLANs:
		set := maps.Clone(p.VLANs)
		maps.Copy(set, o.add)
		for v := range o.drop {
			delete(set, v)
		}
		p.VLANs = set
	}
	return p
}

func with(data map[int][]byte, settings []setting) map[int][]byte {
	out := make(map[int][]byte, len(data)+len(settings))
	maps.Copy(out, data)
	for _, s := range settings {
		out[s.attr] = s.value
	}
	return out
}
