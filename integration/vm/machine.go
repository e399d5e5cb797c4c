package vm

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// outcome is all that came of a machine.
type outcome struct {
	console string // what the kernel wrote: the end of it
	output  string // what the test program wrote
	up      bool   // the test program was started
	exited  bool   // the test program ended by itself
	code    int    // and its exit code
	failure string // why the first process gave up
	ended   error  // how the machine's process ended, unless we ended it
	late    bool   // the time was over
}

// err says what went wrong, or nil if the test program ran to its end with exit code 0.
func (o *outcome) err() error {
	switch {
	case o.exited && o.code == 0:
		return nil
	case o.exited && o.code > 128 && o.code <= 128+64:
		return fmt.Errorf("the test program was killed inside the machine by signal %d (%v)", o.code-128, syscall.Signal(o.code-128))
	case o.exited:
		return fmt.Errorf("the test program ended inside the machine with exit code %d", o.code)
	case o.failure != "":
		return fmt.Errorf("the machine was not set up: %s", o.failure)
	case o.panicked():
		return errors.New("the machine's kernel panicked" + o.when())
	case o.late && o.up:
		return errors.New("the test program did not end in time: give it more, or look where it hangs")
	case o.late:
		return errors.New("the machine's kernel did not come up in time")
	case o.up:
		return fmt.Errorf("the machine ended before the test program did%s", o.how())
	default:
		return fmt.Errorf("the machine's kernel did not come up%s", o.how())
	}
}

func (o *outcome) panicked() bool { return strings.Contains(o.console, panicText) }

func (o *outcome) when() string {
	if o.up {
		return " while the test program ran"
	}
	return " before the test program ran"
}

func (o *outcome) how() string {
	if o.ended == nil {
		return ""
	}
	return ": " + o.ended.Error()
}

// end is as much of the console as a message should have.
func (o *outcome) end() string {
	const most = 60
	lines := strings.SplitAfter(o.console, "\n")
	if over := len(lines) - most; over > 0 {
		return fmt.Sprintf("(%d lines before, which SIXFOLD_VM_SHOW=1 shows)\n%s", over, strings.Join(lines[over:], ""))
	}
	return o.console
}

// grace is how long a machine that comes to its end by itself may take to tell about it.
const grace = 2 * time.Second

// boot runs a machine until the test program in it has ended, or the machine, or ctx. What the test program writes comes from
// out, what the kernel writes from the command's standard output. Mirror gets all of it at once; it may be nil.
func boot(ctx context.Context, cmd *exec.Cmd, out io.Reader, mark string, mirror io.Writer) (*outcome, error) {
	if mirror == nil {
		mirror = io.Discard
	}
	console := &console{panicked: make(chan struct{})}
	both := io.MultiWriter(console, mirror)
	cmd.Stdout, cmd.Stderr = both, both
	// A process namespace: with its first process goes all that a machine consists of.
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Cloneflags: syscall.CLONE_NEWPID, Setpgid: true}
	runtime.LockOSThread() // Pdeathsig is about the thread
	defer runtime.UnlockOSThread()
	err := cmd.Start()
	for _, f := range cmd.ExtraFiles {
		f.Close()
	}
	if err != nil {
		return nil, err
	}
	o := &outcome{}
	read := make(chan struct{})
	ended := make(chan error, 1)
	go func() {
		defer close(read)
		o.read(out, mark, mirror)
	}()
	go func() { ended <- cmd.Wait() }()

	running, told := true, false
	select {
	case <-read:
		told = o.exited || o.failure != ""
	case <-console.panicked:
	case o.ended = <-ended:
		running = false
	case <-ctx.Done():
		o.late = true
	}
	if running && !told && !o.late {
		timer := time.NewTimer(grace)
		defer timer.Stop()
		select {
		case o.ended = <-ended:
			running = false
		case <-timer.C:
		}
	}
	if running {
		cmd.Process.Kill()
		<-ended
	}
	<-read // the writers are gone
	o.console = console.String()
	return o, nil
}

// read reads the output until the test program has ended.
func (o *outcome) read(out io.Reader, mark string, mirror io.Writer) {
	var text strings.Builder
	defer func() { o.output = text.String() }()
	r := bufio.NewReader(io.TeeReader(out, mirror))
	for {
		line, err := r.ReadString('\n')
		if rest, ok := strings.CutPrefix(line, mark+" "); ok {
			word, arg, _ := strings.Cut(strings.TrimSpace(rest), " ")
			switch word {
			case wordUp:
				o.up = true
				text.Reset() // nothing but the line break before the mark
			case wordFail:
				o.failure = arg
				return
			case wordExit:
				code, err := strconv.Atoi(arg)
				o.exited, o.code = err == nil, code
				return
			}
		} else {
			text.WriteString(line)
		}
		if err != nil {
			return
		}
	}
}

// pipe makes the output for a command that inherits its end: its descriptor there is 3.
func pipe(cmd *exec.Cmd) (io.ReadCloser, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	cmd.ExtraFiles = []*os.File{w}
	return r, nil
}

// console keeps the end of what the kernel writes.
type console struct {
	text     []byte
	panicked chan struct{} // closed when the kernel says that it gives up
	closed   bool
}

const (
	consoleSize = 64 << 10
	panicText   = "Kernel panic"
)

func (c *console) Write(p []byte) (int, error) {
	from := max(len(c.text)-len(panicText), 0)
	c.text = append(c.text, p...)
	if !c.closed && bytes.Contains(c.text[from:], []byte(panicText)) {
		c.closed = true
		close(c.panicked)
	}
	if over := len(c.text) - consoleSize; over > 0 {
		c.text = append(c.text[:0], c.text[over:]...)
	}
	return len(p), nil
}

// String returns the text as lines. It must not be called while something writes.
func (c *console) String() string { return strings.ReplaceAll(string(c.text), "\r", "") }
