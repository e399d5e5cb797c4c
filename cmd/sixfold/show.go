package main

import (
	"context"
	"io"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/proto"
)

func showCommand(a *app) *cobra.Command {
	cmd := group(&cobra.Command{Use: "show", Short: "Show what the router does"})
	cmd.AddCommand(
		showInterfaces(a),
		showRoutes(a),
		showVRFs(a),
		showPrefixes(a),
		showConsumers(a),
		showLeases(a),
		showNeighbors(a),
		showBGP(a),
		showRA(a),
		showRouters(a),
		showVXLAN(a),
		showFDB(a),
		showMLD(a),
		showMroute(a),
		showFirewall(a),
		showDHCPv6(a),
		showPending(a),
		showDrift(a),
		showAudit(a),
		showUnits(a),
		showRevisions(a),
		showVersion(a),
	)
	a.watchFlag(cmd)
	addHabits(a, cmd)
	return cmd
}

// view is a show command without arguments.
func view[M proto.Message](a *app, use, short string, ask func(context.Context, *client) (M, error), human func(printer, M) error) *cobra.Command {
	return &cobra.Command{
		Use:   use,
		Short: short,
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return answer(a, cmd, ask, human)
		},
	}
}

// optional is the first argument, or nothing.
func optional(args []string) string {
	if len(args) == 0 {
		return ""
	}
	return args[0]
}

func writeAll(w io.Writer, text string) error {
	_, err := io.WriteString(w, text)
	return err
}
