package bgp

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sixfold-router/sixfold/router/rib"
)

// open is a configuration where everything may pass.
func open(asn uint32, list ...Neighbor) Config {
	c := Config{
		ASN:       asn,
		RouterID:  ip("192.0.2.1"),
		Filters:   map[string]Filter{"all": {Rules: []Rule{{Action: Accept}}}},
		Neighbors: neighbors(list...),
		Announce:  []rib.Source{rib.Static},
	}
	for name, n := range c.Neighbors {
		n.Import, n.Export = "all", "all"
		c.Neighbors[name] = n
	}
	return c
}

func own(s *speaker, prefixes ...string) {
	s.t.Helper()
	var routes []rib.Route
	for _, p := range prefixes {
		routes = append(routes, rib.Route{Prefix: pfx(p), Kind: rib.Unreachable})
	}
	s.must(command{Op: "update", Source: rib.Static, Routes: routes})
}

// pair is the speaker and one BIRD on a link, with these addresses.
func pair(t *testing.T, conf string) (*speaker, *bird) {
	t.Helper()
	r, b := newNode(t, "router"), newNode(t, "bird")
	connect(r, "eth0", "2001:db8::1/64 192.0.2.1/24", b, "eth0", "2001:db8::2/64 192.0.2.2/24")
	r.linkLocal("eth0", "fe80::1")
	b.linkLocal("eth0", "fe80::2")
	return startSpeaker(r), startBird(b, birdConf("10.0.0.2", []string{"2001:db8:b::/48"}, []string{"198.51.100.0/24"}, conf))
}

const birdGlobal = `
protocol bgp sixfold {
  local 2001:db8::2 as 65001; neighbor 2001:db8::1 as 65004;
  ipv6 { import all; export where source = RTS_STATIC; };
  ipv4 { extended next hop; import all; export where source = RTS_STATIC; };
}
`

