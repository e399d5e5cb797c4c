package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"golang.org/x/sys/unix"

	"github.com/sixfold-router/sixfold/api/apitest"
	"github.com/sixfold-router/sixfold/router"
	"github.com/sixfold-router/sixfold/router/plan"
)

const (
	keyUp  = "\x1b[A"
	ctrlC  = "\x03"
	ctrlD  = "\x04"
	ctrlU  = "\x15"
	pasted = "\x1b[200~%\x1b[201~"
)

// startShell starts a session at its first prompt.
func startShell(t *testing.T, socket string, args ...string) (y *typist, state string) {
	t.Helper()
	state = t.TempDir()
	y = startOnTerminal(t, []string{"SIXFOLD_SOCKET=" + socket, "XDG_STATE_HOME=" + state}, "sixfold", append([]string{"shell"}, args...)...)
	return y, state
}

func TestShellSession(t *testing.T) {
	b := apitest.Sample(time.Now())
	if _, err := b.Commit(t.Context(), router.CommitRequest{Name: "test", Text: "system: {hostname: edge1}\n"}); err != nil {
		t.Fatal(err)
	}
	y, state := startShell(t, serveTest(t, b))
	y.expect(`edge1> $`)

	// A question mark lists what may come and is not typed; the line goes on.
	y.send("sh bg?")
	y.expect(`bgp +BGP neighbors[^\n]*\r\nedge1> .*sh bg$`)
	y.send(" sum\r")
	y.expect(`AS 65004.*(?s:.*)edge1> $`)
	y.send("show bgp neighbor ?")
	y.expect(`isp\r\n +lab\r\n(?s:.*)edge1> .*show bgp neighbor $`)
	y.send(ctrlU)

	// Tab completes; twice it lists.
	y.send("sho\tbg\tneighbor is\t\r")
	y.expect(`(?s)accepted: +10 routes of at most 100.*edge1> $`)
	y.send("bgp reset \t\t")
	y.expect(`isp +lab\r\n.*edge1> .*bgp reset $`)
	y.send("l\t\r")
	y.expect(`reset lab; see`)
	y.expect(`edge1> $`)

	// Up brings the line back, and Ctrl-C gives it up.
	y.send(keyUp)
	y.expect(`bgp reset lab`)
	y.send(ctrlC)
	y.expect(`\r\nedge1> $`)
	y.send("show r\r")
	y.expect(`sixfold: ambiguous: r could be ra, .*routes`)
	y.expect(`edge1> $`)
	y.send("sh ver 'x\r")
	y.expect(`the quote ' is not closed`)
	y.expect(`edge1> $`)
	y.send("run\r")
	y.expect(`leave the shell`)
	y.expect(`edge1> $`)

	// Pipes, comments, and a paste, in which a question mark is no key.
	y.send("show leases | inc prefix | count # all of them\r")
	y.expect(`\r\n\d+\r\nedge1> $`)
	y.send(strings.Replace(pasted, "%", "show pending | include a?\r! nothing\rshow version | json\r", 1))
	y.expect(`"version": "v1.2.3"`)
	y.expect(`edge1> $`)

	y.send(" show pending\r")
	y.expect(`(?s)backup.*edge1> $`)
	y.send("history\r")
	y.expect(`(?s) 1  sh bg sum.*history\r\n.*edge1> $`)
	y.send("exi\t\r")
	if code := y.ends(); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}

	path := filepath.Join(state, "sixfold", "history")
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("the history has mode %v, want 0600", info.Mode())
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"sh bg sum", "show bgp neighbor isp", "bgp reset lab", "show r", "sh ver 'x", "run",
		"show leases | inc prefix | count # all of them", "show pending | include a?", "! nothing", "show version | json", "history", "exit"}
	if diff := cmp.Diff(want, strings.Split(strings.TrimSpace(string(text)), "\n")); diff != "" {
		t.Errorf("history (-want +got):\n%s", diff)
	}
}

