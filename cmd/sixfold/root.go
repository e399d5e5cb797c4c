package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sixfold-router/sixfold/api"
)

// socketVariable names another socket than api.DefaultSocket.
const socketVariable = "SIXFOLD_SOCKET"

// app is what the commands of one command line share.
type app struct {
	args    []string // the command line
	socket  string
	remote  remote // instead of the socket
	timeout time.Duration
	json    bool
	noPager bool
	watch   time.Duration // how often to show it again; 0: once
	parsed  bool          // the command line was understood, and its command started
}

func rootCommand(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:   "sixfold",
		Short: "An IPv6 router in one program",
		Long: `An IPv6 router in one program: prefix delegation, router advertisements, DHCPv6, BGP, VXLAN,
multicast, VRFs and a firewall.

Commands may be shortened as long as they are unambiguous: sixfold sh int.

Exit codes: 0 ok, 1 failed, 2 wrong usage, 3 invalid configuration, 4 no daemon,
5 a revision waits to be confirmed, 6 an import left something out.`,
		Version:       versionText(),
		SilenceErrors: true,
		SilenceUsage:  true,
		PersistentPreRun: func(cmd *cobra.Command, _ []string) {
			a.parsed = true
			a.chooseDaemon(cmd)
		},
	}
	root.SetVersionTemplate("sixfold {{.Version}}\n")
	socket := os.Getenv(socketVariable)
	if socket == "" {
		socket = api.DefaultSocket
	}
	flags := root.PersistentFlags()
	flags.StringVar(&a.socket, "socket", socket, "unix socket of the daemon (also $"+socketVariable+")")
	flags.DurationVar(&a.timeout, "timeout", time.Minute, "how long to wait for the daemon")
	flags.BoolVar(&a.json, "json", false, "print JSON")
	flags.BoolVar(&a.noPager, "no-pager", false, "do not show long output through $PAGER")
	a.remoteFlags(root)

	root.AddCommand(
		showCommand(a),
		configCommand(a),
		delegationCommand(a),
		consumerCommand(a),
		leaseCommand(a),
		bgpCommand(a),
		raCommand(a),
		explainCommand(a),
		monitorCommand(a),
		supportCommand(a),
		resolveCommand(a),
		vrfCommand(a),
		firewallCommand(a),
		runCommand(),
		subnetCommand(a),
		importCommand(a),
		documentationCommand(),
		writeFileCommand(),
		labCommand(),
		shellCommand(a),
	)
	return group(root)
}

// group makes a command that only has subcommands complain when none of them is named.
func group(cmd *cobra.Command) *cobra.Command {
	if cmd.HasParent() || cmd.Use != "sixfold" {
		cmd.Args = noSuchCommand
	}
	cmd.Annotations = map[string]string{groupAnnotation: "yes"}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		var names []string
		for _, c := range cmd.Commands() {
			if c.IsAvailableCommand() {
				names = append(names, c.Name())
			}
		}
		return &usageError{cmd: cmd, err: fmt.Errorf("%s what? One of: %s", cmd.CommandPath(), strings.Join(names, ", "))}
	}
	return cmd
}

// noArguments is for commands that take none.
func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return fmt.Errorf("%s takes no argument %q", cmd.CommandPath(), args[0])
}

func noSuchCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	text := fmt.Sprintf("unknown command %q for %q", args[0], cmd.CommandPath())
	cmd.SuggestionsMinimumDistance = 2
	if s := cmd.SuggestionsFor(args[0]); len(s) > 0 {
		text += "; did you mean " + strings.Join(s, " or ") + "?"
	}
	return errors.New(text)
}
