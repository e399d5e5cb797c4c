package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
)

func configConfirm(a *app) *cobra.Command {
	return &cobra.Command{
		Use:               "confirm [N]",
		Short:             "Keep the revision that waits to be confirmed",
		Long:              "Keep the revision that waits to be confirmed; with N only if it is that one.",
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: a.completeRevisions(1, false, isWaiting),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := revisionNumber(cmd, args)
			if err != nil {
				return err
			}
			return answer(a, cmd, func(ctx context.Context, c *client) (*sixfoldv1.ConfirmResponse, error) {
				return c.config.Confirm(ctx, &sixfoldv1.ConfirmRequest{Revision: id})
			}, func(p printer, m *sixfoldv1.ConfirmResponse) error {
				return writeAll(p.out, fmt.Sprintf("revision %d is confirmed, and stays\n", m.GetRevision().GetId()))
			})
		},
	}
}

func configCancel(a *app) *cobra.Command {
	return &cobra.Command{
		Use:               "cancel [N]",
		Short:             "Drop the revision that waits to be confirmed, and go back at once",
		Long:              "Drop the revision that waits to be confirmed, with N only if it is that one, and go back at once to what ran before.",
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: a.completeRevisions(1, false, isWaiting),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := revisionNumber(cmd, args)
			if err != nil {
				return err
			}
			return answer(a, cmd, func(ctx context.Context, c *client) (*sixfoldv1.CancelResponse, error) {
				return c.config.Cancel(ctx, &sixfoldv1.CancelRequest{Revision: id})
			}, func(p printer, m *sixfoldv1.CancelResponse) error {
				if id := m.GetRevision().GetId(); id != 0 {
					return writeAll(p.out, fmt.Sprintf("revision %d is in force again\n", id))
				}
				return writeAll(p.out, "it is dropped: no configuration is in force\n")
			})
		},
	}
}

func isWaiting(r *sixfoldv1.Revision) bool { return r.GetConfirmBy() != nil }
