package kernel

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/sixfold-router/sixfold/integration/netns"
)

func TestMain(m *testing.M) { os.Exit(netns.Isolate(m)) }

func discard() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

// ip runs iproute2 and returns what it prints.
func ip(t testing.TB, args string) string {
	t.Helper()
	return netns.Own().Sh(t, "ip %s", args)
}

// sh runs a shell command here.
func sh(t testing.TB, command string) {
	t.Helper()
	netns.Own().Sh(t, "%s", command)
}

// veth makes a pair of links that are up, and removes it when the test ends.
func veth(t testing.TB, a, b string) {
	t.Helper()
	netns.Cable(t, netns.End{Node: netns.Own(), Name: a}, netns.End{Node: netns.Own(), Name: b})
}

// eventually polls until ok, for at most ten seconds.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	netns.Within(t, 10*time.Second, what, func() error {
		if !ok() {
			return errors.New("not yet")
		}
		return nil
	})
}

// background runs fn until the test ends or stop is called, and fails the test if it returns an error.
func background(t testing.TB, fn func(context.Context) error) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := fn(ctx); err != nil {
			t.Errorf("Run: %v", err)
		}
	}()
	stop = func() {
		cancel()
		<-done
	}
	t.Cleanup(stop)
	return stop
}

func prefixes(list ...string) []netip.Prefix {
	out := make([]netip.Prefix, 0, len(list))
	for _, s := range list {
		out = append(out, netip.MustParsePrefix(s))
	}
	return out
}

func addresses(list ...string) []Address {
	var out []Address
	for _, p := range prefixes(list...) {
		out = append(out, Address{Prefix: p})
	}
	return out
}
