package api

import (
	"context"
	"errors"
	"strings"
	"syscall"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
	"github.com/sixfold-router/sixfold/router"
	"github.com/sixfold-router/sixfold/router/config"
	"github.com/sixfold-router/sixfold/router/event"
	"github.com/sixfold-router/sixfold/router/explain"
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
	var (
		invalid  *config.Errors
		conflict *router.ConflictError
		waiting  *router.WaitingError
		failed   *router.CommitError
		subject  *explain.SubjectError
		untested *router.TestError
	)
	switch {
	case errors.As(err, &invalid):
		return invalidConfig(invalid)
	case errors.As(err, &conflict):
		return status.New(codes.Aborted, clean(err.Error()))
	case errors.As(err, &failed):
		return commitFailed(failed, err)
	case errors.As(err, &waiting), errors.Is(err, router.ErrNothingWaits):
		return status.New(codes.FailedPrecondition, clean(err.Error()))
	case errors.Is(err, router.ErrNoRevision):
		return status.New(codes.NotFound, clean(err.Error()))
	case errors.As(err, &untested):
		return status.New(codes.InvalidArgument, clean(err.Error()))
	case errors.As(err, &subject) && subject.Malformed:
		return status.New(codes.InvalidArgument, clean(err.Error()))
	case errors.As(err, &subject):
		return status.New(codes.NotFound, clean(err.Error()))
	case errors.Is(err, event.ErrLagged):
		return status.New(codes.ResourceExhausted, clean(err.Error()))
	case unsupported(err):
		return status.New(codes.Unimplemented, "this router cannot do that")
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

// unsupported tells whether the router itself cannot do something. What the kernel cannot do is another matter, though its error
// numbers say that they are this error too.
func unsupported(err error) bool {
	var number syscall.Errno
	return errors.Is(err, errors.ErrUnsupported) && !errors.As(err, &number)
}

// commitFailed says which step of a commit failed. What cannot be put back may be a long list.
func commitFailed(e *router.CommitError, err error) *status.Status {
	st := status.New(codes.FailedPrecondition, clean(shorten(err.Error(), maxMessage)))
	with, bad := st.WithDetails(protoadapt.MessageV1Of(&sixfoldv1.ApplyFailure{
		Unit: clean(e.Unit), Reason: clean(shorten(e.Reason, maxMessage)), RunningRevision: e.Running, NotRestored: clean(shorten(e.NotRestored, maxMessage)),
	}))
	if bad != nil {
		return st
	}
	return with
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
		details = append(details, protoadapt.MessageV1Of(location(one)))
	}
	details[0] = protoadapt.MessageV1Of(bad)
	if with, err := st.WithDetails(details...); err == nil {
		return with
	}
	return st
}

func location(e config.Error) *sixfoldv1.SourceLocation {
	return &sixfoldv1.SourceLocation{File: clean(e.File), Line: uint32(e.Line), Column: uint32(e.Column), Path: clean(e.Path)}
}

// configWarnings are at most so many as errors would be.
func configWarnings(list []config.Error) []*sixfoldv1.ConfigWarning {
	var out []*sixfoldv1.ConfigWarning
	for _, w := range list[:min(len(list), maxDetails)] {
		out = append(out, &sixfoldv1.ConfigWarning{Location: location(w), Text: clean(w.Message)})
	}
	return out
}

// withAccepted is the message of an error with what would be accepted, without its place, which travels apart.
func withAccepted(e config.Error) string {
	if len(e.Accepted) == 0 {
		return e.Message
	}
	return e.Message + "; accepted: " + strings.Join(e.Accepted, ", ")
}
