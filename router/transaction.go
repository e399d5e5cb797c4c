package router

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/sixfold-router/sixfold/router/change"
	"github.com/sixfold-router/sixfold/router/config"
	"github.com/sixfold-router/sixfold/router/plan"
	"github.com/sixfold-router/sixfold/router/revision"
)

// CommitRequest asks for a configuration to be made the running one.
type CommitRequest struct {
	Name          string // of the text, for messages
	Text          string
	Base          uint64        // the revision that the text was made from; 0: whichever runs
	ConfirmWithin time.Duration // go back unless Confirm is called within this time; 0: stay
	Author        string
	Comment       string
}

// RollbackRequest asks for the text of an earlier revision to be made the running one again.
type RollbackRequest struct {
	Revision      uint64 // 0: the one in force before the running one
	ConfirmWithin time.Duration
	Author        string
	Comment       string
}

// Committed is what came of a commit.
type Committed struct {
	Revision   revision.Revision
	Operations []Operation
	Pending    []plan.Pending
	Warnings   []config.Error // what the operator should know of the configuration
}

// PreviewRequest asks what a configuration would do.
type PreviewRequest struct {
	Name     string
	Text     string     // empty: that of Revision
	Revision uint64     // if there is no text
	Session  netip.Addr // our address that the operator came in to; invalid: not known
}

// Preview is what a configuration would do at this moment.
type Preview struct {
	Base       uint64 // the revision that runs
	Operations []Operation
	Pending    []plan.Pending
	Warnings   []config.Error // what the operator should know of the configuration
}

// Operation is one thing that a commit does to the kernel or to a protocol.
type Operation struct {
	Unit string // kernel, vxlan, fib, bgp, pd, ra, dhcpv6 …
	change.Op
	Warning string // what the operator should know before; empty: nothing
}

// ConflictError says that another revision runs than the one that a text was made from.
type ConflictError struct{ Base, Running uint64 }

func (e *ConflictError) Error() string {
	return fmt.Sprintf("the configuration was made from revision %d, but revision %d runs by now: look at what changed with sixfold config diff %d %d, and apply again",
		e.Base, e.Running, e.Base, e.Running)
}

// WaitingError says that nothing can be committed because a revision waits to be confirmed.
type WaitingError struct{ Revision revision.Revision }

func (e *WaitingError) Error() string {
	return fmt.Sprintf("revision %d waits to be confirmed until %s: first sixfold config confirm or sixfold config cancel",
		e.Revision.ID, e.Revision.ConfirmBy.Format(time.RFC3339))
}

// CommitError says which part of a configuration could not be applied. What was in force before is in force again, except for
// NotRestored.
type CommitError struct {
	Unit        string // kernel, vxlan, bgp …
	Reason      string
	Running     uint64 // the revision that is in force
	NotRestored string // what could not be put back; empty: all is as it was
}

func (e *CommitError) Error() string {
	text := fmt.Sprintf("%s: %s", e.Unit, e.Reason)
	if e.NotRestored != "" {
		return fmt.Sprintf("%s; going back to revision %d left: %s", text, e.Running, e.NotRestored)
	}
	return fmt.Sprintf("%s; revision %d is in force as before", text, e.Running)
}

var (
	// ErrNothingWaits says that no revision, or not the one asked for, waits to be confirmed.
	ErrNothingWaits = errors.New("no revision waits to be confirmed")
	// ErrNoRevision says that a revision is not, or no longer, known.
	ErrNoRevision = errors.New("no such revision: see sixfold config history")
)
