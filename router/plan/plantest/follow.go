package plantest

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/sixfold-router/sixfold/router/kernel"
	"github.com/sixfold-router/sixfold/router/plan"
	"github.com/sixfold-router/sixfold/router/rib"
)

// parseFollow reads a line about routes: "route PROTOCOL PREFIX [via ADDRESS] [dev LINK] [table=N] [KIND]" is one that the kernel has,
// "noroute PREFIX [table=N]" says that it has none, "notforwarding LINK" that it does not forward. "rib SOURCE PREFIX [table=N] [KIND]"
// is one of the routing table; these lines come last.
func parseFollow(f []string, in *plan.Inputs) error {
	if f[0] == "notforwarding" {
		if in.NotForwarding == nil {
			in.NotForwarding = map[string]bool{}
		}
		in.NotForwarding[f[1]] = true
		return nil
	}
	protocol := ""
	if f[0] != "noroute" {
		protocol = f[1]
		f = slices.Delete(slices.Clone(f), 1, 2)
	}
	prefix, err := netip.ParsePrefix(f[1])
	if err != nil {
		return err
	}
	r := rib.Route{Prefix: prefix}
	for n := 2; n < len(f); n++ {
		switch word := f[n]; {
		case word == "via":
			n++
			r.Via = netip.MustParseAddr(f[n])
		case word == "dev":
			n++
			r.Link = f[n]
		case word == "unreachable":
			r.Kind = rib.Unreachable
		case strings.HasPrefix(word, "table="):
			if _, err := fmt.Sscanf(word, "table=%d", &r.Table); err != nil {
				return err
			}
		default:
			return fmt.Errorf("unknown word %q", word)
		}
	}
	key := r.Key()
	source, ours := rib.ParseSource(protocol)
	switch f[0] {
	case "rib":
		return offerTo(in, rib.Entry{Source: source, Route: r})
	case "noroute":
		setRoutes(in, key, []kernel.Route{})
	default:
		setRoutes(in, key, append(in.Routes[key], kernel.Route{Route: r, Protocol: protocol, Ours: ours}))
	}
	return nil
}

func setRoutes(in *plan.Inputs, key rib.Key, routes []kernel.Route) {
	if in.Routes == nil {
		in.Routes = map[rib.Key][]kernel.Route{}
	}
	in.Routes[key] = routes
}

// offerTo adds a route to the offers of the selections that have it.
func offerTo(in *plan.Inputs, e rib.Entry) error {
	if in.Offered == nil {
		in.Offered = map[string]plan.Offer{}
	}
	for name, s := range plan.Make(*in).Selections {
		if s.Table == e.Route.Key().Table && s.Has(e) {
			all := map[netip.Prefix]struct{}{e.Route.Prefix: {}}
			for _, p := range in.Offered[name].Prefixes {
				all[p] = struct{}{}
			}
			in.Offered[name] = plan.OfferOf(all)
		}
	}
	return nil
}
