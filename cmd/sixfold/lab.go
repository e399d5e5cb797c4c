package main

import (
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/sixfold-router/sixfold/integration/lab"
	"github.com/sixfold-router/sixfold/integration/netns"
)

func labCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "lab",
		Short: "Show the main job on hosts in network namespaces",
		Long: `Make an ISP, a router, hosts, a router behind it and a VXLAN segment in network namespaces, and show step by step what each
receives and from where. On a terminal the lab then stays up until Ctrl-C; without one it ends by itself, with exit code 0 if
every step came about and 1 if not. It needs root and iproute2, changes nothing of the machine and leaves nothing behind.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGINT, syscall.SIGTERM)
			defer stop()
			binary, err := os.Executable()
			if err != nil {
				return err
			}
			out := cmd.OutOrStdout()
			terminal := isTerminal(out)
			return lab.Run(ctx, lab.Options{Out: out, Binary: binary, Terminal: terminal, Stay: terminal && isTerminal(cmd.InOrStdin())})
		},
	}
	cmd.AddCommand(labExecCommand())
	return cmd
}

func labExecCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "exec HOST COMMAND [ARG ...]",
		Short: "Run a command on a host of a lab that is up; sixfold as the command is this one",
		Args:  cobra.MinimumNArgs(2),
		// The command's flags are its own.
		DisableFlagParsing: true,
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			var names []string
			if self, err := os.Executable(); err == nil && len(args) == 0 {
				for name := range netns.Running(filepath.Base(self)) {
					names = append(names, name)
				}
				slices.Sort(names)
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			self, err := os.Executable()
			if err != nil {
				return err
			}
			argv := args[1:]
			if argv[0] == "sixfold" {
				argv[0] = self
			}
			return netns.Enter(filepath.Base(self), args[0], argv)
		},
	}
}

// isTerminal reports whether a stream of the command is a terminal.
func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
