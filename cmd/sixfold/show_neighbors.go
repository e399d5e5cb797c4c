package main

import (
	"context"

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
	t := p.table("LINK", "ADDRESS", "MAC", "STATE", "ROLE")
	for _, n := range m.GetNeighbors() {
		t.add(n.GetLink(), n.GetAddress(), n.GetMac(), n.GetState(), yes(n.GetRouter(), "router"))
	}
	return t.write(p.out)
}
