package api

import (
	"context"
	"errors"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
	"github.com/sixfold-router/sixfold/router"
	"github.com/sixfold-router/sixfold/router/config"
)

type configService struct {
	sixfoldv1.UnimplementedConfigServiceServer
	backend Backend
}

func (s *configService) Check(_ context.Context, req *sixfoldv1.CheckRequest) (*sixfoldv1.CheckResponse, error) {
	_, _, err := config.Load(req.GetName(), []byte(req.GetText()))
	return &sixfoldv1.CheckResponse{}, err
}

func (s *configService) Apply(ctx context.Context, req *sixfoldv1.ApplyRequest) (*sixfoldv1.ApplyResponse, error) {
	done, err := s.backend.Commit(ctx, router.CommitRequest{
		Name: req.GetName(), Text: req.GetText(), Base: req.GetBaseRevision(), Comment: req.GetComment(),
	})
	if err != nil {
		return nil, err
	}
	resp := &sixfoldv1.ApplyResponse{}
	for _, p := range done.Pending {
		resp.Pending = append(resp.Pending, pending(p))
	}
	return resp, nil
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
		return nil, err
	}
	canonical, err := config.Format(message)
	if err != nil {
		return nil, err
	}
	return &sixfoldv1.GetResponse{Config: message, Text: string(canonical)}, nil
}
