package main

import (
	"context"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/proto"
)

// viewNamed is a show command for all of a kind, or for the one that is named.
func viewNamed[M proto.Message](a *app, use, short string, ask func(ctx context.Context, c *client, name string) (M, error), human func(printer, M) error) *cobra.Command {
	return &cobra.Command{
		Use:   use + " [NAME]",
		Short: short,
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return answer(a, cmd, func(ctx context.Context, c *client) (M, error) { return ask(ctx, c, optional(args)) }, human)
		},
	}
}
