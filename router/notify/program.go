package notify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/sixfold-router/sixfold/router/change"
)

// command is a program to run.
type command struct {
	name  string // for people
	argv  []string
	env   []string
	user  string // empty: as we
	stdin []byte
	limit time.Duration
}

// runner runs a program to its end. The output is its last part, of both streams; the error is that of a program that failed, did not
// start, or took too long.
type runner func(ctx context.Context, c command) (output string, err error)

// How long a program has to end by itself when it is told to, and how much of its output is kept.
const (
	graceTime = 2 * time.Second
	maxOutput = 4096
)

// inside runs a program as a process of ours, in a group of its own, which is ended as a whole.
func inside(ctx context.Context, c command) (string, error) {
	timed, cancel := context.WithTimeout(ctx, c.limit)
	defer cancel()
	cmd := exec.CommandContext(timed, c.argv[0], c.argv[1:]...)
	if !strings.Contains(c.argv[0], "/") {
		cmd.Err, cmd.Path = nil, c.argv[0]
		found, err := lookPath(c.argv[0], c.env)
		if err != nil {
			return "", err
		}
		cmd.Path = found
	}
	cmd.Env, cmd.Dir, cmd.Stdin = c.env, "/", bytes.NewReader(c.stdin)
	out := &tail{}
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if c.user != "" {
		who, err := credential(c.user)
		if err != nil {
			return "", err
		}
		cmd.SysProcAttr.Credential = who
	}
	var kill *time.Timer
	cmd.Cancel = func() error {
		group := -cmd.Process.Pid
		kill = time.AfterFunc(graceTime, func() { syscall.Kill(group, syscall.SIGKILL) })
		return syscall.Kill(group, syscall.SIGTERM)
	}
	// What the program left running in the background may hold its output open.
	cmd.WaitDelay = 2 * graceTime
	err := cmd.Run()
	if kill != nil {
		// The rest of the group goes without its grace once the program itself is gone.
		kill.Stop()
		syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	}
	switch {
	case timed.Err() != nil && ctx.Err() == nil:
		err = fmt.Errorf("it took longer than %s and was ended", span(c.limit))
	case errors.Is(err, exec.ErrWaitDelay):
		err = nil
	case cmd.Process == nil:
		err = notStarted(cmd.Path, err)
	}
	return out.String(), err
}

// notStarted says what is missing for a program to start; the kernel tells of a script and of its interpreter alike.
func notStarted(path string, err error) error {
	_, absent := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && errors.Is(absent, fs.ErrNotExist):
		return fmt.Errorf("there is no program %s", path)
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("the interpreter that %s names behind #! is not there: mend its first line", path)
	case errors.Is(err, syscall.ENOEXEC):
		return fmt.Errorf("%s is no program: a script begins with #!/bin/sh", path)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%s may not be executed: chmod +x it, and let its user into the directories above", path)
	}
	return err
}

// span writes how long something may take.
func span(d time.Duration) string { return change.Span(d) }

// lookPath finds a program in the PATH that it will have.
func lookPath(name string, env []string) (string, error) {
	for _, e := range env {
		if path, ok := strings.CutPrefix(e, "PATH="); ok {
			for dir := range strings.SplitSeq(path, ":") {
				if found, err := exec.LookPath(dir + "/" + name); err == nil {
					return found, nil
				}
			}
		}
	}
	return "", fmt.Errorf("there is no program %s", name)
}

// credential looks a user up, with all his groups.
func credential(name string) (*syscall.Credential, error) {
	u, err := user.Lookup(name)
	if err != nil {
		return nil, err
	}
	groups, err := u.GroupIds()
	if err != nil {
		return nil, err
	}
	c := &syscall.Credential{}
	for _, g := range groups {
		if n, err := strconv.ParseUint(g, 10, 32); err == nil {
			c.Groups = append(c.Groups, uint32(n))
		}
	}
	uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
	gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
	c.Uid, c.Gid = uint32(uid), uint32(gid)
	return c, errors.Join(err1, err2)
}

// tail keeps the end of what is written to it.
type tail struct {
	mu  sync.Mutex
	buf []byte
	cut bool
}

var _ io.Writer = (*tail)(nil)

// Write is that of io.Writer. It does not fail.
func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, b...)
	if n := len(t.buf) - maxOutput; n > 0 {
		t.buf, t.cut = append(t.buf[:0], t.buf[n:]...), true
	}
	return len(b), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	text := strings.ToValidUTF8(string(t.buf), "?")
	if t.cut {
		text = "…" + text
	}
	return strings.TrimSpace(text)
}
