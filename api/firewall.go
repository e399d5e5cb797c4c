package api

import (
	"context"
	"fmt"
	"net/netip"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
	"github.com/sixfold-router/sixfold/router"
	"github.com/sixfold-router/sixfold/router/firewall"
	"github.com/sixfold-router/sixfold/router/firewall/packet"
)

// FirewallBackend is the part of a Backend for the firewall.
type FirewallBackend interface {
	// Firewall returns the state of the firewall, with what its counters say now.
	Firewall(ctx context.Context) (firewall.Status, error)
	// TestFirewall tells what the firewall does with a packet. Its error is a *router.TestError for what cannot be a packet.
	TestFirewall(ctx context.Context, t router.PacketTest) (router.PacketFate, error)
}

func (s *stateService) GetFirewall(ctx context.Context, _ *sixfoldv1.GetFirewallRequest) (*sixfoldv1.GetFirewallResponse, error) {
	st, err := s.backend.Firewall(ctx)
	if err != nil {
		return nil, err
	}
	m := &sixfoldv1.GetFirewallResponse{
		Active: st.Active, Problem: clean(st.Problem), Connections: st.Connections, MaxConnections: st.MaxConnections,
		EstablishedPackets: st.Established.Packets, EstablishedBytes: st.Established.Bytes,
	}
	for _, z := range st.Zones {
		m.Zones = append(m.Zones, &sixfoldv1.FirewallZoneState{
			Name: clean(z.Name), Interfaces: cleaned(z.Interfaces), Stateless: z.Stateless, SourceCheck: z.SourceCheck.String(), Guarded: z.Guarded,
		})
	}
	for _, d := range st.Drops {
		m.Drops = append(m.Drops, &sixfoldv1.FirewallDropState{Reason: clean(d.Reason), Packets: d.Packets, Bytes: d.Bytes})
	}
	return m, nil
}

func (s *stateService) ListFirewallRules(ctx context.Context, req *sixfoldv1.ListFirewallRulesRequest) (*sixfoldv1.ListFirewallRulesResponse, error) {
	st, err := s.backend.Firewall(ctx)
	if err != nil {
		return nil, err
	}
	for _, name := range []string{req.GetFrom(), req.GetTo()} {
		if err := knownZone(st, name); err != nil {
			return nil, err
		}
	}
	items, next, err := listed(req, st.Rules,
		func(r firewall.RuleStatus) bool {
			return (req.GetFrom() == "" || r.From == req.GetFrom()) && (req.GetTo() == "" || r.To == req.GetTo())
		},
		func(r firewall.RuleStatus) string { return fmt.Sprintf("%s\x00%s\x00%09d", r.From, r.To, r.Number) }, firewallRule)
	if err != nil {
		return nil, err
	}
	return &sixfoldv1.ListFirewallRulesResponse{Rules: items, NextPageToken: next}, nil
}

// knownZone refuses a zone that there is not: an empty list would say that nothing is let through.
func knownZone(st firewall.Status, name string) error {
	if name == "" || name == firewall.Router {
		return nil
	}
	for _, z := range st.Zones {
		if z.Name == name {
			return nil
		}
	}
	return status.Errorf(codes.NotFound, "there is no zone %s", clean(name))
}

func (s *stateService) ListFirewallSets(ctx context.Context, req *sixfoldv1.ListFirewallSetsRequest) (*sixfoldv1.ListFirewallSetsResponse, error) {
	st, err := s.backend.Firewall(ctx)
	if err != nil {
		return nil, err
	}
	items, next, err := listed(req, st.Sets, nil, func(s firewall.SetStatus) string { return natural(s.Name) }, firewallSet)
	if err != nil {
		return nil, err
	}
	return &sixfoldv1.ListFirewallSetsResponse{Sets: items, NextPageToken: next}, nil
}

func firewallRule(r firewall.RuleStatus) *sixfoldv1.FirewallRuleState {
	return &sixfoldv1.FirewallRuleState{
		From: clean(r.From), To: clean(r.To), Number: uint32(r.Number), Where: clean(r.Where), Name: clean(r.Name), Match: clean(r.Match),
		Action: r.Action.String(), Packets: r.Packets, Bytes: r.Bytes, Pending: r.Pending,
	}
}

func firewallSet(s firewall.SetStatus) *sixfoldv1.FirewallSetState {
	return &sixfoldv1.FirewallSetState{Name: clean(s.Name), Title: clean(s.Title), Type: s.Type, Size: uint32(s.Size), Elements: cleaned(s.Elements)}
}

func cleaned(list []string) []string {
	var out []string
	for _, s := range list {
		out = append(out, clean(s))
	}
	return out
}

func (s *stateService) TestFirewall(ctx context.Context, req *sixfoldv1.TestFirewallRequest) (*sixfoldv1.TestFirewallResponse, error) {
	t, err := packetTest(req)
	if err != nil {
		return nil, err
	}
	fate, err := s.backend.TestFirewall(ctx, t)
	if err != nil {
		return nil, err
	}
	where := fate.Where
	if fate.Line > 0 {
		where = fmt.Sprintf("%s in line %d", fate.Where, fate.Line)
	}
	return &sixfoldv1.TestFirewallResponse{
		Action: fate.Action.String(), From: clean(fate.From), To: clean(fate.To), Where: clean(where), Reason: clean(fate.Reason), Path: cleaned(fate.Path),
	}, nil
}

// packetTest reads the description of a packet.
func packetTest(req *sixfoldv1.TestFirewallRequest) (router.PacketTest, error) {
	t := router.PacketTest{From: req.GetFrom(), To: req.GetTo()}
	bad := func(format string, args ...any) (router.PacketTest, error) {
		return router.PacketTest{}, status.Errorf(codes.InvalidArgument, format, args...)
	}
	if t.From == "" {
		return bad("from is missing: a zone, an interface, or router")
	}
	var err error
	if t.Source, err = netip.ParseAddr(req.GetSource()); err != nil || t.Source.Zone() != "" {
		return bad("source %q is not an address such as 2001:db8::1", clean(req.GetSource()))
	}
	if t.Destination, err = netip.ParseAddr(req.GetDestination()); err != nil || t.Destination.Zone() != "" {
		return bad("destination %q is not an address such as 2001:db8::1", clean(req.GetDestination()))
	}
	t.Protocol = packet.TCP
	if req.GetProtocol() != "" {
		if t.Protocol, err = packet.ParseProtocol(req.GetProtocol()); err != nil {
			return bad("%s", clean(err.Error()))
		}
	}
	for _, p := range []uint32{req.GetSourcePort(), req.GetDestinationPort()} {
		if p > 65535 {
			return bad("port %d is out of range; accepted: 1 to 65535", p)
		}
	}
	t.SrcPort, t.DstPort = uint16(req.GetSourcePort()), uint16(req.GetDestinationPort())
	if (t.SrcPort != 0 || t.DstPort != 0) && !t.Protocol.HasPorts() {
		return bad("%s has no ports", t.Protocol)
	}
	if t.Protocol == packet.ICMPv6 || t.Protocol == packet.ICMP {
		text := req.GetIcmpType()
		if text == "" {
			text = "echo-request"
		}
		kind, err := packet.ParseICMPType(text, t.Protocol == packet.ICMP)
		if err != nil {
			return bad("%s", clean(err.Error()))
		}
		t.ICMPType = kind.Type
	} else if req.GetIcmpType() != "" {
		return bad("%s has no ICMP types", t.Protocol)
	}
	return t, nil
}
