package apitest

import (
	"context"

	"github.com/sixfold-router/sixfold/router"
	"github.com/sixfold-router/sixfold/router/firewall"
	"github.com/sixfold-router/sixfold/router/firewall/packet"
)

// Firewall returns FirewallStatus.
func (b *Backend) Firewall(ctx context.Context) (firewall.Status, error) {
	st := b.FirewallStatus
	st.Rules = append([]firewall.RuleStatus(nil), st.Rules...)
	st.Sets = append([]firewall.SetStatus(nil), st.Sets...)
	st.Translations = append([]firewall.TranslationStatus(nil), st.Translations...)
	return st, b.ready(ctx)
}

// TestFirewall answers with Fates by destination port; others cannot be.
func (b *Backend) TestFirewall(ctx context.Context, t router.PacketTest) (router.PacketFate, error) {
	if err := b.ready(ctx); err != nil {
		return router.PacketFate{}, err
	}
	fate, ok := b.Fates[t.DstPort]
	if !ok {
		return router.PacketFate{}, &router.TestError{Reason: `"` + t.From + `" is neither a zone nor a link`}
	}
	return fate, nil
}

// sampleFirewall is that of an office with a web server.
func sampleFirewall() firewall.Status {
	rule := func(from, to string, n int, where, name, match string, action firewall.Action, packets, bytes uint64) firewall.RuleStatus {
		return firewall.RuleStatus{
			Listed:  firewall.Listed{From: from, To: to, Number: n, Where: where, Name: name, Match: match, Action: action},
			Counted: firewall.Counted{Packets: packets, Bytes: bytes},
		}
	}
	waits := rule("wan", "lan", 2, "firewall.policies[1].rules[1]", "", "to isp ::25/128 tcp port 25", firewall.Accept, 0, 0)
	waits.Pending = true
	return firewall.Status{
		Active: true,
		Zones: []firewall.ZoneStatus{
			{Zone: firewall.Zone{Name: "lan", Interfaces: []string{"lan0", "eth1"}, SourceCheck: firewall.CheckStrict}},
			{Zone: firewall.Zone{Name: "peering", Stateless: true, SourceCheck: firewall.CheckLoose}},
			{Zone: firewall.Zone{Name: "wan", Interfaces: []string{"wan0"}, SourceCheck: firewall.CheckStrict}, Guarded: true},
		},
		Rules: []firewall.RuleStatus{
			rule("lan", "wan", 1, "firewall.policies[0]", "", "all else", firewall.Accept, 123456, 9876543),
			rule("wan", "lan", 1, "firewall.policies[1].rules[0]", "web", "to servers tcp port web", firewall.Accept, 42, 2520),
			waits,
			rule("wan", "lan", 3, "firewall.policies[1]", "", "all else", firewall.Drop, 7, 420),
			rule("wan", "router", 1, "", "", "all else", firewall.Reject, 0, 0),
		},
		Translations: []firewall.TranslationStatus{
			{
				Kind: "forward", Name: "games", Zone: "wan", From: "2001:db8:ff::1", To: "fd00::9", Where: "firewall.forwards.games",
				Protocols: []packet.Protocol{packet.TCP, packet.UDP}, Ports: []packet.PortRange{{First: 3074, Last: 3074}, {First: 5000, Last: 5010}},
				ConnectionsIn: 17,
			},
			{
				Kind: "forward", Name: "web", Zone: "wan", To: "isp ::80", ToPort: 8443, Where: "firewall.forwards.web", Pending: true,
				Protocols: []packet.Protocol{packet.TCP}, Ports: []packet.PortRange{{First: 443, Last: 443}},
			},
			{Kind: "masquerade", Name: "lab", Zone: "wan", From: "fd00::/64", Where: "firewall.masquerade.lab", ConnectionsOut: 512},
			{Kind: "mss_clamp", Name: "peering", Zone: "peering", MSS: 1220, Where: "firewall.mss_clamp.peering"},
			{Kind: "mss_clamp", Name: "wan", Zone: "wan", Where: "firewall.mss_clamp.wan", Packets: 2048},
			{
				Kind: "translate", Name: "office", Zone: "wan", From: "fd00:1::/48", To: "2001:db8:aa::/48", Where: "firewall.translate.office",
				ConnectionsOut: 100, ConnectionsIn: 3,
			},
		},
		Sets: []firewall.SetStatus{
			{Name: "address/servers/6", Type: "addresses", Size: 2, Elements: []string{"2001:db8:1::80", "2001:db8:1::443"}},
			{Name: "address/waits/6", Type: "addresses"},
			{Name: "vteps/x35eb4d89b25b/vni", Title: "VXLAN segments of vxlan1000", Type: "segments", Size: 1, Elements: []string{"1000"}},
			{Name: "zone/lan", Type: "interfaces", Size: 2, Elements: []string{"eth1", "lan0"}},
		},
		Drops:       []firewall.DropStatus{{Reason: "invalid", Counted: firewall.Counted{Packets: 3, Bytes: 180}}, {Reason: "spoofed"}},
		Established: firewall.Counted{Packets: 1 << 20, Bytes: 1 << 30},
		Connections: 321, MaxConnections: 65536,
	}
}

// sampleFates are by destination port.
func sampleFates() map[uint16]router.PacketFate {
	return map[uint16]router.PacketFate{
		443: {
			Action: firewall.Accept, From: "wan", To: "lan", Where: "firewall.policies[1].rules[0]", Line: 12,
			Reason: "ip6 daddr @address/servers/6 meta l4proto tcp th dport @port/web accept", Path: []string{"firewall.policies[1].rules[0]"},
		},
		25: {Action: firewall.Drop, From: "wan", To: "lan", Reason: "no policy lets it pass"},
	}
}
