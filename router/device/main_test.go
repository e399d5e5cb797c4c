package device

import (
	"os"
	"slices"
	"testing"

	"github.com/sixfold-router/sixfold/integration/netns"
)

func TestMain(m *testing.M) { os.Exit(netns.Isolate(m)) }

// sh runs a shell command on the router, which is the process of the test.
func sh(t testing.TB, format string, args ...any) string {
	t.Helper()
	return netns.Own().Sh(t, format, args...)
}

func sorted(lines []string) []string {
	slices.Sort(lines)
	return lines
}
