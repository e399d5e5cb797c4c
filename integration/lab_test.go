package integration

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sixfold-router/sixfold/integration/netns"
)

// The lab without a terminal takes every step, ends with 0, and leaves the machine as it was.
func TestLab(t *testing.T) {
	before := machine(t)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, sixfold, "lab").CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(out), "s  ok  "); n != 11 {
		t.Errorf("%d steps are ok, want 11", n)
	}
	if after := machine(t); after != before {
		t.Errorf("the machine was\n%s\nand is\n%s", before, after)
	}
}

// Nothing is left of a lab that was killed, and the next one runs.
func TestLabKilled(t *testing.T) {
	before := machine(t)
	cmd := exec.Command(sixfold, "lab")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	must(t, cmd.Start())
	eventually(t, "the lab's hosts", func() error {
		if n := len(netns.Running(filepath.Base(sixfold))); n < 9 {
			return fmt.Errorf("%d hosts", n)
		}
		return nil
	})
	must(t, cmd.Process.Kill())
	cmd.Wait()
	eventually(t, "nothing left", func() error {
		if left := processesOf(sixfold); len(left) > 0 {
			return fmt.Errorf("processes %v", left)
		}
		return nil
	})
	if after := machine(t); after != before {
		t.Errorf("the machine was\n%s\nand is\n%s", before, after)
	}
}

// machine describes what of the machine a lab must not change.
func machine(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	for _, command := range []string{"ip -o link", "ip -6 route", "ip netns list", "ls /run/netns", "sysctl net.ipv6.conf.all.forwarding net.ipv4.ip_forward", "sh -c 'wc -l </proc/self/mounts'"} {
		out, _ := exec.Command("sh", "-c", command).CombinedOutput()
		fmt.Fprintf(&b, "%s:\n%s", command, out)
	}
	for _, dir := range []string{"/run/sixfold", "/var/lib/sixfold"} {
		_, err := os.Stat(dir)
		fmt.Fprintf(&b, "%s: %v\n", dir, err)
	}
	return b.String()
}

// processesOf lists the processes that run a program.
func processesOf(program string) []string {
	var out []string
	exes, _ := filepath.Glob("/proc/[0-9]*/exe")
	for _, exe := range exes {
		if path, err := os.Readlink(exe); err == nil && path == program {
			out = append(out, filepath.Dir(exe))
		}
	}
	return out
}
