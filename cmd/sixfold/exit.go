package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
	"github.com/sixfold-router/sixfold/router/config"
)

// The exit codes of every command.
const (
	exitOK         = 0
	exitFailed     = 1
	exitUsage      = 2 // the command line
	exitInvalid    = 3 // the configuration
	exitNoDaemon   = 4
	exitWaiting    = 5 // a revision waits to be confirmed
	exitIncomplete = 6 // an import left something out
)

// usageError is a command line that makes no sense.
type usageError struct {
	cmd *cobra.Command // whose help to read; nil: nobody's
	err error
}

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

// noDaemonError says that nobody answers.
type noDaemonError struct {
	where  string // path of the socket, or address
	remote bool
}

func (e *noDaemonError) Error() string {
	if e.remote {
		return fmt.Sprintf("no daemon at %s: is it in api.tcp.listen of the router's configuration?", e.where)
	}
	return fmt.Sprintf("no daemon at %s: start one with sixfold run --config FILE", e.where)
}

// goneError says that the daemon went away before it answered.
type goneError struct{ where string }

func (e *goneError) Error() string {
	return fmt.Sprintf("the daemon at %s went away during the call", e.where)
}

// codedError is an error with its own exit code and with lines that say what to do next.
type codedError struct {
	err  error
	code int // 0: that of err
	next []string
}

func (e *codedError) Error() string { return e.err.Error() }
func (e *codedError) Unwrap() error { return e.err }

// report tells a person what went wrong and returns the exit code for it: the one place that knows both.
func report(w io.Writer, err error) int {
	if coded, ok := err.(*codedError); ok {
		code := report(w, coded.err)
		for _, l := range coded.next {
			fmt.Fprintln(w, printable(l))
		}
		if coded.code != 0 {
			return coded.code
		}
		return code
	}
	var usage *usageError
	var invalid *config.Errors
	var absent *noDaemonError
	switch {
	case errors.As(err, &usage):
		fmt.Fprintf(w, "sixfold: %s\n", printable(err.Error()))
		if usage.cmd != nil {
			fmt.Fprintf(w, "See %s --help\n", usage.cmd.CommandPath())
		}
		return exitUsage
	case errors.As(err, &invalid):
		fmt.Fprint(w, invalid.Pretty())
		count := "1 error"
		if n := len(invalid.List); n != 1 {
			count = fmt.Sprintf("%d errors", n)
		}
		fmt.Fprintf(w, "sixfold: the configuration is not valid: %s\n", count)
		return exitInvalid
	case errors.As(err, &absent):
		fmt.Fprintf(w, "sixfold: %s\n", absent.Error())
		return exitNoDaemon
	}
	if s, ok := status.FromError(err); ok {
		return reportStatus(w, s)
	}
	if errors.Is(err, context.Canceled) {
		fmt.Fprintln(w, "sixfold: interrupted")
		return exitFailed
	}
	fmt.Fprintf(w, "sixfold: %s\n", printable(err.Error()))
	return exitFailed
}

// reportStatus tells what the daemon answered.
func reportStatus(w io.Writer, s *status.Status) int {
	switch s.Code() {
	case codes.InvalidArgument:
		if lines := violations(s); len(lines) > 0 {
			for _, l := range lines {
				fmt.Fprintln(w, l)
			}
			fmt.Fprintln(w, "sixfold: the daemon refused the configuration")
			return exitInvalid
		}
		// Arguments are read by the daemon, which knows what they may be.
		fmt.Fprintf(w, "sixfold: %s\n", printable(s.Message()))
		return exitUsage
	case codes.Canceled:
		fmt.Fprintln(w, "sixfold: interrupted")
	case codes.DeadlineExceeded:
		fmt.Fprintln(w, "sixfold: the daemon did not answer in time; see --timeout")
	case codes.Unimplemented:
		fmt.Fprintln(w, "sixfold: the daemon does not know this command: it is of another version, see sixfold show version")
	case codes.FailedPrecondition:
		if f := failure(s); f != nil {
			for _, l := range failureLines(f) {
				fmt.Fprintln(w, printable(l))
			}
			break
		}
		fmt.Fprintf(w, "sixfold: %s\n", printable(s.Message()))
	default:
		fmt.Fprintf(w, "sixfold: %s\n", printable(s.Message()))
	}
	return exitFailed
}

// failure returns why a configuration was not applied, if that is what a status tells.
func failure(s *status.Status) *sixfoldv1.ApplyFailure {
	for _, d := range s.Details() {
		if f, ok := d.(*sixfoldv1.ApplyFailure); ok {
			return f
		}
	}
	return nil
}

func failureLines(f *sixfoldv1.ApplyFailure) []string {
	lines := []string{fmt.Sprintf("sixfold: the configuration was not applied: %s: %s", f.GetUnit(), f.GetReason())}
	running := fmt.Sprintf("revision %d is in force", f.GetRunningRevision())
	switch {
	case f.GetNotRestored() != "":
		return append(lines, running+", but not wholly. What could not be put back: "+f.GetNotRestored(),
			"The router goes on trying: see sixfold show units and sixfold show drift")
	case f.GetRunningRevision() == 0:
		return append(lines, "All was put back: no configuration is in force")
	}
	return append(lines, "All was put back: "+running+" as before")
}

// violations returns the errors of a configuration in the details of a status, a line each.
func violations(s *status.Status) []string {
	var fields []*errdetails.BadRequest_FieldViolation
	var places []*sixfoldv1.SourceLocation
	for _, d := range s.Details() {
		switch d := d.(type) {
		case *errdetails.BadRequest:
			fields = append(fields, d.GetFieldViolations()...)
		case *sixfoldv1.SourceLocation:
			places = append(places, d)
		}
	}
	lines := make([]string, len(fields))
	for i, f := range fields {
		e := config.Error{Path: f.GetField(), Message: f.GetDescription()}
		if i < len(places) {
			e.File, e.Line, e.Column = places[i].GetFile(), int(places[i].GetLine()), int(places[i].GetColumn())
		}
		lines[i] = printable(e.Error())
	}
	return lines
}

// printable keeps text that came from elsewhere (a server's status message, a neighbor's notification) from writing control
// sequences to a terminal. Line ends stay.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' {
			return r
		}
		return safeRune(r)
	}, s)
}
