package api

import (
	"context"
	"errors"
	"slices"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
	"github.com/sixfold-router/sixfold/router/notify"
)

// ConsumersBackend is the part of a Backend that tells consumers of delegations.
type ConsumersBackend interface {
	// Consumers returns who is told of delegations, and how that went.
	Consumers(ctx context.Context) ([]notify.Status, error)
	// RunConsumer tells a consumer again what is so, and waits for the outcome, which is the error: notify.ErrUnknown or
	// notify.ErrAmbiguous for a name that is not that of one, or why it could not be told.
	RunConsumer(ctx context.Context, name string) (notify.Status, error)
}

func (s *stateService) ListConsumers(ctx context.Context, req *sixfoldv1.ListConsumersRequest) (*sixfoldv1.ListConsumersResponse, error) {
	items, next, err := list(ctx, req, s.backend.Consumers, nil,
		func(c notify.Status) string { return natural(c.Delegation) + natural(c.Name) }, consumerState)
	if err != nil {
		return nil, err
	}
	return &sixfoldv1.ListConsumersResponse{Consumers: items, NextPageToken: next}, nil
}

func (s *operateService) RunConsumer(ctx context.Context, req *sixfoldv1.RunConsumerRequest) (*sixfoldv1.RunConsumerResponse, error) {
	if req.GetName() == "" {
		return nil, status.Error(codes.InvalidArgument, "there is no name: see sixfold show consumers")
	}
	c, err := s.backend.RunConsumer(ctx, req.GetName())
	switch {
	case errors.Is(err, notify.ErrUnknown):
		return nil, status.Errorf(codes.NotFound, "no consumer %q: %s", req.GetName(), s.consumerNames(ctx))
	case errors.Is(err, notify.ErrAmbiguous):
		return nil, status.Errorf(codes.InvalidArgument, "%s: %v", req.GetName(), err)
	case ctx.Err() != nil:
		return nil, status.FromContextError(ctx.Err()).Err()
	case err != nil:
		if c.Output != "" {
			return nil, status.Errorf(codes.Aborted, "%s could not be told: %s: %s", req.GetName(), clean(err.Error()), clean(c.Output))
		}
		return nil, status.Errorf(codes.Aborted, "%s could not be told: %s", req.GetName(), clean(err.Error()))
	}
	return &sixfoldv1.RunConsumerResponse{Consumer: consumerState(c)}, nil
}

// consumerNames says which consumers there are.
func (s *operateService) consumerNames(ctx context.Context) string {
	all, err := s.backend.Consumers(ctx)
	var names []string
	for _, c := range all {
		names = append(names, clean(c.Delegation+"/"+c.Name))
	}
	if err != nil || len(names) == 0 {
		return "no delegation has on_change"
	}
	slices.Sort(names)
	return "there " + areOf(len(names)) + " " + strings.Join(names, ", ")
}

func consumerState(c notify.Status) *sixfoldv1.ConsumerState {
	m := &sixfoldv1.ConsumerState{
		Delegation: clean(c.Delegation), Name: clean(c.Name), Kind: c.Kind, Target: clean(c.Target), State: c.State,
		Told: timestamp(c.Told), Tried: timestamp(c.Tried), Result: clean(c.Result), Output: clean(c.Output), Next: timestamp(c.Next),
		Tries: c.Tries, Failures: c.Failures,
	}
	if c.Prefix.IsValid() {
		m.Prefix = c.Prefix.String()
	}
	return m
}
