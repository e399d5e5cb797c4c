package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
	"github.com/sixfold-router/sixfold/router/config"
)

func configCommand(a *app) *cobra.Command {
	cmd := group(&cobra.Command{
		Use:   "config",
		Short: "Check, apply, confirm, compare and show the configuration",
		Long: `Check, apply, confirm, compare and show the configuration.

A configuration that was applied is a revision with a number; sixfold config history lists them. It is applied wholly or not
at all. With --confirm it is dropped again unless sixfold config confirm follows in time, whatever happens to the router.`,
	})
	cmd.AddCommand(configCheck(a), configDiff(a), configPlan(a), configApply(a), configConfirm(a), configCancel(a),
		configRollback(a), configEdit(a), configHistory(a), configShow(a))
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
			conf, _, err := config.Load(name, text)
			var invalid *config.Errors
			if a.json && errors.As(err, &invalid) {
				return errors.Join(err, printMessage(cmd.OutOrStdout(), &sixfoldv1.CheckResponse{Errors: warningMessages(invalid.List)}))
			}
			if err != nil {
				return err
			}
			if a.json {
				return printMessage(cmd.OutOrStdout(), &sixfoldv1.CheckResponse{Warnings: warningMessages(conf.Warnings)})
			}
			style := styleFor(cmd.ErrOrStderr())
			for _, w := range conf.Warnings {
				fmt.Fprint(cmd.ErrOrStderr(), style.paint(bold+";"+yellow, "warning")+" "+w.Pretty())
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s is valid\n", printable(name))
			return err
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
