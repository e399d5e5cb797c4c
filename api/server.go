package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/reflection"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
	"github.com/sixfold-router/sixfold/router/config"
)

const (
	// maxRequest bounds what a client may send: the text of a configuration is the largest, its name comes on top.
	maxRequest = config.MaxSize + 64<<10
	// stopGrace is how long calls in progress may take to finish after Run was told to end.
	stopGrace = 3 * time.Second
	// handshakeTimeout bounds what comes before the first call: TLS, and the preface of HTTP/2.
	handshakeTimeout = 10 * time.Second
	// maxIdle is how long a connection without a call is kept.
	maxIdle = 15 * time.Minute
)

// Server is the gRPC server of the router.
type Server struct {
	log     *slog.Logger
	backend Backend
	version string
	started time.Time
	audit   *audit
	limits  limits
	policy  atomic.Pointer[policy]
	tls     atomic.Pointer[tlsFiles] // nil: not on TCP

	mu       sync.Mutex
	listener net.Listener              // set by Listen, taken by Run
	tcp      map[endpoint]*tcpListener // what Configure opened
	config   config.API                // what Configure was given
	grpc     *grpc.Server              // while Run runs
	serving  sync.WaitGroup
}

// NewServer returns a server that answers with what backend knows. version is that of the program. Until it is configured root
// has all roles, the group sixfold may look, and there are no audit records on disk.
func NewServer(log *slog.Logger, backend Backend, version string) *Server {
	s := &Server{
		log: log, backend: backend, version: version, started: time.Now(), audit: newAudit(), limits: defaultLimits(),
		tcp: map[endpoint]*tcpListener{},
	}
	p, _ := newPolicy(config.API{}, uint32(os.Geteuid()))
	s.policy.Store(p)
	return s
}

// OpenAudit keeps the audit records in a file, and has those that are in it already. Records of refused calls are in another,
// PATH.refused. It is called before Run, which closes them.
func (s *Server) OpenAudit(path string) error {
	if err := s.audit.open(path); err != nil {
		return fmt.Errorf("open audit log: %w", err)
	}
	return nil
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
	if l == nil {
		s.mu.Unlock()
		return errors.New("api: Run without Listen")
	}
	g, alive := s.newGRPC(ctx)
	s.grpc = g
	for _, t := range s.tcp {
		s.serve(t)
	}
	s.mu.Unlock()

	served := make(chan error, 1)
	go func() { served <- g.Serve(l) }()
	s.log.Info("api: listening", "socket", l.Addr().String())

	var failed error
	select {
	case err := <-served:
		failed = fmt.Errorf("serve API: %w", err)
		s.halt(nil)
		g.Stop()
	case <-ctx.Done():
		alive.Shutdown()
		s.halt(g)
		<-served
	}
	s.serving.Wait()
	if err := s.audit.close(); err != nil {
		s.log.Error("api: close the audit log", "error", err)
	}
	return failed
}

// newGRPC makes the server with its services.
func (s *Server) newGRPC(ctx context.Context) (*grpc.Server, *health.Server) {
	gate := &gatekeeper{files: s.tls.Load, users: map[uint32]int{}}
	watchman := &guard{server: s}
	g := grpc.NewServer(
		grpc.Creds(gate),
		grpc.ConnectionTimeout(handshakeTimeout),
		grpc.KeepaliveParams(keepalive.ServerParameters{MaxConnectionIdle: maxIdle, Time: time.Minute, Timeout: 20 * time.Second}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 10 * time.Second, PermitWithoutStream: true}),
		grpc.MaxRecvMsgSize(maxRequest),
		grpc.MaxConcurrentStreams(64),
		grpc.MaxHeaderListSize(16<<10),
		grpc.ChainUnaryInterceptor(watchman.unary, mapErrors),
		grpc.ChainStreamInterceptor(endWith(ctx), watchman.stream),
	)
	sixfoldv1.RegisterConfigServiceServer(g, &configService{backend: s.backend})
	sixfoldv1.RegisterStateServiceServer(g, &stateService{
		backend: s.backend, version: s.version, started: s.started, audit: s.audit, streams: newStreams(s.limits),
	})
	sixfoldv1.RegisterOperateServiceServer(g, &operateService{backend: s.backend})
	alive := health.NewServer()
	healthv1.RegisterHealthServer(g, alive)
	reflection.Register(g)
	for name := range g.GetServiceInfo() {
		alive.SetServingStatus(name, healthv1.HealthCheckResponse_SERVING)
	}
	watchman.rules = rulesOf(g.GetServiceInfo())
	return g, alive
}

// serve serves a listener on TCP, if Run runs. s.mu is held.
func (s *Server) serve(l *tcpListener) {
	g := s.grpc
	if g == nil {
		return
	}
	s.log.Info("api: listening", "address", l.at.String())
	s.serving.Go(func() {
		if err := g.Serve(l); err != nil && !l.closed.Load() {
			s.log.Error("api: a listener ended", "address", l.at.String(), "error", err)
		}
	})
}

// halt closes the listeners on TCP, and stops g, gracefully if it can.
func (s *Server) halt(g *grpc.Server) {
	s.mu.Lock()
	s.grpc = nil
	for at, l := range s.tcp {
		_ = l.Close()
		delete(s.tcp, at)
	}
	s.mu.Unlock()
	if g == nil {
		return
	}
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

// isRefused tells whether a dial failed because nobody listens any more.
func isRefused(err error) bool { return errors.Is(err, syscall.ECONNREFUSED) }
