package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
)

func showVersion(a *app) *cobra.Command {
	return view(a, "version", "What is running, since when, and how its units are", getVersion, printVersion)
}

func getVersion(ctx context.Context, c *client) (*sixfoldv1.GetVersionResponse, error) {
	return c.state.GetVersion(ctx, &sixfoldv1.GetVersionRequest{})
}

func printVersion(p printer, m *sixfoldv1.GetVersionResponse) error {
	text := fmt.Sprintf("sixfold %s, up %s", cell(m.GetVersion()), ago(m.GetStarted(), p.now))
	if v := versionText(); v != m.GetVersion() {
		text += fmt.Sprintf(" (this command is %s)", v)
	}
	if err := writeAll(p.out, text+"\n"); err != nil {
		return err
	}
	if len(m.GetUnits()) == 0 {
		return nil
	}
	return writeAll(p.out, "\n"+joinLines(unitLines(p, m)))
}
