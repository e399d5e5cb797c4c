package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/encoding/protojson"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
	"github.com/sixfold-router/sixfold/router/config"
)

func configCommand(a *app) *cobra.Command {
	cmd := group(&cobra.Command{Use: "config", Short: "Check, apply and show the configuration"})
	cmd.AddCommand(configCheck(a), configApply(a), configShow(a))
	return cmd
}

func configCheck(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "check FILE | -",
		Short: "Check a configuration file; needs no daemon and no root",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			name, text, err := readText(cmd, args[0])
			if err != nil {
				return err
			}
			if _, _, err := config.Load(name, text); err != nil {
				return err
			}
			if a.json {
				return printMessage(cmd.OutOrStdout(), &sixfoldv1.CheckResponse{})
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s is valid\n", printable(name))
			return err
		},
	}
}

func configApply(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "apply FILE | -",
		Short: "Make a configuration file the running configuration",
		Long: `Make a configuration file the running configuration, after a check. It stays so until the daemon restarts or is told to
read its own file again.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			name, text, err := readText(cmd, args[0])
			if err != nil {
				return err
			}
			// Errors are shown with the line of the file, which is here and not with the daemon.
			if _, _, err := config.Load(name, text); err != nil {
				return err
			}
			return answer(a, cmd, func(ctx context.Context, c *client) (*sixfoldv1.ApplyResponse, error) {
				return c.config.Apply(ctx, &sixfoldv1.ApplyRequest{Name: name, Text: string(text)})
			}, func(p printer, m *sixfoldv1.ApplyResponse) error {
				if _, err := fmt.Fprintf(p.out, "%s is running\n", printable(name)); err != nil || len(m.GetPending()) == 0 {
					return err
				}
				if err := writeAll(p.out, "\nPending:\n"); err != nil {
					return err
				}
				return printPending(p, &sixfoldv1.ListPendingResponse{Pending: m.GetPending()})
			})
		},
	}
}

func configShow(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "show",
		Short: "Show the running configuration",
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var m *sixfoldv1.GetResponse
			err := a.daemon(cmd.Context(), func(ctx context.Context, c *client) (err error) {
				m, err = c.config.Get(ctx, &sixfoldv1.GetRequest{})
				return err
			})
			switch {
			case err != nil:
				return err
			case a.json:
				// What is not configured stays away, so that the output is a configuration again.
				return printProto(cmd.OutOrStdout(), m.GetConfig(), protojson.MarshalOptions{UseProtoNames: true})
			}
			return writeAll(cmd.OutOrStdout(), m.GetText())
		},
	}
}

// readText reads a configuration file, or standard input where the path is a dash. What is too large to be one is read no
// further than config.Load needs to see that.
func readText(cmd *cobra.Command, path string) (name string, text []byte, err error) {
	name, in := "stdin", cmd.InOrStdin()
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return "", nil, err
		}
		defer f.Close()
		name, in = path, f
	}
	text, err = io.ReadAll(io.LimitReader(in, config.MaxSize+1))
	return name, text, err
}
