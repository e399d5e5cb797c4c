package router

import (
	"bufio"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/sixfold-router/sixfold/router/kernel"
	"github.com/sixfold-router/sixfold/router/rib"
)

// parseFollow reads a line about routes: "route PROTOCOL PREFIX [via ADDRESS] [dev LINK] [table=N] [KIND]" is one that the kernel has,
// "noroute PREFIX [table=N]" says that it has none, "notforwarding LINK" that it does not forward. "rib SOURCE PREFIX [table=N] [KIND]"
// is one of the routing table; these lines come last.
func parseFollow(f []string, in *Inputs) error {
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
		in.setRoutes(key, []kernel.Route{})
	default:
		in.setRoutes(key, append(in.Routes[key], kernel.Route{Route: r, Protocol: protocol, Ours: ours}))
	}
	return nil
}

func (in *Inputs) setRoutes(key rib.Key, routes []kernel.Route) {
	if in.Routes == nil {
		in.Routes = map[rib.Key][]kernel.Route{}
	}
	in.Routes[key] = routes
}

// offerTo adds a route to the offers of the selections that have it.
func offerTo(in *Inputs, e rib.Entry) error {
	if in.Offered == nil {
		in.Offered = map[string]Offer{}
	}
	for name, s := range MakePlan(*in).Selections {
		if s.Table == e.Route.Key().Table && s.has(e) {
			all := map[netip.Prefix]struct{}{e.Route.Prefix: {}}
			for _, p := range in.Offered[name].Prefixes {
				all[p] = struct{}{}
			}
			in.Offered[name] = offerOf(all)
		}
	}
	return nil
}

// renderFollow prints what depends on routes, and who else may advertise.
func renderFollow(w *bufio.Writer, p *Plan) {
	for _, name := range sortedKeys(p.DefaultRouters) {
		d := p.DefaultRouters[name]
		switch {
		case d.Reason != "":
			fmt.Fprintf(w, "no default router on %s: %s\n", name, d.Reason)
		case !d.Automatic:
			fmt.Fprintf(w, "default router on %s: %s\n", name, whileText(d))
		}
	}
	for _, name := range sortedKeys(p.Offers) {
		o := p.Offers[name]
		fmt.Fprintf(w, "offer on %s: %d of %d\n", name, o.Advertised, o.Matched)
	}
	for _, name := range sortedKeys(p.Observe.Links) {
		if o := observing(p).Links[name]; o.Known != nil {
			fmt.Fprintf(w, "listen on %s%s own %v known %v %v\n", name, show(" compared", o.Ours != nil), o.Own, o.Known.Addresses, o.Known.MACs)
		}
	}
}
