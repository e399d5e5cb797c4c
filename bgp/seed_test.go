package bgp

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sixfold-router/sixfold/router/rib"
)

// The router of a published BIRD configuration: AS 65004 with an internal neighbor, where it puts itself as next hop, and an
// external one; both filters let [fc01:100:200::/48+, fc00::/16+] pass, and what the internal neighbor taught is prepended.
// That router is us; its neighbors are BIRD.
func seedConfig() Config {
	return Config{
		ASN:      65004,
		RouterID: ip("172.16.4.1"),
		PrefixSets: map[string][]Pattern{"infra": {
			{Prefix: pfx("fc01:100:200::/48"), Min: 48, Max: 128},
			{Prefix: pfx("fc00::/16"), Min: 16, Max: 128},
		}},
		Filters: map[string]Filter{
			"infra_only": {Rules: []Rule{{PrefixSet: "infra", Action: Accept}}},
			"to_peers":   {Rules: []Rule{{LearnedFrom: "db_sc1", PrependCount: 1}, {PrefixSet: "infra", Action: Accept}}},
		},
		Neighbors: neighbors(
			Neighbor{Name: "db_sc1", Address: ip("fc00:fe1b::9"), RemoteAS: 65004, NextHopSelf: true,
				Import: "infra_only", Export: "to_peers", ImportLimit: 20, Description: "to db-sc1"},
			Neighbor{Name: "cobra", Address: ip("fc00:fe1b::5"), RemoteAS: 65001,
				Import: "infra_only", Export: "to_peers", ImportLimit: 20, Description: "to home"},
		),
		Announce: []rib.Source{rib.Connected, rib.Delegated},
	}
}

const birdHead = `
log stderr all;
router id %s;
protocol device { scan time 1; }
protocol static { ipv6;
%s
}
protocol static { ipv4;
%s
}
`

func birdConf(id string, routes6, routes4 []string, rest string) string {
	lines := func(routes []string) string {
		var b strings.Builder
		for _, r := range routes {
			fmt.Fprintf(&b, "  route %s unreachable;\n", r)
		}
		return b.String()
	}
	return fmt.Sprintf(birdHead, id, lines(routes6), lines(routes4)) + rest
}

var (
	sc1Routes = []string{"fc01:100:200:500::/56", "2001:db8:9::/48"}
	sc1Proto  = `
protocol bgp sixfold {
  local fc00:fe1b::9 as 65004;
  neighbor fc00:fe1b::a as 65004;
  ipv6 { import all; export where source = RTS_STATIC; };
}
`
	cobraRoutes = []string{"fc00:abcd::/32", "fc01:100:300::/48", "::/0"}
	// This one would have its routes taken for those of db_sc1, if it knew how.
	cobraProto = func() string {
		tag := neighborTag(ip("fc00:fe1b::9"))
		return fmt.Sprintf(`
protocol bgp sixfold {
  local fc00:fe1b::5 as 65001;
  neighbor fc00:fe1b::6 as 65004;
  ipv6 { import all; export filter {
    if source != RTS_STATIC then reject;
    bgp_large_community.add((%d, %d, %d));
    accept;
  }; };
}
`, tag.ASN, tag.LocalData1, tag.LocalData2)
	}()
)

type seedNet struct {
	router     *speaker
	sc1, cobra *bird
}

func newSeedNet(t *testing.T) *seedNet {
	r, sc1, cobra := newNode(t, "router"), newNode(t, "db_sc1"), newNode(t, "cobra")
	connect(r, "gre2", "fc00:fe1b::a/126", sc1, "gre2", "fc00:fe1b::9/126")
	connect(r, "gre1", "fc00:fe1b::6/126", cobra, "gre1", "fc00:fe1b::5/126")
	return &seedNet{
		router: startSpeaker(r),
		sc1:    startBird(sc1, birdConf("10.0.0.9", sc1Routes, nil, sc1Proto)),
		cobra:  startBird(cobra, birdConf("10.0.0.5", cobraRoutes, nil, cobraProto)),
	}
}

// sees waits until BIRD has a route from us with all of the words, or with none of words has no such route.
func (b *bird) sees(prefix string, words ...string) {
	b.t.Helper()
	eventually(b.t, 15*time.Second, b.Name+" sees "+prefix, func() error {
		out := b.c("show route all protocol sixfold for " + prefix)
		for _, w := range words {
			if !strings.Contains(out, w) {
				return fmt.Errorf("no %q in\n%s", w, out)
			}
		}
		return nil
	})
}

func (b *bird) lacks(prefix string) {
	b.t.Helper()
	eventually(b.t, 15*time.Second, b.Name+" lacks "+prefix, func() error {
		if out := b.c("show route protocol sixfold " + prefix); strings.Contains(out, prefix) {
			return fmt.Errorf("still there:\n%s", out)
		}
		return nil
	})
}

