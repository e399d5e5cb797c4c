package api

import (
	"context"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
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
	if err := s.backend.ApplyConfig(ctx, req.GetName(), req.GetText()); err != nil {
		return nil, err
	}
	waiting, err := s.backend.Pending(ctx)
	if err != nil {
		return nil, err
	}
	resp := &sixfoldv1.ApplyResponse{}
	for _, p := range waiting {
		resp.Pending = append(resp.Pending, pending(p))
	}
	return resp, nil
}

func (s *configService) Get(context.Context, *sixfoldv1.GetRequest) (*sixfoldv1.GetResponse, error) {
	text, message := s.backend.RunningConfig()
	if message == nil {
		return nil, status.Error(codes.FailedPrecondition, "no configuration is running yet")
	}
	return &sixfoldv1.GetResponse{Config: message, Text: text}, nil
}
