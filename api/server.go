package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/reflection"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
	"github.com/sixfold-router/sixfold/router/config"
)

const (
	// maxRequest bounds what a client may send: the text of a configuration is the largest, its name comes on top.
	maxRequest = config.MaxSize + 64<<10
	// stopGrace is how long calls in progress may take to finish after Run was told to end.
	stopGrace = 3 * time.Second
)

// Server is the gRPC server of the router.
type Server struct {
	log     *slog.Logger
	backend Backend
	version string
	started time.Time

	mu       sync.Mutex
	listener net.Listener // set by Listen, taken by Run
}

// NewServer returns a server that answers with what backend knows. version is that of the program.
func NewServer(log *slog.Logger, backend Backend, version string) *Server {
	return &Server{log: log, backend: backend, version: version, started: time.Now()}
}

// Listen opens the unix socket. Clients that connect before Run are kept waiting. The socket is closed and removed when
// Run returns.
func (s *Server) Listen(path string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listener != nil {
		return errors.New("api: Listen called twice")
	}
	l, err := listenUnix(path)
	if err != nil {
		return fmt.Errorf("open API socket: %w", err)
	}
	s.listener = l
	return nil
}

// Run serves until ctx ends; then it lets calls in progress finish for a short while, and returns nil. It is called once,
// after Listen.
func (s *Server) Run(ctx context.Context) error {
	s.mu.Lock()
	l := s.listener
	s.listener = nil
	s.mu.Unlock()
	if l == nil {
		return errors.New("api: Run without Listen")
	}

	g := grpc.NewServer(
		grpc.MaxRecvMsgSize(maxRequest),
		grpc.MaxConcurrentStreams(64),
		grpc.ChainUnaryInterceptor(s.logChanges, mapErrors),
		grpc.StreamInterceptor(endWith(ctx)),
	)
	sixfoldv1.RegisterConfigServiceServer(g, &configService{backend: s.backend})
	sixfoldv1.RegisterStateServiceServer(g, &stateService{backend: s.backend, version: s.version, started: s.started})
	sixfoldv1.RegisterOperateServiceServer(g, &operateService{backend: s.backend})
	alive := health.NewServer()
	healthv1.RegisterHealthServer(g, alive)
	reflection.Register(g)
	for name := range g.GetServiceInfo() {
		alive.SetServingStatus(name, healthv1.HealthCheckResponse_SERVING)
	}

	served := make(chan error, 1)
	go func() { served <- g.Serve(l) }()
	s.log.Info("api: listening", "socket", l.Addr().String())

	select {
	case err := <-served:
		g.Stop()
		return fmt.Errorf("serve API: %w", err)
	case <-ctx.Done():
	}
	alive.Shutdown()
	stopped := make(chan struct{})
	go func() { g.GracefulStop(); close(stopped) }()
	timer := time.NewTimer(stopGrace)
	defer timer.Stop()
	select {
	case <-stopped:
	case <-timer.C:
		g.Stop()
		<-stopped
	}
	<-served
	return nil
}

// endWith ends streams when ctx ends: a health watch goes on for ever otherwise, and would hold up a graceful stop.
func endWith(ctx context.Context) grpc.StreamServerInterceptor {
	return func(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
		own, cancel := context.WithCancel(stream.Context())
		defer cancel()
		defer context.AfterFunc(ctx, cancel)()
		return handler(srv, &endingStream{stream, own})
	}
}

// endingStream is a stream with another context.
type endingStream struct {
	grpc.ServerStream
	ctx context.Context
}

func (s *endingStream) Context() context.Context { return s.ctx }

// logChanges records every call that changes something.
func (s *Server) logChanges(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	resp, err := handler(ctx, req)
	switch {
	case err != nil && ctx.Err() == nil:
		s.log.Info("api: call failed", "method", info.FullMethod, "error", err)
	case info.FullMethod == sixfoldv1.ConfigService_Apply_FullMethodName,
		strings.HasPrefix(info.FullMethod, "/"+sixfoldv1.OperateService_ServiceDesc.ServiceName+"/"):
		s.log.Info("api: call", "method", info.FullMethod)
	}
	return resp, err
}

// isRefused tells whether a dial failed because nobody listens any more.
func isRefused(err error) bool { return errors.Is(err, syscall.ECONNREFUSED) }
