package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
)

func configRollback(a *app) *cobra.Command {
	var o commitOptions
	cmd := &cobra.Command{
		Use:   "rollback [N]",
		Short: "Make an earlier revision the running configuration again",
		Long: `Make the text of revision N the running configuration again, as a new revision; without N that of the one which ran before.
To drop a revision that waits to be confirmed, use sixfold config cancel.`,
		Args: cobra.MaximumNArgs(1),
		ValidArgsFunction: a.completeRevisions(1, false, func(r *sixfoldv1.Revision) bool {
			return !r.GetRunning() && r.GetResult() == "applied"
		}),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.check(a, cmd); err != nil {
				return err
			}
			id, err := revisionNumber(cmd, args)
			if err != nil {
				return err
			}
			m, err := a.runningRevision(cmd.Context())
			if err != nil {
				return err
			}
			running := m.GetRevision()
			if id == 0 {
				// The number is settled here, so that what is asked about is what is done.
				if id = running.GetBase(); id == 0 {
					return fmt.Errorf("no revision was in force before: see sixfold config history")
				}
			}
			if err := a.prepare(cmd, proposal{revision: id}, o); err != nil {
				return err
			}
			return commit(a, cmd, running.GetId(), o, func(ctx context.Context, c *client) (*sixfoldv1.RollbackResponse, error) {
				return c.config.Rollback(ctx, &sixfoldv1.RollbackRequest{Revision: id, ConfirmWithin: o.within(), Comment: o.comment})
			})
		},
	}
	o.flags(cmd)
	return cmd
}
