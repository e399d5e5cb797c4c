package router

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sixfold-router/sixfold/integration/netns"
	"github.com/sixfold-router/sixfold/router/config"
	"github.com/sixfold-router/sixfold/router/revision"
)

// machine is a router that runs in the namespace of the tests, over one link, with a unit that fails on demand.
type machine struct {
	*Router
	t     *testing.T
	state string
	stop  func()

	mu      sync.Mutex
	fail    string   // the host name that the unit does not take
	applied []string // the host names that it took
}

// boot starts a router on what is in state, or else with text.
func boot(t *testing.T, state, text string) *machine {
	t.Helper()
	m := &machine{t: t, state: state}
	file := filepath.Join(state, "config.yaml")
	if _, err := os.Stat(file); err != nil {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	r, err := New(slog.New(slog.NewTextHandler(io.Discard, nil)), filepath.Join(state, "state"))
	if err != nil {
		t.Fatal(err)
	}
	m.Router = r
	r.Attach(Extension{Name: "picky", Part: func(c *config.Config) any { return c.Hostname }, Apply: func(_ context.Context, c *config.Config) error {
		m.mu.Lock()
		defer m.mu.Unlock()
		if c.Hostname != "" && c.Hostname == m.fail {
			return errors.New("this name is taken")
		}
		m.applied = append(m.applied, c.Hostname)
		return nil
	}})
	if err := r.Boot(file); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := r.Run(ctx); err != nil {
			t.Errorf("run: %v", err)
		}
	}()
	m.stop = sync.OnceFunc(func() {
		cancel()
		<-done
		r.Close()
	})
	t.Cleanup(m.stop)
	netns.Within(t, 10*time.Second, "the first configuration in force", func() error { return r.reconcile(t.Context()) })
	return m
}

func (m *machine) link(name string) {
	m.t.Helper()
	netns.Cable(m.t, netns.End{Node: netns.Own(), Name: name}, netns.End{Node: netns.Own(), Name: name + "p"})
}

