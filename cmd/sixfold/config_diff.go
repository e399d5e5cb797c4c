package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
)

func configDiff(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "diff [[FROM] FILE | - | N]",
		Short: "Compare two configurations in canonical form",
		Long: `Compare two configurations in canonical form: comments and order do not count, only what they mean.

  sixfold config diff          what the running revision changed
  sixfold config diff FILE     what applying FILE would change
  sixfold config diff 7        what going back to revision 7 would change
  sixfold config diff 7 8      what changed from revision 7 to revision 8
  sixfold config diff 7 FILE   what changed from revision 7 to FILE

The word running stands for the revision that runs; a file whose name is a number is written ./8.`,
		Args:              cobra.MaximumNArgs(2),
		ValidArgsFunction: a.completeRevisions(2, true, nil),
		RunE: func(cmd *cobra.Command, args []string) error {
			req := &sixfoldv1.DiffRequest{}
			if len(args) > 0 {
				to, err := readProposal(cmd, args[len(args)-1])
				if err != nil {
					return err
				}
				req.Name, req.Text, req.Revision = to.name, to.text, to.revision
			}
			if len(args) > 1 {
				from, err := revisionNumber(cmd, args)
				if err != nil {
					return err
				}
				req.BaseRevision = from
			}
			return answer(a, cmd, func(ctx context.Context, c *client) (*sixfoldv1.DiffResponse, error) {
				if len(args) == 0 {
					m, err := c.config.GetRevision(ctx, &sixfoldv1.GetRevisionRequest{})
					if err != nil {
						return nil, err
					}
					r := m.GetRevision()
					if r.GetBase() == 0 {
						return nil, fmt.Errorf("revision %d is the first: there is none before it", r.GetId())
					}
					req.Revision, req.BaseRevision = r.GetId(), r.GetBase()
				}
				return c.config.Diff(ctx, req)
			}, printDiff)
		},
	}
}

func printDiff(p printer, m *sixfoldv1.DiffResponse) error {
	if m.GetDiff() == "" {
		return p.none("no difference: they mean the same")
	}
	return writeAll(p.out, p.style.diff(printable(m.GetDiff())))
}
