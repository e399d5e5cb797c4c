package main

import (
	"context"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sixfold-router/sixfold/api"
)

// patience is how long a program on a terminal may take for a step.
const patience = 20 * time.Second

// typist drives a program on a terminal of its own.
type typist struct {
	t      *testing.T
	master *os.File
	cmd    *exec.Cmd
	output chan string // what the program wrote, in pieces; closed when it hung up
	unread string
	all    strings.Builder
	exited chan error
}

// startOnTerminal starts a program on a new terminal of 24 lines with 100 columns.
func startOnTerminal(t *testing.T, env []string, name string, args ...string) *typist {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	control, err := master.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	number := 0
	if e := control.Control(func(fd uintptr) {
		if err = unix.IoctlSetPointerInt(int(fd), unix.TIOCSPTLCK, 0); err == nil {
			number, err = unix.IoctlGetInt(int(fd), unix.TIOCGPTN)
		}
		if err == nil {
			err = unix.IoctlSetWinsize(int(fd), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 100})
		}
	}); e != nil || err != nil {
		t.Fatal(e, err)
	}
	slave, err := os.OpenFile("/dev/pts/"+strconv.Itoa(number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer slave.Close()
	cmd := exec.Command(name, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "TERM=xterm", "LANG=C.UTF-8", "NO_COLOR=1", "HOME=" + t.TempDir()}, env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: 0}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	y := &typist{t: t, master: master, cmd: cmd, output: make(chan string, 1000), exited: make(chan error, 1)}
	go func() {
		defer close(y.output)
		buf := make([]byte, 4096)
		for {
			n, err := master.Read(buf)
			if n > 0 {
				y.output <- string(buf[:n])
			}
			if err != nil {
				return
			}
		}
	}()
	go func() { y.exited <- cmd.Wait() }()
	t.Cleanup(func() {
		syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		master.Close()
		for range y.output {
		}
	})
	return y
}

// send types keys.
func (y *typist) send(keys string) {
	y.t.Helper()
	if _, err := io.WriteString(y.master, keys); err != nil {
		y.t.Fatalf("type %q: %v", keys, err)
	}
}

// expect reads until a regular expression matches what the terminal shows since the last match, without its orders to the screen.
func (y *typist) expect(pattern string) string {
	y.t.Helper()
	re := regexp.MustCompile(pattern)
	ctx, cancel := context.WithTimeout(y.t.Context(), patience)
	defer cancel()
	for {
		shown := withoutOrders(y.unread)
		if at := re.FindStringIndex(shown); at != nil {
			y.unread = shown[at[1]:]
			return shown[:at[1]]
		}
		select {
		case text, open := <-y.output:
			if !open {
				y.t.Fatalf("the program hung up; wanted %q, after\n%s", pattern, y.all.String())
			}
			y.unread += text
			y.all.WriteString(text)
		case <-ctx.Done():
			y.t.Fatalf("wanted %q within %s, have %q; all of it:\n%s", pattern, patience, shown, y.all.String())
		}
	}
}

// ends waits for the end of the program and returns its exit code.
func (y *typist) ends() int {
	y.t.Helper()
	select {
	case <-y.exited:
		return y.cmd.ProcessState.ExitCode()
	case <-time.After(patience):
		y.t.Fatalf("the program goes on; all of it:\n%s", y.all.String())
		return -1
	}
}

// withoutOrders drops escape sequences that are whole.
func withoutOrders(s string) string {
	return regexp.MustCompile("\x1b\\[[0-9;?]*[ -/]*[@-~]|\x1b[()][A-Z0-9]|\x1b[=>78c]|\x1b\\][^\a]*\a|\a").ReplaceAllString(s, "")
}

// serveTest starts a daemon's API and returns its socket, whose path is short enough for one.
func serveTest(t *testing.T, b api.Backend) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "sixfold")
	if err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(dir, "s")
	s := api.NewServer(slog.New(slog.DiscardHandler), b, "v1.2.3")
	if err := s.Listen(socket); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		os.RemoveAll(dir)
	})
	return socket
}
