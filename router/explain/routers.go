package explain

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/sixfold-router/sixfold/ra"
	"github.com/sixfold-router/sixfold/router/change"
	"github.com/sixfold-router/sixfold/router/plan"
	"github.com/sixfold-router/sixfold/router/rib"
)

// circumstances tells why hosts of a link may take us as their default router or may not, which routes of the table they are told of,
// and who else tells them something.
func (v View) circumstances(link string) []check {
	var out []check
	if d, depends := v.Plan.DefaultRouters[link]; depends {
		switch {
		case d.Reason != "":
			out = append(out, note("advertisement", "", "hosts on %s do not take us as their default router: %s", link, d.Reason))
		case len(d.Depends) > 0 && d.Depends[0].Known:
			out = append(out, note("advertisement", "", "hosts on %s take us as their default router %s", link, plan.WhileText(d)))
		}
	}
	if o, offered := v.Plan.Offers[link]; offered {
		text := fmt.Sprintf("hosts on %s are told of %s of the routing table", link, count(o.Advertised, "route", "routes"))
		if o.Matched > o.Advertised {
			text = fmt.Sprintf("hosts on %s are told of %d of %d routes of the routing table that routes_from matches: there is no room for more", link, o.Advertised, o.Matched)
		}
		out = append(out, note("advertisement", "", "%s", text))
	}
	for _, s := range v.Routers {
		if s.Link == link {
			out = append(out, v.otherRouter(s))
		}
	}
	return out
}

// otherRouter tells of another router on a link.
func (v View) otherRouter(s ra.RouterStatus) check {
	who := s.State.Router.String()
	if s.State.MAC != "" {
		who += " (" + s.State.MAC + ")"
	}
	text := fmt.Sprintf("%s advertises on %s too, as no default router", who, s.Link)
	if s.State.RouterLifetime > 0 {
		text = fmt.Sprintf("%s advertises on %s too, as default router for %s with preference %s", who, s.Link, change.Rough(time.Duration(s.State.RouterLifetime)*time.Second), s.State.Preference)
	}
	text += ", last " + change.Rough(v.Now.Sub(s.State.Time)) + " ago"
	for _, d := range s.Disagreements {
		text += fmt.Sprintf("; it does not agree with us on %s: %s, ours %s", d.What, d.Theirs, d.Ours)
	}
	c := note("advertisement", "", "%s", text)
	if s.Standing == ra.Rogue {
		c = bad("advertisement", "advertisement of "+s.State.Router.String(),
			"find its port by the hardware address, and let the switch drop advertisements from there (RFC 6105); or add it to known_routers",
			"%s; it is not in known_routers", text)
	}
	return c
}

// followers tells which advertisements follow from a route to a prefix being there.
func (v View) followers(p netip.Prefix) []check {
	if v.Plan == nil {
		return nil
	}
	var out []check
	for _, link := range slices.Sorted(maps.Keys(v.Plan.DefaultRouters)) {
		for _, c := range v.Plan.DefaultRouters[link].Depends {
			if c.Waiting != "" || c.Key.Prefix != p || v.tableOf(link) != c.Key.Table {
				continue
			}
			text := fmt.Sprintf("hosts on %s take us as their default router while this route is there", link)
			if len(c.Sources) > 0 {
				text += " from " + strings.Join(c.Sources, " or ")
			}
			if c.Known && c.Route == "" {
				text += "; it is not"
			}
			out = append(out, note("advertisement", "", "%s", text))
		}
	}
	for _, s := range v.RA {
		for _, r := range s.Interface.Routes {
			if r.Prefix == p && r.Lifetime > 0 {
				out = append(out, note("advertisement", "", "hosts on %s are told to send to us what goes there, for %s", s.Interface.Link, change.Rough(r.Lifetime)))
			}
		}
	}
	return out
}

// tableOf returns the table of the instance that a link is configured for.
func (v View) tableOf(link string) uint32 {
	if v.Config != nil {
		if vrf := v.Config.VRFOf(link); vrf != nil {
			return vrf.Table
		}
	}
	return rib.MainTable
}
