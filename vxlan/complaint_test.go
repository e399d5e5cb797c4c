package vxlan

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestComplaint tells of what stays wrong, once, and not of what is over soon.
func TestComplaint(t *testing.T) {
	var c complaint
	start := time.Unix(1000, 0)
	for _, step := range []struct {
		after time.Duration
		text  string
		due   bool
		wait  time.Duration
	}{
		{0, "", false, recheck},
		{1 * time.Second, "no link", false, patient},
		{2 * time.Second, "", false, recheck}, // it was over before
		{3 * time.Second, "no link", false, patient},
		{4 * time.Second, "no link", false, patient - time.Second},
		{5 * time.Second, "no link", true, recheck},
		{9 * time.Second, "no link", false, recheck}, // told already
		{10 * time.Second, "no room", false, patient},
		{19 * time.Second, "no room", true, recheck},
		{20 * time.Second, "", false, recheck},
	} {
		now := start.Add(step.after)
		if due := c.due(step.text, now); due != step.due {
			t.Errorf("after %v: due %v", step.after, due)
		}
		if wait := c.wait(recheck, now); wait != step.wait {
			t.Errorf("after %v: wait %v, not %v", step.after, wait, step.wait)
		}
	}
}

// sharedBuffer is a log that is read while it is written.
type sharedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *sharedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

// warnings are the lines of which there should be none.
func (b *sharedBuffer) warnings() (n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Count(b.b.String(), "level=WARN")
}

// TestKernelComplaint has a link go together with the device on it, which is no news, and one go that is still needed, which is.
func TestKernelComplaint(t *testing.T) {
	var log sharedBuffer
	m := New(slog.New(slog.NewTextHandler(&log, nil)))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- m.Run(ctx) }()
	missing := func() error {
		if all := m.Status(); len(all) != 1 || all[0].Problem == "" {
			return fmt.Errorf("%+v", all)
		}
		return nil
	}
	wire(t, "first")
	apply(t, m, config(device("vxlan1000", 1000)))
	sh(t, "ip link del u0")
	eventually(t, "problem", missing)
	apply(t, m, config())
	wire(t, "second")
	apply(t, m, config(device("vxlan1000", 1000)))
	if n := log.warnings(); n != 0 {
		t.Errorf("%d warnings about a link that was not needed any more", n)
	}
	sh(t, "ip link del u0")
	eventually(t, "a warning", func() error {
		if n := log.warnings(); n != 1 {
			return fmt.Errorf("%d warnings", n)
		}
		return nil
	})
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
