package explain

import (
	"maps"
	"slices"

	"github.com/sixfold-router/sixfold/router/config"
	"github.com/sixfold-router/sixfold/router/kernel"
)

// Within returns the view of one instance: without the links, addresses, pools and neighbors of the others, which may be the same.
func (v View) Within(vrf string, table uint32) View {
	if v.Config == nil || len(v.Config.VRFs) == 0 {
		return v
	}
	in := func(link string) bool {
		x := v.Config.VRFOf(link)
		return x == nil && vrf == "" || x != nil && x.Name == vrf
	}
	conf := *v.Config
	conf.Interfaces = slices.Clone(conf.Interfaces)
	conf.Interfaces = slices.DeleteFunc(conf.Interfaces, func(i config.Interface) bool { return !in(i.Name) })
	if x := conf.VRF(vrf); x != nil {
		conf.BGP, conf.Routes = x.BGP, x.Routes
	}
	all := v.Config
	v.Config = &conf
	v.Links = linksIn(v.Links, table, vrf)
	if v.Plan == nil {
		return v
	}
	want := *v.Plan
	if vrf != "" {
		want.BGP, want.DHCP = want.Instances[vrf].BGP, want.Instances[vrf].DHCP
	}
	want.Kernel.Links = maps.Clone(want.Kernel.Links)
	maps.DeleteFunc(want.Kernel.Links, func(name string, _ kernel.Link) bool {
		return !in(name) && name != vrf || vrf == "" && all.VRF(name) != nil
	})
	v.Plan = &want
	return v
}

// linksIn returns the links whose addresses are in a table, the device of the instance, and what carries or is a port of these.
func linksIn(links kernel.Links, table uint32, vrf string) kernel.Links {
	tables := links.Tables()
	names := map[int]string{}
	for name, l := range links {
		names[l.Index] = name
	}
	out := kernel.Links{}
	for name, l := range links {
		if l.Kind == "vrf" && name != vrf || tables(l) != table {
			continue
		}
		for out[name].Name == "" && links[name].Name != "" {
			out[name] = links[name]
			name = names[links[name].Parent]
		}
	}
	for name, l := range links {
		if _, ok := out[names[l.Master]]; ok && l.Master != 0 && links[names[l.Master]].Kind != "vrf" {
			out[name] = l
		}
	}
	return out
}
