package firewall

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/sixfold-router/sixfold/integration/netns"
	"github.com/sixfold-router/sixfold/router/firewall/packet"
)

// zones are those of the lab.
func zones() []Zone {
	return []Zone{
		{Name: "guests", Interfaces: []string{"guest0"}, SourceCheck: CheckStrict},
		{Name: "lan", Interfaces: []string{"lan0"}, SourceCheck: CheckStrict},
		{Name: "wan", Interfaces: []string{"wan0"}, SourceCheck: CheckStrict},
	}
}

// to makes a rule for a protocol and a port.
func to(action Action, proto Protocol, port uint16) PolicyRule {
	return PolicyRule{Where: fmt.Sprintf("%s %s %d", action, proto, port), Protocols: []Protocol{proto}, Ports: Ports{Ranges: []PortRange{packet.Port(port)}}, Action: action}
}

// office is a firewall as most have it.
func office() Config {
	web := to(Accept, packet.TCP, 80)
	web.Name, web.Destinations = "web", Addresses{Text: []string{"servers"}, Sets: []string{"servers"}}
	return Config{
		Zones:       zones(),
		AddressSets: []AddressSet{{Name: "servers", Prefixes: prefixes("2001:db8:2::2/128", "192.0.2.2/32")}},
		Policies: []Policy{
			{Where: "out", From: "lan", To: "wan", End: Accept},
			{Where: "guests out", From: "guests", To: "wan", Rules: []PolicyRule{to(Reject, packet.TCP, 22)}, End: Accept},
			{Where: "in", From: "wan", To: "lan", Rules: []PolicyRule{web}, End: SimpleSecurity},
			{Where: "guests to us", From: "guests", To: "router", Rules: []PolicyRule{{Where: "ping", ICMPTypes: []ICMPType{{Type: 128}, {V4: true, Type: 8}}, Action: Accept}}, End: Reject},
		},
	}
}

// TestZones sends TCP, UDP and echo requests over IPv6 and IPv4 between three zones and the router.
func TestZones(t *testing.T) {
	l := newTown(t)
	m := newManager(t)
	l.serveSelf(t)
	apply(t, m, office())
	router := map[*netns.Node][2]netip.Addr{}
	for n, a := range l.addresses {
		router[n] = [2]netip.Addr{a[0].Prev(), a[1].Prev()}
	}
	for _, c := range []struct {
		what     string
		from, to *netns.Node // to nil: the router
		port     uint16      // 0: an echo request
		udp      bool
		want, v4 string // empty v4: as want
	}{
		{"lan to wan", l.lan, l.wan, 22, false, "passes", ""},
		{"lan to wan", l.lan, l.wan, 443, true, "passes", ""},
		{"lan to wan", l.lan, l.wan, 0, false, "passes", ""},
		{"lan to wan, a closed port: the ICMP error comes back", l.lan, l.wan, 5353, true, "refused", ""},
		{"guests to wan", l.guest, l.wan, 80, false, "passes", ""},
		{"guests to wan, rejected by a rule", l.guest, l.wan, 22, false, "refused", ""},
		{"wan to a server", l.wan, l.lan, 80, false, "passes", ""},
		{"wan to a server, another port", l.wan, l.lan, 443, false, "lost", ""},
		{"wan to lan, unsolicited", l.wan, l.lan, 80, true, "lost", ""},
		{"wan to lan, echo request", l.wan, l.lan, 0, false, "passes", "lost"},
		{"wan to guests, no policy", l.wan, l.guest, 80, false, "lost", ""},
		{"wan to guests, echo request", l.wan, l.guest, 0, false, "lost", ""},
		{"lan to guests, no policy", l.lan, l.guest, 80, false, "lost", ""},
		{"wan to the router, not guarded", l.wan, nil, 80, false, "passes", ""},
		{"guests to the router", l.guest, nil, 80, false, "refused", ""},
		{"guests to the router", l.guest, nil, 80, true, "prohibited", ""},
		{"guests to the router", l.guest, nil, 0, false, "passes", ""},
	} {
		for i := range 2 {
			target := router[c.from][i]
			if c.to != nil {
				target = l.addresses[c.to][i]
			}
			var err error
			switch {
			case c.port == 0:
				err = l.ping(c.from, target)
			case c.udp:
				err = l.udp(c.from, netip.Addr{}, target, c.port)
			default:
				err = l.tcp(c.from, target, c.port)
			}
			want := c.want
			if i == 1 && c.v4 != "" {
				want = c.v4
			}
			if got := fate(err); got != want {
				t.Errorf("%s: to %s port %d udp %v: %s (%v), want %s", c.what, target, c.port, c.udp, got, err, want)
			}
		}
	}
	st, err := m.Status()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range st.Rules {
		if r.Name == "web" && r.Packets != 2 {
			t.Errorf("rule web counted %d packets, want the 2 that began connections", r.Packets)
		}
	}
	if st.Connections == 0 || st.MaxConnections == 0 || st.Established.Packets == 0 {
		t.Errorf("status has %d of %d connections, %d packets of such", st.Connections, st.MaxConnections, st.Established.Packets)
	}
	if t.Failed() {
		t.Log(sh(t, "nft list table inet sixfold"))
	}
}

