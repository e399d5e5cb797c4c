package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
	"github.com/sixfold-router/sixfold/router/config"
)

func configEdit(a *app) *cobra.Command {
	var o commitOptions
	cmd := &cobra.Command{
		Use:   "edit",
		Short: "Edit the running configuration, and apply it",
		Long: `Edit the running configuration, as it was submitted, in $VISUAL or $EDITOR. What is not valid can be mended. Then the difference
and the plan are shown, and the text is applied. What could not be applied is kept in a file.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.check(a, cmd); err != nil {
				return err
			}
			if a.json {
				return &usageError{cmd: cmd, err: errors.New("config edit is for people: there is no --json")}
			}
			m, err := a.runningRevision(cmd.Context())
			if err != nil {
				return err
			}
			return a.edit(cmd, m, o)
		},
	}
	o.flags(cmd)
	return cmd
}

// edit does the session: the text is in a file that only its user can read, and that stays if it was not applied.
func (a *app) edit(cmd *cobra.Command, from *sixfoldv1.GetRevisionResponse, o commitOptions) (err error) {
	dir, err := os.MkdirTemp("", "sixfold-edit-")
	if err != nil {
		return err
	}
	path := filepath.Join(dir, "config.yaml")
	done := false
	defer func() {
		if done {
			err = errors.Join(err, os.RemoveAll(dir))
		} else {
			fmt.Fprintf(cmd.ErrOrStderr(), "Your text is kept in %s\n", path)
		}
	}()
	if err := os.WriteFile(path, []byte(from.GetText()), 0o600); err != nil {
		return err
	}
	text, err := editValid(cmd, path)
	if err != nil {
		return err
	}
	if text == from.GetText() {
		done = true
		return printerOf(cmd).none("nothing was changed")
	}
	what := proposal{name: "config edit", text: text}
	if from.GetRevision().GetId() != 0 {
		var m *sixfoldv1.DiffResponse
		err := a.daemon(cmd.Context(), func(ctx context.Context, c *client) (err error) {
			m, err = c.config.Diff(ctx, &sixfoldv1.DiffRequest{
				Name: what.name, Text: text, BaseRevision: from.GetRevision().GetId(),
			})
			return err
		})
		if err != nil {
			return err
		}
		if err := printDiff(printerOf(cmd), m); err != nil {
			return err
		}
		if err := writeAll(cmd.OutOrStdout(), "\n"); err != nil {
			return err
		}
	}
	o.plan = true
	if isTerminal(cmd.InOrStdin()) && !o.yes {
		// One question, after the plan, instead of one that depends on it.
		if err := a.prepare(cmd, what, commitOptions{plan: true, yes: true}); err != nil {
			return err
		}
		if yes, err := confirmed(cmd, "Apply it?"); err != nil || !yes {
			return orDeclined(err)
		}
		o.plan, o.yes = false, true
	}
	if err := a.apply(cmd, what, from.GetRevision().GetId(), o); err != nil {
		return err
	}
	done = true
	return nil
}

func orDeclined(err error) error {
	if err == nil {
		err = errDeclined
	}
	return err
}

// editValid runs the editor until the text is valid, or its user gives up.
func editValid(cmd *cobra.Command, path string) (string, error) {
	for {
		if err := runEditor(cmd, path); err != nil {
			return "", err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return "", err
		}
		_, _, err = config.Load("config edit", text)
		if err == nil {
			return string(text), nil
		}
		if !isTerminal(cmd.InOrStdin()) {
			return "", err
		}
		var b bytes.Buffer
		report(&b, err)
		fmt.Fprint(cmd.ErrOrStderr(), b.String())
		again, err := ask(cmd, "Edit again? [Y/n] ")
		if err != nil {
			return "", err
		}
		if strings.HasPrefix(strings.ToLower(again), "n") {
			return "", errDeclined
		}
	}
}

func runEditor(cmd *cobra.Command, path string) error {
	editor := orElse(os.Getenv("VISUAL"), os.Getenv("EDITOR"))
	if editor == "" {
		editor = "vi"
	}
	// The variable is a command line, as everywhere.
	c := exec.Command("/bin/sh", "-c", editor+` "$1"`, "sh", path)
	c.Stdin, c.Stdout, c.Stderr = cmd.InOrStdin(), cmd.OutOrStdout(), cmd.ErrOrStderr()
	// Ctrl-C is for the editor.
	interrupts := make(chan os.Signal, 1)
	signal.Notify(interrupts, os.Interrupt)
	defer signal.Stop(interrupts)
	if err := c.Run(); err != nil {
		return fmt.Errorf("%s: %w; say in $EDITOR which editor to use", editor, err)
	}
	return nil
}
