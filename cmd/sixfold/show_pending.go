package main

import (
	"context"

	"github.com/spf13/cobra"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
)

func showPending(a *app) *cobra.Command {
	return view(a, "pending", "What is configured but cannot run yet, and why", listPending, printPending)
}

func listPending(ctx context.Context, c *client) (*sixfoldv1.ListPendingResponse, error) {
	items, err := pages(func(token string) ([]*sixfoldv1.Pending, string, error) {
		r, err := c.state.ListPending(ctx, &sixfoldv1.ListPendingRequest{PageSize: pageSize, PageToken: token})
		return r.GetPending(), r.GetNextPageToken(), err
	})
	return &sixfoldv1.ListPendingResponse{Pending: items}, err
}

func printPending(p printer, m *sixfoldv1.ListPendingResponse) error {
	if len(m.GetPending()) == 0 {
		return p.none("nothing is pending")
	}
	t := p.table("WHAT", "REASON")
	for _, w := range m.GetPending() {
		t.add(w.GetWhat(), w.GetReason())
	}
	return t.write(p.out)
}
