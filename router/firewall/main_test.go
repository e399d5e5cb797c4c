package firewall

import (
	"flag"
	"os"
	"testing"

	"github.com/sixfold-router/sixfold/integration/netns"
)

var update = flag.Bool("update", false, "write the expected files anew")

func TestMain(m *testing.M) { os.Exit(netns.Isolate(m)) }

// sh runs a shell command on the router, which is the process of the test.
func sh(t testing.TB, format string, args ...any) string {
	t.Helper()
	return netns.Own().Sh(t, format, args...)
}
