package vrf

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sixfold-router/sixfold/integration/netns"
)

// All sockets of a command are bound, by whatever user it runs, and those of a command inside of it to the inner device.
func TestExec(t *testing.T) {
	netns.Cable(t, netns.End{Node: netns.Own(), Name: "lan0"}, netns.End{Node: netns.Own(), Name: "lan1"})
	_, own, err := ownGroup()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, dir := range []string{groupFor(own, "lan0"), groupFor(own, "lan1"), filepath.Dir(groupFor(own, "lan0"))} {
			_ = os.Remove(dir)
		}
	})
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	run := func(device string, command ...string) string {
		t.Helper()
		cmd := exec.Command(self, command...)
		cmd.Env = append(os.Environ(), execIn+"="+device, tell+"=1")
		out, err := cmd.CombinedOutput()
		if err != nil && !strings.Contains(string(out), "no device") {
			t.Fatalf("%v: %s", err, out)
		}
		return strings.TrimSpace(string(out))
	}
	lan0, lan1, none := strings.Repeat(`"lan0" `, 4), strings.Repeat(`"lan1" `, 4), strings.Repeat(`"" `, 4)
	if got := run("lan0", self); got != lan0+"as 0" {
		t.Errorf("in lan0: %s", got)
	}
	// The directory of a test program is for root alone: a copy is not.
	shared := filepath.Join(os.TempDir(), filepath.Base(t.TempDir())+".vrf.test")
	t.Cleanup(func() { os.Remove(shared) })
	text, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(shared, text, 0o755); err != nil {
		t.Fatal(err)
	}
	if got := run("lan0", "setpriv", "--reuid=65534", "--clear-groups", shared); got != lan0+"as 65534" {
		t.Errorf("without privileges: %s", got)
	}
	if got := run("lan0", "env", execIn+"=lan1", self, self); got != lan1+"as 0" {
		t.Errorf("lan1 from lan0: %s", got)
	}
	if got := run("lan0", "env", execIn+"="+Default, self, self); got != none+"as 0" {
		t.Errorf("default from lan0: %s", got)
	}
	if got := run("nope", self); !strings.Contains(got, "there is no device nope") {
		t.Errorf("in a device that is not there: %s", got)
	}
}

func TestGroupOfAService(t *testing.T) {
	mount, own, err := ownGroup()
	if err != nil {
		t.Fatal(err)
	}
	if own == mount {
		if err := Attach("lo"); err == nil {
			t.Fatal("the sockets of the whole machine were bound")
		}
	}
	group := filepath.Join(own, "sixfold-vrf-test")
	if err := os.MkdirAll(group, 0o755); err != nil {
		t.Fatal(err)
	}
	defer os.Remove(group)
	for range 2 { // a second time takes the place of the first
		if err := attachProgram(group, 1); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if err := detachProgram(group); err != nil {
			t.Fatal(err)
		}
	}
}
