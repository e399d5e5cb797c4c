package vxlan

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

const inside = "SIXFOLD_TEST_IN_NAMESPACE"

// TestMain runs the tests in network and mount namespaces of their own, so that nothing of the machine changes.
func TestMain(m *testing.M) {
	if slices.ContainsFunc(os.Args, func(a string) bool { return strings.HasPrefix(a, "-test.fuzzworker") }) {
		os.Exit(m.Run())
	}
	if os.Getenv(inside) == "" {
		os.Exit(again())
	}
	for _, c := range []string{
		"mount --make-rprivate /", "mount -t tmpfs tmpfs /run", "ip link set lo up",
		"echo 0 > /proc/sys/net/ipv6/conf/default/accept_dad",
	} {
		if out, err := exec.Command("sh", "-c", c).CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n%s", c, err, out)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

// again runs this process in new namespaces.
func again() int {
	runtime.LockOSThread() // Pdeathsig is about the thread
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Args[0] = os.Args[0]
	cmd.Env = append(os.Environ(), inside+"=1")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS,
		Pdeathsig:  syscall.SIGKILL,
	}
	err := cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "tests need root:", err)
		return 1
	}
	return 0
}

// sh runs a shell command that must succeed and returns what it wrote.
func sh(t testing.TB, format string, args ...any) string {
	t.Helper()
	command := fmt.Sprintf(format, args...)
	out, err := exec.Command("sh", "-c", command).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", command, err, out)
	}
	return string(out)
}

// namespace makes a network namespace with DAD off.
func namespace(t testing.TB, name string) {
	t.Helper()
	sh(t, "ip netns add %s", name)
	t.Cleanup(func() { sh(t, "ip netns del %s", name) })
	sh(t, "ip -n %[1]s link set lo up; ip netns exec %[1]s sh -c 'echo 0 > /proc/sys/net/ipv6/conf/default/accept_dad'", name)
}

// eventually waits until check returns "", and fails with what it returned last.
func eventually(t testing.TB, what string, check func() string) {
	t.Helper()
	deadline := time.After(15 * time.Second)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		problem := check()
		if problem == "" {
			return
		}
		select {
		case <-deadline:
			t.Fatalf("%s: %s", what, problem)
		case <-tick.C:
		}
	}
}
