package bgp

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	packet "github.com/osrg/gobgp/v4/pkg/packet/bgp"

	"github.com/sixfold-router/sixfold/router/change"
	"github.com/sixfold-router/sixfold/router/rib"
)

func lines(ops []change.Op) string {
	var b strings.Builder
	for _, o := range ops {
		fmt.Fprintf(&b, "%s | %s | %s | %s\n", o.Object, o.Action, o.Class, o.Disturbs)
	}
	return b.String()
}

func TestForesight(t *testing.T) {
	accept := Filter{Rules: []Rule{{Action: Accept}}}
	base := func() Config {
		return Config{
			ASN: 65000, RouterID: ip("192.0.2.1"), Announce: []rib.Source{rib.Connected},
			Filters: map[string]Filter{"all": accept, "none": {}},
			Neighbors: neighbors(
				Neighbor{Name: "asp", Address: ip("2001:db8::a"), RemoteAS: 65001, Import: "all", Export: "all"},
				Neighbor{Name: "boa", Address: ip("2001:db8::b"), RemoteAS: 65002, Import: "all", Export: "all"},
				Neighbor{Name: "far", Address: ip("fe80::1%gone"), RemoteAS: 65003},
			),
		}
	}
	with := func(c Config, name string, f func(*Neighbor)) {
		n := c.Neighbors[name]
		f(&n)
		c.Neighbors[name] = n
	}
	for _, tt := range []struct {
		name   string
		change func(*Config)
		want   string
	}{
		{"the same", func(*Config) {}, ""},
		{"hold time in other words", func(c *Config) { with(*c, "asp", func(n *Neighbor) { n.HoldTime = 90 * time.Second }) }, ""},
		{"hold time", func(c *Config) { with(*c, "asp", func(n *Neighbor) { n.HoldTime = 30 * time.Second }) },
			"neighbor asp | change hold time to 30s from the next session on | live | \n"},
		{"password", func(c *Config) { with(*c, "asp", func(n *Neighbor) { n.Password = "secret" }) },
			"neighbor asp | change the password; the session starts again | recreate | the session with asp\n"},
		{"a session that is down", func(c *Config) { with(*c, "boa", func(n *Neighbor) { n.RemoteAS, n.Passive = 65009, true }) },
			"neighbor boa | change AS from 65002 to 65009, wait for it to connect; the session starts again | recreate | \n"},
		{"address", func(c *Config) { with(*c, "asp", func(n *Neighbor) { n.Address = ip("2001:db8::c") }) },
			"neighbor asp | change address from 2001:db8::a to 2001:db8::c; the session starts again | recreate | the session with asp\n"},
		{"shutdown", func(c *Config) { with(*c, "asp", func(n *Neighbor) { n.Shutdown = true }) },
			"neighbor asp | shut down | delete | the session with asp\n"},
		{"description", func(c *Config) { with(*c, "asp", func(n *Neighbor) { n.Description = "x" }) },
			"neighbor asp | change description | live | \n"},
		{"add and remove", func(c *Config) {
			delete(c.Neighbors, "asp")
			c.Neighbors["cat"] = Neighbor{Name: "cat", Address: ip("192.0.2.9"), RemoteAS: 65004}
			c.Neighbors["dog"] = Neighbor{Name: "dog", Address: ip("fe80::2%here"), RemoteAS: 65004, Shutdown: true}
		}, `neighbor asp | remove | delete | the session with asp
neighbor cat | add 192.0.2.9, AS 65004 | live | 
neighbor dog | add fe80::2%here, AS 65004, shut down | live | 
`},
		{"filter", func(c *Config) { c.Filters["all"] = Filter{} },
			`neighbor asp | filter its routes again with import filter all | live | 
neighbor asp | filter our routes to it again with export filter all | live | 
neighbor boa | filter its routes again with import filter all | live | 
neighbor boa | filter our routes to it again with export filter all | live | 
`},
		{"other filter", func(c *Config) { with(*c, "boa", func(n *Neighbor) { n.Import = "" }) },
			`neighbor boa | filter its routes again with no import filter: none pass | live | 
neighbor boa | use no import filter: none pass | live | 
`},
		{"prefix set without users", func(c *Config) {
			c.PrefixSets = map[string][]Pattern{"x": {{Prefix: pfx("2001:db8::/32"), Min: 32, Max: 48}}}
		}, "filters | change what no neighbor uses | live | \n"},
		{"announce", func(c *Config) { c.Announce = []rib.Source{rib.Static, rib.Delegated} },
			`bgp | announce static, delegated routes | live | 
bgp | withdraw connected routes | delete | traffic that neighbors send to these routes
`},
		{"AS number", func(c *Config) {
			c.ASN = 64999
			delete(c.Neighbors, "boa")
			c.Neighbors["cat"] = Neighbor{Name: "cat", Address: ip("192.0.2.9"), RemoteAS: 65004}
		}, `bgp | start again with AS 64999 | recreate | 
neighbor boa | remove | delete | 
neighbor asp | the session starts again | recreate | the session with asp
neighbor cat | add 192.0.2.9, AS 65004 | live | 
`},
		{"none", func(c *Config) { *c = Config{} }, `bgp | stop | delete | 
neighbor asp | remove | delete | the session with asp
neighbor boa | remove | delete | 
`},
	} {
		have := base()
		inst := &instance{
			asn: have.ASN, id: have.RouterID, port: 179, peers: map[netip.Addr]Neighbor{}, policy: compile(have),
			announce: newAnnouncer(nil, nil, nil),
		}
		inst.announce.set(have.Announce)
		for _, n := range have.Neighbors {
			if n.Name != "far" {
				inst.peers[n.Address] = n
			}
		}
		want := base()
		tt.change(&want)
		f := foresight{
			want: want, inst: inst, ready: func(link string) bool { return link == "here" },
			sessions: map[netip.Addr]*sessionState{ip("2001:db8::a"): {state: packet.BGP_FSM_ESTABLISHED}},
		}
		if diff := cmp.Diff(tt.want, lines(f.ops())); diff != "" {
			t.Errorf("%s: -want +got\n%s", tt.name, diff)
		}
	}
	start := foresight{want: base(), ready: func(string) bool { return false }}
	want := `bgp | start as AS 65000 with router id 192.0.2.1 | live | 
neighbor asp | add 2001:db8::a, AS 65001 | live | 
neighbor boa | add 2001:db8::b, AS 65002 | live | 
`
	if diff := cmp.Diff(want, lines(start.ops())); diff != "" {
		t.Errorf("start: -want +got\n%s", diff)
	}
}

