package explain

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/sixfold-router/sixfold/bgp"
	"github.com/sixfold-router/sixfold/router/change"
	"github.com/sixfold-router/sixfold/router/rib"
)

// maxNeighbors is how many neighbors are told one by one.
const maxNeighbors = 12

// heard tells which BGP neighbors hear of a prefix, and which step of a filter lets it out or keeps it in.
func (v View) heard(p netip.Prefix) []check {
	if v.Plan.BGP.ASN == 0 {
		return nil
	}
	routes := Covering(v.Routes, p)
	var told, rest []check
	for _, n := range v.BGP.Neighbors {
		c, ok := v.hears(n, p, routes)
		if ok {
			told = append(told, c)
		} else {
			rest = append(rest, c)
		}
	}
	if len(v.BGP.Neighbors) == 0 {
		return []check{note("bgp", "", "no BGP neighbor is configured, so nobody is told")}
	}
	c := note("bgp", "announcements to BGP neighbors", "%d of %d BGP neighbors hear of it", len(told), len(v.BGP.Neighbors))
	if len(told) > 0 {
		c.state = OK
	}
	all := append(told, rest...)
	if more := len(all) - maxNeighbors; more > 0 {
		all = append(all[:maxNeighbors], note("bgp", "", "and %d more: see sixfold show bgp", more))
	}
	return []check{c.with(all...)}
}

func (v View) hears(n bgp.NeighborStatus, p netip.Prefix, routes []rib.Entry) (check, bool) {
	name := fmt.Sprintf("%s (AS %d)", n.Neighbor.Name, n.Neighbor.RemoteAS)
	if n.State != "established" {
		return note("bgp", "", "%s hears nothing: the session is %s", name, n.State), false
	}
	if told := v.told(n, p, routes); told.IsValid() {
		d := v.Plan.BGP.ExplainExport(n.Neighbor.Name, v.candidate(told, routes))
		return good("bgp", "", "%s hears %s: %s", name, told, decisionText(d)), true
	}
	if len(routes) == 0 {
		return note("bgp", "", "%s is told nothing: there is no route", name), false
	}
	r := routes[0]
	d := v.Plan.BGP.ExplainExport(n.Neighbor.Name, v.candidate(r.Route.Prefix, routes))
	switch why := v.withheld(n.Neighbor, r, routes); {
	case why != "":
		return note("bgp", "", "%s is not told %s: %s", name, r.Route.Prefix, why), false
	case d.Accept:
		return note("bgp", "", "%s is not told %s, although %s", name, r.Route.Prefix, decisionText(d)), false
	default:
		return note("bgp", "", "%s is not told %s: %s", name, r.Route.Prefix, decisionText(d)), false
	}
}

// told returns the longest prefix that a neighbor is told and that contains p, invalid if there is none.
func (v View) told(n bgp.NeighborStatus, p netip.Prefix, routes []rib.Entry) netip.Prefix {
	var best netip.Prefix
	if v.TooLarge {
		for _, r := range routes {
			if v.withheld(n.Neighbor, r, routes) == "" && v.Plan.BGP.ExplainExport(n.Neighbor.Name, v.candidate(r.Route.Prefix, routes)).Accept {
				return r.Route.Prefix
			}
		}
		return best
	}
	for _, x := range v.Told[n.Neighbor.Name] {
		if x.Prefix.Bits() <= p.Bits() && x.Prefix.Contains(p.Addr()) && (!best.IsValid() || x.Prefix.Bits() > best.Bits()) {
			best = x.Prefix
		}
	}
	return best
}

// withheld tells why a route never comes to the export filter of a neighbor; empty: it does.
func (v View) withheld(n bgp.Neighbor, r rib.Entry, routes []rib.Entry) string {
	c := v.candidate(r.Route.Prefix, routes)
	if c.Source != rib.BGP {
		if !slices.Contains(v.Plan.BGP.Announce, c.Source) {
			return c.Source.String() + " is not in bgp.announce"
		}
		return ""
	}
	external := n.RemoteAS != v.Plan.BGP.ASN
	if c.LearnedFrom == n.Name {
		return "it came from there"
	}
	if !external && v.internal(c.LearnedFrom) {
		return "what an internal neighbor taught is not passed on to another"
	}
	return ""
}

