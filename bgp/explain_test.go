package bgp

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"regexp"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/osrg/gobgp/v4/api"
	"github.com/sixfold-router/sixfold/router/rib"
)

func TestExplain(t *testing.T) {
	c := seedConfig()
	c.Filters["to_home"] = Filter{Rules: []Rule{
		{PrefixSet: "infra", Source: rib.Delegated, Action: Accept}, {LearnedFrom: "db_sc1", MED: ptr(5)}, {Source: rib.BGP, Action: Reject},
	}}
	home := c.Neighbors["cobra"]
	home.Name, home.Address, home.Export, home.Import = "home", ip("fc00:fe1b::77"), "to_home", ""
	c.Neighbors["home"] = home
	for _, tt := range []struct {
		name string
		got  Decision
		want Decision
	}{
		{"import", c.ExplainImport("cobra", pfx("fc00:abcd::/32")), Decision{Filter: "infra_only", Rule: 1, Accept: true, Matched: []int{1}}},
		{"no rule decides", c.ExplainImport("cobra", pfx("::/0")), Decision{Filter: "infra_only"}},
		{"no filter", c.ExplainImport("home", pfx("fc00:abcd::/32")), Decision{}},
		{"a rule that changes, and one that decides", c.ExplainExport("cobra", Candidate{Prefix: pfx("fc00:1::/32"), Source: rib.BGP, LearnedFrom: "db_sc1"}),
			Decision{Filter: "to_peers", Rule: 2, Accept: true, Matched: []int{1, 2}}},
		{"our own", c.ExplainExport("cobra", Candidate{Prefix: pfx("fc00:1::/32"), Source: rib.Connected}),
			Decision{Filter: "to_peers", Rule: 2, Accept: true, Matched: []int{2}}},
		{"by source", c.ExplainExport("home", Candidate{Prefix: pfx("fc01:100:200:1::/64"), Source: rib.Delegated}),
			Decision{Filter: "to_home", Rule: 1, Accept: true, Matched: []int{1}}},
		{"rejected", c.ExplainExport("home", Candidate{Prefix: pfx("fc01:100:200:1::/64"), Source: rib.BGP, LearnedFrom: "db_sc1"}),
			Decision{Filter: "to_home", Rule: 3, Matched: []int{2, 3}}},
		{"unknown neighbor", c.ExplainExport("nobody", Candidate{Prefix: pfx("::/0")}), Decision{}},
	} {
		if diff := cmp.Diff(tt.want, tt.got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

// TestExplainAgreesWithThePolicy runs random routes through random filters, once as Explain understands them and once through
// the statements that GoBGP gets.
func TestExplainAgreesWithThePolicy(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	accepted := 0
	for range 3000 {
		c := randomConfig(r)
		if err := c.Validate(); err != nil {
			t.Fatal(err)
		}
		p := compile(c)
		for range 10 {
			prefix := randomPrefix(r)
			from, to := c.Neighbors[pick(r, "a", "b", "c")], c.Neighbors[pick(r, "a", "b", "c")]
			route := path{prefix: prefix, from: &from, asn: c.ASN}
			route.run(p, p.imports, from)
			if want := c.ExplainImport(from.Name, prefix); want.Accept != route.accepted {
				t.Fatalf("import of %s from %s: explained as %+v, GoBGP's statements accept: %v\n%+v\n%s", prefix, from.Name, want, route.accepted, c, render(p))
			}
			cand := Candidate{Prefix: prefix, Source: rib.BGP, LearnedFrom: from.Name}
			if !route.accepted || r.IntN(2) == 0 {
				cand = Candidate{Prefix: prefix, Source: pick(r, rib.Connected, rib.Static, rib.Delegated, rib.Aggregate)}
				route = path{prefix: prefix, asn: c.ASN, tags: []string{sourceTag(cand.Source).String()}}
			}
			route.run(p, p.exports, to)
			if want := c.ExplainExport(to.Name, cand); want.Accept != route.accepted {
				t.Fatalf("export of %+v to %s: explained as %+v, GoBGP's statements accept: %v\n%+v\n%s", cand, to.Name, want, route.accepted, c, render(p))
			}
			if route.accepted {
				accepted++
			}
		}
	}
	if accepted < 3000 {
		t.Errorf("only %d routes were accepted: the filters are no test", accepted)
	}
}

// path is a route on its way through the statements.
type path struct {
	prefix   netip.Prefix
	from     *Neighbor // nil: our own
	asn      uint32
	tags     []string
	accepted bool
}

// run does what GoBGP does with a policy: the first statement that matches and has a verdict decides; the default is to reject.
func (x *path) run(p *policy, chain *api.Policy, peer Neighbor) {
	sets := map[string]*api.DefinedSet{}
	for _, s := range p.sets {
		sets[s.Name] = s
	}
	x.accepted = false
	for _, s := range chain.Statements {
		if !x.matches(sets, s.Conditions, peer) {
			continue
		}
		if a := s.Actions.GetLargeCommunity(); a != nil {
			switch a.Type {
			case api.CommunityAction_TYPE_ADD:
				x.tags = append(x.tags, a.Communities...)
			case api.CommunityAction_TYPE_REMOVE:
				x.tags = slices.DeleteFunc(x.tags, func(tag string) bool { return regexp.MustCompile(a.Communities[0]).MatchString(tag) })
			}
		}
		switch s.Actions.GetRouteAction() {
		case api.RouteAction_ROUTE_ACTION_ACCEPT:
			x.accepted = true
			return
		case api.RouteAction_ROUTE_ACTION_REJECT:
			return
		}
	}
}

func (x *path) matches(sets map[string]*api.DefinedSet, c *api.Conditions, peer Neighbor) bool {
	if m := c.GetNeighborSet(); m != nil && !slices.Contains(sets[m.Name].List, peer.Address.WithZone("").String()) {
		return false
	}
	if m := c.GetLargeCommunitySet(); m != nil && !slices.ContainsFunc(x.tags, func(tag string) bool { return slices.Contains(sets[m.Name].List, tag) }) {
		return false
	}
	if m := c.GetPrefixSet(); m != nil && !slices.ContainsFunc(sets[m.Name].Prefixes, func(p *api.Prefix) bool {
		around := pfx(p.IpPrefix)
		bits := uint32(x.prefix.Bits())
		return around.Contains(x.prefix.Addr()) && x.prefix.Bits() >= around.Bits() && bits >= p.MaskLengthMin && bits <= p.MaskLengthMax
	}) {
		return false
	}
	switch c.RouteType {
	case api.Conditions_ROUTE_TYPE_LOCAL:
		return x.from == nil
	case api.Conditions_ROUTE_TYPE_INTERNAL:
		return x.from != nil && x.from.RemoteAS == x.asn
	case api.Conditions_ROUTE_TYPE_EXTERNAL:
		return x.from != nil && x.from.RemoteAS != x.asn
	}
	return true
}

func pick[T any](r *rand.Rand, of ...T) T { return of[r.IntN(len(of))] }

func randomPrefix(r *rand.Rand) netip.Prefix {
	if r.IntN(4) == 0 {
		return netip.PrefixFrom(ip(fmt.Sprintf("10.%d.0.0", r.IntN(4)*64)), r.IntN(33)).Masked()
	}
	return netip.PrefixFrom(ip(fmt.Sprintf("2001:db8:%x::", r.IntN(4)<<14)), pick(r, 0, 16, 32, 33, 34, 48, 64, 128)).Masked()
}

func randomConfig(r *rand.Rand) Config {
	c := Config{
		ASN: 65000, RouterID: ip("192.0.2.1"), Filters: map[string]Filter{}, PrefixSets: map[string][]Pattern{},
		Neighbors: neighbors(
			Neighbor{Name: "a", Address: ip("2001:db8::a"), RemoteAS: 65001, Import: pick(r, "", "x", "y", "z"), Export: pick(r, "", "x", "y", "z")},
			Neighbor{Name: "b", Address: ip("2001:db8::b"), RemoteAS: 65000, Import: pick(r, "x", "y"), Export: pick(r, "x", "y", "z")},
			Neighbor{Name: "c", Address: ip("2001:db8::c"), RemoteAS: 65003, Import: "x", Export: "y"}),
	}
	for _, name := range []string{"p", "q"} {
		for range r.IntN(3) {
			p := randomPrefix(r)
			low := r.IntN(p.Addr().BitLen() + 1)
			c.PrefixSets[name] = append(c.PrefixSets[name], Pattern{Prefix: p, Min: low, Max: low + r.IntN(p.Addr().BitLen()-low+1)})
		}
		if c.PrefixSets[name] == nil {
			c.PrefixSets[name] = []Pattern{}
		}
	}
	for _, name := range []string{"x", "y", "z"} {
		var f Filter
		for range r.IntN(5) {
			f.Rules = append(f.Rules, Rule{
				PrefixSet: pick(r, "", "", "p", "q"), LearnedFrom: pick(r, "", "", "", "a", "b"), Source: pick(r, 0, 0, rib.BGP, rib.Static, rib.Delegated),
				Action: pick(r, Continue, Accept, Accept, Reject),
			})
		}
		c.Filters[name] = f
	}
	return c
}
