package main

import (
	"context"
	"slices"

	"github.com/spf13/cobra"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
)

func showNeighbors(a *app) *cobra.Command {
	req := &sixfoldv1.ListNeighborsRequest{PageSize: pageSize}
	cmd := &cobra.Command{
		Use:   "neighbors",
		Short: "Neighbors on our links (NDP and ARP)",
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return answer(a, cmd, func(ctx context.Context, c *client) (*sixfoldv1.ListNeighborsResponse, error) {
				return listNeighbors(ctx, c, req)
			}, printNeighbors)
		},
	}
	cmd.Flags().StringVar(&req.Link, "link", "", "only neighbors on this `link`")
	cmd.Flags().StringVar(&req.Vrf, "vrf", "", "only neighbors on links of this VRF; default: of links in none")
	return cmd
}

func listNeighbors(ctx context.Context, c *client, req *sixfoldv1.ListNeighborsRequest) (*sixfoldv1.ListNeighborsResponse, error) {
	items, err := pages(func(token string) ([]*sixfoldv1.NeighborEntry, string, error) {
		req.PageToken = token
		r, err := c.state.ListNeighbors(ctx, req)
		return r.GetNeighbors(), r.GetNextPageToken(), err
	})
	return &sixfoldv1.ListNeighborsResponse{Neighbors: items}, err
}

func printNeighbors(p printer, m *sixfoldv1.ListNeighborsResponse) error {
	if len(m.GetNeighbors()) == 0 {
		return p.none("no neighbors")
	}
	header := []string{"LINK", "ADDRESS", "MAC", "STATE", "ROLE"}
	vrfs := slices.ContainsFunc(m.GetNeighbors(), func(n *sixfoldv1.NeighborEntry) bool { return n.GetVrf() != "" })
	if vrfs {
		header = append(header, "VRF")
	}
	t := p.table(header...)
	for _, n := range m.GetNeighbors() {
		row := []string{n.GetLink(), n.GetAddress(), n.GetMac(), n.GetState(), yes(n.GetRouter(), "router")}
		if vrfs {
			row = append(row, n.GetVrf())
		}
		t.add(row...)
	}
	return t.write(p.out)
}
