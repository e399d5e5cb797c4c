package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
	"github.com/sixfold-router/sixfold/router/firewall/packet"
)

func firewallCommand(a *app) *cobra.Command {
	cmd := group(&cobra.Command{Use: "firewall", Short: "Ask the firewall what it would do"})
	cmd.AddCommand(firewallTest(a))
	return cmd
}

func firewallTest(a *app) *cobra.Command {
	req := &sixfoldv1.TestFirewallRequest{}
	var sport, dport uint16
	cmd := &cobra.Command{
		Use:   "test --from ZONE [--to ZONE] --src ADDRESS --dst ADDRESS [--proto tcp] [--dport PORT]",
		Short: "Tell what becomes of a packet, and by which rule",
		Long: `Tell what the firewall that runs does with the first packet of a connection, and which rule decides, with its place in the
configuration. No packet is sent. Zones may be interfaces too, and router is this machine; without --to the routes say where the
packet goes. Limits of rate are taken as not reached.`,
		Args:    noArguments,
		Example: "  sixfold firewall test --from wan --to lan --src 2001:db8:9::1 --dst 2001:db8:1::80 --proto tcp --dport 443",
		RunE: func(cmd *cobra.Command, _ []string) error {
			req.SourcePort, req.DestinationPort = uint32(sport), uint32(dport)
			return answer(a, cmd, func(ctx context.Context, c *client) (*sixfoldv1.TestFirewallResponse, error) {
				return c.state.TestFirewall(ctx, req)
			}, printFate)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&req.From, "from", "", "`zone` or interface that the packet comes from")
	flags.StringVar(&req.To, "to", "", "`zone` or interface that it goes to")
	flags.StringVar(&req.Source, "src", "", "source `address`")
	flags.StringVar(&req.Destination, "dst", "", "destination `address`")
	flags.StringVar(&req.Protocol, "proto", "tcp", "`protocol` by name or number")
	flags.Uint16Var(&sport, "sport", 0, "source `port`")
	flags.Uint16Var(&dport, "dport", 0, "destination `port`")
	flags.StringVar(&req.IcmpType, "icmp-type", "", "`type` of ICMPv6 or ICMP; default echo-request")
	words := func(list []string) cobra.CompletionFunc {
		return cobra.FixedCompletions(list, cobra.ShellCompDirectiveNoFileComp)
	}
	for name, complete := range map[string]cobra.CompletionFunc{
		"from": a.complete(zoneNames), "to": a.complete(zoneNames), "proto": words(packet.ProtocolNames()), "icmp-type": words(packet.ICMPTypeNames(false)),
	} {
		if err := cmd.RegisterFlagCompletionFunc(name, complete); err != nil {
			panic(err)
		}
	}
	return cmd
}

func printFate(p printer, m *sixfoldv1.TestFirewallResponse) error {
	zone := func(name string) string {
		if name == "" {
			return "no zone"
		}
		return cell(name)
	}
	lines := []string{fmt.Sprintf("%s, from %s to %s", m.GetAction(), zone(m.GetFrom()), zone(m.GetTo()))}
	if m.GetWhere() != "" {
		lines = append(lines, "by "+cell(m.GetWhere()))
	}
	lines = append(lines, cell(m.GetReason()))
	return writeAll(p.out, strings.Join(lines, "\n")+"\n")
}
