package main

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
)

func showFirewall(a *app) *cobra.Command {
	cmd := view(a, "firewall", "Zones, policies and translations with their counters, sets and drops", getFirewall, printFirewall)
	cmd.Args = noSuchCommand
	cmd.AddCommand(showFirewallPolicy(a), view(a, "sets", "Sets of addresses, ports and interfaces that rules refer to", listFirewallSets, printFirewallSets),
		view(a, "nat", "Masquerades, prefix translations, port forwards and MSS clamps, with their counters", listFirewallTranslations, printFirewallTranslations))
	return cmd
}

func showFirewallPolicy(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "policy [FROM [TO]]",
		Short: "Rules between zones, in the order in which they are tried",
		Long: `Rules between zones, in the order in which they are tried, with the packets and bytes that each matched. Of a connection that is let
through, only the packets that begin it meet a rule. FROM and TO are zones; router is this machine.`,
		Args:              cobra.MaximumNArgs(2),
		ValidArgsFunction: a.complete(zoneNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			req := &sixfoldv1.ListFirewallRulesRequest{From: optional(args)}
			if len(args) > 1 {
				req.To = args[1]
			}
			return answer(a, cmd, func(ctx context.Context, c *client) (*sixfoldv1.ListFirewallRulesResponse, error) {
				return listFirewallRules(ctx, c, req)
			}, printFirewallRules)
		},
	}
}

func zoneNames(ctx context.Context, c *client) ([]string, error) {
	m, err := c.state.GetFirewall(ctx, &sixfoldv1.GetFirewallRequest{})
	var names []string
	for _, z := range m.GetZones() {
		names = append(names, z.GetName())
	}
	if len(names) > 0 {
		names = append(names, "router\tthis machine")
	}
	return names, err
}

// getFirewall asks for everything.
func getFirewall(ctx context.Context, c *client) (*sixfoldv1.FirewallReport, error) {
	var out sixfoldv1.FirewallReport
	var err error
	if out.Firewall, err = c.state.GetFirewall(ctx, &sixfoldv1.GetFirewallRequest{}); err != nil {
		return nil, err
	}
	rules, err := listFirewallRules(ctx, c, &sixfoldv1.ListFirewallRulesRequest{})
	if err != nil {
		return nil, err
	}
	sets, err := listFirewallSets(ctx, c)
	if err != nil {
		return nil, err
	}
	translations, err := listFirewallTranslations(ctx, c)
	out.Rules, out.Sets, out.Translations = rules.GetRules(), sets.GetSets(), translations.GetTranslations()
	return &out, err
}

func listFirewallRules(ctx context.Context, c *client, req *sixfoldv1.ListFirewallRulesRequest) (*sixfoldv1.ListFirewallRulesResponse, error) {
	items, err := pages(func(token string) ([]*sixfoldv1.FirewallRuleState, string, error) {
		r, err := c.state.ListFirewallRules(ctx, &sixfoldv1.ListFirewallRulesRequest{From: req.GetFrom(), To: req.GetTo(), PageSize: pageSize, PageToken: token})
		return r.GetRules(), r.GetNextPageToken(), err
	})
	return &sixfoldv1.ListFirewallRulesResponse{Rules: items}, err
}

func listFirewallSets(ctx context.Context, c *client) (*sixfoldv1.ListFirewallSetsResponse, error) {
	items, err := pages(func(token string) ([]*sixfoldv1.FirewallSetState, string, error) {
		r, err := c.state.ListFirewallSets(ctx, &sixfoldv1.ListFirewallSetsRequest{PageSize: pageSize, PageToken: token})
		return r.GetSets(), r.GetNextPageToken(), err
	})
	return &sixfoldv1.ListFirewallSetsResponse{Sets: items}, err
}

func printFirewall(p printer, m *sixfoldv1.FirewallReport) error {
	f := m.GetFirewall()
	if !f.GetActive() {
		return p.none("no firewall: it is not configured")
	}
	line := fmt.Sprintf("%d of at most %d connections, %s packets of such (%s)", f.GetConnections(), f.GetMaxConnections(),
		number(f.GetEstablishedPackets()), bytesText(f.GetEstablishedBytes()))
	if f.GetProblem() != "" {
		line += "\nproblem: " + cell(f.GetProblem())
	}
	if err := writeAll(p.out, line+"\n\n"); err != nil {
		return err
	}
	zones := p.table("ZONE", "INTERFACES", "TRACKED", "SOURCES", "TO THE ROUTER")
	for _, z := range f.GetZones() {
		tracked, local := "yes", "not filtered"
		if z.GetStateless() {
			tracked = "no"
		}
		if z.GetGuarded() {
			local = "filtered"
		}
		zones.add(z.GetName(), strings.Join(z.GetInterfaces(), " "), tracked, z.GetSourceCheck(), local)
	}
	drops := p.table("DROPPED", ">PACKETS", ">BYTES")
	for _, d := range f.GetDrops() {
		drops.add(d.GetReason(), number(d.GetPackets()), bytesText(d.GetBytes()))
	}
	return writeTables(p, zones, ruleTable(p, m.GetRules()), translationTable(p, m.GetTranslations()), clampTable(p, m.GetTranslations()),
		setTable(p, m.GetSets()), drops)
}

func ruleTable(p printer, rules []*sixfoldv1.FirewallRuleState) *table {
	t := p.table("FROM", "TO", ">NO", "ACTION", ">PACKETS", ">BYTES", "NAME", "MATCH", "WHERE")
	for _, r := range rules {
		action, match, where := r.GetAction(), r.GetMatch(), r.GetWhere()
		if action == "" {
			action = "count"
		}
		if r.GetPending() {
			match = "waits for a delegation: " + match
		}
		// The section is the same for all.
		if where = strings.TrimPrefix(where, "firewall."); where == "" {
			where = "default"
		}
		t.add(r.GetFrom(), r.GetTo(), number(r.GetNumber()), action, number(r.GetPackets()), bytesText(r.GetBytes()), r.GetName(),
			shorten(match, 46), where)
	}
	return t
}

func printFirewallRules(p printer, m *sixfoldv1.ListFirewallRulesResponse) error {
	if len(m.GetRules()) == 0 {
		return p.none("no policies: what is not let through between zones is dropped")
	}
	return ruleTable(p, m.GetRules()).write(p.out)
}

func setTable(p printer, sets []*sixfoldv1.FirewallSetState) *table {
	t := p.table("SET", "OF", ">SIZE", "ELEMENTS")
	for _, s := range sets {
		t.add(cmp.Or(s.GetTitle(), s.GetName()), s.GetType(), number(s.GetSize()), shorten(strings.Join(s.GetElements(), " "), 60))
	}
	return t
}

func printFirewallSets(p printer, m *sixfoldv1.ListFirewallSetsResponse) error {
	if len(m.GetSets()) == 0 {
		return p.none("no sets")
	}
	return setTable(p, m.GetSets()).write(p.out)
}
