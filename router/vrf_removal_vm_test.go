package router

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sixfold-router/sixfold/integration/netns"
)

// testVRFRemoval has instances end without a word about drift, and without a route that comes back after its link left.
func testVRFRemoval(t *testing.T) {
	m := boot(t, t.TempDir(), "{}")
	for _, name := range []string{"em0", "eth2", "eth3", "eth4"} {
		m.link(name)
	}
	for range 5 {
		m.atOnce(twins)
		inTable(t, "1001", "2001:db8:ff::/64 dev em0", "default via 2001:db8:ff::2 dev em0")
		told := m.drifts()
		heard := routesWritten(t)
		m.atOnce("{}")
		for _, table := range []string{"1001", "1010", "1020"} {
			inTable(t, table)
		}
		for _, line := range heard() {
			if strings.Contains(line, " table 10") {
				t.Errorf("written while the instances end: %s", line)
			}
		}
		if got := m.found(told); len(got) > 0 {
			t.Errorf("the end of the instances is taken for drift: %q", got)
		}
	}
}

// drifts returns the number of the newest entry of drift.
func (m *machine) drifts() (last uint64) {
	m.t.Helper()
	all, err := m.Drift(m.t.Context())
	if err != nil {
		m.t.Fatal(err)
	}
	for _, d := range all {
		last = max(last, d.ID)
	}
	return last
}

// routesWritten listens to the kernel until the function that it returns is called, which tells of routes of ours that were added.
func routesWritten(t *testing.T) func() []string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "monitor")
	file, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	listener := exec.Command("ip", "-6", "-o", "monitor", "route")
	listener.Stdout = file
	if err := listener.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Process.Kill(); listener.Wait() })
	mark := 0
	reach := func() (all string) { // a route of ours goes through, so that all before it was heard
		mark++
		prefix := fmt.Sprintf("2001:db8:fff%d::/48", mark)
		netns.Within(t, 20*time.Second, "the listener", func() error {
			netns.Own().Sh(t, "ip -6 route replace unreachable %s && ip -6 route del unreachable %[1]s", prefix)
			text, err := os.ReadFile(name)
			if all = string(text); err == nil && !strings.Contains(all, prefix) {
				err = fmt.Errorf("no %s in\n%s", prefix, all)
			}
			return err
		})
		return all
	}
	before := len(reach())
	return func() (out []string) {
		for line := range strings.Lines(reach()[before:]) {
			if (strings.Contains(line, " proto 16") || strings.Contains(line, " proto 170")) && !strings.HasPrefix(line, "Deleted") {
				out = append(out, line)
			}
		}
		return out
	}
}