// addresses returns our addresses on a link, as the kernel has them.
func (m *machine) addresses(link string) string {
	m.t.Helper()
	if err := m.monitor.Refresh(m.t.Context()); err != nil {
		m.t.Fatal(err)
	}
	var out []string
	for _, a := range m.monitor.Links()[link].Addresses {
		if a.Ours {
			out = append(out, a.Prefix.String())
		}
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

// history lists the revisions.
func (m *machine) history() string {
	m.t.Helper()
	all, err := m.Revisions(m.t.Context())
	if err != nil {
		m.t.Fatal(err)
	}
	var out []string
	for _, r := range all {
		s := fmt.Sprintf("%d:%s", r.ID, r.Result)
		if r.Running {
			s += "*"
		}
		out = append(out, s)
	}
	return strings.Join(out, " ")
}

func (m *machine) commit(text string, within time.Duration) (Committed, error) {
	m.t.Helper()
	return m.Commit(m.t.Context(), CommitRequest{Name: "test.yaml", Text: text, ConfirmWithin: within, Author: "alice"})
}

func (m *machine) must(done Committed, err error) Committed {
	m.t.Helper()
	if err != nil {
		m.t.Fatalf("commit: %v", err)
	}
	return done
}

func (m *machine) expect(what, got, want string) {
	m.t.Helper()
	if got != want {
		m.t.Errorf("%s: %s\nwant %s", what, got, want)
	}
}

func linkConfig(link, host, address string) string {
	return fmt.Sprintf("# %s\nsystem: {hostname: %s}\ninterfaces:\n  %s: {addresses: [%s], dad: false}\n", host, host, link, address)
}

func TestCommitAndRollback(t *testing.T) {
	m := boot(t, t.TempDir(), linkConfig("c0", "one", "2001:db8:c::1/64"))
	m.link("c0")
	done := m.must(m.commit(linkConfig("c0", "two", "2001:db8:c::2/64"), 0))
	m.expect("addresses", m.addresses("c0"), "2001:db8:c::2/64")
	if done.Revision.ID != 2 || !done.Revision.Running || done.Revision.Author != "alice" || done.Revision.Base != 1 {
		t.Errorf("revision %+v", done.Revision)
	}
	writes := m.links.Writes()
	m.must(m.commit(linkConfig("c0", "two", "2001:db8:c::2/64"), 0))
	if n := m.links.Writes() - writes; n != 0 {
		t.Errorf("%d writes for the same text again", n)
	}
	m.expect("history", m.history(), "1:applied 2:applied*")
	rolled, err := m.Rollback(t.Context(), RollbackRequest{Author: "bob"})
	m.must(rolled, err)
	m.expect("addresses", m.addresses("c0"), "2001:db8:c::1/64")
	if r := rolled.Revision; r.ID != 3 || r.RollbackTo != 1 || r.Comment != "rollback to revision 1" || r.Author != "bob" {
		t.Errorf("revision of the rollback %+v", r)
	}
	_, text, err := m.Revision(t.Context(), 0)
	if err != nil || text != linkConfig("c0", "one", "2001:db8:c::1/64") {
		t.Errorf("running text %q, %v", text, err)
	}
	if _, err := m.Rollback(t.Context(), RollbackRequest{Revision: 77}); !errors.Is(err, ErrNoRevision) {
		t.Errorf("rollback to what never was: %v", err)
	}
}

func TestCommitIsRefused(t *testing.T) {
	m := boot(t, t.TempDir(), "system: {hostname: one}\n")
	var invalid *config.Errors
	if _, err := m.commit("system: {hostnam: x}\n", 0); !errors.As(err, &invalid) {
		t.Errorf("invalid text: %v", err)
	}
	m.must(m.commit("system: {hostname: two}\n", 0))
	var conflict *ConflictError
	_, err := m.Commit(t.Context(), CommitRequest{Name: "x", Text: "system: {hostname: three}\n", Base: 1})
	if !errors.As(err, &conflict) || conflict.Base != 1 || conflict.Running != 2 {
		t.Errorf("text made from an earlier revision: %v", err)
	}
	for _, within := range []time.Duration{time.Millisecond, 25 * time.Hour, -time.Second} {
		if _, err := m.commit("system: {hostname: three}\n", within); err == nil {
			t.Errorf("confirm within %s: no error", within)
		}
	}
	m.expect("history", m.history(), "1:applied 2:applied*")
}

func TestCommitThatFailsIsUndone(t *testing.T) {
	m := boot(t, t.TempDir(), linkConfig("f0", "one", "2001:db8:f::1/64"))
	m.link("f0")
	netns.Within(t, 5*time.Second, "address", func() error {
		if m.addresses("f0") == "" {
			return errors.New("none yet")
		}
		return nil
	})
	m.mu.Lock()
	m.fail = "bad"
	m.mu.Unlock()
	_, err := m.commit(linkConfig("f0", "bad", "2001:db8:f::2/64"), 0)
	var failure *CommitError
	if !errors.As(err, &failure) || failure.Unit != "picky" || failure.Reason != "this name is taken" || failure.Running != 1 || failure.NotRestored != "" {
		t.Errorf("error %#v", err)
	}
	m.expect("addresses", m.addresses("f0"), "2001:db8:f::1/64")
	m.expect("history", m.history(), "1:applied* 2:failed")
	m.mu.Lock()
	if last := m.applied[len(m.applied)-1]; last != "one" {
		t.Errorf("the unit has %q", last)
	}
	m.fail = ""
	m.mu.Unlock()
	m.must(m.commit(linkConfig("f0", "bad", "2001:db8:f::2/64"), 0))
	m.expect("history", m.history(), "1:applied 2:failed 3:applied*")
}

func TestRouteThatTheKernelRefusesUndoesTheCommit(t *testing.T) {
	m := boot(t, t.TempDir(), linkConfig("k0", "one", "2001:db8:a::1/64"))
	m.link("k0")
	netns.Own().Sh(t, "ip -6 route add 2001:db8:a:ff::/64 dev lo metric 512")
	t.Cleanup(func() { netns.Own().Run("ip", "-6", "route", "del", "2001:db8:a:ff::/64", "dev", "lo") })
	_, err := m.commit(linkConfig("k0", "two", "2001:db8:a::2/64")+"routes: {\"2001:db8:a:ff::/64\": {unreachable: true}}\n", 0)
	var failure *CommitError
	if !errors.As(err, &failure) || failure.Unit != "fib" || !strings.Contains(failure.Reason, "somebody else") {
		t.Errorf("error %v", err)
	}
	m.expect("addresses", m.addresses("k0"), "2001:db8:a::1/64")
	m.expect("history", m.history(), "1:applied* 2:failed")
}

func TestConfirm(t *testing.T) {
	m := boot(t, t.TempDir(), "system: {hostname: one}\n")
	if _, err := m.Confirm(t.Context(), 0, "alice"); !errors.Is(err, ErrNothingWaits) {
		t.Errorf("nothing waits: %v", err)
	}
	done := m.must(m.commit("system: {hostname: two}\n", time.Hour))
	if until := time.Until(done.Revision.ConfirmBy); until < 59*time.Minute || until > time.Hour || done.Revision.Result != revision.Unconfirmed {
		t.Errorf("revision %+v", done.Revision)
	}
	var waiting *WaitingError
	if _, err := m.commit("system: {hostname: three}\n", 0); !errors.As(err, &waiting) || waiting.Revision.ID != 2 {
		t.Errorf("commit meanwhile: %v", err)
	}
	if _, err := m.Rollback(t.Context(), RollbackRequest{Revision: 1}); !errors.As(err, &waiting) {
		t.Errorf("rollback meanwhile: %v", err)
	}
	if _, err := m.Confirm(t.Context(), 1, "alice"); !errors.Is(err, ErrNothingWaits) {
		t.Errorf("another one: %v", err)
	}
	rev, err := m.Confirm(t.Context(), 2, "alice")
	if err != nil || rev.Result != revision.Applied || !rev.Running || !rev.ConfirmBy.IsZero() {
		t.Errorf("confirmed %+v, %v", rev, err)
	}
	m.expect("history", m.history(), "1:applied 2:applied*")
}

func TestCancel(t *testing.T) {
	m := boot(t, t.TempDir(), linkConfig("x0", "one", "2001:db8:1::1/64"))
	m.link("x0")
	m.must(m.commit(linkConfig("x0", "two", "2001:db8:2::1/64"), time.Hour))
	m.expect("addresses", m.addresses("x0"), "2001:db8:2::1/64")
	rev, err := m.Cancel(t.Context(), 0, "alice")
	if err != nil || rev.ID != 1 || !rev.Running {
		t.Errorf("in force after the cancellation %+v, %v", rev, err)
	}
	m.expect("addresses", m.addresses("x0"), "2001:db8:1::1/64")
	m.expect("history", m.history(), "1:applied* 2:cancelled")
	m.must(m.commit(linkConfig("x0", "two", "2001:db8:2::1/64"), 0))
	m.expect("history", m.history(), "1:applied 2:cancelled 3:applied*")
}

func TestRevertAtTheDeadline(t *testing.T) {
	m := boot(t, t.TempDir(), linkConfig("d0", "one", "2001:db8:1::1/64"))
	m.link("d0")
	done := m.must(m.commit(linkConfig("d0", "two", "2001:db8:2::1/64"), time.Second))
	netns.Within(t, 10*time.Second, "the earlier address", func() error {
		if got := m.addresses("d0"); got != "2001:db8:1::1/64" {
			return fmt.Errorf("%s", got)
		}
		return nil
	})
	if late := time.Since(done.Revision.ConfirmBy); late > time.Second {
		t.Errorf("%s after the deadline", late)
	}
	netns.Within(t, 5*time.Second, "history", func() error {
		if got := m.history(); got != "1:applied* 2:reverted" {
			return errors.New(got)
		}
		return nil
	})
	// The timer of a revision that was confirmed or cancelled must not hit the next one.
	m.must(m.commit(linkConfig("d0", "two", "2001:db8:2::1/64"), time.Second))
	if _, err := m.Confirm(t.Context(), 0, "alice"); err != nil {
		t.Fatal(err)
	}
	next := m.must(m.commit(linkConfig("d0", "three", "2001:db8:3::1/64"), 3*time.Second))
	netns.Within(t, 10*time.Second, "revert to the confirmed one", func() error {
		if time.Now().Before(next.Revision.ConfirmBy) && m.addresses("d0") != "2001:db8:3::1/64" {
			t.Error("gone before its time")
		}
		if got := m.addresses("d0"); got != "2001:db8:2::1/64" {
			return errors.New(got)
		}
		return nil
	})
}

func TestStartAgain(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "config.yaml")
	m := boot(t, dir, "system: {hostname: one}\n")
	m.must(m.commit("system: {hostname: two}\n", 0))
	m.stop()

	m = boot(t, dir, "")
	m.expect("the committed revision wins over an old file", m.Submitted().Text, "system: {hostname: two}\n")
	m.must(m.commit("system: {hostname: three}\n", time.Hour))
	m.stop()

	m = boot(t, dir, "")
	m.expect("what was not confirmed is dropped", m.Submitted().Text, "system: {hostname: two}\n")
	m.expect("history", m.history(), "1:applied 2:applied* 3:reverted")
	m.stop()

	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("system: {hostname: edited}\n")
	m = boot(t, dir, "")
	m.expect("a file that was edited wins", m.Submitted().Text, "system: {hostname: edited}\n")
	m.expect("history", m.history(), "1:applied 2:applied 3:reverted 4:applied*")
	m.stop()

	write("system: {hostnam: typo}\n")
	m = boot(t, dir, "")
	m.expect("a file that is not valid does not", m.Submitted().Text, "system: {hostname: edited}\n")
	write("system: {hostname: reloaded}\n")
	if _, err := m.Reload(t.Context(), file); err != nil {
		t.Fatal(err)
	}
	m.expect("read again", m.Submitted().Text, "system: {hostname: reloaded}\n")
	m.stop()
	m = boot(t, dir, "")
	m.expect("history", m.history(), "1:applied 2:applied 3:reverted 4:applied 5:applied*")
}

func TestBootNeedsAConfiguration(t *testing.T) {
	dir := t.TempDir()
	r, err := New(slog.New(slog.NewTextHandler(io.Discard, nil)), filepath.Join(dir, "state"))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if err := r.Boot(filepath.Join(dir, "absent.yaml")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file and no revision: %v", err)
	}
	file := filepath.Join(dir, "config.yaml")
	if err := os.WriteFile(file, []byte("interfaces: 7\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var invalid *config.Errors
	if err := r.Boot(file); !errors.As(err, &invalid) {
		t.Errorf("invalid file and no revision: %v", err)
	}
}