func (v View) internal(neighbor string) bool {
	n, ok := v.Plan.BGP.Neighbors[neighbor]
	return ok && n.RemoteAS == v.Plan.BGP.ASN
}

// candidate is a route as the export filters see it.
func (v View) candidate(p netip.Prefix, routes []rib.Entry) bgp.Candidate {
	c := bgp.Candidate{Prefix: p, Source: rib.BGP}
	// What BGP originates is the best of what is announced, even where a source that is not has a better one.
	for _, e := range routes {
		if e.Route.Prefix == p && e.Source != rib.BGP && slices.Contains(v.Plan.BGP.Announce, e.Source) {
			c.Source = e.Source
			return c
		}
	}
	for _, e := range routes {
		if e.Route.Prefix == p {
			c.Source = e.Source
			break
		}
	}
	for _, x := range v.Paths {
		if c.Source == rib.BGP && x.Prefix == p && x.Best {
			c.LearnedFrom = x.Neighbor
		}
	}
	return c
}

func decisionText(d bgp.Decision) string {
	var text string
	switch {
	case d.Filter == "":
		return "it has no export filter, so nothing is announced (RFC 8212)"
	case d.Rule == 0:
		text = fmt.Sprintf("no rule of filter %s accepts it", d.Filter)
	case d.Accept:
		text = fmt.Sprintf("rule %d of filter %s accepts it", d.Rule, d.Filter)
	default:
		text = fmt.Sprintf("rule %d of filter %s rejects it", d.Rule, d.Filter)
	}
	var before []string
	for _, n := range d.Matched {
		if n != d.Rule {
			before = append(before, fmt.Sprint(n))
		}
	}
	if len(before) > 0 && d.Accept {
		text += ", changed by rule " + strings.Join(before, " and ")
	}
	return text
}

// learnt tells from whom a route came and which rule let it in.
func (v View) learnt(p netip.Prefix) []check {
	var out []check
	for _, x := range v.Paths {
		if x.Prefix != p || x.Neighbor == "" {
			continue
		}
		text := fmt.Sprintf("learnt from %s, AS path %s, next hop %s%s, preference %d", x.Neighbor, orNone(x.ASPath), x.NextHop, when(x.Link != "", " on "+x.Link), x.LocalPref)
		d := v.Plan.BGP.ExplainImport(x.Neighbor, p)
		if d.Accept {
			text += fmt.Sprintf(": rule %d of import filter %s let it in", d.Rule, d.Filter)
		}
		switch {
		case x.Unusable != "":
			out = append(out, bad("bgp", "path from "+x.Neighbor, "", "%s, and cannot be used: %s", text, x.Unusable))
		case x.Best:
			out = append([]check{good("bgp", "path from "+x.Neighbor, "%s", text)}, out...)
		case len(out) < maxNeighbors:
			out = append(out, note("bgp", "", "%s, stands by", text))
		}
	}
	return out
}

func orNone(s string) string {
	if s == "" {
		return "empty"
	}
	return s
}

