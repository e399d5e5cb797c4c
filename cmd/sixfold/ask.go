package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"
)

// confirmed asks a question whose answer is no unless it is yes.
func confirmed(cmd *cobra.Command, question string) (bool, error) {
	text, err := ask(cmd, question+" [y/N] ")
	switch strings.ToLower(text) {
	case "y", "yes":
		return true, err
	}
	return false, err
}

// ask returns what the operator answers, a line; its end of input is an empty one.
func ask(cmd *cobra.Command, question string) (string, error) {
	if _, err := fmt.Fprint(cmd.ErrOrStderr(), question); err != nil {
		return "", err
	}
	in, ok := cmd.InOrStdin().(*os.File)
	if !ok {
		return "", errors.New("there is nobody to ask: see --yes")
	}
	var line []byte
	for {
		if err := readable(cmd.Context(), in); err != nil {
			fmt.Fprintln(cmd.ErrOrStderr())
			return "", err
		}
		// One at a time: what follows the line is for whoever reads next.
		var b [1]byte
		n, err := in.Read(b[:])
		switch {
		case errors.Is(err, io.EOF), n == 1 && b[0] == '\n':
			return strings.TrimSpace(string(line)), nil
		case err != nil:
			return "", err
		case n == 1 && len(line) < 1024:
			line = append(line, b[0])
		}
	}
}

// readable waits until a read does not block. A read of a terminal cannot be interrupted: Ctrl-C would have to wait for Enter.
func readable(ctx context.Context, f *os.File) error {
	fds := []unix.PollFd{{Fd: int32(f.Fd()), Events: unix.POLLIN}}
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := unix.Poll(fds, 100)
		if err != nil && !errors.Is(err, unix.EINTR) {
			return err
		}
		if n > 0 {
			return nil
		}
	}
}
