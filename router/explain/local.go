package explain

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/sixfold-router/sixfold/router/kernel"
	"github.com/sixfold-router/sixfold/router/rib"
)

// anyIP returns the prefix of local that p is in. The kernel looks there first, whatever else has a route.
func (v View) anyIP(p netip.Prefix) (rib.Route, bool) {
	for _, e := range v.Routes {
		if q := e.Route.Prefix; e.Source == rib.Local && q.Bits() <= p.Bits() && q.Contains(p.Addr().WithZone("")) {
			return e.Route, true
		}
	}
	return rib.Route{}, false
}

// taleOfLocal tells of an address or a prefix of which every address is ours.
func (v View) taleOfLocal(p netip.Prefix, r rib.Route) tale {
	t := tale{
		good: fmt.Sprintf("%s is ours: every address of %s is (local)", thing(p), r.Prefix),
		bad:  map[string]string{"": "is not ours yet", "neighbor": "is not found by its neighbors"},
	}
	var steps []check
	for name, uses := range v.Plan.Uses {
		for _, u := range uses {
			if (u.Where == "local" || strings.HasPrefix(u.Where, "vrfs.") && strings.HasSuffix(u.Where, ".local")) && u.Prefix == r.Prefix.String() {
				steps = v.delegation(name)
			}
		}
	}
	what := "local route to " + r.Prefix.String()
	text := routeText(r)
	if r.Link == "" {
		text += " dev lo"
	}
	c := good("route", what, "%s, of the configuration, in the kernel with metric %d", text, metricOf(r))
	if out, known := v.FIB[r.Key()]; known && !out.Installed {
		c = bad("route", what, "see sixfold show routes "+r.Prefix.String(), "%s is not in the kernel: %s", routeText(r), out.Reason)
	}
	steps = append(steps, c.with(v.drifted(r.Prefix.String(), "")...))
	t.checks = chain(steps)
	t.checks = append(t.checks, note("service", "", "a program answers that listens on it, or on all addresses; ping is answered by the kernel"))
	for _, name := range slices.Sorted(maps.Keys(v.Links)) {
		for _, q := range onLinkPrefixes(v.Links[name]) {
			if q.Bits() <= r.Prefix.Bits() && q.Contains(r.Prefix.Addr()) {
				t.checks = append(t.checks, bad("neighbor", "",
					fmt.Sprintf("take a prefix that is on no link, or give the hosts on %s a route to %s by this router", name, r.Prefix),
					"hosts on %s take %s to be on their own link, for %s is, and neighbor discovery finds nobody there", name, thing(p), q))
			}
		}
	}
	t.checks = append(t.checks, v.heard(p)...)
	return t
}

// onLinkPrefixes returns the prefixes of the addresses of a link, each once.
func onLinkPrefixes(l kernel.LinkState) []netip.Prefix {
	var out []netip.Prefix
	for _, a := range l.Addresses {
		p := a.Prefix.Masked()
		if !p.IsSingleIP() && !p.Addr().IsLinkLocalUnicast() && !slices.Contains(out, p) {
			out = append(out, p)
		}
	}
	return out
}
