package bgp

import (
	"fmt"
	"testing"
	"time"
)

// A neighbor that sends a lot and takes it back leaves nothing behind, and does not keep others from being heard.
func TestManyRoutesComeAndGo(t *testing.T) {
	t.Parallel()
	s, b := pair(t, birdGlobal)
	list := []string{"2001:db8:b::/48"}
	for i := range 20000 {
		list = append(list, fmt.Sprintf("2001:db9:%x::/48", i))
	}
	many := birdConf("10.0.0.2", list, nil, birdGlobal)
	few := birdConf("10.0.0.2", list[:1], nil, birdGlobal)
	b.reconfigure(many)
	s.apply(open(65004, Neighbor{Name: "bird", Address: ip("2001:db8::2"), RemoteAS: 65001}))
	s.established("bird")
	routes := func(want int) {
		t.Helper()
		eventually(t, 30*time.Second, fmt.Sprintf("%d routes", want), func() error {
			if n := len(s.must(command{Op: "entries"}).Entries); n != want {
				return fmt.Errorf("%d", n)
			}
			return nil
		})
	}
	for range 2 {
		routes(len(list))
		start := time.Now()
		s.must(command{Op: "status"})
		if d := time.Since(start); d > 5*time.Second {
			t.Errorf("status took %v", d)
		}
		b.reconfigure(few)
		routes(1)
		b.reconfigure(many)
	}
	b.reconfigure(few)
	routes(1)
	if n := s.neighbor("bird"); n.Flaps != 0 || n.Accepted > 20001 {
		t.Errorf("the session did not survive: %+v", n)
	}
}

// Whatever changes while a session is being set up, the last configuration is what counts.
func TestConfigChangesDuringSetup(t *testing.T) {
	t.Parallel()
	s, b := pair(t, birdGlobal)
	good := Neighbor{Name: "bird", Address: ip("2001:db8::2"), RemoteAS: 65001}
	for i := range 60 {
		n := good
		switch i % 6 {
		case 0:
			n.Password = "other"
		case 1:
			n.RemoteAS = 65099
		case 2:
			n.Passive = true
		case 3:
			n.Shutdown = true
		case 4:
			n.HoldTime = time.Duration(9+i) * time.Second
		case 5:
			s.apply(open(65004)) // gone
			continue
		}
		s.apply(open(65004, n))
		s.neighbor("bird")
	}
	own(s, "2001:db8:a::/48")
	s.apply(open(65004, good))
	s.established("bird")
	s.hasRoutes("198.51.100.0/24 via 2001:db8::2", "2001:db8:b::/48 via 2001:db8::2")
	b.sees("2001:db8:a::/48", "BGP.as_path: 65004\n")
}

// An interface that is made anew has another index. The session over it comes back all the same.
func TestLinkMadeAnew(t *testing.T) {
	t.Parallel()
	r, b := newNode(t, "router"), newNode(t, "bird")
	link := func() {
		connect(r, "eth0", "", b, "eth0", "")
		r.linkLocal("eth0", "fe80::1")
		b.linkLocal("eth0", "fe80::2")
	}
	link()
	s := startSpeaker(r)
	startBird(b, birdConf("10.0.0.2", []string{"2001:db8:b::/48"}, nil, `
protocol bgp sixfold {
  local fe80::2 as 65001; neighbor fe80::1 % 'eth0' as 65004;
  ipv6 { import all; export where source = RTS_STATIC; };
}
`))
	s.apply(open(65004, Neighbor{Name: "bird", Address: ip("fe80::2%eth0"), RemoteAS: 65001, HoldTime: 6 * time.Second}))
	s.established("bird")
	s.hasRoutes("2001:db8:b::/48 via fe80::2 dev eth0")
	r.ip("link del eth0")
	link()
	eventually(t, 90*time.Second, "a new session", func() error {
		if n := s.neighbor("bird"); n.State != "established" || n.Flaps == 0 {
			return fmt.Errorf("%+v", n)
		}
		return nil
	})
	s.hasRoutes("2001:db8:b::/48 via fe80::2 dev eth0")
}
