package router

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/sixfold-router/sixfold/router/plan"
)

func TestAlive(t *testing.T) {
	r, err := New(slog.New(slog.DiscardHandler), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	soon := func() context.Context {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		t.Cleanup(cancel)
		return ctx
	}
	if err := r.Alive(t.Context()); err != nil {
		t.Error(err)
	}
	if err := r.Settled(soon()); err == nil {
		t.Error("it is settled before a plan was applied")
	}
	r.applying.Lock()
	if err := r.Alive(soon()); err == nil || !strings.HasPrefix(err.Error(), "the plan is held") {
		t.Errorf("while a plan is applied: %v", err)
	}
	// A commit may take its time, and no more; what is applied otherwise has to get ahead.
	commit, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	end := r.progress.limit(commit)
	if err := r.Alive(soon()); err != nil {
		t.Errorf("while a commit has time left: %v", err)
	}
	cancel()
	over, cancel := context.WithTimeout(t.Context(), -time.Second)
	defer cancel()
	r.progress.limit(over)
	if err := r.Alive(soon()); err == nil {
		t.Error("a commit that should have ended holds the plan, and nothing is told")
	}
	end()
	if err := r.Alive(soon()); err == nil {
		t.Error("no commit has time left, and nothing is told")
	}
	before := r.progress.steps.Load()
	if r.progress.steps.Add(1); !r.progress.since(before, time.Now()) {
		t.Error("a unit that got its part is no progress")
	}
	r.plan = &plan.Plan{}
	if err := r.Settled(soon()); err == nil {
		t.Error("it is settled while the first plan is applied")
	}
	r.applying.Unlock()
	if err := r.Settled(t.Context()); err != nil {
		t.Error(err)
	}
	r.mu.Lock()
	if err := r.Alive(soon()); err == nil || !strings.HasPrefix(err.Error(), "the state is held") {
		t.Errorf("while the state is locked: %v", err)
	}
	r.mu.Unlock()
	if err := r.Alive(t.Context()); err != nil {
		t.Error(err)
	}
}
