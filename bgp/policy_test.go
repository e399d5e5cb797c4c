package bgp

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/osrg/gobgp/v4/api"
	"github.com/osrg/gobgp/v4/pkg/server"
	"github.com/sixfold-router/sixfold/router/rib"
)

// render writes a policy as text, one statement a line.
func render(p *policy) string {
	var b strings.Builder
	for _, s := range p.sets {
		fmt.Fprintf(&b, "set %s:", s.Name)
		for _, x := range s.Prefixes {
			fmt.Fprintf(&b, " %s{%d,%d}", x.IpPrefix, x.MaskLengthMin, x.MaskLengthMax)
		}
		for _, x := range s.List {
			fmt.Fprintf(&b, " %s", x)
		}
		b.WriteByte('\n')
	}
	for _, x := range []*api.Policy{p.imports, p.exports} {
		for _, s := range x.Statements {
			fmt.Fprintf(&b, "%s:", s.Name)
			c, a := s.Conditions, s.Actions
			for _, m := range []*api.MatchSet{c.GetNeighborSet(), c.GetPrefixSet(), c.GetLargeCommunitySet()} {
				if m != nil {
					fmt.Fprintf(&b, " if %s", m.Name)
				}
			}
			if c.RouteType != 0 {
				fmt.Fprintf(&b, " if %s", strings.ToLower(strings.TrimPrefix(c.RouteType.String(), "ROUTE_TYPE_")))
			}
			if x := a.GetLargeCommunity(); x != nil {
				fmt.Fprintf(&b, " %s %s", strings.ToLower(strings.TrimPrefix(x.Type.String(), "TYPE_")), strings.Join(x.Communities, " "))
			}
			if x := a.GetAsPrepend(); x != nil {
				fmt.Fprintf(&b, " prepend %d*%d", x.Repeat, x.Asn)
			}
			if x := a.GetLocalPref(); x != nil {
				fmt.Fprintf(&b, " pref %d", x.Value)
			}
			if x := a.GetMed(); x != nil {
				fmt.Fprintf(&b, " med %d", x.Value)
			}
			if a.GetNexthop().GetSelf() {
				b.WriteString(" self")
			}
			switch a.GetRouteAction() {
			case api.RouteAction_ROUTE_ACTION_ACCEPT:
				b.WriteString(" accept")
			case api.RouteAction_ROUTE_ACTION_REJECT:
				b.WriteString(" reject")
			}
			b.WriteByte('\n')
		}
	}
	return b.String()
}

func ptr(v uint32) *uint32 { return &v }