func TestSeed(t *testing.T) {
	t.Parallel()
	n := newSeedNet(t)
	n.router.must(command{Op: "update", Source: rib.Connected, Routes: []rib.Route{
		{Prefix: pfx("fc01:100:200:401::/64"), Link: "br10"},
		{Prefix: pfx("fe80::/64"), Link: "br10"},
		{Prefix: pfx("2001:db8:1::/64"), Link: "br11"},
	}})
	n.router.must(command{Op: "update", Source: rib.Delegated, Routes: []rib.Route{
		{Prefix: pfx("fc01:100:200:440::/60"), Via: ip("fe80::2"), Link: "br10"},
	}})
	n.router.must(command{Op: "update", Source: rib.Static, Routes: []rib.Route{
		{Prefix: pfx("fc01:100:200:777::/64"), Kind: rib.Blackhole},
	}})
	start := time.Now()
	n.router.apply(seedConfig())
	n.router.established("db_sc1", "cobra")
	t.Logf("both sessions up after %s", time.Since(start).Round(10*time.Millisecond))

	// What is in the filter arrives, with global next hops and no link.
	n.router.hasRoutes("fc00:abcd::/32 via fc00:fe1b::5", "fc01:100:200:500::/56 via fc00:fe1b::9")

	// Sources that are announced, through the filter: not 2001:db8:1::/64, not the static route.
	n.cobra.sees("fc01:100:200:401::/64", "fc01:100:200:401::/64", "BGP.as_path: 65004\n", "BGP.next_hop: fc00:fe1b::6")
	n.cobra.sees("fc01:100:200:440::/60", "fc01:100:200:440::/60", "BGP.as_path: 65004\n")
	n.sc1.sees("fc01:100:200:401::/64", "BGP.as_path: \n", "BGP.next_hop: fc00:fe1b::a", "BGP.local_pref: 100")
	// Learnt from the internal neighbor: prepended once more than usual.
	n.cobra.sees("fc01:100:200:500::/56", "BGP.as_path: 65004 65004\n", "BGP.next_hop: fc00:fe1b::6")
	// Learnt from the external one: as it was, with ourselves as next hop.
	n.sc1.sees("fc00:abcd::/32", "BGP.as_path: 65001\n", "BGP.next_hop: fc00:fe1b::a")
	for _, b := range []*bird{n.sc1, n.cobra} {
		all := b.c("show route all protocol sixfold")
		for _, w := range []string{"2001:db8", "fc01:100:200:777", "fe80::/64", "4294967295", "large_community"} {
			if strings.Contains(all, w) {
				t.Errorf("%s has %q in\n%s", b.Name, w, all)
			}
		}
	}
	if !n.router.must(command{Op: "ready"}).Ready {
		eventually(t, 5*time.Second, "rib is ready", func() error {
			if !n.router.must(command{Op: "ready"}).Ready {
				return fmt.Errorf("not ready")
			}
			return nil
		})
	}

	phase(t, "status", func() {
		eventually(t, 5*time.Second, "counts", func() error {
			s := n.router.neighbor("cobra")
			if s.Received != 3 || s.Accepted != 1 || s.Advertised != 3 || s.Flaps != 0 || s.LimitExceeded {
				return fmt.Errorf("got received %d, accepted %d, advertised %d: %+v", s.Received, s.Accepted, s.Advertised, s)
			}
			return nil
		})
	})
	phase(t, "paths", func() {
		got := n.router.must(command{Op: "paths", Filter: PathFilter{Neighbor: "cobra"}}).Paths
		if len(got) != 1 || got[0].Prefix != pfx("fc00:abcd::/32") || !got[0].Best || got[0].ASPath != "65001" ||
			got[0].NextHop != ip("fc00:fe1b::5") || got[0].Source != "bgp" || got[0].Origin != "igp" || got[0].Unusable != "" {
			t.Errorf("paths of cobra: %+v", got)
		}
		got = n.router.must(command{Op: "paths", Filter: PathFilter{Prefix: pfx("fc01:100:200:440::/60")}}).Paths
		if len(got) != 1 || got[0].Source != "delegated" || got[0].Neighbor != "" || len(got[0].Community) != 0 {
			t.Errorf("path of our own: %+v", got)
		}
		got = n.router.must(command{Op: "paths", Filter: PathFilter{Neighbor: "cobra", Advertised: true}}).Paths
		if len(got) != 3 || got[2].Prefix != pfx("fc01:100:200:500::/56") || got[2].ASPath != "65004 65004" || got[2].NextHop != ip("fc00:fe1b::6") {
			t.Errorf("advertised to cobra: %+v", got)
		}
		if got := n.router.must(command{Op: "paths", Filter: PathFilter{Prefix: pfx("2001:db8::/32")}}).Paths; len(got) != 0 {
			t.Errorf("a prefix that is not there: %+v", got)
		}
	})
	phase(t, "withdrawal", func() {
		n.cobra.reconfigure(birdConf("10.0.0.5", nil, nil, cobraProto))
		n.router.hasRoutes("fc01:100:200:500::/56 via fc00:fe1b::9")
		n.sc1.lacks("fc00:abcd::/32")
		n.router.must(command{Op: "update", Source: rib.Delegated, Delete: []rib.Key{
			{Table: rib.MainTable, Prefix: pfx("fc01:100:200:440::/60")},
		}})
		n.cobra.lacks("fc01:100:200:440::/60")
		n.sc1.lacks("fc01:100:200:440::/60")
	})
	phase(t, "announce less", func() {
		c := seedConfig()
		c.Announce = []rib.Source{rib.Static}
		n.router.apply(c)
		n.cobra.sees("fc01:100:200:777::/64", "BGP.as_path: 65004\n")
		n.cobra.lacks("fc01:100:200:401::/64")
	})
	phase(t, "stop", func() {
		if left := n.router.must(command{Op: "stop"}).Entries; len(left) != 0 {
			t.Errorf("routes left: %v", left)
		}
		n.cobra.lacks("fc01:100:200:500::/56")
	})
}
