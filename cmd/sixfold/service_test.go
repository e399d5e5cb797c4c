package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sixfold-router/sixfold/router/health"
)

// patient is a router whose state tests choose.
type patient struct {
	settled chan struct{}
	mu      sync.Mutex
	hangs   bool
	problem string
}

func (p *patient) Settled(ctx context.Context) error {
	select {
	case <-p.settled:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (p *patient) Alive(ctx context.Context) error {
	p.mu.Lock()
	hangs := p.hangs
	p.mu.Unlock()
	if hangs {
		<-ctx.Done()
		return errors.New("the plan is held for too long")
	}
	return nil
}

func (p *patient) Units(context.Context) ([]health.Unit, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return []health.Unit{{Name: "kernel"}, {Name: "bgp", Problem: p.problem}}, nil
}

func (p *patient) set(hangs bool, problem string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hangs, p.problem = hangs, problem
}

func TestService(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var told []string
		began := time.Now()
		s := &service{log: slog.New(slog.DiscardHandler), every: statusEvery, watchdog: 20 * time.Second, send: func(text string) error {
			mu.Lock()
			defer mu.Unlock()
			told = append(told, time.Since(began).String()+" "+strings.ReplaceAll(text, "\n", " "))
			return nil
		}}
		heard := func() []string {
			synctest.Wait()
			mu.Lock()
			defer mu.Unlock()
			out := told
			told = nil
			return out
		}
		is := func(want ...string) {
			t.Helper()
			if diff := cmp.Diff(want, heard()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		}
		after := func(d time.Duration) {
			select {
			case <-time.After(d):
			case <-t.Context().Done():
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		p := &patient{settled: make(chan struct{})}
		done := make(chan error, 1)
		go func() { done <- s.run(ctx, p) }()
		after(time.Second)
		is()
		close(p.settled)
		is("1s READY=1 STATUS=all of the configuration is in force", "1s WATCHDOG=1")
		p.set(false, "listen on port 179: address already in use")
		after(6 * time.Second)
		is("6s WATCHDOG=1 STATUS=bgp: listen on port 179: address already in use")
		// What hangs is found out in time for the watchdog, and what recovers is forgiven.
		p.set(true, "")
		after(18 * time.Second)
		is("21s STATUS=hangs: the plan is held for too long")
		p.set(false, "")
		after(8 * time.Second)
		got := heard()
		if len(got) == 0 || !strings.Contains(got[len(got)-1], "WATCHDOG=1") {
			t.Errorf("after it recovered: %q", got)
		}
		s.reload(func() {})
		if got := heard(); len(got) != 2 || !strings.Contains(got[0], "RELOADING=1 MONOTONIC_USEC=") || !strings.HasSuffix(got[1], " READY=1") {
			t.Errorf("reload: %q", got)
		}
		s.stopping()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		s.tell("READY=1", "late")
		if got := heard(); len(got) != 1 || !strings.HasSuffix(got[0], "STOPPING=1 STATUS=stops") {
			t.Errorf("stop: %q", got)
		}
	})
}

// What is sent arrives at the socket that systemd names.
func TestServiceSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notify")
	socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	t.Setenv("NOTIFY_SOCKET", path)
	t.Setenv("WATCHDOG_USEC", "30000000")
	s := newService(slog.New(slog.DiscardHandler))
	if s.watchdog != 30*time.Second {
		t.Errorf("watchdog of %s", s.watchdog)
	}
	s.tell("READY=1", "well")
	if err := socket.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 1000)
	n, err := socket.Read(b)
	if err != nil || string(b[:n]) != "READY=1\nSTATUS=well" {
		t.Errorf("%q, %v", b[:n], err)
	}
	// Nobody asks.
	t.Setenv("NOTIFY_SOCKET", "")
	t.Setenv("WATCHDOG_USEC", "")
	if s := newService(slog.New(slog.DiscardHandler)); s.watchdog != 0 || s.send("READY=1") != nil {
		t.Error("it tells somebody who did not ask")
	}
}
