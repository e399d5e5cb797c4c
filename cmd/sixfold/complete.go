package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"
)

// completionTimeout is how long a person who pressed Tab waits for the daemon.
const completionTimeout = 2 * time.Second

// complete offers names that the daemon knows for the first argument.
func (a *app) complete(names func(context.Context, *client) ([]string, error)) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		ctx, cancel := context.WithTimeout(cmd.Context(), completionTimeout)
		defer cancel()
		var found []string
		err := a.daemon(ctx, func(ctx context.Context, c *client) (err error) {
			found, err = names(ctx, c)
			return err
		})
		if err != nil {
			return nil, cobra.ShellCompDirectiveError | cobra.ShellCompDirectiveNoFileComp
		}
		return found, cobra.ShellCompDirectiveNoFileComp
	}
}

func neighborNames(ctx context.Context, c *client) ([]string, error) {
	m, err := getBGP(ctx, c)
	var names []string
	for _, n := range m.GetNeighbors() {
		names = append(names, n.GetName())
	}
	return names, err
}

func delegationNames(ctx context.Context, c *client) ([]string, error) {
	m, err := listPrefixes(ctx, c)
	var names []string
	for _, p := range m.GetPrefixes() {
		if p.GetName() != "" {
			names = append(names, p.GetName())
		}
	}
	return names, err
}

func leasePrefixes(ctx context.Context, c *client) ([]string, error) {
	m, err := listLeases(ctx, c, newLeaseRequest())
	var names []string
	for _, l := range m.GetLeases() {
		names = append(names, leaseText(l))
	}
	return names, err
}
