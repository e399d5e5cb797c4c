package explain

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/sixfold-router/sixfold/router/config"
)

// taleOfVRF follows a routing instance from its device up to its default route.
func (v View) taleOfVRF(x *config.VRF) tale {
	use, where := "routing instance", "vrfs."+x.Name
	if x.Management {
		use, where = "management instance", "management"
	}
	t := tale{good: fmt.Sprintf("%s works: %s", x.Name, use), bad: map[string]string{
		"": "does not work", "link": "carries nothing", "device": "is not what it should be", "member": "lacks an interface", "drift": "is not as configured",
	}}
	what := "vrf " + x.Name
	c := good("device", what, "%s with table %d", use, x.Table)
	if problem := v.refusedDevice(x.Name); problem != "" {
		c = bad("device", what, "", "%s is not as configured: %s", x.Name, problem)
	}
	on := []check{c.with(v.members(x)...)}
	if r, ok := v.kernelRoute(netip.MustParsePrefix("2000::/128")); ok && r.Prefix.Bits() == 0 {
		way := good("route", "default route", "%s, in the kernel with metric %d", routeText(r.Route), r.Metric)
		if r.Via.IsValid() && r.Link != "" {
			way = way.with(v.neighbor(r.Link, r.Via, "next hop "))
		}
		on = append(on, way)
	} else {
		on = append(on, note("route", "default route", "no default route for IPv6: what this table has no route to is unreachable; one may be in %s.routes", where))
	}
	if m := v.Config.Management; x.Management && m != nil {
		if len(m.DNS) > 0 {
			on = append(on, note("dns", "", "our own lookups ask %s", joined(m.DNS)))
		}
		if len(m.Services) > 0 {
			on = append(on, note("service", "", "systemd runs %s in it", strings.Join(m.Services, ", ")))
		}
	}
	on = append(on, v.drifted(x.Name, "")...)
	t.checks = []check{v.link(x.Name).with(on...)}
	return t
}

// members checks that the links of an instance are ports of its device.
func (v View) members(x *config.VRF) []check {
	var in []string
	for name, l := range v.Links {
		if l.Master != 0 && l.Master == v.Links[x.Name].Index {
			in = append(in, name)
		}
	}
	slices.Sort(in)
	var out []check
	for _, name := range in {
		text := fmt.Sprintf("%s is in it", name)
		if !v.Links[name].Running {
			out = append(out, note("member", name+" in it", "%s, without carrier", text))
			continue
		}
		out = append(out, good("member", name+" in it", "%s, with %s", text, count(len(v.Links[name].Addresses), "address", "addresses")))
	}
	for _, name := range x.Interfaces {
		if !config.IsPattern(name) && !slices.Contains(in, name) {
			out = append(out, bad("member", name+" in it", cmp.Or(v.refusedDevice(name), "see sixfold explain "+name), "%s is not in %s", name, x.Name))
		}
	}
	return out
}

func joined(list []netip.Addr) string {
	words := make([]string, len(list))
	for n, a := range list {
		words[n] = a.String()
	}
	return strings.Join(words, ", ")
}
