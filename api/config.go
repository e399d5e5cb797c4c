package api

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
	"github.com/sixfold-router/sixfold/router"
	"github.com/sixfold-router/sixfold/router/config"
	"github.com/sixfold-router/sixfold/router/revision"
)

// maxComment and maxName bound what is kept with a revision beside its text.
const (
	maxComment = 4096
	maxName    = 4096
)

// configService passes to callers below admin no passwords, whatever they ask for.
type configService struct {
	sixfoldv1.UnimplementedConfigServiceServer
	backend Backend
}

// seesAll tells whether the caller may see passwords.
func seesAll(ctx context.Context) bool { return callerOf(ctx).role >= config.Admin }

func (s *configService) Check(_ context.Context, req *sixfoldv1.CheckRequest) (*sixfoldv1.CheckResponse, error) {
	conf, _, err := config.Load(req.GetName(), []byte(req.GetText()))
	if err != nil {
		return nil, err
	}
	return &sixfoldv1.CheckResponse{Warnings: configWarnings(conf.Warnings)}, nil
}

func (s *configService) Plan(ctx context.Context, req *sixfoldv1.PlanRequest) (*sixfoldv1.PlanResponse, error) {
	session := callerOf(ctx).session
	if text := req.GetSessionAddress(); text != "" {
		var err error
		if session, err = netip.ParseAddr(text); err != nil {
			return nil, status.Errorf(codes.InvalidArgument, "session_address %q is not an address such as 2001:db8::1", clean(shorten(text, 60)))
		}
	}
	p, err := s.backend.Preview(ctx, router.PreviewRequest{
		Name: req.GetName(), Text: req.GetText(), Revision: req.GetRevision(), Session: session.WithZone("").Unmap(),
	})
	if err != nil {
		return nil, err
	}
	return &sixfoldv1.PlanResponse{
		Operations: operations(p.Operations), Pending: pendings(p.Pending), BaseRevision: p.Base, Warnings: configWarnings(p.Warnings),
	}, nil
}

func (s *configService) Apply(ctx context.Context, req *sixfoldv1.ApplyRequest) (*sixfoldv1.ApplyResponse, error) {
	within, err := confirmWithin(req.GetConfirmWithin(), req.GetComment())
	if err != nil {
		return nil, err
	}
	if len(req.GetName()) > maxName {
		return nil, status.Errorf(codes.InvalidArgument, "name is longer than %d bytes", maxName)
	}
	done, err := s.backend.Commit(ctx, router.CommitRequest{
		Name: req.GetName(), Text: req.GetText(), Base: req.GetBaseRevision(), ConfirmWithin: within,
		Author: callerOf(ctx).name, Comment: req.GetComment(),
	})
	if err != nil {
		return nil, err
	}
	return &sixfoldv1.ApplyResponse{
		Revision: revisionMessage(done.Revision), Pending: pendings(done.Pending), Operations: operations(done.Operations),
		Warnings: configWarnings(done.Warnings),
	}, nil
}

func (s *configService) Rollback(ctx context.Context, req *sixfoldv1.RollbackRequest) (*sixfoldv1.RollbackResponse, error) {
	within, err := confirmWithin(req.GetConfirmWithin(), req.GetComment())
	if err != nil {
		return nil, err
	}
	done, err := s.backend.Rollback(ctx, router.RollbackRequest{
		Revision: req.GetRevision(), ConfirmWithin: within, Author: callerOf(ctx).name, Comment: req.GetComment(),
	})
	if err != nil {
		return nil, err
	}
	return &sixfoldv1.RollbackResponse{
		Revision: revisionMessage(done.Revision), Pending: pendings(done.Pending), Operations: operations(done.Operations),
		Warnings: configWarnings(done.Warnings),
	}, nil
}

// confirmWithin reads what Apply and Rollback have in common. Absent is 0: keep at once.
func confirmWithin(d *durationpb.Duration, comment string) (time.Duration, error) {
	const least, most = time.Second, 24 * time.Hour
	if len(comment) > maxComment {
		return 0, status.Errorf(codes.InvalidArgument, "comment is longer than %d bytes", maxComment)
	}
	if d == nil {
		return 0, nil
	}
	if within := d.AsDuration(); d.CheckValid() == nil && within >= least && within <= most {
		return within, nil
	}
	return 0, status.Error(codes.InvalidArgument, "confirm_within is out of range; accepted: 1s to 24h, or nothing to keep the configuration at once")
}

func (s *configService) Confirm(ctx context.Context, req *sixfoldv1.ConfirmRequest) (*sixfoldv1.ConfirmResponse, error) {
	r, err := s.backend.Confirm(ctx, req.GetRevision(), callerOf(ctx).name)
	if err != nil {
		return nil, err
	}
	return &sixfoldv1.ConfirmResponse{Revision: revisionMessage(r)}, nil
}

func (s *configService) Cancel(ctx context.Context, req *sixfoldv1.CancelRequest) (*sixfoldv1.CancelResponse, error) {
	r, err := s.backend.Cancel(ctx, req.GetRevision(), callerOf(ctx).name)
	if err != nil {
		return nil, err
	}
	return &sixfoldv1.CancelResponse{Revision: revisionMessage(r)}, nil
}

func (s *configService) Get(ctx context.Context, _ *sixfoldv1.GetRequest) (*sixfoldv1.GetResponse, error) {
	rev, text, err := s.backend.Revision(ctx, 0)
	if errors.Is(err, router.ErrNoRevision) {
		return nil, status.Error(codes.FailedPrecondition, "no configuration is running yet")
	}
	if err != nil {
		return nil, err
	}
	_, message, err := config.Load(rev.Name, []byte(text))
	if err != nil {
		return nil, outdated(rev.ID, err)
	}
	submitted := []byte(text)
	if !seesAll(ctx) {
		config.RedactMessage(message)
		submitted = config.Redact(submitted)
	}
	canonical, err := config.Format(message)
	if err != nil {
		return nil, err
	}
	return &sixfoldv1.GetResponse{
		Config: message, Text: string(canonical), Revision: revisionMessage(rev), Submitted: clean(string(submitted)),
	}, nil
}

// outdated says that a revision that was valid once is no longer. It is not an error of the request.
func outdated(id uint64, err error) error {
	return status.Errorf(codes.FailedPrecondition, "revision %d is not valid for this version of sixfold: %v", id, clean(shorten(err.Error(), maxMessage)))
}

func (s *configService) ListRevisions(ctx context.Context, req *sixfoldv1.ListRevisionsRequest) (*sixfoldv1.ListRevisionsResponse, error) {
	items, next, err := list(ctx, req, s.backend.Revisions, nil,
		func(r revision.Revision) string { return newestFirst(r.ID) }, revisionMessage)
	if err != nil {
		return nil, err
	}
	return &sixfoldv1.ListRevisionsResponse{Revisions: items, NextPageToken: next}, nil
}

func (s *configService) GetRevision(ctx context.Context, req *sixfoldv1.GetRevisionRequest) (*sixfoldv1.GetRevisionResponse, error) {
	rev, text, err := s.backend.Revision(ctx, req.GetRevision())
	if err != nil {
		return nil, err
	}
	if !seesAll(ctx) {
		text = string(config.Redact([]byte(text)))
	}
	return &sixfoldv1.GetRevisionResponse{Revision: revisionMessage(rev), Text: clean(text)}, nil
}
