package apitest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"github.com/sixfold-router/sixfold/router"
	"github.com/sixfold-router/sixfold/router/config"
	"github.com/sixfold-router/sixfold/router/event"
	"github.com/sixfold-router/sixfold/router/explain"
	"github.com/sixfold-router/sixfold/router/health"
	"github.com/sixfold-router/sixfold/router/revision"
)

// Epoch is when every commit of a Backend was made: tests print it.
var Epoch = time.Date(2026, 3, 14, 9, 26, 53, 0, time.UTC)

// history is the revisions of a Backend, as a router has them, but in memory.
type history struct {
	revisions []revision.Revision
	texts     []string
	running   uint64
	waiting   uint64 // 0: none
}

func (h *history) find(id uint64) (*revision.Revision, error) {
	if id == 0 {
		id = h.running
	}
	if id == 0 || id > uint64(len(h.revisions)) {
		return nil, fmt.Errorf("revision %d: %w", id, router.ErrNoRevision)
	}
	return &h.revisions[id-1], nil
}

func (h *history) status(id uint64) revision.Revision {
	r := h.revisions[id-1]
	r.Running = id == h.running
	return r
}

// Commit remembers a configuration. One whose host name is "refuse" cannot be applied.
func (b *Backend) Commit(ctx context.Context, req router.CommitRequest) (router.Committed, error) {
	return b.commit(ctx, req, 0)
}

func (b *Backend) commit(ctx context.Context, req router.CommitRequest, rollback uint64) (router.Committed, error) {
	conf, message, err := config.Load(req.Name, []byte(req.Text))
	if err != nil {
		return router.Committed{}, err
	}
	if err := b.ready(ctx); err != nil {
		return router.Committed{}, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	h := &b.history
	switch {
	case h.waiting != 0:
		return router.Committed{}, &router.WaitingError{Revision: h.status(h.waiting)}
	case req.Base != 0 && req.Base != h.running:
		return router.Committed{}, &router.ConflictError{Base: req.Base, Running: h.running}
	case h.running != 0 && req.Text == h.texts[h.running-1]:
		return router.Committed{Revision: h.status(h.running), Pending: slices.Clone(b.PendingList)}, nil
	}
	sum := sha256.Sum256([]byte(req.Text))
	rev := revision.Revision{
		ID: uint64(len(h.revisions)) + 1, Name: req.Name, Time: Epoch, Author: req.Author, Comment: req.Comment, Base: h.running,
		Result: revision.Applied, RollbackTo: rollback, Hash: hex.EncodeToString(sum[:]),
	}
	refused := message.GetSystem().GetHostname() == "refuse"
	switch {
	case refused:
		rev.Result, rev.Reason = revision.Failed, "kernel: set mtu of lan0: operation not supported"
	case req.ConfirmWithin != 0:
		rev.Result, rev.ConfirmBy = revision.Unconfirmed, Epoch.Add(req.ConfirmWithin)
	}
	h.revisions, h.texts = append(h.revisions, rev), append(h.texts, req.Text)
	if refused {
		return router.Committed{}, &router.CommitError{Unit: "kernel", Reason: "set mtu of lan0: operation not supported", Running: h.running}
	}
	b.done = append(b.done, "apply "+req.Name)
	h.running = rev.ID
	if req.ConfirmWithin != 0 {
		h.waiting = rev.ID
	}
	return router.Committed{
		Revision: h.status(rev.ID), Operations: slices.Clone(b.OperationList), Pending: slices.Clone(b.PendingList), Warnings: conf.Warnings,
	}, nil
}

// Rollback commits an earlier text.
func (b *Backend) Rollback(ctx context.Context, req router.RollbackRequest) (router.Committed, error) {
	b.mu.Lock()
	id := req.Revision
	if id == 0 && b.history.running != 0 {
		id = b.history.revisions[b.history.running-1].Base
	}
	if id == 0 || id > uint64(len(b.history.revisions)) {
		b.mu.Unlock()
		return router.Committed{}, fmt.Errorf("revision %d: %w", id, router.ErrNoRevision)
	}
	name, text := b.history.revisions[id-1].Name, b.history.texts[id-1]
	b.mu.Unlock()
	comment := req.Comment
	if comment == "" {
		comment = fmt.Sprintf("rollback to revision %d", id)
	}
	return b.commit(ctx, router.CommitRequest{
		Name: name, Text: text, ConfirmWithin: req.ConfirmWithin, Author: req.Author, Comment: comment,
	}, id)
}

// Confirm keeps the revision that waits.
func (b *Backend) Confirm(ctx context.Context, id uint64, _ string) (revision.Revision, error) {
	if err := b.act(ctx, "confirm %d", id); err != nil {
		return revision.Revision{}, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.history.end(id, revision.Applied)
}

// Cancel drops the revision that waits.
func (b *Backend) Cancel(ctx context.Context, id uint64, _ string) (revision.Revision, error) {
	if err := b.act(ctx, "cancel %d", id); err != nil {
		return revision.Revision{}, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.history.end(id, revision.Cancelled)
}

func (h *history) end(id uint64, result revision.Result) (revision.Revision, error) {
	if h.waiting == 0 || id != 0 && id != h.waiting {
		return revision.Revision{}, router.ErrNothingWaits
	}
	r := &h.revisions[h.waiting-1]
	r.Result, r.ConfirmBy = result, time.Time{}
	if result == revision.Cancelled {
		h.running = r.Base
	}
	h.waiting = 0
	return h.status(h.running), nil
}

// Preview answers with OperationList.
func (b *Backend) Preview(ctx context.Context, req router.PreviewRequest) (router.Preview, error) {
	if err := b.ready(ctx); err != nil {
		return router.Preview{}, err
	}
	if req.Text == "" {
		rev, text, err := b.Revision(ctx, req.Revision)
		if err != nil {
			return router.Preview{}, err
		}
		req.Name, req.Text = rev.Name, text
	}
	conf, _, err := config.Load(req.Name, []byte(req.Text))
	if err != nil {
		return router.Preview{}, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return router.Preview{
		Base: b.history.running, Operations: slices.Clone(b.OperationList), Pending: slices.Clone(b.PendingList), Warnings: conf.Warnings,
	}, nil
}

// Revisions returns what was committed.
func (b *Backend) Revisions(ctx context.Context) ([]revision.Revision, error) {
	if err := b.ready(ctx); err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []revision.Revision
	for _, r := range b.history.revisions {
		out = append(out, b.history.status(r.ID))
	}
	return out, nil
}

// Revision returns a revision with its text.
func (b *Backend) Revision(ctx context.Context, id uint64) (revision.Revision, string, error) {
	if err := b.ready(ctx); err != nil {
		return revision.Revision{}, "", err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	r, err := b.history.find(id)
	if err != nil {
		return revision.Revision{}, "", err
	}
	return b.history.status(r.ID), b.history.texts[r.ID-1], nil
}

// Drift returns DriftList.
func (b *Backend) Drift(ctx context.Context) ([]health.Drift, error) {
	return given(ctx, b, b.DriftList)
}

// Explain returns what Explanations has of the subject, and in a VRF of "VRF subject".
func (b *Backend) Explain(ctx context.Context, vrf, subject string) (explain.Explanation, error) {
	if err := b.ready(ctx); err != nil {
		return explain.Explanation{}, err
	}
	if vrf != "" {
		subject = vrf + " " + subject
	}
	return b.Explanations[subject], nil
}

// Events returns Ring.
func (b *Backend) Events() *event.Ring { return b.Ring }
