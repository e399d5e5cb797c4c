package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/sixfold-router/sixfold/router/notify"
	"github.com/sixfold-router/sixfold/router/notify/render"
)

// writeFileCommand writes a file for the daemon, which as a service of systemd cannot: systemd runs this on its behalf.
func writeFileCommand() *cobra.Command {
	var mode, owner string
	var remove bool
	cmd := &cobra.Command{
		Use:    "write-file PATH",
		Short:  "Replace a file by the standard input, as a whole",
		Args:   cobra.ExactArgs(1),
		Hidden: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			result := ""
			permissions, err := strconv.ParseUint(mode, 8, 32)
			switch {
			case err != nil || permissions > 0o777:
				return fmt.Errorf("%q is not permissions in octal", mode)
			case remove:
				result, err = notify.RemoveFile(args[0])
			default:
				var content []byte
				if content, err = io.ReadAll(io.LimitReader(cmd.InOrStdin(), render.MaxOutput+1)); err == nil && len(content) > render.MaxOutput {
					err = errors.New("the standard input is too long")
				}
				if err == nil {
					result, err = notify.WriteFile(args[0], content, fs.FileMode(permissions), owner)
				}
			}
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), result)
			return err
		},
	}
	cmd.Flags().StringVar(&mode, "mode", "0644", "permissions, in octal")
	cmd.Flags().StringVar(&owner, "owner", "", "user, or user and group")
	cmd.Flags().BoolVar(&remove, "remove", false, "remove the file instead")
	return cmd
}
