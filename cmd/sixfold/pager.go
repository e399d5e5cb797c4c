package main

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"os/signal"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// page writes text to a terminal, through a pager if it is longer than the screen and there is one.
func page(cmd *cobra.Command, out io.Writer, text []byte) error {
	f, ok := out.(*os.File)
	if command := pagerCommand(); ok && command != "" && isTerminal(cmd.InOrStdin()) {
		if _, height, err := term.GetSize(int(f.Fd())); err == nil && bytes.Count(text, []byte("\n")) >= height {
			if runPager(command, f, cmd.ErrOrStderr(), text) == nil {
				return nil
			}
		}
	}
	_, err := out.Write(text)
	return err
}

// pagerCommand is the pager of the user, or less; empty: none.
func pagerCommand() string {
	command, set := os.LookupEnv("PAGER")
	switch {
	case set && command == "cat":
		return ""
	case set:
		return command
	}
	if _, err := exec.LookPath("less"); err != nil {
		return ""
	}
	return "less -FRX"
}

// runPager fails only if the pager did not start: what its user does in it is no failure.
func runPager(command string, out *os.File, errs io.Writer, text []byte) error {
	c := exec.Command("/bin/sh", "-c", command)
	c.Stdin, c.Stdout, c.Stderr = bytes.NewReader(text), out, errs
	c.Env = os.Environ()
	if _, set := os.LookupEnv("LESS"); !set {
		c.Env = append(c.Env, "LESS=FRX")
	}
	// Ctrl-C is for the pager: it must not end this program before it, which would leave two readers of the terminal.
	interrupts := make(chan os.Signal, 1)
	signal.Notify(interrupts, os.Interrupt)
	defer signal.Stop(interrupts)
	if err := c.Start(); err != nil {
		return err
	}
	c.Wait()
	// The shell says 127 when it did not find the pager, but it has read nothing then.
	if c.ProcessState.ExitCode() == 127 {
		return exec.ErrNotFound
	}
	return nil
}