func TestLinkLocal(t *testing.T) {
	for _, tt := range []struct {
		name   string
		remote uint32
		direct string
		path   string
	}{
		{"external", 65001, "", "BGP.as_path: 65004\n"},
		{"internal", 65004, "direct;", "BGP.as_path: \n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s, b := pair(t, fmt.Sprintf(`
protocol bgp sixfold {
  local fe80::2 as %d; neighbor fe80::1 %% 'eth0' as 65004; %s
  ipv6 { import all; export where source = RTS_STATIC; };
  ipv4 { extended next hop; import all; export where source = RTS_STATIC; };
}
`, tt.remote, tt.direct))
			own(s, "2001:db8:a::/48", "203.0.113.0/24")
			s.apply(open(65004, Neighbor{Name: "bird", Address: ip("fe80::2%eth0"), RemoteAS: tt.remote}))
			s.established("bird")
			s.hasRoutes("198.51.100.0/24 via fe80::2 dev eth0", "2001:db8:b::/48 via fe80::2 dev eth0")
			b.sees("2001:db8:a::/48", "via fe80::1 on eth0", tt.path)
			b.sees("203.0.113.0/24", "via fe80::1 on eth0", tt.path)
			paths := s.must(command{Op: "paths", Filter: PathFilter{Neighbor: "bird"}}).Paths
			if len(paths) != 2 || paths[0].Link != "eth0" || paths[0].NextHop != ip("fe80::2") {
				t.Errorf("paths: %+v", paths)
			}
		})
	}
}

// TestPassive has BIRD dial, over a link-local address with a password, which the listening socket must know.
func TestPassive(t *testing.T) {
	t.Parallel()
	s, b := pair(t, `
protocol bgp sixfold {
  local fe80::2 as 65001; neighbor fe80::1 % 'eth0' as 65004; password "secret"; connect delay time 1; connect retry time 1;
  ipv6 { import all; export where source = RTS_STATIC; };
}
`)
	own(s, "2001:db8:a::/48")
	c := open(65004, Neighbor{Name: "bird", Address: ip("fe80::2%eth0"), RemoteAS: 65001, Passive: true, Password: "secret"})
	s.apply(c)
	s.established("bird")
	s.hasRoutes("2001:db8:b::/48 via fe80::2 dev eth0")
	b.sees("2001:db8:a::/48", "via fe80::1")

	phase(t, "without the password", func() {
		n := c.Neighbors["bird"]
		n.Password = ""
		c.Neighbors["bird"] = n
		s.apply(c)
		s.hasRoutes()
		b.reconfigure(strings.Replace(readFile(t, b.conf()), `password "secret";`, "", 1))
		s.established("bird")
	})
}

func TestGlobalBothFamilies(t *testing.T) {
	t.Parallel()
	s, b := pair(t, birdGlobal)
	own(s, "2001:db8:a::/48", "203.0.113.0/24", "::/0")
	s.apply(open(65004, Neighbor{Name: "bird", Address: ip("2001:db8::2"), RemoteAS: 65001, LocalAddress: ip("2001:db8::1"), HoldTime: 9 * time.Second}))
	s.established("bird")
	s.hasRoutes("198.51.100.0/24 via 2001:db8::2", "2001:db8:b::/48 via 2001:db8::2")
	b.sees("2001:db8:a::/48", "BGP.next_hop: 2001:db8::1")
	b.sees("203.0.113.0/24", "BGP.next_hop: 2001:db8::1")
	b.sees("::/0", "BGP.next_hop: 2001:db8::1")
	if out := b.c("show protocols all sixfold"); !strings.Contains(out, "/9") || !strings.Contains(out, "/3") {
		t.Errorf("hold time of 9 s and keepalive of 3 s not agreed:\n%s", out)
	}

	phase(t, "a neighbor that dies without a word", func() {
		b.proc.Kill()
		s.hasRoutes()
		n := s.neighbor("bird")
		if n.Flaps != 1 || n.LastError == "" {
			t.Errorf("status: %+v", n)
		}
		b.launch()
		s.established("bird")
		s.hasRoutes("198.51.100.0/24 via 2001:db8::2", "2001:db8:b::/48 via 2001:db8::2")
		b.sees("2001:db8:a::/48", "BGP.next_hop: 2001:db8::1")
	})
	phase(t, "another AS number restarts the server", func() {
		b.reconfigure(strings.Replace(readFile(t, b.conf()), "as 65004", "as 65005", 1))
		s.apply(open(65005, Neighbor{Name: "bird", Address: ip("2001:db8::2"), RemoteAS: 65001}))
		s.established("bird")
		s.hasRoutes("198.51.100.0/24 via 2001:db8::2", "2001:db8:b::/48 via 2001:db8::2")
		b.sees("2001:db8:a::/48", "BGP.as_path: 65005\n")
	})
	phase(t, "no neighbor", func() {
		s.apply(open(65005))
		s.hasRoutes()
		if b.c("show route protocol sixfold"); strings.Contains(b.c("show protocols sixfold"), "Established") {
			t.Error("session is still there")
		}
	})
	phase(t, "no BGP", func() {
		s.apply(Config{})
		if st := s.must(command{Op: "status"}).Status; st.Running {
			t.Errorf("still running: %+v", st)
		}
	})
}

func TestIPv4Session(t *testing.T) {
	t.Parallel()
	s, b := pair(t, `
protocol bgp sixfold {
  local 192.0.2.2 as 65001; neighbor 192.0.2.1 as 65004;
  ipv4 { import all; export where source = RTS_STATIC; };
}
`)
	own(s, "2001:db8:a::/48", "203.0.113.0/24")
	s.apply(open(65004, Neighbor{Name: "bird", Address: ip("192.0.2.2"), RemoteAS: 65001}))
	s.established("bird")
	s.hasRoutes("198.51.100.0/24 via 192.0.2.2")
	b.sees("203.0.113.0/24", "BGP.next_hop: 192.0.2.1")
}

// TestPolicyChange follows the filters of one session through a life without a flap.
func TestPolicyChange(t *testing.T) {
	t.Parallel()
	s, b := pair(t, birdGlobal)
	own(s, "2001:db8:a::/48", "2001:db8:aa::/48")
	bird := Neighbor{Name: "bird", Address: ip("2001:db8::2"), RemoteAS: 65001}
	c := Config{ASN: 65004, RouterID: ip("192.0.2.1"), Neighbors: neighbors(bird), Announce: []rib.Source{rib.Static}}
	s.apply(c)
	s.established("bird")
	since := s.neighbor("bird").Since
	got := func(received, accepted, advertised uint64) {
		t.Helper()
		eventually(t, 10*time.Second, "counts", func() error {
			n := s.neighbor("bird")
			if n.Received != received || n.Accepted != accepted || n.Advertised != advertised {
				return fmt.Errorf("received %d, accepted %d, advertised %d", n.Received, n.Accepted, n.Advertised)
			}
			return nil
		})
	}

	phase(t, "without a filter nothing passes", func() {
		got(2, 0, 0)
		s.hasRoutes()
		b.lacks("2001:db8:a::/48")
	})
	set := func(imp, exp string, rules ...Rule) {
		t.Helper()
		n := bird
		n.Import, n.Export = imp, exp
		c.Neighbors = neighbors(n)
		c.Filters = map[string]Filter{"f": {Rules: rules}}
		s.apply(c)
	}
	six := map[string][]Pattern{
		"six":  {{Prefix: pfx("::/0"), Min: 0, Max: 128}},
		"one":  {{Prefix: pfx("2001:db8:a::/48"), Min: 48, Max: 48}},
		"both": {{Prefix: pfx("2001:db8:b:1::/64"), Min: 0, Max: 64}, {Prefix: pfx("0.0.0.0/0"), Min: 0, Max: 32}},
	}
	c.PrefixSets = six
	phase(t, "import", func() {
		set("f", "", Rule{PrefixSet: "six", Action: Accept})
		s.hasRoutes("2001:db8:b::/48 via 2001:db8::2")
		got(2, 1, 0)
	})
	phase(t, "both families in one set, and a pattern for what is around it", func() {
		set("f", "", Rule{PrefixSet: "both", Action: Accept})
		s.hasRoutes("198.51.100.0/24 via 2001:db8::2", "2001:db8:b::/48 via 2001:db8::2")
	})
	phase(t, "export", func() {
		med := uint32(77)
		set("", "f", Rule{PrefixSet: "one", Action: Reject}, Rule{MED: &med, PrependCount: 2, PrependASN: 65099}, Rule{Source: rib.Static, Action: Accept})
		s.hasRoutes()
		b.sees("2001:db8:aa::/48", "BGP.med: 77", "BGP.as_path: 65099 65099 65004\n")
		b.lacks("2001:db8:a::/48")
	})
	phase(t, "the body of a filter changes", func() {
		set("", "f", Rule{PrefixSet: "one", Action: Accept})
		b.sees("2001:db8:a::/48", "BGP.as_path: 65004\n")
		b.lacks("2001:db8:aa::/48")
	})
	phase(t, "a prefix set changes", func() {
		c.PrefixSets = map[string][]Pattern{"one": {{Prefix: pfx("2001:db8:aa::/48"), Min: 48, Max: 48}}}
		set("", "f", Rule{PrefixSet: "one", Action: Accept})
		b.sees("2001:db8:aa::/48", "BGP.as_path: 65004\n")
		b.lacks("2001:db8:a::/48")
	})
	phase(t, "another source", func() {
		set("", "f", Rule{Source: rib.Delegated, Action: Accept})
		b.lacks("2001:db8:aa::/48")
	})
	phase(t, "a new name and description", func() {
		bird.Description = "changed"
		set("", "f", Rule{Action: Accept})
	})
	phase(t, "soft reset", func() {
		s.must(command{Op: "reset", Neighbor: "bird", Soft: true})
		b.sees("2001:db8:a::/48", "BGP.as_path: 65004\n")
	})
	n := s.neighbor("bird")
	if n.Flaps != 0 || !n.Since.Equal(since) || n.State != "established" {
		t.Errorf("session was touched: since %s, then %+v", since, n)
	}

	phase(t, "hard reset", func() {
		s.must(command{Op: "reset", Neighbor: "bird"})
		eventually(t, 5*time.Second, "session goes", func() error {
			if n := s.neighbor("bird"); n.Flaps != 1 {
				return fmt.Errorf("%d flaps", n.Flaps)
			}
			return nil
		})
		s.established("bird")
		b.sees("2001:db8:a::/48", "BGP.as_path: 65004\n")
	})
	phase(t, "shutdown", func() {
		bird.Shutdown = true
		set("", "f", Rule{Action: Accept})
		b.lacks("2001:db8:a::/48")
		if n := s.neighbor("bird"); n.State != "shutdown" {
			t.Errorf("state %s", n.State)
		}
		bird.Shutdown = false
		set("", "f", Rule{Action: Accept})
		s.established("bird")
		b.sees("2001:db8:a::/48", "BGP.as_path: 65004\n")
	})
}

func TestImportLimit(t *testing.T) {
	t.Parallel()
	s, b := pair(t, birdGlobal)
	many := func(n int) string {
		var list []string
		for i := range n {
			list = append(list, fmt.Sprintf("2001:db8:b%02x::/48", i))
		}
		return birdConf("10.0.0.2", append(list, "2001:db9::/32", "2001:dba::/32"), nil, birdGlobal)
	}
	b.reconfigure(many(20))
	c := open(65004, Neighbor{Name: "bird", Address: ip("2001:db8::2"), RemoteAS: 65001, ImportLimit: 20})
	c.PrefixSets = map[string][]Pattern{"mine": {{Prefix: pfx("2001:db8::/32"), Min: 32, Max: 128}}}
	c.Filters["all"] = Filter{Rules: []Rule{{PrefixSet: "mine", Action: Accept}}}
	s.apply(c)
	s.established("bird")
	accepted := func(want uint64) {
		t.Helper()
		eventually(t, 10*time.Second, "accepted routes", func() error {
			if n := s.neighbor("bird"); n.Accepted != want || n.LimitExceeded {
				return fmt.Errorf("%d accepted, limited: %v", n.Accepted, n.LimitExceeded)
			}
			return nil
		})
	}
	limited := func() {
		t.Helper()
		eventually(t, 10*time.Second, "neighbor is shut down", func() error {
			n := s.neighbor("bird")
			if !n.LimitExceeded || n.State != "shutdown" || !strings.Contains(n.LastError, "import limit is 20") {
				return fmt.Errorf("%+v", n)
			}
			return nil
		})
		s.hasRoutes()
	}
	accepted(20) // of 22 that were received

	phase(t, "one too many", func() {
		b.reconfigure(many(21))
		limited()
		if out := b.c("show protocols all sixfold"); !strings.Contains(out, "import limit exceeded") && !strings.Contains(out, "Administrative shutdown") {
			t.Errorf("bird was not told why:\n%s", out)
		}
	})
	phase(t, "reset is another try", func() {
		s.must(command{Op: "reset", Neighbor: "bird"})
		eventually(t, 20*time.Second, "limited again", func() error {
			if n := s.neighbor("bird"); n.Flaps < 2 {
				return fmt.Errorf("%d flaps", n.Flaps)
			}
			return nil
		})
		limited()
	})
	phase(t, "a higher limit", func() {
		n := c.Neighbors["bird"]
		n.ImportLimit = 30
		c.Neighbors["bird"] = n
		s.apply(c)
		s.established("bird")
		accepted(21)
	})
}

// TestRestart stops the speaker without a word: the neighbor keeps our routes, and gets them again.
func TestRestart(t *testing.T) {
	t.Parallel()
	s, b := pair(t, birdGlobal)
	own(s, "2001:db8:a::/48")
	c := open(65004, Neighbor{Name: "bird", Address: ip("2001:db8::2"), RemoteAS: 65001})
	s.apply(c)
	s.established("bird")
	s.hasRoutes("198.51.100.0/24 via 2001:db8::2", "2001:db8:b::/48 via 2001:db8::2")
	b.sees("2001:db8:a::/48", "BGP.as_path: 65004\n")
	if left := s.must(command{Op: "stop", Keep: true}).Entries; len(left) != 2 {
		t.Errorf("routes in the rib: %v", left)
	}
	eventually(t, 5*time.Second, "session is gone", func() error {
		if out := b.c("show protocols sixfold"); strings.Contains(out, "Established") {
			return fmt.Errorf("%s", out)
		}
		return nil
	})
	b.sees("2001:db8:a::/48", "BGP.as_path: 65004\n")

	again := startSpeaker(s.node)
	own(again, "2001:db8:a::/48")
	again.apply(c)
	if again.must(command{Op: "ready"}).Ready {
		t.Error("rib is ready before the neighbor has sent its routes")
	}
	again.established("bird")
	again.hasRoutes("198.51.100.0/24 via 2001:db8::2", "2001:db8:b::/48 via 2001:db8::2")
	eventually(t, 5*time.Second, "rib is ready", func() error {
		if !again.must(command{Op: "ready"}).Ready {
			return fmt.Errorf("not ready")
		}
		return nil
	})
}

// TestLateLink configures a neighbor on an interface that comes later. Its routes go on to an internal neighbor elsewhere,
// to whom a link-local next hop would mean nothing.
func TestLateLink(t *testing.T) {
	t.Parallel()
	r, b, i := newNode(t, "router"), newNode(t, "bird"), newNode(t, "internal")
	connect(r, "eth1", "2001:db8:1::1/64", i, "eth1", "2001:db8:1::2/64")
	s := startSpeaker(r)
	in := startBird(i, birdConf("10.0.0.3", nil, nil, `
protocol bgp sixfold {
  local 2001:db8:1::2 as 65004; neighbor 2001:db8:1::1 as 65004;
  ipv6 { import all; export none; };
}
`))
	s.apply(open(65004,
		Neighbor{Name: "late", Address: ip("fe80::2%eth0"), RemoteAS: 65001},
		Neighbor{Name: "internal", Address: ip("2001:db8:1::2"), RemoteAS: 65004}))
	if n := s.neighbor("late"); n.State != "idle" || n.LastError != "interface eth0 does not exist" {
		t.Errorf("status: %+v", n)
	}
	s.established("internal")
	connect(r, "eth0", "", b, "eth0", "")
	r.linkLocal("eth0", "fe80::1")
	b.linkLocal("eth0", "fe80::2")
	startBird(b, birdConf("10.0.0.2", []string{"2001:db8:b::/48"}, nil, `
protocol bgp sixfold {
  local fe80::2 as 65001; neighbor fe80::1 % 'eth0' as 65004;
  ipv6 { import all; export where source = RTS_STATIC; };
}
`))
	s.established("late")
	s.hasRoutes("2001:db8:b::/48 via fe80::2 dev eth0")
	in.sees("2001:db8:b::/48", "BGP.next_hop: 2001:db8:1::1", "BGP.as_path: 65001\n")
}
