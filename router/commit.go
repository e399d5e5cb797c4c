package router

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/sixfold-router/sixfold/router/change"
	"github.com/sixfold-router/sixfold/router/config"
	"github.com/sixfold-router/sixfold/router/event"
	"github.com/sixfold-router/sixfold/router/revision"
)

// commitLimit bounds how long a commit may take, and the way back from one that failed.
const commitLimit = 5 * time.Minute

// Limits of CommitRequest.ConfirmWithin.
const (
	MinConfirm = time.Second
	MaxConfirm = 24 * time.Hour
)

// Commit makes a text the running configuration, wholly or not at all: when a step fails, what was in force before is put back. Parts
// that only wait, for a link or a delegation, are no failure but pending. The text that runs already is no new revision; what is
// not as it says is mended. Once begun, a commit goes on when ctx ends.
func (r *Router) Commit(ctx context.Context, req CommitRequest) (Committed, error) {
	return r.commit(ctx, req, 0)
}

// Rollback commits the text of an earlier revision.
func (r *Router) Rollback(ctx context.Context, req RollbackRequest) (Committed, error) {
	id := req.Revision
	if id == 0 {
		running, _, err := r.Revision(ctx, 0)
		if err != nil {
			return Committed{}, err
		}
		if id = running.Base; id == 0 {
			return Committed{}, fmt.Errorf("nothing was in force before revision %d: %w", running.ID, ErrNoRevision)
		}
	}
	rev, text, err := r.Revision(ctx, id)
	if err != nil {
		return Committed{}, err
	}
	if req.Comment == "" {
		req.Comment = fmt.Sprintf("rollback to revision %d", id)
	}
	return r.commit(ctx, CommitRequest{
		Name: rev.Name, Text: text, ConfirmWithin: req.ConfirmWithin, Author: req.Author, Comment: req.Comment,
	}, id)
}

func (r *Router) commit(ctx context.Context, req CommitRequest, rollback uint64) (Committed, error) {
	if c := req.ConfirmWithin; c != 0 && (c < MinConfirm || c > MaxConfirm) {
		return Committed{}, fmt.Errorf("time to confirm %s: want %s to %s", change.Span(c), change.Span(MinConfirm), change.Span(MaxConfirm))
	}
	deadline := time.Now().Add(req.ConfirmWithin)
	conf, _, err := config.Load(req.Name, []byte(req.Text))
	if err != nil {
		return Committed{}, err
	}
	end, err := r.begin(ctx)
	if err != nil {
		return Committed{}, err
	}
	defer end()
	defer r.began()()
	ctx, cancel := r.detach(ctx)
	defer cancel()

	running := r.running()
	if waiting, _ := r.revisions.Waiting(); waiting != 0 {
		return Committed{}, &WaitingError{r.mark(r.known(waiting))}
	}
	if req.Base != 0 && req.Base != running {
		return Committed{}, &ConflictError{Base: req.Base, Running: running}
	}
	operations, _, err := r.preview(ctx, conf, netip.Addr{})
	if err != nil {
		return Committed{}, fmt.Errorf("plan: %w", err)
	}
	if running != 0 && req.Text == r.Submitted().Text {
		err := r.reconcile(ctx)
		pending, _ := r.Pending(ctx)
		return Committed{Revision: r.mark(r.known(running)), Operations: operations, Pending: pending, Warnings: conf.Warnings}, err
	}
	rev, err := r.revisions.Add(revision.Revision{
		Name: req.Name, Time: time.Now(), Author: req.Author, Comment: req.Comment, Base: running, Result: revision.Applying,
		RollbackTo: rollback,
	}, req.Text)
	if err != nil {
		return Committed{}, fmt.Errorf("keep the revision: %w", err)
	}
	if req.ConfirmWithin != 0 {
		if err := r.revisions.Wait(rev.ID, deadline); err != nil {
			return Committed{}, fmt.Errorf("keep the deadline: %w", err)
		}
	}
	if failure := r.install(ctx, Source{Name: req.Name, Text: req.Text, Config: conf}); failure != nil {
		failure.Running = running
		_, err := r.revisions.Finish(rev.ID, revision.Failed, failure.Unit+": "+failure.Reason)
		r.tell(event.Config, "failed", fmt.Sprintf("revision %d of %s was not applied: %v", rev.ID, req.Author, failure))
		return Committed{}, errors.Join(failure, err, r.revisions.Drop())
	}
	if rev, err = r.adopt(rev, req.ConfirmWithin != 0, deadline); err != nil {
		return Committed{}, err
	}
	pending, err := r.Pending(ctx)
	return Committed{Revision: r.mark(rev), Operations: operations, Pending: pending, Warnings: conf.Warnings}, err
}

