package main

import (
	"context"

	"github.com/spf13/cobra"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
)

func showDrift(a *app) *cobra.Command {
	cmd := view(a, "drift", "What others changed behind the router's back, newest first", listDrift, printDrift)
	cmd.Long = `What others changed of what the router had made, newest first, and whether it is as it should be again.`
	return cmd
}

func listDrift(ctx context.Context, c *client) (*sixfoldv1.ListDriftResponse, error) {
	items, err := pages(func(token string) ([]*sixfoldv1.Drift, string, error) {
		r, err := c.state.ListDrift(ctx, &sixfoldv1.ListDriftRequest{PageSize: pageSize, PageToken: token})
		return r.GetDrift(), r.GetNextPageToken(), err
	})
	return &sixfoldv1.ListDriftResponse{Drift: items}, err
}

func printDrift(p printer, m *sixfoldv1.ListDriftResponse) error {
	if len(m.GetDrift()) == 0 {
		return p.none("no drift: all is as the router made it")
	}
	t := p.table("TIME", "UNIT", "OBJECT", "FOUND", "MENDED", "PROBLEM")
	for _, d := range m.GetDrift() {
		mended := "yes"
		if !d.GetMended() {
			mended = "no"
		}
		t.add(p.at(d.GetTime().AsTime()), d.GetUnit(), d.GetObject(), d.GetWhat(), mended, d.GetProblem())
	}
	return t.write(p.out)
}
