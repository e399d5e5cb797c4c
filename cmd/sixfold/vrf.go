package main

import (
	"errors"
	"os"

	"github.com/spf13/cobra"

	"github.com/sixfold-router/sixfold/router/vrf"
)

func vrfCommand(a *app) *cobra.Command {
	cmd := group(&cobra.Command{Use: "vrf", Short: "Run programs in a VRF"})
	cmd.AddCommand(vrfExecCommand(a), vrfAttachCommand())
	return cmd
}

func vrfExecCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "exec NAME COMMAND [ARG ...]",
		Short: "Run a command whose sockets belong to a VRF",
		Long: `Run a command: each socket that it and its children make belongs to the VRF NAME, so that they reach, and are reached by, what that
VRF reaches. The name default is for the instance of all that is in no VRF. It needs root and a cgroup2 file system; the command may
give up its privileges and stays in the VRF. Where sudo starts commands in a session of their own, it comes first:
sudo sixfold vrf exec mgmt ping 2001:db8::1.`,
		Args: cobra.MinimumNArgs(2),
		// The command's flags are its own.
		DisableFlagParsing: true,
		ValidArgsFunction:  a.complete(vrfNames),
		RunE: func(_ *cobra.Command, args []string) error {
			if os.Geteuid() != 0 {
				return errors.New("sixfold vrf exec needs root")
			}
			return vrf.Exec(args[0], args[1:])
		},
	}
}

func vrfAttachCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "attach NAME",
		Short: "Bind the sockets of this control group to a VRF",
		Long: `Bind all sockets that will be made in the control group of this process to the VRF NAME. It is for units of systemd, as what runs
before their main process: management.services makes such units by itself.`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error { return vrf.Attach(args[0]) },
	}
}
