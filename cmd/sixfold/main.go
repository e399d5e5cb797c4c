// Command sixfold is an IPv6 router: the daemon, and the verbs of its operator.
package main

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/spf13/cobra"
)

// version is set by the linker: -X main.version=v1.2.3.
var version string

func main() {
	collectLater()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends a program that does not listen to the first
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run executes one command line and returns the exit code of the process. The environment variables it reads are those
// whose names begin with SIXFOLD_, those about terminals, and those of the commands it runs.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	a := &app{}
	root := rootCommand(a)
	prepare(a, root)
	if completes(args) {
		registerFlags(a, root)
	}
	return execute(ctx, a, root, args, stdin, stdout, stderr)
}

// execute runs a command line with the commands below root, which are prepared and serve once.
func execute(ctx context.Context, a *app, root *cobra.Command, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	a.args = args
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	// vtysh, birdc and ip all take "sh int" for "show interfaces".
	args, err := expand(root, args)
	if err != nil {
		return report(stderr, err)
	}
	root.SetArgs(args)
	cmd, err := root.ExecuteContextC(ctx)
	var done *exitError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &done):
		return done.code
	case !a.parsed:
		// The command did not start: the line could not be understood.
		err = &usageError{cmd: cmd, err: err}
	}
	return report(stderr, err)
}

// versionText is the version of this program, from the linker or else from the version control system.
func versionText() string {
	if version != "" {
		return version
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	revision, dirty := "", ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			revision = s.Value
		case s.Key == "vcs.modified" && s.Value == "true":
			dirty = "-dirty"
		}
	}
	if revision == "" {
		return "unknown"
	}
	return revision[:min(12, len(revision))] + dirty
}
