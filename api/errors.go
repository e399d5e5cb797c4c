package api

import (
	"context"
	"errors"
	"strings"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
	"github.com/sixfold-router/sixfold/router/config"
)

// mapErrors gives every error of a service its status code.
func mapErrors(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	resp, err := handler(ctx, req)
	if err != nil {
		return nil, statusOf(err).Err()
	}
	return resp, nil
}

// statusOf is the one place where errors become status codes.
func statusOf(err error) *status.Status {
	var invalid *config.Errors
	switch {
	case errors.As(err, &invalid):
		return invalidConfig(invalid)
	case errors.Is(err, context.Canceled):
		return status.New(codes.Canceled, clean(err.Error()))
	case errors.Is(err, context.DeadlineExceeded):
		return status.New(codes.DeadlineExceeded, clean(err.Error()))
	}
	if s, ok := status.FromError(err); ok {
		return s
	}
	return status.New(codes.Internal, clean(err.Error()))
}

// maxDetails and maxMessage bound what travels of the errors of a configuration: it goes into the headers that end a call,
// of which some clients take only a few KiB. Who mends these is told the next ones.
const (
	maxDetails = 50
	maxMessage = 2048
)

func invalidConfig(e *config.Errors) *status.Status {
	text := e.Error()
	if len(text) > maxMessage {
		text = text[:maxMessage] + " …"
	}
	st := status.New(codes.InvalidArgument, clean(text))
	bad := &errdetails.BadRequest{}
	details := []protoadapt.MessageV1{nil}
	for i, one := range e.List {
		if i == maxDetails {
			break
		}
		bad.FieldViolations = append(bad.FieldViolations, &errdetails.BadRequest_FieldViolation{
			Field: clean(one.Path), Description: clean(withAccepted(one)),
		})
		details = append(details, protoadapt.MessageV1Of(&sixfoldv1.SourceLocation{
			File: clean(one.File), Line: uint32(one.Line), Column: uint32(one.Column), Path: clean(one.Path),
		}))
	}
	details[0] = protoadapt.MessageV1Of(bad)
	if with, err := st.WithDetails(details...); err == nil {
		return with
	}
	return st
}

// withAccepted is the message of an error with what would be accepted, without its place, which travels apart.
func withAccepted(e config.Error) string {
	if len(e.Accepted) == 0 {
		return e.Message
	}
	return e.Message + "; accepted: " + strings.Join(e.Accepted, ", ")
}