func TestShellInterrupt(t *testing.T) {
	b := &apitest.Backend{Block: make(chan struct{})}
	hangs := serveTest(t, b)
	full := serveTest(t, apitest.Sample(time.Now()))
	y, _ := startShell(t, full)
	y.expect(`> $`)
	// Twice, for a second interrupt ends a program that listens to one.
	for range 2 {
		y.send("show pending --socket " + hangs + "\r")
		y.expect(`--socket ` + hangs)
		deadline := time.Now().Add(patience)
		for b.Waiting() == 0 {
			if time.Now().After(deadline) {
				t.Fatal("the daemon is not asked")
			}
			unix.Poll(nil, 5)
		}
		y.send(ctrlC)
		y.expect(`interrupted`)
		y.expect(`> $`)
	}
	y.send("show interfaces --watch=100ms | include lan0\r")
	y.expect(`lan0 `)
	y.send(ctrlC)
	y.expect(`> $`)
	y.send("show version\r")
	y.expect(`sixfold v1.2.3`)
	y.expect(`> $`)
	y.send(ctrlD)
	if code := y.ends(); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
}

func TestShellWithoutDaemon(t *testing.T) {
	y, _ := startShell(t, t.TempDir()+"/none")
	y.expect(`no daemon at .*/none: `)
	y.expect(`Commands that need no daemon work\.`)
	y.expect(`> $`)
	y.send("show version\r")
	y.expect(`sixfold: no daemon at`)
	y.expect(`> $`)
	y.send("bgp reset \t\tx" + ctrlU + "help sh\t\r")
	y.expect(`Show what the router does`)
	y.expect(`> $`)
	// A terminal that became narrow, and a stop from outside.
	var err error
	control, _ := y.master.SyscallConn()
	control.Control(func(fd uintptr) {
		err = unix.IoctlSetWinsize(int(fd), unix.TIOCSWINSZ, &unix.Winsize{Row: 10, Col: 40})
	})
	if err != nil {
		t.Fatal(err)
	}
	y.send("show ?")
	y.expect(`interfaces +Links and`)
	if err := y.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if code := y.ends(); code == 0 {
		t.Error("exit code 0 after SIGTERM")
	}
}

func TestShellPromptOfUnconfirmed(t *testing.T) {
	b := apitest.Sample(time.Now())
	if _, err := b.Commit(t.Context(), router.CommitRequest{Name: "a", Text: "system: {hostname: edge1}\n", ConfirmWithin: time.Hour}); err != nil {
		t.Fatal(err)
	}
	y, _ := startShell(t, serveTest(t, b))
	y.expect(`edge1\(confirm \d+:\d+\)> $`)
	y.send(ctrlD)
	y.ends()
}

// TestShellPager gives the terminal to a pager as it was before the shell, and takes it back.
func TestShellPager(t *testing.T) {
	b := &apitest.Backend{}
	for i := range 100 {
		b.PendingList = append(b.PendingList, plan.Pending{What: number(uint32(i)), Reason: "for a screen"})
	}
	pager := filepath.Join(t.TempDir(), "pager")
	const script = "#!/bin/sh\nhead -n 2\necho page; read key </dev/tty; cat >/dev/null; echo \"key=$key\"\n"
	if err := os.WriteFile(pager, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	y := startOnTerminal(t, []string{"SIXFOLD_SOCKET=" + serveTest(t, b), "PAGER=" + pager}, "sixfold", "shell")
	y.expect(`> $`)
	y.send("show pending\r")
	y.expect(`page\r\n`)
	y.send("abc\x7f\r")
	y.expect(`key=ab\r\n.*> $`)
	// A filter and no-more need none.
	y.send("show pending | no-more\r")
	y.expect(`(?s)\n98 .*for a screen\r\n99 .*for a screen\r\n.*> $`)
	y.send("show pending | include ^99\r")
	y.expect(`99 +for a screen\r\n.*> $`)
	y.send("exit\r")
	if code := y.ends(); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
}