// adopt notes that a revision is in force.
func (r *Router) adopt(rev revision.Revision, waits bool, deadline time.Time) (revision.Revision, error) {
	result := revision.Applied
	if waits {
		result = revision.Unconfirmed
	} else if err := r.revisions.Confirm(rev.ID); err != nil {
		return rev, fmt.Errorf("revision %d is in force, but this could not be kept on disk: after a restart it is not: %w", rev.ID, err)
	}
	r.setRunning(rev.ID)
	if waits {
		r.tell(event.Config, "unconfirmed", fmt.Sprintf("revision %d of %s is in force until %s unless it is confirmed",
			rev.ID, rev.Author, deadline.Format(time.RFC3339)))
		r.confirming <- deadline
	} else {
		r.tell(event.Config, "applied", fmt.Sprintf("revision %d of %s is in force", rev.ID, rev.Author))
	}
	return r.revisions.Finish(rev.ID, result, "")
}

// Confirm keeps the revision that waits for it; id says which one is meant, 0 any.
func (r *Router) Confirm(ctx context.Context, id uint64, author string) (revision.Revision, error) {
	end, err := r.begin(ctx)
	if err != nil {
		return revision.Revision{}, err
	}
	defer end()
	waiting, err := r.waits(id)
	if err != nil {
		return revision.Revision{}, err
	}
	if err := r.revisions.Confirm(waiting); err != nil {
		return revision.Revision{}, fmt.Errorf("keep the confirmation: %w", err)
	}
	rev, err := r.revisions.Finish(waiting, revision.Applied, "")
	r.tell(event.Config, "confirmed", fmt.Sprintf("revision %d was confirmed by %s", waiting, author))
	return r.mark(rev), err
}

// Cancel drops the revision that waits to be confirmed, and returns the one that is in force again.
func (r *Router) Cancel(ctx context.Context, id uint64, author string) (revision.Revision, error) {
	end, err := r.begin(ctx)
	if err != nil {
		return revision.Revision{}, err
	}
	defer end()
	waiting, err := r.waits(id)
	if err != nil {
		return revision.Revision{}, err
	}
	ctx, cancel := r.detach(ctx)
	defer cancel()
	if err := r.goBack(ctx, waiting, revision.Cancelled, "cancelled by "+author); err != nil {
		return revision.Revision{}, err
	}
	return r.mark(r.known(r.running())), nil
}

// waits returns the revision that waits to be confirmed, if it is the one that is meant.
func (r *Router) waits(id uint64) (uint64, error) {
	waiting, _ := r.revisions.Waiting()
	switch {
	case waiting == 0:
		return 0, ErrNothingWaits
	case id != 0 && id != waiting:
		return 0, fmt.Errorf("revision %d does not wait, revision %d does: %w", id, waiting, ErrNothingWaits)
	}
	return waiting, nil
}

// goBack puts the confirmed revision in force in place of one that waits. A commit is in progress.
func (r *Router) goBack(ctx context.Context, waiting uint64, result revision.Result, reason string) error {
	confirmed := r.revisions.Confirmed()
	source := Source{Config: &config.Config{}}
	if confirmed != 0 {
		var err error
		if source, err = r.source(confirmed); err != nil {
			return fmt.Errorf("read revision %d: %w", confirmed, err)
		}
	}
	problem := r.putBack(ctx, source)
	r.setRunning(confirmed)
	r.tell(event.Config, string(result), fmt.Sprintf("revision %d is in force again instead of %d: %s", confirmed, waiting, reason))
	if problem != nil {
		r.log.Error("not all of the earlier configuration is in force", "revision", confirmed, "error", problem)
	}
	_, err := r.revisions.Finish(waiting, result, reason)
	return errors.Join(err, r.revisions.Drop())
}

