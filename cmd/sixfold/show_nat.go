package main

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"strings"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
)

func listFirewallTranslations(ctx context.Context, c *client) (*sixfoldv1.ListFirewallTranslationsResponse, error) {
	items, err := pages(func(token string) ([]*sixfoldv1.FirewallTranslationState, string, error) {
		r, err := c.state.ListFirewallTranslations(ctx, &sixfoldv1.ListFirewallTranslationsRequest{PageSize: pageSize, PageToken: token})
		return r.GetTranslations(), r.GetNextPageToken(), err
	})
	return &sixfoldv1.ListFirewallTranslationsResponse{Translations: items}, err
}

func printFirewallTranslations(p printer, m *sixfoldv1.ListFirewallTranslationsResponse) error {
	if len(m.GetTranslations()) == 0 {
		return p.none("no translations: the configuration has no masquerade, translate, forwards or mss_clamp")
	}
	return writeTables(p, translationTable(p, m.GetTranslations()), clampTable(p, m.GetTranslations()))
}

// isClamp tells what changes segment sizes from what changes addresses.
func isClamp(t *sixfoldv1.FirewallTranslationState) bool { return t.GetKind() == "mss_clamp" }

// translationTable is about what changes addresses. Connections are counted, not their packets.
func translationTable(p printer, list []*sixfoldv1.FirewallTranslationState) *table {
	t := p.table("NAT", "NAME", "ZONE", "FROM", "TO", ">CONN OUT", ">CONN IN")
	for _, n := range list {
		if isClamp(n) {
			continue
		}
		from, to, out, in := n.GetFrom(), n.GetTo(), number(n.GetConnectionsOut()), number(n.GetConnectionsIn())
		switch n.GetKind() {
		case "forward":
			from, to, out = fmt.Sprintf("%s %s port %s", cmp.Or(from, "this router"), strings.Join(n.GetProtocols(), " "), strings.Join(n.GetPorts(), " ")), target(n), ""
		case "masquerade":
			to, in = "address of the interface", ""
		}
		if n.GetPending() {
			to = "pending: " + to
		}
		t.add(n.GetKind(), n.GetName(), n.GetZone(), from, to, out, in)
	}
	return t
}

// target is the other machine of a forward, and its port if that is another one.
func target(n *sixfoldv1.FirewallTranslationState) string {
	switch {
	case n.GetToPort() == 0:
		return n.GetTo()
	case n.GetPending():
		return fmt.Sprintf("%s port %d", n.GetTo(), n.GetToPort())
	}
	return net.JoinHostPort(n.GetTo(), fmt.Sprint(n.GetToPort()))
}

func clampTable(p printer, list []*sixfoldv1.FirewallTranslationState) *table {
	t := p.table("MSS CLAMP", "LARGEST SEGMENT", ">PACKETS")
	for _, n := range list {
		if !isClamp(n) {
			continue
		}
		most := "what fits into the MTU of the route"
		if n.GetMss() != 0 {
			most = fmt.Sprintf("%d bytes", n.GetMss())
		}
		t.add(n.GetZone(), most, number(n.GetPackets()))
	}
	return t
}