func TestCompile(t *testing.T) {
	a := Neighbor{Name: "a", Address: ip("2001:db8::a"), RemoteAS: 65001}
	i := Neighbor{Name: "i", Address: ip("2001:db8::b"), RemoteAS: 65000}
	l := Neighbor{Name: "l", Address: ip("fe80::c%eth0"), RemoteAS: 65002}
	with := func(n Neighbor, imp, exp string) Neighbor {
		n.Import, n.Export = imp, exp
		return n
	}
	self := with(i, "", "x")
	self.NextHopSelf = true
	set := map[string][]Pattern{"p": {
		{Prefix: pfx("2001:db8::/32"), Min: 32, Max: 48},
		{Prefix: pfx("10.0.0.0/8"), Min: 6, Max: 9},
	}, "empty": nil}
	tagA, tagLL := neighborTag(a.Address).String(), linkLocalTag().String()
	delegated := fmt.Sprintf("4294967295:0:%d", rib.Delegated)
	const local = "in/local: if local accept\n"
	const clean = " remove ^4294967295:"
	for _, tt := range []struct {
		name string
		cfg  Config
		want string
	}{
		{
			name: "no filters",
			cfg:  Config{Neighbors: neighbors(a)},
			want: "set neighbor/2001:db8::a: 2001:db8::a\n" + local,
		},
		{
			name: "import with both families",
			cfg: Config{Neighbors: neighbors(with(a, "x", "")), PrefixSets: set, Filters: map[string]Filter{"x": {Rules: []Rule{
				{PrefixSet: "p", Action: Reject},
				{PrefixSet: "empty", Action: Accept},
				{LocalPref: ptr(50), MED: ptr(0)},
				{Action: Accept},
			}}}},
			want: "set prefix/p/6: 2001:db8::/32{32,48}\n" +
				"set prefix/p/4: 8.0.0.0/6{6,6} 10.0.0.0/7{7,7} 10.0.0.0/8{8,9}\n" +
				"set neighbor/2001:db8::a: 2001:db8::a\n" + local +
				"in/2001:db8::a/0: if neighbor/2001:db8::a if prefix/p/6 reject\n" +
				"in/2001:db8::a/1: if neighbor/2001:db8::a if prefix/p/4 reject\n" +
				"in/2001:db8::a/2: if neighbor/2001:db8::a pref 50 med 0\n" +
				"in/2001:db8::a/3: if neighbor/2001:db8::a accept\n",
		},
		{
			name: "source and learned from on import are known beforehand",
			cfg: Config{Neighbors: neighbors(with(a, "x", ""), i), Filters: map[string]Filter{"x": {Rules: []Rule{
				{Source: rib.Static, Action: Accept},
				{LearnedFrom: "i", Action: Accept},
				{LearnedFrom: "a", Source: rib.BGP, Action: Accept},
			}}}},
			want: "set neighbor/2001:db8::a: 2001:db8::a\nset neighbor/2001:db8::b: 2001:db8::b\n" + local +
				"in/2001:db8::a/0: if neighbor/2001:db8::a accept\n",
		},
		{
			name: "source and learned from on export",
			cfg: Config{Neighbors: neighbors(with(a, "y", ""), with(l, "", "x")), Filters: map[string]Filter{
				"y": {Rules: []Rule{{Action: Accept}}},
				"x": {Rules: []Rule{
					{LearnedFrom: "a", PrependCount: 1},
					{LearnedFrom: "a", Source: rib.Static, Action: Reject},
					{Source: rib.BGP, PrependCount: 2, PrependASN: 7},
					{Source: rib.Delegated, Action: Accept},
				}}}},
			want: "set neighbor/2001:db8::a: 2001:db8::a\nset neighbor/fe80::c%eth0: fe80::c\n" +
				"set tag/" + tagA + ": " + tagA + "\nset tag/" + delegated + ": " + delegated + "\n" + local +
				"in/untag:" + clean + "\n" +
				"in/2001:db8::a/0: if neighbor/2001:db8::a add " + tagA + "\n" +
				"in/2001:db8::a/1: if neighbor/2001:db8::a accept\n" +
				"out/fe80::c%eth0/0: if neighbor/fe80::c%eth0 if tag/" + tagA + " prepend 1*65000\n" +
				"out/fe80::c%eth0/1: if neighbor/fe80::c%eth0 if internal prepend 2*7\n" +
				"out/fe80::c%eth0/2: if neighbor/fe80::c%eth0 if external prepend 2*7\n" +
				"out/fe80::c%eth0/3: if neighbor/fe80::c%eth0 if tag/" + delegated + " if local" + clean + " accept\n",
		},
		{
			name: "next hop self",
			cfg:  Config{Neighbors: neighbors(self), Filters: map[string]Filter{"x": {Rules: []Rule{{Action: Accept}}}}},
			want: "set neighbor/2001:db8::b: 2001:db8::b\n" + local +
				"out/2001:db8::b/0: if neighbor/2001:db8::b self\n" +
				"out/2001:db8::b/1: if neighbor/2001:db8::b" + clean + " accept\n",
		},
		{
			name: "from link-local to internal",
			cfg:  Config{Neighbors: neighbors(with(i, "", "x"), with(l, "x", "")), Filters: map[string]Filter{"x": {Rules: []Rule{{Action: Accept}}}}},
			want: "set neighbor/2001:db8::b: 2001:db8::b\nset neighbor/fe80::c%eth0: fe80::c\nset tag/" + tagLL + ": " + tagLL + "\n" + local +
				"in/untag:" + clean + "\n" +
				"in/fe80::c%eth0/0: if neighbor/fe80::c%eth0 add " + tagLL + "\n" +
				"in/fe80::c%eth0/1: if neighbor/fe80::c%eth0 accept\n" +
				"out/2001:db8::b/0: if neighbor/2001:db8::b if tag/" + tagLL + " self\n" +
				"out/2001:db8::b/1: if neighbor/2001:db8::b" + clean + " accept\n",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.cfg.ASN, tt.cfg.RouterID = 65000, ip("192.0.2.1")
			if err := tt.cfg.Validate(); err != nil {
				t.Fatal(err)
			}
			p := compile(tt.cfg)
			if diff := cmp.Diff(tt.want, render(p)); diff != "" {
				t.Errorf("policy (-want +got):\n%s", diff)
			}
			if !p.equal(compile(tt.cfg)) {
				t.Error("the same configuration makes another policy")
			}
			// GoBGP has its own opinion of what is valid.
			s := server.NewBgpServer()
			done := make(chan struct{})
			go func() { s.Serve(); close(done) }()
			defer func() { s.Stop(); <-done }()
			if err := s.StartBgp(t.Context(), &api.StartBgpRequest{Global: &api.Global{Asn: 65000, RouterId: "192.0.2.1", ListenPort: -1}}); err != nil {
				t.Fatal(err)
			}
			if err := s.SetPolicies(t.Context(), p.request()); err != nil {
				t.Errorf("GoBGP refuses the policy: %v", err)
			}
		})
	}
}

