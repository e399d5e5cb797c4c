package explain

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/sixfold-router/sixfold/router/firewall"
)

// behindFirewall tells what of the firewall meets packets to and from a host that is reached by a route of the kernel.
func (v View) behindFirewall(a netip.Addr) []check {
	r, ok := v.kernelRoute(netip.PrefixFrom(a.WithZone(""), a.BitLen()))
	if !ok || len(v.Plan.Firewall.Zones) == 0 {
		return nil
	}
	return v.inZone(r.Link, false)
}

// inZone tells in which zone a link is, and what may begin between that and the others, or this router.
func (v View) inZone(link string, own bool) []check {
	conf := v.Plan.Firewall
	if len(conf.Zones) == 0 || link == "" {
		return nil
	}
	zone := conf.ZoneOf(link)
	if zone == "" {
		return []check{note("firewall", "", "%s is in no zone of the firewall: nothing passes between it and the zones", link)}
	}
	if own {
		return []check{note("firewall", "", "%s is in zone %s: what comes to this router from there %s", link, zone, conf.Summary(zone, firewall.Router))}
	}
	var in, out []string
	for _, z := range conf.Zones {
		if z.Name != zone {
			in = append(in, fmt.Sprintf("from %s %s", z.Name, conf.Summary(z.Name, zone)))
			out = append(out, fmt.Sprintf("to %s %s", z.Name, conf.Summary(zone, z.Name)))
		}
	}
	c := note("firewall", "", "%s is in zone %s of the firewall: what comes to this router from there %s", link, zone, conf.Summary(zone, firewall.Router))
	if len(in) > 0 {
		c = c.with(
			note("firewall", "", "connections to it: %s", strings.Join(in, "; ")),
			note("firewall", "", "connections from it: %s", strings.Join(out, "; ")),
		)
	}
	return []check{c}
}