// TestPreviewSaysWhetherApplyChanges goes from one random configuration to the next.
func TestPreviewSaysWhetherApplyChanges(t *testing.T) {
	port, held := freePort(t)
	held.Close()
	s := New(slog.New(slog.DiscardHandler), (&rib.Table{}).In(rib.MainTable))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	defer func() {
		cancel()
		<-done
	}()
	first := Config{ASN: 65000, RouterID: ip("192.0.2.1"), Port: port}
	eventually(t, 5*time.Second, "it runs", func() error {
		if err := s.Apply(t.Context(), first); err != nil || !s.Status().Running {
			return fmt.Errorf("running %v, %v", s.Status().Running, err)
		}
		return nil
	})
	random := rand.New(rand.NewPCG(6, 5))
	choose := func() Config {
		c := first
		c.RouterID = []netip.Addr{ip("192.0.2.1"), ip("192.0.2.1"), ip("192.0.2.2")}[random.IntN(3)]
		c.Filters = map[string]Filter{"f": {Rules: []Rule{{Action: Action(1 + random.IntN(2))}}}, "g": {}}
		c.Announce = [][]rib.Source{{rib.Static}, {rib.Static, rib.Connected}}[random.IntN(2)]
		var list []Neighbor
		for n := range 3 {
			if random.IntN(4) > 0 {
				list = append(list, Neighbor{
					Name: fmt.Sprint("n", n), Address: ip(fmt.Sprintf("127.0.1.%d", 2*n+random.IntN(2)+1)), RemoteAS: 65001 + uint32(random.IntN(2)),
					Import: []string{"", "f", "g"}[random.IntN(3)], Passive: random.IntN(3) == 0, HoldTime: time.Duration(random.IntN(2)) * 30 * time.Second,
				})
			}
		}
		c.Neighbors = neighbors(list...)
		return c
	}
	type state struct {
		inst     *instance
		policy   *policy
		peers    map[netip.Addr]Neighbor
		announce string
	}
	look := func() state {
		s.apply.Lock()
		defer s.apply.Unlock()
		return state{s.inst, s.inst.policy, maps.Clone(s.inst.peers), fmt.Sprint(s.inst.announce.sources)}
	}
	for n := range 30 {
		c := choose()
		for _, again := range []bool{false, true} {
			ops, err := s.Preview(c, func(string) bool { return true })
			if err != nil {
				t.Fatal(err)
			}
			before := look()
			if err := s.Apply(t.Context(), c); err != nil {
				t.Fatal(err)
			}
			after := look()
			same := before.inst == after.inst && before.policy == after.policy && maps.Equal(before.peers, after.peers) && before.announce == after.announce
			if same != (len(ops) == 0) || again && !same {
				t.Errorf("round %d: %+v: the same after Apply: %v, foreseen was\n%s", n, c, same, lines(ops))
			}
		}
	}
}
