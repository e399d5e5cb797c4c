package vm

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// Kernel is a kind of machine.
type Kernel string

// The machines.
const (
	UML  Kernel = "user-mode-linux"
	QEMU Kernel = "qemu"
	// Systemd is QEMU with Debian's systemd as the first process, under which the test program is a service.
	Systemd Kernel = "systemd"
)

// inside is the environment variable that is set in a machine, to its kind.
const inside = "SIXFOLD_VM"

// Inside reports whether this process runs in a machine, for a TestMain that prepares what the tests need: a machine sees
// what was prepared outside, and gets the environment.
func Inside() bool { return os.Getenv(inside) != "" }

// showVariable is the environment variable with which all that a machine writes is shown while it does.
const showVariable = "SIXFOLD_VM_SHOW"

// timeout bounds a machine, so that one that hangs leaves time for other tests.
const timeout = 8 * time.Minute

// spare is what is left of a test's time when the machine is ended, to tell what was seen.
const spare = 5 * time.Second

// Run runs the test that calls it in a machine. Outside of one it returns true when the machine has ended: the test, and its
// subtests, then have the results that they had inside, and the test is to return. Inside it returns false. So the first line
// of such a test is
//
//	if vm.Run(t, vm.UML) {
//		return
//	}
//
// and its subtests share one machine.
func Run(t *testing.T, k Kernel) bool {
	t.Helper()
	switch now := Kernel(os.Getenv(inside)); now {
	case k:
		return false
	case "":
	default:
		t.Fatalf("this test wants a machine of the kind %s, and is in one of the kind %s", k, now)
	}
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	if deadline, ok := t.Deadline(); ok {
		ctx, cancel = context.WithDeadline(ctx, deadline.Add(-spare))
		defer cancel()
	}
	o, err := run(ctx, t.TempDir(), t.Name(), k)
	if err != nil {
		t.Fatalf("%s: %v", k, err)
	}
	show(t, o)
	return true
}

// show gives the test the results from inside the machine.
func show(t *testing.T, o *outcome) {
	t.Helper()
	all := parseReport(o.output)
	err := o.err()
	r := all.lookup(t.Name())
	if r == nil {
		t.Fatalf("the test did not run in the machine: %v\n%s\nThe console:\n%s", orNothing(err), all.output, o.end())
	}
	r.show(t)
	switch {
	case err != nil && (r.verdict != "FAIL" || o.panicked()):
		t.Errorf("%v\n%s\nThe console:\n%s", err, all.output, o.end())
	case err != nil && !t.Failed():
		t.Errorf("%v\n%s", err, all.output)
	}
}

func orNothing(err error) string {
	if err == nil {
		return "the test program ran no test of this name"
	}
	return err.Error()
}

// show gives a test, and its subtests, their results from inside.
func (r *report) show(t *testing.T) {
	t.Helper()
	t.Log(strings.TrimSpace(fmt.Sprintf("in the machine: %s\n%s", r.took, r.output)))
	for _, c := range r.children {
		t.Run(c.name, c.show)
	}
	switch r.verdict {
	case "PASS":
	case "FAIL":
		t.Fail()
	case "SKIP":
		t.Error("skipped in the machine: a test that asks for a machine can run in it")
	default:
		t.Error("the test did not end in the machine")
	}
}

// run runs one test of this program in a machine. The directory is the machine's own.
func run(ctx context.Context, dir, test string, k Kernel) (*outcome, error) {
	exe, err := program(ctx, dir)
	if err != nil {
		return nil, err
	}
	cwd, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	j := &job{Exe: exe, Dir: cwd, Args: arguments(ctx, test), Env: environment(k)}
	return start(ctx, dir, j, k)
}

// start boots the machine for a job and stays until its end. The directory is the machine's own.
func start(ctx context.Context, dir string, j *job, k Kernel) (*outcome, error) {
	j.Mark = "\x16sixfold-vm-" + rand.Text()
	commands := map[Kernel]func(string, *job) (*exec.Cmd, error){UML: umlCommand, QEMU: qemuCommand, Systemd: systemdCommand}
	command, ok := commands[k]
	if !ok {
		return nil, fmt.Errorf("no such machine")
	}
	cmd, err := command(dir, j)
	if err != nil {
		return nil, err
	}
	out, err := pipe(cmd)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	var mirror io.Writer
	if os.Getenv(showVariable) != "" {
		mirror = os.Stderr
	}
	return boot(ctx, cmd, out, j.Mark, mirror)
}
