package mld

import (
	"os"
	"testing"
	"time"

	"github.com/sixfold-router/sixfold/integration/netns"
)

func TestMain(m *testing.M) { os.Exit(netns.Isolate(m, "net.ipv6.conf.all.forwarding=1")) }

// sh runs a shell command on the router, which is the process of the test.
func sh(t testing.TB, format string, args ...any) string {
	t.Helper()
	return netns.Own().Sh(t, format, args...)
}

func eventually(t testing.TB, what string, check func() error) {
	t.Helper()
	netns.Within(t, 15*time.Second, what, check)
}
