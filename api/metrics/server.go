package metrics

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"
)

const (
	// scrapeLimit is how long one scrape may take; what did not answer by then is missing from it.
	scrapeLimit = 8 * time.Second
	// maxConnections bounds how many clients are connected; more are turned away.
	maxConnections = 16
	// watchDevice is how often the device that we are bound to is looked at: one that was made anew needs a new socket.
	watchDevice = 5 * time.Second
)

// Config says where to serve metrics.
type Config struct {
	Listen netip.AddrPort // invalid: nowhere
	Device string         // interface or VRF; empty: all
}

// Server serves metrics. Make one with New, tell it where with Apply, and Run it.
type Server struct {
	log     *slog.Logger
	handler http.Handler
	changed chan struct{} // has an element when current is another than Run serves

	mu      sync.Mutex // guards all below
	config  Config     // what current listens on
	current *listener  // nil: off
}

// New returns a server of what backend knows. version is that of the program.
func New(log *slog.Logger, backend Backend, version string) *Server {
	return &Server{log: log, handler: newHandler(log, backend, version), changed: make(chan struct{}, 1)}
}

// Apply listens where want says, from now on or as soon as Run runs. It is safe to repeat: what is so already stays as it is,
// with its connections. If it fails metrics are served where they were before.
func (s *Server) Apply(ctx context.Context, want Config) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current == nil && !want.Listen.IsValid() || s.current != nil && want == s.config {
		return nil
	}
	had, closed := s.config, s.current != nil && samePort(s.current, want.Listen)
	if closed || !want.Listen.IsValid() {
		s.set(nil, Config{}) // the port is free only after this
	}
	if !want.Listen.IsValid() {
		return nil
	}
	l, err := listen(ctx, want)
	if err == nil {
		s.set(l, want)
		return nil
	}
	err = fmt.Errorf("serve metrics on %s: %w", want, err)
	if closed {
		old, again := listen(ctx, had)
		if again != nil {
			return errors.Join(err, again)
		}
		s.set(old, had)
	}
	return err
}

// samePort reports whether a listener may be in the way of an address.
func samePort(l *listener, a netip.AddrPort) bool {
	tcp, ok := l.Addr().(*net.TCPAddr)
	return ok && tcp.Port == int(a.Port())
}

// String is the configuration for messages.
func (c Config) String() string {
	if c.Device != "" {
		return fmt.Sprintf("%s of %s", c.Listen, c.Device)
	}
	return c.Listen.String()
}

// set replaces the listener. s.mu is held.
func (s *Server) set(l *listener, c Config) {
	if s.current != nil {
		s.current.Close()
	}
	s.current, s.config = l, c
	select {
	case s.changed <- struct{}{}:
	default:
	}
}

// Address returns where the server listens, with the port that was found if none was given; nil if it does not.
func (s *Server) Address() net.Addr {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current == nil {
		return nil
	}
	return s.current.Addr()
}

// Run serves until ctx ends, and leaves no listener: to serve again it needs an Apply.
func (s *Server) Run(ctx context.Context) error {
	var serving sync.WaitGroup
	defer serving.Wait()
	var server *http.Server
	var served *listener
	stop := func() {
		if server != nil {
			server.Close()
		}
		server, served = nil, nil
	}
	defer func() {
		stop()
		s.mu.Lock()
		if s.current != nil {
			s.current.Close()
		}
		s.current, s.config = nil, Config{}
		s.mu.Unlock()
	}()
	look := time.NewTicker(watchDevice)
	defer look.Stop()
	for {
		s.mu.Lock()
		current := s.current
		var due <-chan time.Time
		if s.config.Device != "" {
			due = look.C // a ticker that nobody waits for wakes nobody
		}
		s.mu.Unlock()
		if current != served {
			stop()
			if served = current; current != nil {
				server = s.newServer()
				serving.Go(func() { s.serve(server, current) })
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-s.changed:
		case <-due:
			s.followDevice(ctx)
		}
	}
}

func (s *Server) newServer() *http.Server {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", s.handler)
	return &http.Server{
		Handler:           mux,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       5 * time.Second,
		// A scrape may have to wait for another one.
		WriteTimeout:   3 * scrapeLimit,
		IdleTimeout:    time.Minute * 2,
		MaxHeaderBytes: 8 << 10,
		ErrorLog:       slog.NewLogLogger(s.log.Handler(), slog.LevelDebug), // what clients do wrong
	}
}

func (s *Server) serve(server *http.Server, l *listener) {
	s.log.Info("metrics are served", "address", l.Addr())
	err := server.Serve(l)
	if err != nil && !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
		s.log.Error("metrics are no longer served", "address", l.Addr(), "error", err)
	}
}

// followDevice opens the socket again when the device was made anew: a socket is bound to its old number.
func (s *Server) followDevice(ctx context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current == nil || s.config.Device == "" {
		return
	}
	index, err := deviceIndex(s.config.Device)
	if err != nil || index == s.current.device {
		return // one that is gone may come back
	}
	want := s.config
	s.current.Close()
	l, err := listen(ctx, want)
	if err != nil {
		// The old one has no number any more, so that the next look tries again.
		s.current.device = 0
		s.log.Warn("cannot serve metrics", "address", want, "error", err)
		return
	}
	s.set(l, want)
}
