package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
	"github.com/sixfold-router/sixfold/router/change"
)

func showBGP(a *app) *cobra.Command {
	var vrf string
	cmd := showBGPOf(a, &vrf)
	cmd.Args = noSuchCommand
	vrfFlag(cmd.PersistentFlags(), &vrf)
	cmd.AddCommand(showBGPRoutes(a, &vrf), showBGPNeighbor(a, &vrf))
	return cmd
}

// showBGPOf shows the neighbors in a VRF, whose name is known when it runs.
func showBGPOf(a *app, vrf *string) *cobra.Command {
	return view(a, "bgp", "BGP neighbors, or with a subcommand routes and details", func(ctx context.Context, c *client) (*sixfoldv1.GetBgpResponse, error) {
		return getBGPIn(ctx, c, *vrf)
	}, printBGP)
}

func vrfFlag(flags *pflag.FlagSet, vrf *string) {
	flags.StringVar(vrf, "vrf", "", "BGP of this VRF; default: of what is in no VRF")
}

// getBGP asks for the speaker of the default instance.
func getBGP(ctx context.Context, c *client) (*sixfoldv1.GetBgpResponse, error) {
	return getBGPIn(ctx, c, "")
}

func getBGPIn(ctx context.Context, c *client, vrf string) (*sixfoldv1.GetBgpResponse, error) {
	return c.state.GetBgp(ctx, &sixfoldv1.GetBgpRequest{Vrf: vrf})
}

func printBGP(p printer, m *sixfoldv1.GetBgpResponse) error {
	others := ""
	if m.GetVrf() == "" && len(m.GetVrfs()) > 0 {
		others = fmt.Sprintf("BGP also runs in %s: see --vrf", cell(strings.Join(m.GetVrfs(), ", ")))
	}
	if m.GetAsn() == 0 && others != "" {
		return p.none("no BGP outside of VRFs; " + others)
	}
	if m.GetAsn() == 0 {
		return p.none("no BGP: it is not configured")
	}
	running := "running"
	if !m.GetRunning() {
		running = "not running"
	}
	if m.GetVrf() != "" {
		running += " in VRF " + cell(m.GetVrf())
	}
	if others != "" {
		running += "\n" + others
	}
	if _, err := fmt.Fprintf(p.out, "AS %d, router id %s, %s\n\n", m.GetAsn(), cell(m.GetRouterId()), running); err != nil {
		return err
	}
	if len(m.GetNeighbors()) == 0 {
		return p.none("no BGP neighbors")
	}
	t := p.table("NAME", "ADDRESS", ">AS", "STATE", "FOR", ">RECEIVED", ">ACCEPTED", ">ADVERTISED", ">FLAPS", "NOTE")
	for _, n := range m.GetNeighbors() {
		t.add(n.GetName(), n.GetAddress(), number(n.GetRemoteAs()), n.GetState(), ago(n.GetSince(), p.now),
			number(n.GetReceived()), number(n.GetAccepted()), number(n.GetAdvertised()), number(n.GetFlaps()), shorten(neighborNote(n), 40))
	}
	return t.write(p.out)
}

// neighborNote is the one thing about a session that an operator should look at first.
func neighborNote(n *sixfoldv1.BgpNeighborState) string {
	switch {
	case n.GetLimitExceeded():
		return fmt.Sprintf("more than %d routes", n.GetImportLimit())
	case n.GetState() != "established" && n.GetLastError() != "":
		return n.GetLastError()
	case n.GetImport() == "" && n.GetExport() == "":
		return "no filters: no routes"
	case n.GetImport() == "":
		return "no import filter: accepts nothing"
	case n.GetExport() == "":
		return "no export filter: announces nothing"
	}
	return ""
}

func showBGPNeighbor(a *app, vrf *string) *cobra.Command {
	return &cobra.Command{
		Use:               "neighbor NAME",
		Short:             "All about one BGP neighbor",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.complete(neighborNamesIn(vrf)),
		RunE: func(cmd *cobra.Command, args []string) error {
			return answer(a, cmd, func(ctx context.Context, c *client) (*sixfoldv1.BgpNeighborState, error) {
				m, err := getBGPIn(ctx, c, *vrf)
				if err != nil {
					return nil, err
				}
				var names []string
				for _, n := range m.GetNeighbors() {
					if n.GetName() == args[0] {
						return n, nil
					}
					names = append(names, n.GetName())
				}
				if len(names) == 0 {
					return nil, status.Errorf(codes.NotFound, "no BGP neighbor %q: there is none", args[0])
				}
				return nil, status.Errorf(codes.NotFound, "no BGP neighbor %q: there %s %s", args[0], isAre(len(names)), strings.Join(names, ", "))
			}, printBGPNeighbor)
		},
	}
}

func isAre(n int) string {
	if n == 1 {
		return "is"
	}
	return "are"
}

func printBGPNeighbor(p printer, n *sixfoldv1.BgpNeighborState) error {
	var d details
	d.add("name", n.GetName())
	d.add("description", n.GetDescription())
	d.add("VRF", n.GetVrf())
	d.add("address", n.GetAddress())
	d.add("remote AS", number(n.GetRemoteAs()))
	state := n.GetState()
	if since := ago(n.GetSince(), p.now); since != "" {
		state += " for " + since
	}
	d.add("state", state)
	d.add("flaps", number(n.GetFlaps()))
	d.add("last error", n.GetLastError())
	d.add("received", number(n.GetReceived())+" routes")
	accepted := number(n.GetAccepted()) + " routes"
	if n.GetImportLimit() != 0 {
		accepted += fmt.Sprintf(" of at most %d", n.GetImportLimit())
	}
	if n.GetLimitExceeded() {
		accepted += ", limit exceeded"
	}
	d.add("accepted", accepted)
	d.add("advertised", number(n.GetAdvertised())+" routes")
	d.add("import filter", orElse(n.GetImport(), "none: accepts nothing (RFC 8212)"))
	d.add("export filter", orElse(n.GetExport(), "none: announces nothing (RFC 8212)"))
	d.add("hold time", change.Rough(n.GetHoldTime().AsDuration()))
	d.add("local address", n.GetLocalAddress())
	d.add("multihop", orDash(n.GetMultihop()))
	d.add("options", strings.Join(words(
		yes(n.GetPassive(), "passive"), yes(n.GetNextHopSelf(), "next hop self"), yes(n.GetHasPassword(), "MD5 password")), ", "))
	return d.write(p.out)
}