// TestKeys checks whose routes a change touches.
func TestKeys(t *testing.T) {
	base := func() Config {
		return Config{
			ASN: 65000, RouterID: ip("192.0.2.1"),
			PrefixSets: map[string][]Pattern{"p": {{Prefix: pfx("2001:db8::/32"), Min: 32, Max: 48}}, "q": nil},
			Filters: map[string]Filter{
				"in":  {Rules: []Rule{{PrefixSet: "p", Action: Accept}}},
				"out": {Rules: []Rule{{Action: Accept}}},
			},
			Neighbors: neighbors(
				Neighbor{Name: "a", Address: ip("2001:db8::a"), RemoteAS: 65001, Import: "in", Export: "out"},
				Neighbor{Name: "b", Address: ip("2001:db8::b"), RemoteAS: 65002, Import: "out", Export: "out"}),
		}
	}
	change := func(c Config, name string, f func(*Neighbor)) Config {
		n := c.Neighbors[name]
		f(&n)
		c.Neighbors[name] = n
		return c
	}
	for _, tt := range []struct {
		name string
		edit func(Config) Config
		want string
	}{
		{"nothing", func(c Config) Config { return c }, ""},
		{"description", func(c Config) Config { return change(c, "a", func(n *Neighbor) { n.Description = "x" }) }, ""},
		{"a prefix set", func(c Config) Config { c.PrefixSets["p"][0].Max = 64; return c }, "in a"},
		{"a set that none uses", func(c Config) Config { c.PrefixSets["q"] = c.PrefixSets["p"]; return c }, ""},
		{"a filter", func(c Config) Config { c.Filters["out"] = Filter{Rules: []Rule{{Action: Reject}}}; return c }, "out a, in b, out b"},
		{"no export", func(c Config) Config { return change(c, "b", func(n *Neighbor) { n.Export = "" }) }, "out b"},
		{"learned from", func(c Config) Config {
			c.Filters["new"] = Filter{Rules: []Rule{{LearnedFrom: "a", Action: Accept}}}
			return change(c, "b", func(n *Neighbor) { n.Export = "new" })
		}, "in a, out b"},
		{"another neighbor", func(c Config) Config {
			c.Neighbors["0"] = Neighbor{Name: "0", Address: ip("2001:db8::1"), RemoteAS: 65003, Import: "in"}
			return c
		}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			old, now := compile(base()), compile(tt.edit(base()))
			var got []string
			for _, n := range byAddress(base()) {
				if old.inKeys[n.Address] != now.inKeys[n.Address] {
					got = append(got, "in "+n.Name)
				}
				if old.outKeys[n.Address] != now.outKeys[n.Address] {
					got = append(got, "out "+n.Name)
				}
			}
			if g := strings.Join(got, ", "); g != tt.want {
				t.Errorf("touches %q, want %q", g, tt.want)
			}
		})
	}
}

