package main

import (
	"context"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/encoding/protojson"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
)

func configShow(a *app) *cobra.Command {
	var submitted bool
	cmd := &cobra.Command{
		Use:   "show [N]",
		Short: "Show the running configuration, or the text of revision N",
		Long: `Show the running configuration in canonical form, or with --submitted as it was submitted, comments included. With N, show
the text of that revision as it was submitted.`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: a.completeRevisions(1, false, nil),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := revisionNumber(cmd, args)
			if err != nil {
				return err
			}
			if id != 0 || submitted {
				return answer(a, cmd, func(ctx context.Context, c *client) (*sixfoldv1.GetRevisionResponse, error) {
					return c.config.GetRevision(ctx, &sixfoldv1.GetRevisionRequest{Revision: id})
				}, func(p printer, m *sixfoldv1.GetRevisionResponse) error {
					return writeAll(p.out, m.GetText())
				})
			}
			return a.present(cmd, func(ctx context.Context, p printer) error {
				var m *sixfoldv1.GetResponse
				err := a.daemon(ctx, func(ctx context.Context, c *client) (err error) {
					m, err = c.config.Get(ctx, &sixfoldv1.GetRequest{})
					return err
				})
				switch {
				case err != nil:
					return err
				case a.json:
					// What is not configured stays away, so that the output is a configuration again.
					return printProto(p.out, m.GetConfig(), protojson.MarshalOptions{UseProtoNames: true})
				}
				return writeAll(p.out, m.GetText())
			})
		},
	}
	cmd.Flags().BoolVar(&submitted, "submitted", false, "as it was submitted, comments included")
	return cmd
}
