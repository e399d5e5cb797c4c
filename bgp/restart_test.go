package bgp

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/sixfold-router/sixfold/router/rib"
)

func TestMarker(t *testing.T) {
	now := time.Now()
	for _, tt := range []struct {
		name string
		text string // empty: no file
		age  time.Duration
		want bool
	}{
		{name: "none"},
		{name: "just now", text: bootID(), want: true},
		{name: "as long as neighbors wait", text: bootID(), age: restartTime, want: true},
		{name: "longer", text: bootID(), age: restartTime + markerAge + time.Second},
		{name: "before the machine was started", text: "e3d3a0a8-1f1c-4d7e-9f5a-000000000000"},
		{name: "garbage", text: "\x00"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := marker{path: filepath.Join(t.TempDir(), "bgp")}
			if tt.text != "" {
				if err := os.WriteFile(m.path, []byte(tt.text+"\n"), 0o600); err != nil {
					t.Fatal(err)
				}
				if err := os.Chtimes(m.path, now.Add(-tt.age), now.Add(-tt.age)); err != nil {
					t.Fatal(err)
				}
			}
			if got := m.left(now); got != tt.want {
				t.Errorf("left = %v, want %v", got, tt.want)
			}
		})
	}
	var none marker
	if none.renew(now) != nil || none.remove() != nil || none.left(now) {
		t.Error("a marker without a path does something")
	}
}

// The marker is there as long as there may be sessions, goes with a goodbye, and stays without one.
func TestMarkerLifecycle(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bgp")
	run := func(keep bool) (restarted bool) {
		port, l := freePort(t)
		l.Close()
		s := New(slog.New(slog.DiscardHandler), (&rib.Table{}).In(rib.MainTable))
		s.RememberIn(path)
		c := Config{ASN: 65000, RouterID: ip("192.0.2.1"), Port: port,
			Neighbors: neighbors(Neighbor{Name: "x", Address: ip("192.0.2.9"), RemoteAS: 65001, Shutdown: true})}
		if err := s.Apply(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- s.Run(ctx) }()
		eventually(t, 5*time.Second, "the marker", func() error {
			_, err := os.Stat(path)
			if err == nil && !s.Status().Running {
				err = errors.New("not running")
			}
			return err
		})
		s.apply.Lock()
		restarted = s.inst.returned(time.Now())
		s.apply.Unlock()
		if keep {
			s.KeepRoutes()
		}
		cancel()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		return restarted
	}
	if run(true) {
		t.Error("the first start is no restart")
	}
	if _, err := os.Stat(path); err != nil {
		t.Errorf("without a goodbye: %v", err)
	}
	if !run(false) {
		t.Error("the second is a restart")
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("after a goodbye: %v", err)
	}
	if run(false) {
		t.Error("the third is none")
	}
}

func TestEarly(t *testing.T) {
	table := &rib.Table{}
	start := time.Now()
	i := &instance{speaker: &Speaker{table: table.In(rib.MainTable)}, started: start}
	c := Config{Announce: []rib.Source{rib.Static, rib.Delegated, rib.BGP}}
	check := func(what string, want bool, after time.Duration) {
		t.Helper()
		if got := i.early(c, start.Add(after)); got != want {
			t.Errorf("%s: %v, want %v", what, got, want)
		}
	}
	check("no restart", false, 0)
	i.restarted = true
	check("nothing is ready", true, 0)
	table.SetReady(rib.Static)
	check("leases are not ready", true, time.Second)
	check("long enough", false, sourcesDue)
	table.SetReady(rib.Delegated)
	check("all that is announced is ready", false, 0)
}
