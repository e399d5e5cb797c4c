package main

import (
	"cmp"
	"context"
	"net/netip"

	"github.com/spf13/cobra"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
)

func showRoutes(a *app) *cobra.Command {
	req := &sixfoldv1.ListRoutesRequest{PageSize: pageSize}
	cmd := &cobra.Command{
		Use:   "routes [PREFIX | ADDRESS]",
		Short: "Routes of the router and of the kernel",
		Long: `Routes of the router and of the kernel: all of them, those to a PREFIX and what is within it, or those that a packet to
ADDRESS takes.

STATE tells what became of a route: in kernel; waiting, if it is preferred but the kernel does not have it; or standby,
while another source has a better route to the prefix.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			// What is neither is left to the daemon, which says what it wants.
			if _, err := netip.ParseAddr(optional(args)); err == nil {
				req.Address = args[0]
			} else {
				req.Prefix = optional(args)
			}
			return answer(a, cmd, func(ctx context.Context, c *client) (*sixfoldv1.ListRoutesResponse, error) {
				return listRoutes(ctx, c, req)
			}, printRoutes)
		},
	}
	cmd.Flags().StringVar(&req.Vrf, "vrf", "", "only routes of this VRF; \"default\" is what is in none")
	return cmd
}

func listRoutes(ctx context.Context, c *client, req *sixfoldv1.ListRoutesRequest) (*sixfoldv1.ListRoutesResponse, error) {
	items, err := pages(func(token string) ([]*sixfoldv1.RouteState, string, error) {
		req.PageToken = token
		r, err := c.state.ListRoutes(ctx, req)
		return r.GetRoutes(), r.GetNextPageToken(), err
	})
	return &sixfoldv1.ListRoutesResponse{Routes: items}, err
}

const mainTable = 254

func printRoutes(p printer, m *sixfoldv1.ListRoutesResponse) error {
	if len(m.GetRoutes()) == 0 {
		return p.none("no routes")
	}
	tables := false
	for _, r := range m.GetRoutes() {
		tables = tables || r.GetTable() != mainTable
	}
	header := []string{"PREFIX", "VIA", "LINK", "SOURCE", ">METRIC", "STATE"}
	if tables {
		header = append(header, "TABLE")
	}
	t := p.table(header...)
	for _, r := range m.GetRoutes() {
		row := []string{r.GetPrefix(), routeVia(r), r.GetLink(), r.GetSource(), orDash(r.GetMetric()), routeUse(r)}
		if tables {
			row = append(row, cmp.Or(r.GetVrf(), tableName(r.GetTable())))
		}
		t.add(row...)
	}
	return t.write(p.out)
}

func routeVia(r *sixfoldv1.RouteState) string {
	if k := r.GetKind(); k != "unicast" && k != "" {
		return k
	}
	return r.GetVia()
}

func routeUse(r *sixfoldv1.RouteState) string {
	switch {
	case r.GetInKernel():
		return "in kernel"
	case r.GetBest() && r.GetReason() != "":
		return "waiting: " + r.GetReason()
	case r.GetBest():
		return "waiting"
	}
	return "standby"
}

func tableName(table uint32) string {
	switch table {
	case 253:
		return "default"
	case mainTable:
		return "main"
	case 255:
		return "local"
	}
	return number(table)
}