// taleOfNeighbor follows a session from the ground up.
func (v View) taleOfNeighbor(name string) tale {
	t := tale{bad: map[string]string{"": "is not established", "filter": "exchanges nothing", "limit": "is shut down"}}
	for _, p := range v.Plan.Pending {
		if p.What == "bgp.neighbors."+name || strings.HasPrefix(p.What, "bgp.neighbors."+name+".") {
			t.checks = append(t.checks, bad("configuration", "", "", "%s", p.Reason))
		}
	}
	n, ok := v.Plan.BGP.Neighbors[name]
	if !ok {
		return t
	}
	var s bgp.NeighborStatus
	for _, x := range v.BGP.Neighbors {
		if x.Neighbor.Name == name {
			s = x
		}
	}
	if n.Shutdown {
		t.good = fmt.Sprintf("neighbor %s is shut down by the configuration", name)
		t.checks = append(t.checks, note("session", "", "shutdown is set in bgp.neighbors.%s", name))
		return t
	}
	steps := v.unit("bgp")
	external := n.RemoteAS != v.Plan.BGP.ASN
	if zone := n.Address.Zone(); zone != "" {
		steps = append(steps, v.link(zone), v.neighbor(zone, n.Address, "neighbor "))
	} else {
		way, used := v.way(netip.PrefixFrom(n.Address, n.Address.BitLen()), 0)
		if external && n.Multihop == 0 && used.Prefix.IsValid() && used.Via.IsValid() {
			way = append(way, bad("route", "", "give a link of ours an address in its prefix, or set multihop",
				"%s is not on a link of ours (it is reached by %s), and an external neighbor must be", n.Address, routeText(used)))
		}
		steps = append(steps, way...)
	}
	up := s.State == "established"
	session := v.session(n, s)
	if up {
		// What works proves what it stands on, whatever the neighbor table says at the moment.
		for i := range steps {
			if steps[i].state == Broken {
				steps[i].state, steps[i].advice = Info, ""
			}
		}
		t.good = fmt.Sprintf("neighbor %s (AS %d) is established for %s: %d routes received, %d accepted, %d advertised",
			name, n.RemoteAS, change.Rough(v.Now.Sub(s.Since)), s.Received, s.Accepted, s.Advertised)
	}
	steps = append(steps, session.with(v.filter("import", n.Import, s.Received, s.Accepted, up), v.filter("export", n.Export, 0, s.Advertised, up)))
	t.checks = append(t.checks, chain(steps)...)
	return t
}

func (v View) session(n bgp.Neighbor, s bgp.NeighborStatus) check {
	since := ""
	if !s.Since.IsZero() {
		since = " since " + change.Rough(v.Now.Sub(s.Since))
	}
	last := when(s.LastError != "", "; last error: "+s.LastError)
	kind := "external"
	if n.RemoteAS == v.Plan.BGP.ASN {
		kind = "internal"
	}
	what := fmt.Sprintf("session with %s", n.Address)
	switch {
	case s.LimitExceeded:
		return bad("limit", what, fmt.Sprintf("see what it announces, raise import_limit above %d, then sixfold bgp reset %s", n.ImportLimit, n.Name), "%s", s.LastError)
	case s.State == "established":
		return good("session", what, "established%s, %s, AS %d, %s", since, kind, n.RemoteAS, count(int(s.Flaps), "flap", "flaps"))
	case s.State == "opensent" || s.State == "openconfirm":
		return bad("session", what, fmt.Sprintf("it accepts our TCP connection but does not agree: does it expect AS %d from us, and is it AS %d?", v.Plan.BGP.ASN, n.RemoteAS),
			"%s%s%s", s.State, since, last)
	case n.Passive:
		return bad("session", what, "we are passive: it has to connect to us", "%s%s%s", s.State, since, last)
	}
	return bad("session", what, fmt.Sprintf("does it listen on TCP port 179, is a filter in between, and does it have us as a neighbor with AS %d%s?",
		v.Plan.BGP.ASN, when(n.Password != "", " and the same password")), "%s%s%s", s.State, since, last)
}

func (v View) filter(dir, name string, before, after uint64, up bool) check {
	if name == "" {
		return note("filter", dir+" filter", "there is no %s filter, so nothing is %s (RFC 8212)", dir, map[string]string{"import": "accepted", "export": "announced"}[dir])
	}
	text := fmt.Sprintf("%s filter %s (%s)", dir, name, count(len(v.Plan.BGP.Filters[name].Rules), "rule", "rules"))
	c := good("filter", dir+" filter", "%s", text)
	switch {
	case up && dir == "import":
		c.text += fmt.Sprintf(" accepts %d of %d routes", after, before)
		if before > 0 && after == 0 {
			c.state = Info
		}
	case up:
		c.text += fmt.Sprintf(" lets %s out", count(int(after), "route", "routes"))
	}
	return c
}