// confirmLoop goes back when a revision was not confirmed in time.
func (r *Router) confirmLoop(ctx context.Context) error {
	timer := time.NewTimer(time.Hour)
	timer.Stop()
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case deadline := <-r.confirming:
			timer.Reset(time.Until(deadline))
		case <-timer.C:
			retry, err := r.expire(ctx)
			if err != nil && ctx.Err() == nil {
				r.log.Error("the revision that was not confirmed is still in force", "error", err)
			}
			if retry {
				timer.Reset(time.Second)
			}
		}
	}
}

// expire drops the revision whose time to be confirmed is over. retry says that it is to be tried again.
func (r *Router) expire(ctx context.Context) (retry bool, err error) {
	end, err := r.begin(ctx)
	if err != nil {
		return false, err
	}
	defer end()
	waiting, deadline := r.revisions.Waiting()
	if waiting == 0 || time.Now().Before(deadline) {
		return false, nil // confirmed, dropped, or another one by now
	}
	ctx, cancel := r.detach(ctx)
	defer cancel()
	err = r.goBack(ctx, waiting, revision.Reverted, "it was not confirmed in time")
	return err != nil, err
}

// Revisions returns what was submitted, oldest first.
func (r *Router) Revisions(context.Context) ([]revision.Revision, error) {
	all := r.revisions.List()
	for i := range all {
		all[i] = r.mark(all[i])
	}
	return all, nil
}

// Revision returns a revision and its text as it was submitted; 0 is the running one.
func (r *Router) Revision(_ context.Context, id uint64) (revision.Revision, string, error) {
	if id == 0 {
		if id = r.running(); id == 0 {
			return revision.Revision{}, "", fmt.Errorf("nothing runs yet: %w", ErrNoRevision)
		}
	}
	rev, text, err := r.revisions.Get(id)
	if errors.Is(err, revision.ErrUnknown) {
		err = fmt.Errorf("revision %d: %w", id, ErrNoRevision)
	}
	return r.mark(rev), text, err
}

// source reads a revision.
func (r *Router) source(id uint64) (Source, error) {
	rev, text, err := r.revisions.Get(id)
	if err != nil {
		return Source{}, err
	}
	conf, _, err := config.Load(rev.Name, []byte(text))
	return Source{Name: rev.Name, Text: text, Config: conf}, err
}

// known returns what is known of a revision that may have been forgotten.
func (r *Router) known(id uint64) revision.Revision {
	rev, _, err := r.revisions.Get(id)
	if err != nil {
		return revision.Revision{ID: id}
	}
	return rev
}

// mark fills in what the store does not know: what runs, and how long it may.
func (r *Router) mark(rev revision.Revision) revision.Revision {
	rev.Running = rev.ID != 0 && rev.ID == r.running()
	rev.ConfirmBy = time.Time{}
	if waiting, deadline := r.revisions.Waiting(); waiting != 0 && waiting == rev.ID {
		rev.ConfirmBy = deadline
	}
	return rev
}

// begin waits until no commit is in progress and the router can take one, and returns what ends it.
func (r *Router) begin(ctx context.Context) (end func(), err error) {
	select {
	case <-r.ready:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	select {
	case r.committing <- struct{}{}:
		return func() { <-r.committing }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// detach returns a context that does not end with that of a caller, who may go away, but with Run.
func (r *Router) detach(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitLimit)
	stop := context.AfterFunc(r.life, cancel)
	return ctx, func() { stop(); cancel() }
}

func (r *Router) running() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.runs
}

func (r *Router) setRunning(id uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.runs = id
}

// tell publishes and logs what became of a revision.
func (r *Router) tell(kind, action, text string) {
	r.log.Info(text, "unit", kind)
	r.events.Publish(event.Event{Kind: kind, Subject: "configuration", Action: action, Text: text})
}
