package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/proto"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
)

// action is a command that acts on one thing, named by its argument.
func action[M proto.Message](a *app, use, short string, names func(context.Context, *client) ([]string, error),
	do func(ctx context.Context, c *client, name string) (M, error), done string) *cobra.Command {
	return &cobra.Command{
		Use:               use,
		Short:             short,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.complete(names),
		RunE: func(cmd *cobra.Command, args []string) error {
			return answer(a, cmd, func(ctx context.Context, c *client) (M, error) {
				return do(ctx, c, args[0])
			}, func(p printer, _ M) error {
				_, err := fmt.Fprintf(p.out, done+"\n", cell(args[0]))
				return err
			})
		},
	}
}

func delegationCommand(a *app) *cobra.Command {
	cmd := group(&cobra.Command{Use: "delegation", Short: "Act on a prefix delegated to us"})
	release := action(a, "release NAME", "Give a prefix back to the ISP", askedDelegations,
		func(ctx context.Context, c *client, name string) (*sixfoldv1.ReleaseDelegationResponse, error) {
			return c.operate.ReleaseDelegation(ctx, &sixfoldv1.ReleaseDelegationRequest{Name: name})
		}, "releasing %s; sixfold delegation renew asks for it again")
	release.Long = `Give a prefix back to the ISP. What was made of it, on every link, goes away. No other is asked for until
sixfold delegation renew, or a restart.`
	cmd.AddCommand(release, action(a, "renew NAME", "Ask the ISP to extend a prefix now", askedDelegations,
		func(ctx context.Context, c *client, name string) (*sixfoldv1.RenewDelegationResponse, error) {
			return c.operate.RenewDelegation(ctx, &sixfoldv1.RenewDelegationRequest{Name: name})
		}, "renewing %s; see sixfold show prefixes"))
	return cmd
}

func leaseCommand(a *app) *cobra.Command {
	var vrf string
	cmd := group(&cobra.Command{Use: "lease", Short: "Act on a lease of a DHCPv6 client"})
	release := action(a, "release PREFIX", "Forget a lease", leasePrefixes,
		func(ctx context.Context, c *client, prefix string) (*sixfoldv1.ReleaseLeaseResponse, error) {
			return c.operate.ReleaseLease(ctx, &sixfoldv1.ReleaseLeaseRequest{Prefix: prefix, Vrf: vrf})
		}, "%s is free")
	release.Long = `Forget the lease of a prefix or address, with its route. The client is not told: it goes on to use what it has until it asks
for an extension.`
	release.Flags().StringVar(&vrf, "vrf", "", "a lease of a client in this VRF; default: in none")
	cmd.AddCommand(release)
	return cmd
}

func bgpCommand(a *app) *cobra.Command {
	cmd := group(&cobra.Command{Use: "bgp", Short: "Act on BGP neighbors"})
	var soft bool
	var vrf string
	reset := action(a, "reset NAME", "Take a BGP session down and up", neighborNamesIn(&vrf),
		func(ctx context.Context, c *client, name string) (*sixfoldv1.ResetBgpNeighborResponse, error) {
			return c.operate.ResetBgpNeighbor(ctx, &sixfoldv1.ResetBgpNeighborRequest{Name: name, Soft: soft, Vrf: vrf})
		}, "reset %s; see sixfold show bgp")
	reset.Flags().BoolVar(&soft, "soft", false, "keep the session, exchange its routes again")
	reset.Flags().StringVar(&vrf, "vrf", "", "a neighbor in this VRF; default: in none")
	cmd.AddCommand(reset)
	return cmd
}

func newLeaseRequest() *sixfoldv1.ListLeasesRequest {
	return &sixfoldv1.ListLeasesRequest{PageSize: pageSize}
}
