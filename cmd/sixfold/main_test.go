package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/sixfold-router/sixfold/api"
	"github.com/sixfold-router/sixfold/api/apitest"
	"github.com/sixfold-router/sixfold/router"
	"github.com/sixfold-router/sixfold/router/change"
	"github.com/sixfold-router/sixfold/router/event"
	"github.com/sixfold-router/sixfold/router/health"
	"github.com/sixfold-router/sixfold/router/plan"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"sixfold": main})
}

// TestScript runs the command lines of testdata/script against a daemon that has apitest.Sample behind it.
func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			b := sample(time.Now())
			socket, err := serve(env, b, "full")
			if err != nil {
				return err
			}
			empty, err := serve(env, &apitest.Backend{}, "empty")
			if err != nil {
				return err
			}
			many := &apitest.Backend{}
			for i := range pageSize + 500 {
				many.PendingList = append(many.PendingList, plan.Pending{What: strconv.Itoa(i), Reason: "for pages"})
			}
			pages, err := serve(env, many, "many")
			if err != nil {
				return err
			}
			denied, err := serve(env, &apitest.Backend{Fail: status.Error(codes.PermissionDenied, "joe may not do that: ask for the role admin")}, "denied")
			if err != nil {
				return err
			}
			hangs, err := serve(env, &apitest.Backend{Block: make(chan struct{})}, "hangs")
			if err != nil {
				return err
			}
			env.Values["backend"] = b
			env.Setenv("SIXFOLD_SOCKET", socket)
			env.Setenv("EMPTY", empty)
			env.Setenv("MANY", pages)
			env.Setenv("HANGS", hangs)
			env.Setenv("DENIED", denied)
			env.Setenv("TZ", "UTC")
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits,
			"told":  told,
		},
	})
}

// sample is apitest.Sample with what a commit would do, and with what happened lately.
func sample(now time.Time) *apitest.Backend {
	b := apitest.Sample(now)
	b.OperationList = []router.Operation{
		{Unit: "kernel", Op: change.Op{Object: "lan0", Action: "set mtu to 1400"}},
		{Unit: "vxlan", Op: change.Op{Class: change.Recreate, Object: "vxlan1000", Action: "make it again with port 4790"},
			Warning: "forwarding through vxlan1000 stops for a moment"},
		{Unit: "bgp", Op: change.Op{Class: change.Delete, Object: "neighbor lab", Action: "end the session"}, Warning: "the BGP session ends"},
	}
	b.DriftList = []health.Drift{
		{ID: 1, Time: now.Add(-time.Hour), Unit: "kernel", Object: "lan0", What: "address 2001:db8:1::1/64 was missing"},
		{ID: 2, Time: now.Add(-time.Minute), Unit: "vxlan", Object: "vxlan1000", What: "it was missing", Problem: "operation not supported"},
	}
	b.Ring = event.New(100)
	for _, e := range []event.Event{
		{Kind: event.Lease, Subject: "2001:db8:1:100::/60", Link: "lan0", Action: "bound", Text: "2001:db8:1:100::/60 was given to fe80::5054:ff:fed6:c2a9 on lan0"},
		{Kind: event.BGP, Subject: "isp", Action: "up", Text: "neighbor isp is up"},
		{Kind: event.Drift, Subject: "lan0", Link: "lan0", Action: "mended", Text: "lan0: address 2001:db8:1::1/64 was missing"},
	} {
		e.Time = now.Add(-time.Minute)
		b.Ring.Publish(e)
	}
	return b
}

// serve starts a daemon's API on a socket whose path is short enough for a socket.
func serve(env *testscript.Env, b api.Backend, name string) (string, error) {
	dir, err := os.MkdirTemp("", "sixfold")
	if err != nil {
		return "", err
	}
	socket := filepath.Join(dir, name)
	s := api.NewServer(slog.New(slog.DiscardHandler), b, "v1.2.3")
	if err := s.Listen(socket); err != nil {
		return "", err
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := s.Run(ctx); err != nil {
			panic(err)
		}
	}()
	env.Defer(func() {
		cancel()
		<-done
		os.RemoveAll(dir)
	})
	return socket, nil
}

// exits runs a program and compares its exit code: exits 3 sixfold config check FILE.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM [ARGUMENT]...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	err = ts.Exec(args[1], args[2:]...)
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		got = exit.ExitCode()
	case err != nil:
		ts.Fatalf("%v", err)
	}
	if got != want {
		ts.Fatalf("%q exits with %d, want %d", args[1:], got, want)
	}
}

// told compares what the daemon was told last: told release delegation isp.
func told(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: told 'WHAT'")
	}
	done := ts.Value("backend").(*apitest.Backend).Done()
	if len(done) == 0 || done[len(done)-1] != args[0] {
		ts.Fatalf("the daemon was told %q, want %q last", done, args[0])
	}
}
