package router

import (
	"context"
	"errors"

	"github.com/sixfold-router/sixfold/router/event"
	"github.com/sixfold-router/sixfold/router/revision"
)

// Commit makes a text the running configuration, wholly or not at all.
func (r *Router) Commit(context.Context, CommitRequest) (Committed, error) {
	return Committed{}, errors.ErrUnsupported
}

// Confirm keeps the revision that waits for it.
func (r *Router) Confirm(ctx context.Context, id uint64, author string) (revision.Revision, error) {
	return revision.Revision{}, errors.ErrUnsupported
}

// Cancel drops the revision that waits to be confirmed, and returns the one that is in force again.
func (r *Router) Cancel(ctx context.Context, id uint64, author string) (revision.Revision, error) {
	return revision.Revision{}, errors.ErrUnsupported
}

// Rollback commits the text of an earlier revision.
func (r *Router) Rollback(context.Context, RollbackRequest) (Committed, error) {
	return Committed{}, errors.ErrUnsupported
}

// Preview tells what a commit would do.
func (r *Router) Preview(context.Context, PreviewRequest) (Preview, error) {
	return Preview{}, errors.ErrUnsupported
}

// Revisions returns what was submitted, oldest first.
func (r *Router) Revisions(context.Context) ([]revision.Revision, error) {
	return nil, errors.ErrUnsupported
}

// Revision returns a revision and its text; 0 is the running one.
func (r *Router) Revision(ctx context.Context, id uint64) (revision.Revision, string, error) {
	return revision.Revision{}, "", errors.ErrUnsupported
}

// Drift returns what was found changed behind the router's back, oldest first.
func (r *Router) Drift(context.Context) ([]Drift, error) { return nil, errors.ErrUnsupported }

// Explain tells all that is known of an address, a prefix, a hardware address or a name.
func (r *Router) Explain(ctx context.Context, subject string) (Explanation, error) {
	return Explanation{}, errors.ErrUnsupported
}

// Events is where what happens is published.
func (r *Router) Events() *event.Ring { return nil }
