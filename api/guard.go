package api

import (
	"context"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/sixfold-router/sixfold/router/config"
)

// guard lets a call pass if its caller has the role for it, and keeps the audit records. It is the outermost interceptor.
type guard struct {
	server *Server
	rules  map[string]rule
}

// enter identifies the caller and decides. The caller is in the context that it returns.
func (g *guard) enter(ctx context.Context, method string) (context.Context, rule, error) {
	r := g.rules[method]
	c, err := identify(ctx, g.server.policy.Load(), time.Now())
	if err == nil {
		err = c.may(r, method)
	}
	ctx = context.WithValue(ctx, callerKey{}, c)
	if err != nil {
		g.server.log.Info("api: call refused", "method", shortMethod(method), "caller", c.name, "origin", c.origin, "error", err)
		g.server.audit.refused(c, method, err)
	}
	return ctx, r, err
}

// unary guards calls with one answer. What changes the configuration is on record before it begins, or it does not begin.
func (g *guard) unary(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	ctx, r, err := g.enter(ctx, info.FullMethod)
	if err != nil {
		return nil, err
	}
	if r.role < config.Operate {
		resp, err := handler(ctx, req)
		if err != nil && ctx.Err() == nil {
			g.server.log.Info("api: call failed", "method", shortMethod(info.FullMethod), "caller", callerOf(ctx).name, "error", err)
		}
		return resp, err
	}
	message, _ := req.(proto.Message)
	end, err := g.begin(ctx, info.FullMethod, r, message)
	if err != nil {
		return nil, err
	}
	resp, err := handler(ctx, req)
	end(err)
	return resp, err
}

// stream guards calls with many answers.
func (g *guard) stream(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	ctx, r, err := g.enter(stream.Context(), info.FullMethod)
	if err != nil {
		return err
	}
	end := func(error) {}
	if r.role >= config.Operate {
		if end, err = g.begin(ctx, info.FullMethod, r, nil); err != nil {
			return err
		}
	}
	err = handler(srv, &endingStream{stream, ctx})
	if err != nil {
		err = statusOf(err).Err()
	}
	end(err)
	return err
}

// begin writes the record of a call that changes something, and returns what writes its result.
func (g *guard) begin(ctx context.Context, method string, r rule, req proto.Message) (end func(error), err error) {
	c, durable := callerOf(ctx), r.role >= config.Admin
	log := g.server.log.With("method", shortMethod(method), "caller", c.name, "origin", c.origin)
	record, err := g.server.audit.begin(c, method, summary(req), durable)
	if err != nil {
		log.Error("api: the audit log cannot be written", "error", err)
		if durable {
			// Not Unavailable, which stands for a daemon that is gone.
			return nil, status.Errorf(codes.FailedPrecondition, "the audit log cannot be written, and nothing is changed without a record: %s", clean(err.Error()))
		}
	}
	return func(result error) {
		if err := g.server.audit.end(record, result, durable); err != nil {
			log.Error("api: the audit log cannot be written", "error", err)
		}
		if result != nil {
			log.Info("api: call failed", "error", result)
			return
		}
		log.Info("api: call")
	}, nil
}
