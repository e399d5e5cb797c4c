package api

import (
	"context"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	reflectionv1 "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"

	"github.com/sixfold-router/sixfold/api/apitest"
	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
)

var _ Backend = (*apitest.Backend)(nil)

// running starts a server and returns a connection to it, with what ends it and waits for that.
func running(t *testing.T, b Backend) (conn *grpc.ClientConn, path string, stop func() error) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "s")
	s := NewServer(slog.New(slog.DiscardHandler), b, "v1.2.3")
	s.started = sampleNow
	if err := s.Listen(path); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	result := make(chan error, 1)
	go func() { result <- s.Run(ctx) }()
	stopped := false
	stop = func() error {
		if stopped {
			return nil
		}
		stopped = true
		cancel()
		return <-result
	}
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	conn, err := grpc.NewClient("unix:"+path, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn, path, stop
}

func TestHealthAndReflection(t *testing.T) {
	conn, path, _ := running(t, apitest.Sample(sampleNow))
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o666 {
		t.Errorf("socket: mode %v, error %v, want 0666", info.Mode(), err)
	}
	for _, service := range []string{"", "sixfold.v1.StateService", "sixfold.v1.ConfigService", "sixfold.v1.OperateService"} {
		r, err := healthv1.NewHealthClient(conn).Check(t.Context(), &healthv1.HealthCheckRequest{Service: service})
		if err != nil || r.GetStatus() != healthv1.HealthCheckResponse_SERVING {
			t.Errorf("health of %q: %v, %v, want SERVING", service, r, err)
		}
	}
	stream, err := reflectionv1.NewServerReflectionClient(conn).ServerReflectionInfo(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Send(&reflectionv1.ServerReflectionRequest{MessageRequest: &reflectionv1.ServerReflectionRequest_ListServices{}}); err != nil {
		t.Fatal(err)
	}
	r, err := stream.Recv()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, s := range r.GetListServicesResponse().GetService() {
		names = append(names, s.GetName())
	}
	for _, want := range []string{"sixfold.v1.ConfigService", "sixfold.v1.OperateService", "sixfold.v1.StateService"} {
		if !slices.Contains(names, want) {
			t.Errorf("reflection lists %q, without %s", names, want)
		}
	}
}

func TestStop(t *testing.T) {
	for _, tt := range []struct {
		name    string
		release bool
		want    codes.Code
	}{
		{"a call in progress finishes", true, codes.OK},
		{"a call that hangs is cut off", false, codes.Unavailable},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := &apitest.Backend{Block: make(chan struct{})}
			conn, path, stop := running(t, b)
			// A health watch never ends by itself, and may not hold up the stop.
			watch, err := healthv1.NewHealthClient(conn).Watch(t.Context(), &healthv1.HealthCheckRequest{})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := watch.Recv(); err != nil {
				t.Fatal(err)
			}
			called := make(chan error, 1)
			go func() {
				_, err := sixfoldv1.NewStateServiceClient(conn).ListPending(context.Background(), &sixfoldv1.ListPendingRequest{})
				called <- err
			}()
			eventually(t, "the call is in progress", func() bool { return b.Waiting() == 1 })
			begin := time.Now()
			if tt.release {
				time.AfterFunc(50*time.Millisecond, func() { close(b.Block) })
			}
			if err := stop(); err != nil {
				t.Errorf("Run: %v", err)
			}
			if took := time.Since(begin); took > 2*stopGrace || tt.release && took >= stopGrace {
				t.Errorf("stop took %v", took)
			}
			if err := <-called; status.Code(err) != tt.want {
				t.Errorf("the call ended with %v, want %v", err, tt.want)
			}
			if _, err := os.Lstat(path); !os.IsNotExist(err) {
				t.Errorf("the socket is still there: %v", err)
			}
		})
	}
}

// eventually polls until a condition holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	deadline := time.After(10 * time.Second)
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("not within 10s: %s", what)
		}
	}
}

func TestRunNeedsListen(t *testing.T) {
	s := NewServer(slog.New(slog.DiscardHandler), &apitest.Backend{}, "")
	if err := s.Run(t.Context()); err == nil {
		t.Error("Run without Listen succeeded")
	}
	path := filepath.Join(t.TempDir(), "s")
	if err := s.Listen(path); err != nil {
		t.Fatal(err)
	}
	if err := s.Listen(path); err == nil {
		t.Error("Listen twice succeeded")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Run(ctx); err != nil {
		t.Errorf("Run in a context that ended: %v", err)
	}
}

func TestListen(t *testing.T) {
	for _, tt := range []struct {
		name    string
		prepare func(t *testing.T, path string)
		want    string // in the error; empty: none
	}{
		{"nothing there", func(*testing.T, string) {}, ""},
		{"left behind", func(t *testing.T, path string) {
			l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path})
			if err != nil {
				t.Fatal(err)
			}
			l.SetUnlinkOnClose(false)
			l.Close()
		}, ""},
		{"in use", func(t *testing.T, path string) {
			l, err := net.Listen("unix", path)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { l.Close() })
		}, "another sixfold listens"},
		{"a file", func(t *testing.T, path string) {
			if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
				t.Fatal(err)
			}
		}, "not a socket"},
		{"a datagram socket in use", func(t *testing.T, path string) {
			l, err := net.ListenPacket("unixgram", path)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { l.Close() })
		}, "somebody seems to listen"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "s")
			tt.prepare(t, path)
			l, err := listenUnix(path)
			if tt.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				l.Close()
				return
			}
			if err == nil {
				l.Close()
				t.Fatalf("it was replaced; want an error with %q", tt.want)
			}
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %q, want one with %q", err, tt.want)
			}
			if _, err := os.Lstat(path); err != nil {
				t.Errorf("it was removed: %v", err)
			}
		})
	}
}

func TestListenMakesDirectory(t *testing.T) {
	path := filepath.Join(t.TempDir(), "run", "sixfold", "s")
	l, err := listenUnix(path)
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
}
