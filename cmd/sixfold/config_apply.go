package main

import (
	"context"

	"github.com/spf13/cobra"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
	"github.com/sixfold-router/sixfold/router/config"
)

func configApply(a *app) *cobra.Command {
	var o commitOptions
	var base uint64
	cmd := &cobra.Command{
		Use:   "apply FILE | -",
		Short: "Make a configuration file the running configuration",
		Long: `Make a configuration file the running configuration, after a check: wholly or not at all. It stays so after a restart.

On a terminal the command asks before it disturbs forwarding, a BGP session or the session that it runs in. If another revision
comes to run meanwhile, or runs than --base names, nothing is done.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.check(a, cmd); err != nil {
				return err
			}
			// Errors are shown with the line of the file, which is here and not with the daemon.
			name, text, err := readChecked(cmd, args[0])
			if err != nil {
				return err
			}
			if !cmd.Flags().Changed("base") {
				m, err := a.runningRevision(cmd.Context())
				if err != nil {
					return err
				}
				base = m.GetRevision().GetId()
			}
			return a.apply(cmd, proposal{name: name, text: text}, base, o)
		},
	}
	o.flags(cmd)
	cmd.Flags().Uint64Var(&base, "base", 0, "the `revision` that the file was made from; without it the one that runs")
	return cmd
}

// apply commits a text that was made from a revision.
func (a *app) apply(cmd *cobra.Command, what proposal, base uint64, o commitOptions) error {
	if err := a.prepare(cmd, what, o); err != nil {
		return err
	}
	return commit(a, cmd, base, o, func(ctx context.Context, c *client) (*sixfoldv1.ApplyResponse, error) {
		return c.config.Apply(ctx, &sixfoldv1.ApplyRequest{
			Name: what.name, Text: what.text, BaseRevision: base, ConfirmWithin: o.within(), Comment: o.comment,
		})
	})
}

// readChecked reads a configuration file that is valid.
func readChecked(cmd *cobra.Command, path string) (name, text string, err error) {
	name, raw, err := readText(cmd, path)
	if err != nil {
		return "", "", err
	}
	_, _, err = config.Load(name, raw)
	return name, string(raw), err
}