func TestValidate(t *testing.T) {
	good := Neighbor{Name: "n", Address: ip("2001:db8::2"), RemoteAS: 65001}
	ll := Neighbor{Name: "m", Address: ip("fe80::1%eth0"), RemoteAS: 65001}
	edit := func(f func(*Neighbor)) Config {
		n := good
		f(&n)
		return Config{Neighbors: neighbors(n)}
	}
	rule := func(r Rule) Config { return Config{Filters: map[string]Filter{"f": {Rules: []Rule{r}}}} }
	for _, tt := range []struct {
		name string
		cfg  Config
		want string
	}{
		{"good", Config{Neighbors: neighbors(good, ll)}, ""},
		{"link-local without interface", edit(func(n *Neighbor) { n.Address = ip("fe80::1") }), "neighbor n: link-local address fe80::1 needs its interface, as in fe80::1%eth0"},
		{"global with interface", edit(func(n *Neighbor) { n.Address = ip("2001:db8::2%eth0") }), "neighbor n: address 2001:db8::2%eth0 is not link-local and takes no interface"},
		{"multicast", edit(func(n *Neighbor) { n.Address = ip("ff02::1") }), "neighbor n: ff02::1 is not the address of a neighbor"},
		{"hold time", edit(func(n *Neighbor) { n.HoldTime = 1 }), "neighbor n: hold time 1ns is not from 3s to 65535s"},
		{"local address", edit(func(n *Neighbor) { n.LocalAddress = ip("192.0.2.1") }), "neighbor n: local address 192.0.2.1 is of another family than 2001:db8::2"},
		{"no AS", edit(func(n *Neighbor) { n.RemoteAS = 0 }), "neighbor n: no remote AS"},
		{"no such filter", edit(func(n *Neighbor) { n.Export = "f" }), "neighbor n: no filter f"},
		{"same address", Config{Neighbors: neighbors(good, Neighbor{Name: "o", Address: good.Address, RemoteAS: 1})}, "neighbors n and o both have the address 2001:db8::2"},
		{
			"same link-local address", Config{Filters: map[string]Filter{"f": {}}, Neighbors: neighbors(ll, Neighbor{Name: "o", Address: ip("fe80::1%eth1"), RemoteAS: 65001, Import: "f"})},
			"neighbors m and o have the same link-local address: they cannot have different filters or next_hop_self, nor be named by learned_from",
		},
		{"no such set", rule(Rule{PrefixSet: "p"}), "filter f: rule 1: no prefix set p"},
		{"no such neighbor", rule(Rule{LearnedFrom: "x"}), "filter f: rule 1: no neighbor x"},
		{"local preference", rule(Rule{LocalPref: ptr(0)}), "filter f: rule 1: a local preference of 0 cannot be set"},
		{
			"pattern", Config{PrefixSets: map[string][]Pattern{"p": {{Prefix: pfx("10.0.0.0/8"), Min: 8, Max: 33}}}},
			"prefix set p: pattern 10.0.0.0/8 from 8 to 33 is not valid",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.cfg.ASN, tt.cfg.RouterID = 65000, ip("192.0.2.1")
			got := ""
			if err := tt.cfg.Validate(); err != nil {
				got = err.Error()
			}
			if got != tt.want {
				t.Errorf("Validate() = %q, want %q", got, tt.want)
			}
		})
	}
	if err := (Config{ASN: 1}).Validate(); err == nil {
		t.Error("no error without a router identifier")
	}
	if err := (Config{}).Validate(); err != nil {
		t.Errorf("no BGP: %v", err)
	}
}
