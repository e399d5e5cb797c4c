package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sixfold-router/sixfold/api"
	"github.com/sixfold-router/sixfold/router"
	"github.com/sixfold-router/sixfold/router/event"
)

// startDaemon serves b on a socket until stop is called.
func startDaemon(t *testing.T, b api.Backend, socket string) (stop func()) {
	t.Helper()
	s := api.NewServer(slog.New(slog.DiscardHandler), b, "v1.2.3")
	if err := s.Listen(socket); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(stop)
	return stop
}

// running is a command line that goes on until it is stopped.
type running struct {
	t        *testing.T
	out, err *bufio.Reader
	stop     context.CancelFunc
	done     chan int
}

// start runs a command line; all that it writes must be read.
func start(t *testing.T, args ...string) *running {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	outR, outW := io.Pipe()
	errR, errW := io.Pipe()
	r := &running{t: t, out: bufio.NewReader(outR), err: bufio.NewReader(errR), stop: cancel, done: make(chan int, 1)}
	go func() {
		r.done <- run(ctx, args, strings.NewReader(""), outW, errW)
		outW.Close()
		errW.Close()
	}()
	t.Cleanup(func() {
		cancel()
		outR.Close()
		errR.Close()
	})
	return r
}

// line reads up to a line that has text in it, and returns what was read.
func (r *running) line(from *bufio.Reader, text string) string {
	r.t.Helper()
	var all strings.Builder
	for {
		l, err := from.ReadString('\n')
		all.WriteString(l)
		if err != nil {
			r.t.Fatalf("no line with %q in\n%s", text, all.String())
		}
		if strings.Contains(l, text) {
			return all.String()
		}
	}
}

func apply(t *testing.T, b interface {
	Commit(context.Context, router.CommitRequest) (router.Committed, error)
}, name string) {
	t.Helper()
	if _, err := b.Commit(t.Context(), router.CommitRequest{Name: name, Text: "system: {hostname: " + name + "}\n", Author: "root"}); err != nil {
		t.Fatal(err)
	}
}

func TestWatchPrintsChanges(t *testing.T) {
	b := sample(time.Now())
	apply(t, b, "one")
	socket := filepath.Join(t.TempDir(), "s")
	stop := startDaemon(t, b, socket)
	r := start(t, "show", "revisions", "--watch=100ms", "--socket", socket)
	first := r.line(r.out, "one")
	if !strings.HasPrefix(first, "   REV  ") {
		t.Errorf("first %q", first)
	}
	apply(t, b, "two")
	second := r.line(r.out, "two")
	if !strings.HasPrefix(second, "\n   REV  ") || strings.Count(second, "REV") != 1 {
		t.Errorf("what did not change was printed again: %q", second)
	}
	r.line(r.out, "one")

	// The daemon goes away and comes back.
	stop()
	r.line(r.err, "no daemon: waiting for it")
	startDaemon(t, b, socket)
	apply(t, b, "three")
	r.line(r.out, "three")
	r.line(r.out, "one")
	r.stop()
	if code := <-r.done; code != exitOK {
		t.Errorf("exit code %d after Ctrl-C", code)
	}
}

func TestWatchJSON(t *testing.T) {
	b := sample(time.Now())
	apply(t, b, "one")
	socket := filepath.Join(t.TempDir(), "s")
	startDaemon(t, b, socket)
	r := start(t, "show", "revisions", "--watch=100ms", "--json", "--socket", socket)
	d := json.NewDecoder(r.out)
	for _, want := range []int{1, 2} {
		var got struct{ Revisions []any }
		if err := d.Decode(&got); err != nil || len(got.Revisions) != want {
			t.Fatalf("document with %d revisions, want %d: %v", len(got.Revisions), want, err)
		}
		apply(t, b, "two")
	}
	r.stop()
	if code := <-r.done; code != exitOK {
		t.Errorf("exit code %d", code)
	}
}

func TestMonitor(t *testing.T) {
	b := sample(time.Now())
	socket := filepath.Join(t.TempDir(), "s")
	stop := startDaemon(t, b, socket)
	r := start(t, "monitor", "--past", "2", "--socket", socket)
	if got := r.line(r.out, "neighbor isp is up"); strings.Contains(got, "lease") || !strings.Contains(got, "  bgp        neighbor") {
		t.Errorf("%q", got)
	}
	r.line(r.out, "drift")
	j := start(t, "monitor", "bgp", "lease", "--match", "isp", "--past", "9", "--json", "--socket", socket)
	var past map[string]any
	if err := json.Unmarshal([]byte(j.line(j.out, "bgp")), &past); err != nil || past["subject"] != "isp" {
		t.Errorf("%v, %v", past, err)
	}
	b.Ring.Publish(event.Event{Kind: event.Link, Subject: "isp0", Text: "link isp0 is up"})
	b.Ring.Publish(event.Event{Kind: event.BGP, Subject: "isp", Text: "neighbor isp\x1b[2J is down"})
	if got := r.line(r.out, "is down"); strings.Contains(got, "\x1b") || strings.Count(got, "\n") != 2 {
		t.Errorf("%q", got)
	}
	if got := j.line(j.out, "is down"); strings.Count(got, "\n") != 1 {
		t.Errorf("kinds and text were not heeded: %q", got)
	}
	j.stop()
	if code := <-j.done; code != exitOK {
		t.Errorf("exit code %d after Ctrl-C", code)
	}
	stop()
	r.line(r.err, "went away during the call")
	if code := <-r.done; code != exitNoDaemon {
		t.Errorf("exit code %d after the end of the daemon", code)
	}
}

func TestScreenLines(t *testing.T) {
	for _, tt := range []struct {
		body   string
		height int
		want   string
	}{
		{"", 4, "head|"},
		{"a\nb\n", 4, "head||a|b"},
		{"a\nb\nc\n", 4, "head||a|… and 2 lines more"},
	} {
		if diff := cmp.Diff(tt.want, strings.Join(screenLines("head", tt.body, tt.height), "|")); diff != "" {
			t.Errorf("%q in %d lines (-want +got):\n%s", tt.body, tt.height, diff)
		}
	}
}

func TestStyle(t *testing.T) {
	tab := newTable("NAME", "STATE", ">N")
	tab.style = style{on: true}
	tab.add("established", "established", "1")
	tab.add("b", "failed: why", "20")
	want := "\x1b[1mNAME\x1b[0m         \x1b[1mSTATE\x1b[0m         \x1b[1mN\x1b[0m\n" +
		"established  \x1b[32mestablished\x1b[0m   1\nb            \x1b[31mfailed: why\x1b[0m  20\n"
	var out bytes.Buffer
	if err := tab.write(&out); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff("\x1b[1m--- a\x1b[0m\n\x1b[36m@@\x1b[0m\n same\n\x1b[31m-x\x1b[0m\n\x1b[32m+y\x1b[0m\n", style{on: true}.diff("--- a\n@@\n same\n-x\n+y\n")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
