package explain

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/sixfold-router/sixfold/vxlan/mld"
)

// parseMulticast reads a line of a state: link LINK STATE PART [because PROBLEM], group LINK GROUP include|exclude REPORTER [SOURCE…], or
// flow SOURCE GROUP IN OUT|- PACKETS because REASON.
func (v *View) parseMulticast(f []string, why string) error {
	switch f[0] {
	case "link":
		v.Multicast.Links = append(v.Multicast.Links, mld.LinkStatus{Link: f[1], State: mld.State(f[2]), Part: f[3], Querier: netip.MustParseAddr("fe80::9"), Problem: why})
	case "group":
		g := mld.GroupStatus{Link: f[1], Group: netip.MustParseAddr(f[2]), Exclude: f[3] == "exclude", Reporter: netip.MustParseAddr(f[4])}
		if g.Exclude {
			g.Until = now.Add(3 * time.Minute)
		}
		for _, s := range f[5:] {
			if g.Exclude {
				g.Excluded = append(g.Excluded, netip.MustParseAddr(s))
			} else {
				g.Sources = append(g.Sources, mld.Source{Address: netip.MustParseAddr(s), Until: now.Add(time.Minute)})
			}
		}
		v.Multicast.Groups = append(v.Multicast.Groups, g)
	case "flow":
		r := mld.RouteStatus{Source: netip.MustParsePrefix(f[1]), Group: netip.MustParsePrefix(f[2]), In: f[3], Reason: why}
		if f[4] != "-" {
			r.Out = strings.Split(f[4], ",")
		}
		if _, err := fmt.Sscan(f[5], &r.Packets); err != nil {
			return err
		}
		if r.Installed = r.Packets > 0; r.Installed {
			r.Used = now.Add(-7 * time.Second)
		}
		v.Multicast.Routes = append(v.Multicast.Routes, r)
	default:
		return errors.New("unknown line of multicast")
	}
	return nil
}
