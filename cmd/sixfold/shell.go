package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func shellCommand(*app) *cobra.Command {
	var lines []string
	var keepGoing bool
	cmd := &cobra.Command{
		Use:   "shell",
		Short: "Type commands at a prompt, with completion and history",
		Long: `Type commands at a prompt, without the word sixfold before them. They may be shortened as everywhere: sh bgp sum.

  ?                 what may come next; Tab completes it, twice Tab lists it
  Up, Down          earlier lines; history lists them; a line that begins with a blank is not kept
  Ctrl-C            end the command that runs, or clear the line
  exit, Ctrl-D      leave

Words are quoted as in sh. A semicolon separates commands. # and ! start a comment. A bar filters what a command prints:
  | include REGEX   | exclude REGEX   | begin REGEX   | count   | json   | no-more

While a configuration waits to be confirmed, the prompt tells how long it will.

With --command, or when the input or the output is no terminal, lines are run without a prompt up to the first that fails, and the
exit code is that of the command that failed.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s := &session{outer: cmd, stdin: cmd.InOrStdin(), stdout: cmd.OutOrStdout(), stderr: cmd.ErrOrStderr(), history: &history{}}
			switch {
			case cmd.Flags().Changed("command"):
				return s.script(cmd.Context(), strings.NewReader(strings.Join(lines, "\n")), "--command", keepGoing)
			case isTerminal(s.stdin) && isTerminal(s.stdout):
				return s.interactive(cmd.Context(), s.stdin.(*os.File), s.stdout.(*os.File))
			}
			in := s.stdin
			s.stdin = strings.NewReader("") // a command is not to read the lines that follow it
			return s.script(cmd.Context(), in, "stdin", keepGoing)
		},
	}
	cmd.Flags().StringArrayVarP(&lines, "command", "c", nil, "run this `line` and leave; may be repeated")
	cmd.Flags().BoolVar(&keepGoing, "keep-going", false, "without a prompt: go on after a command that failed")
	return cmd
}

// exitError ends the program with an exit code after everything was said.
type exitError struct{ code int }

func (e *exitError) Error() string { return fmt.Sprintf("exit code %d", e.code) }

// session is a run of sixfold shell.
type session struct {
	outer          *cobra.Command // sixfold shell, with the flags that it was given
	stdin          io.Reader      // of the commands
	stdout, stderr io.Writer
	history        *history
	prompted       prompt
	left           bool // exit was typed
}

// outside are the commands that make no sense in a shell, and why.
func outside() map[string]string {
	return map[string]string{
		"shell":      "you are in the shell already",
		"run":        "run starts the router, which is no matter of a session: leave the shell and use sixfold run, or the service manager",
		"lab":        "lab needs the terminal for itself: leave the shell and use sixfold lab",
		"completion": "completion is for your system's shell: leave this one and use sixfold completion",
	}
}

// commands are the commands of the session, new for each line: nothing of one line stays for the next.
func (s *session) commands() (*app, *cobra.Command) {
	a := &app{}
	root := rootCommand(a)
	for _, c := range root.Commands() {
		if outside()[c.Name()] != "" {
			root.RemoveCommand(c)
		}
	}
	root.CompletionOptions.DisableDefaultCmd = true
	root.AddCommand(
		&cobra.Command{
			Use:   "history",
			Short: "List the lines typed earlier",
			Args:  noArguments,
			RunE: func(cmd *cobra.Command, _ []string) error {
				for i, line := range s.history.lines {
					if _, err := fmt.Fprintf(cmd.OutOrStdout(), "%5d  %s\n", i+1, line); err != nil {
						return err
					}
				}
				return nil
			},
		},
		&cobra.Command{
			Use:     "exit",
			Aliases: []string{"quit", "logout"},
			Short:   "Leave the shell",
			Args:    noArguments,
			RunE: func(*cobra.Command, []string) error {
				s.left = true
				return nil
			},
		},
	)
	// What sixfold shell was told of the daemon holds for its commands.
	s.outer.InheritedFlags().VisitAll(func(given *pflag.Flag) {
		if root.PersistentFlags().Lookup(given.Name) != nil && given.Changed {
			// It was a good value there, so it is one here.
			_ = root.PersistentFlags().Set(given.Name, given.Value.String())
		}
	})
	prepare(a, root)
	return a, root
}

// line runs what was typed and returns the exit code of the first command that failed; the commands after it are not run.
func (s *session) line(ctx context.Context, line string) int {
	statements, err := parseLine(line)
	if err != nil {
		return report(s.stderr, &usageError{err: err})
	}
	for _, st := range statements {
		if code := s.statement(ctx, st); code != exitOK || s.left {
			return code
		}
	}
	return exitOK
}

func (s *session) statement(ctx context.Context, st statement) int {
	words := st.words
	if words[0] == "sixfold" {
		// Copied from a manual.
		words = words[1:]
	}
	a, root := s.commands()
	if len(words) == 0 {
		return exitOK
	}
	if err := refuse(root, words); err != nil {
		return report(s.stderr, &usageError{err: err})
	}
	out, err := newPipe(s.stdout, st.filters)
	if err != nil {
		return report(s.stderr, &usageError{err: err})
	}
	words = append(out.flags, words...)
	code := execute(ctx, a, root, words, s.stdin, out.Writer, s.stderr)
	if err := out.Close(); err != nil && code == exitOK {
		return report(s.stderr, err)
	}
	return code
}

// refuse says of a command that belongs outside why that is.
func refuse(root *cobra.Command, words []string) error {
	i := slices.IndexFunc(words, func(w string) bool { return !strings.HasPrefix(w, "-") })
	if i < 0 || words[i] == "" {
		return nil
	}
	if c, err := subcommand(root, words[i]); c != nil || err != nil {
		return nil
	}
	for name, why := range outside() {
		if strings.HasPrefix(name, words[i]) {
			return errors.New(why)
		}
	}
	return nil
}

// longestScriptLine bounds a line that nobody typed.
const longestScriptLine = 1 << 20

// script runs lines that are not typed at a prompt.
func (s *session) script(ctx context.Context, in io.Reader, name string, keepGoing bool) error {
	failed := exitOK
	scanner := bufio.NewScanner(in)
	scanner.Buffer(nil, longestScriptLine)
	for n := 1; scanner.Scan() && !s.left && ctx.Err() == nil; n++ {
		code := s.line(ctx, scanner.Text())
		if code == exitOK {
			continue
		}
		if failed == exitOK {
			failed = code
		}
		fmt.Fprintf(s.stderr, "sixfold: %s, line %d failed: %s\n", name, n, printable(strings.TrimSpace(scanner.Text())))
		if !keepGoing {
			break
		}
	}
	if err := scanner.Err(); err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	if failed != exitOK {
		return &exitError{failed}
	}
	return ctx.Err()
}
