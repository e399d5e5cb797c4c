package netns

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// isolated marks the process that Isolate starts.
const isolated = "SIXFOLD_TEST_ISOLATED"

// Isolate is for TestMain: it runs the tests of this binary in network and mount namespaces of their own and returns the exit
// code. There every thread is in the same namespaces, as in a router, so that tests may open sockets anywhere and change
// links and sysctls freely; the loopback interface is up, /run is empty, and new links do no duplicate address detection.
// Settings are further kernel parameters, as for Node.Sysctl. It needs root, and says so.
func Isolate(m interface{ Run() int }, settings ...string) int {
	// A fuzz worker talks to the process that started it over inherited files, and has no use for a network.
	worker := slices.ContainsFunc(os.Args, func(a string) bool { return strings.HasPrefix(a, "-test.fuzzworker") })
	if worker {
		return m.Run()
	}
	if os.Getenv(isolated) != "" {
		if err := settle(settings); err != nil {
			fmt.Fprintln(os.Stderr, "set up the test's namespaces:", err)
			return 1
		}
		return m.Run()
	}
	runtime.LockOSThread() // Pdeathsig is about the thread
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Args[0] = os.Args[0]
	cmd.Env = append(os.Environ(), isolated+"=1")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		fmt.Fprintln(os.Stderr, "these tests make network namespaces and need root:", err)
		return 1
	}
	return cmd.ProcessState.ExitCode()
}

// settle prepares the namespaces that this process was started in.
func settle(settings []string) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	if err := unix.Mount("run", "/run", "tmpfs", 0, "mode=755"); err != nil {
		return fmt.Errorf("mount /run: %w", err)
	}
	if err := sysctl(slices.Concat(noDAD, settings)); err != nil {
		return err
	}
	if out, err := exec.Command("ip", "link", "set", "lo", "up").CombinedOutput(); err != nil {
		return fmt.Errorf("ip link set lo up: %w\n%s", err, out)
	}
	return nil
}