// serveSelf has the router serve what the hosts do.
func (l *town) serveSelf(t *testing.T) {
	t.Helper()
	l.serve(netns.Own(), 80)
}

// TestSpoofedSources sends from addresses that are not behind the zone (BCP 38).
func TestSpoofedSources(t *testing.T) {
	l := newTown(t)
	m := newManager(t)
	conf := Config{Zones: zones(), Policies: []Policy{{From: "any", To: "any", End: Accept}}}
	foreign := netip.MustParseAddr("2001:db8:3::99") // of the guests
	l.lan.Sh(t, "ip addr add %s/128 dev lo", foreign)
	nowhere := netip.MustParseAddr("3fff::99")
	l.lan.Sh(t, "ip addr add %s/128 dev lo", nowhere)
	sent := func(check SourceCheck, source netip.Addr) uint64 {
		conf.Zones[1].SourceCheck = check
		apply(t, m, conf)
		before := m.dropped(t, "spoofed")
		l.udp(l.lan, source, l.addresses[l.wan][0], 80) // no error says more than the counter
		return m.dropped(t, "spoofed") - before
	}
	for _, c := range []struct {
		check  SourceCheck
		source netip.Addr
		want   uint64
	}{
		{CheckStrict, foreign, 1}, {CheckStrict, nowhere, 1}, {CheckStrict, netip.Addr{}, 0},
		{CheckLoose, foreign, 0}, {CheckLoose, nowhere, 1}, {CheckOff, nowhere, 0},
	} {
		if got := sent(c.check, c.source); got != c.want {
			t.Errorf("check %s, source %s: %d packets dropped, want %d", c.check, c.source, got, c.want)
		}
	}
}

func (m *Manager) dropped(t *testing.T, reason string) uint64 {
	t.Helper()
	st, err := m.Status()
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range st.Drops {
		if d.Reason == reason {
			return d.Packets
		}
	}
	t.Fatalf("no drops for %s in %v", reason, st.Drops)
	return 0
}

// TestStatelessZone checks that connections through a stateless zone are not tracked, and decided packet by packet.
func TestStatelessZone(t *testing.T) {
	l := newTown(t)
	m := newManager(t)
	conf := Config{Zones: zones(), Policies: []Policy{{From: "any", To: "any", End: Accept}}}
	for i := range conf.Zones {
		conf.Zones[i].Stateless = true
	}
	apply(t, m, conf)
	if err := l.udp(l.lan, netip.Addr{}, l.addresses[l.wan][0], 8123); err != nil {
		t.Errorf("through stateless zones: %v", err)
	}
	if got := sh(t, "cat /proc/net/nf_conntrack 2>/dev/null | grep 'udp.*dport=8123 ' || true"); strings.Contains(got, "udp") {
		t.Errorf("the connection is tracked: %s", got)
	}
	conf.Policies = []Policy{{From: "lan", To: "wan", End: Accept}}
	apply(t, m, conf)
	if got := fate(l.udp(l.lan, netip.Addr{}, l.addresses[l.wan][0], 8123)); got != "lost" {
		t.Errorf("answers have no policy, but the packet %s", got)
	}
}

// TestEstablishedSurvives commits a firewall that lets nothing begin: what runs goes on.
func TestEstablishedSurvives(t *testing.T) {
	l := newTown(t)
	m := newManager(t)
	apply(t, m, office())
	for i := range 2 {
		target := l.addresses[l.wan][i]
		c, err := l.dial(l.lan, netip.Addr{}, target, 443)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		closed := office()
		closed.Policies = nil
		apply(t, m, closed)
		c.SetDeadline(time.Now().Add(5 * time.Second))
		c.Read(make([]byte, 512)) // the greeting
		if _, err := c.Write([]byte("still here")); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Read(make([]byte, 512)); err != nil {
			t.Errorf("the connection to %s ended with the commit: %v", target, err)
		}
		if got := fate(l.tcp(l.lan, target, 443)); got != "lost" {
			t.Errorf("a new connection to %s %s", target, got)
		}
		apply(t, m, office())
	}
}
