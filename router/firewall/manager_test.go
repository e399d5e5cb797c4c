package firewall

import (
	"context"
	"log/slog"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sixfold-router/sixfold/router/firewall/packet"
)

// sample uses most of what there is.
func sample() Config {
	return Config{
		Zones: []Zone{
			{Name: "guests", Interfaces: []string{"guest0"}, SourceCheck: CheckLoose},
			{Name: "lan", Interfaces: []string{"lan0", "lan1"}, SourceCheck: CheckStrict},
			{Name: "peering", Interfaces: []string{"ix0"}, Stateless: true},
			{Name: "wan", Interfaces: []string{"wan0"}, Slaves: true, SourceCheck: CheckStrict},
		},
		AddressSets: []AddressSet{{Name: "servers", Prefixes: []netip.Prefix{netip.MustParsePrefix("2001:db8:1::/64"), netip.MustParsePrefix("192.0.2.0/28")}}},
		PortSets:    []PortSet{{Name: "web", Ranges: []PortRange{packet.Port(80), packet.Port(443), {First: 8000, Last: 8080}}}},
		Policies: []Policy{
			{Where: "policies[0]", From: "lan", To: "wan", End: Accept},
			{Where: "policies[1]", From: "wan", To: "lan", End: SimpleSecurity, Log: 5, Rules: []PolicyRule{
				{
					Where: "policies[1].rules[0]", Name: "web", Destinations: Addresses{Text: []string{"servers"}, Sets: []string{"servers"}},
					Protocols: []Protocol{packet.TCP, packet.UDP}, Ports: Ports{Sets: []string{"web"}}, Action: Accept,
				},
				{
					Where: "policies[1].rules[1]", Sources: Addresses{Text: []string{"isp ::/64"}, Relative: true, Pending: true},
					Protocols: []Protocol{packet.TCP}, Ports: Ports{Ranges: []PortRange{packet.Port(22)}}, Action: Accept, Log: 3,
				},
				{
					Where: "policies[1].rules[2]", Sources: Addresses{Text: []string{"2001:db8:666::/48"}, Prefixes: []netip.Prefix{netip.MustParsePrefix("2001:db8:666::/48")}},
					Action: Reject,
				},
			}},
			{Where: "policies[2]", From: "any", To: "router", End: Reject, Rules: []PolicyRule{
				{Where: "policies[2].rules[0]", ICMPTypes: []ICMPType{{Type: 128}, {Type: 2}, {V4: true, Type: 8}}, Action: Accept},
				{Where: "policies[2].rules[1]", Protocols: []Protocol{packet.GRE}, Action: Reject},
				{Where: "policies[2].rules[2]", Protocols: []Protocol{packet.TCP}, Ports: Ports{Ranges: []PortRange{{First: 22, Last: 23}}, Sets: []string{"web"}}},
			}},
			{Where: "policies[3]", From: "router", To: "wan", End: Accept},
			{Where: "policies[4]", From: "lan", To: "peering", End: Accept},
			{Where: "policies[5]", From: "peering", To: "any", End: Drop},
		},
		Services: []Service{
			{Name: "BGP with configured neighbors", Protocol: packet.TCP, Port: 179, Both: true, Peers: []netip.Prefix{netip.MustParsePrefix("2001:db8::5/128"), netip.MustParsePrefix("fe80::5/128")}},
			{Name: "DHCPv6 server", Links: []string{"lan0"}, Protocol: packet.UDP, Port: 547},
		},
		VTEPs: []VTEPFilter{{Device: "vxlan1000", VNI: 1000, Port: 4789, Sources: []netip.Prefix{netip.MustParsePrefix("192.0.2.7/32"), netip.MustParsePrefix("2001:db8:9::/64")}, Links: []string{"eth5"}}},
	}
}

func newManager(t *testing.T) *Manager {
	t.Helper()
	m := New(slog.New(slog.DiscardHandler))
	t.Cleanup(func() {
		if err := m.Apply(context.Background(), Config{}); err != nil {
			t.Errorf("remove the table: %v", err)
		}
		m.kernel.close()
	})
	return m
}

func apply(t *testing.T, m *Manager, c Config) {
	t.Helper()
	if err := m.Apply(t.Context(), c); err != nil {
		t.Fatal(err)
	}
}

// settled fails where the kernel's table is not the wanted one.
func settled(t *testing.T, m *Manager, c Config) {
	t.Helper()
	have, err := m.kernel.read()
	if err != nil {
		t.Fatal(err)
	}
	want := Compile(c)
	if d := diff(have, &want); !d.empty() {
		t.Fatalf("the table is not as wanted: %+v\n%s", d.found(), sh(t, "nft list table inet sixfold"))
	}
}

func TestApplyTwiceWritesNothing(t *testing.T) {
	m := newManager(t)
	apply(t, m, sample())
	settled(t, m, sample())
	if got := m.Writes(); got != 1 {
		t.Fatalf("%d batches for the first Apply, want 1", got)
	}
	apply(t, m, sample())
	again := New(slog.New(slog.DiscardHandler)) // as after a restart
	apply(t, again, sample())
	defer again.kernel.close()
	if m.Writes() != 1 || again.Writes() != 0 {
		t.Fatalf("%d and %d batches for the same again, want none more", m.Writes()-1, again.Writes())
	}
	if ops, err := m.Preview(sample()); err != nil || len(ops) > 0 {
		t.Fatalf("preview of the same: %v, %v", ops, err)
	}
}

func TestNoConfigurationNoTable(t *testing.T) {
	sh(t, "nft add table inet other; nft add table ip sixfold")
	m := newManager(t)
	apply(t, m, Config{})
	if m.Writes() != 0 {
		t.Error("wrote without configuration")
	}
	apply(t, m, sample())
	apply(t, m, Config{})
	if diff := cmp.Diff("table inet other\ntable ip sixfold", strings.TrimSpace(sh(t, "nft list tables | sort"))); diff != "" {
		t.Errorf("tables (-want +got):\n%s", diff)
	}
	sh(t, "nft delete table inet other; nft delete table ip sixfold")
}

// TestWholeRanges has sets that begin with the first key there is and end with the last.
func TestWholeRanges(t *testing.T) {
	m := newManager(t)
	conf := office()
	conf.AddressSets[0].Prefixes = prefixes("::/0", "0.0.0.0/0")
	conf.PortSets = []PortSet{{Name: "all", Ranges: []PortRange{{First: 0, Last: 65535}}}}
	conf.Policies[2].Rules[0].Ports = Ports{Sets: []string{"all"}}
	apply(t, m, conf)
	settled(t, m, conf)
	if ops, err := m.Preview(conf); err != nil || len(ops) > 0 {
		t.Errorf("preview of the same: %v, %v", ops, err)
	}
}
