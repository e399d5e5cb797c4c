package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
)

// The times that a revision may wait to be confirmed.
const (
	confirmLeast = time.Second
	confirmMost  = 24 * time.Hour
)

// commitOptions are the flags of the verbs that commit.
type commitOptions struct {
	confirm            time.Duration
	comment            string
	plan, yes, verbose bool
}

func (o *commitOptions) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.DurationVar(&o.confirm, "confirm", 0, "go back unless sixfold config confirm follows within this `time`, 1s to 24h")
	f.StringVar(&o.comment, "comment", "", "`text` for the history")
	f.BoolVar(&o.plan, "plan", false, "show first what will be done")
	f.BoolVar(&o.yes, "yes", false, "do not ask, whatever is disturbed")
	f.BoolVar(&o.verbose, "verbose", false, "list what was done")
}

func (o *commitOptions) check(a *app, cmd *cobra.Command) error {
	switch {
	case cmd.Flags().Changed("confirm") && (o.confirm < confirmLeast || o.confirm > confirmMost):
		return &usageError{cmd: cmd, err: fmt.Errorf("--confirm %s: want 1s to 24h", o.confirm)}
	case o.plan && a.json:
		return &usageError{cmd: cmd, err: errors.New("--plan is for people: leave it out, or ask sixfold config plan --json before")}
	}
	return nil
}

// within is the field of a request.
func (o *commitOptions) within() *durationpb.Duration {
	if o.confirm == 0 {
		return nil
	}
	return durationpb.New(o.confirm)
}

// errDeclined says that the operator answered no.
var errDeclined = errors.New("nothing was done")

// prepare shows the plan of a proposal if that was asked for, and asks whether to go on if it disturbs something and there is
// somebody to ask.
func (a *app) prepare(cmd *cobra.Command, what proposal, o commitOptions) error {
	ask := isTerminal(cmd.InOrStdin()) && !o.yes
	if !ask && !o.plan {
		return nil
	}
	var m *sixfoldv1.PlanResponse
	err := a.daemon(cmd.Context(), func(ctx context.Context, c *client) (err error) {
		m, err = what.plan(ctx, c)
		return err
	})
	if err != nil {
		return err
	}
	warned := warnings(styleFor(cmd.ErrOrStderr()), m.GetOperations())
	if o.plan {
		if err := printPlan(printerOf(cmd), m); err != nil {
			return err
		}
		if err := writeAll(cmd.OutOrStdout(), "\n"); err != nil {
			return err
		}
	} else if ask && len(warned) > 0 {
		fmt.Fprint(cmd.ErrOrStderr(), joinLines(warned))
	}
	if !ask || len(warned) == 0 {
		return nil
	}
	yes, err := confirmed(cmd, "Go on?")
	if err == nil && !yes {
		err = errDeclined
	}
	return err
}

// committed is the answer of a verb that commits.
type committed interface {
	proto.Message
	GetRevision() *sixfoldv1.Revision
	GetOperations() []*sixfoldv1.Operation
	GetPending() []*sixfoldv1.Pending
	GetWarnings() []*sixfoldv1.ConfigWarning
}

// commit does what changes the configuration, and prints what came of it. before is the revision that ran, as far as it is known.
func commit[M committed](a *app, cmd *cobra.Command, before uint64, o commitOptions, do func(context.Context, *client) (M, error)) error {
	return answer(a, cmd, func(ctx context.Context, c *client) (M, error) {
		m, err := do(ctx, c)
		return m, explainCommit(ctx, c, before, err)
	}, func(p printer, m M) error {
		printWarnings(cmd.ErrOrStderr(), m.GetWarnings())
		return printCommitted(p, m, before, o.verbose)
	})
}

func printCommitted(p printer, m committed, before uint64, verbose bool) error {
	r, ops := m.GetRevision(), m.GetOperations()
	name := orElse(cell(r.GetName()), "the configuration")
	var text string
	if before != 0 && r.GetId() == before && len(ops) == 0 {
		text = fmt.Sprintf("%s is running already, as revision %d: nothing was touched\n", name, r.GetId())
	} else {
		text = fmt.Sprintf("%s is running as revision %d: %s\n", name, r.GetId(), counts(ops))
	}
	if by := r.GetConfirmBy(); by != nil {
		text += p.style.paint(yellow, fmt.Sprintf("revision %d is in force until %s unless: sixfold config confirm", r.GetId(), p.at(by.AsTime()))) + "\n"
	}
	if err := writeAll(p.out, text); err != nil {
		return err
	}
	if verbose && len(ops) > 0 {
		if err := writeAll(p.out, "\n"); err != nil {
			return err
		}
		if err := printOperations(p, ops); err != nil {
			return err
		}
	}
	return printPendingBelow(p, m.GetPending())
}

// explainCommit adds to an error what to do next.
func explainCommit(ctx context.Context, c *client, base uint64, err error) error {
	s, ok := status.FromError(err)
	if err == nil || !ok {
		return err
	}
	switch s.Code() {
	case codes.Aborted:
		if base != 0 {
			return &codedError{err: err, next: []string{fmt.Sprintf("See what changed: sixfold config diff %d %s", base, runningWord)}}
		}
	case codes.DeadlineExceeded, codes.Unavailable:
		if err := c.explain(err); s.Code() == codes.DeadlineExceeded || isGone(err) {
			return &codedError{err: err, next: []string{"Whether it was applied is told by: sixfold config history"}}
		}
	case codes.FailedPrecondition:
		if failure(s) != nil {
			return &codedError{err: err, next: []string{"The attempt is in: sixfold config history"}}
		}
		// The status does not say what the condition is; the revision that runs does.
		m, failed := c.config.GetRevision(ctx, &sixfoldv1.GetRevisionRequest{})
		if r := m.GetRevision(); failed == nil && r.GetConfirmBy() != nil {
			return &codedError{err: err, code: exitWaiting, next: []string{
				fmt.Sprintf("Keep revision %d: sixfold config confirm", r.GetId()), "Drop it: sixfold config cancel"}}
		}
	}
	return err
}

func isGone(err error) bool {
	var gone *goneError
	return errors.As(err, &gone)
}

// runningRevision is the number of the revision that runs; 0: none.
func (a *app) runningRevision(ctx context.Context) (*sixfoldv1.GetRevisionResponse, error) {
	var m *sixfoldv1.GetRevisionResponse
	err := a.daemon(ctx, func(ctx context.Context, c *client) (err error) {
		m, err = c.config.GetRevision(ctx, &sixfoldv1.GetRevisionRequest{})
		return err
	})
	switch status.Code(err) {
	case codes.NotFound, codes.FailedPrecondition:
		return &sixfoldv1.GetRevisionResponse{}, nil
	}
	return m, err
}
