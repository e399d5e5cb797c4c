package netns

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

// commandTimeout bounds commands that are run to their end.
const commandTimeout = 30 * time.Second

// Run runs a command in the node to its end and returns what it printed on stdout. The error has what it printed on stderr.
func (n *Node) Run(name string, args ...string) (string, error) {
	p, err := n.Start(name, args...)
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(context.Background(), commandTimeout)
	defer cancel()
	if err := p.Wait(ctx); err != nil {
		if ctx.Err() != nil {
			p.Kill()
		}
		return p.Stdout(), fmt.Errorf("%s: %s: %w\n%s", n.Name, strings.Join(append([]string{name}, args...), " "), err, p.Stderr())
	}
	return p.Stdout(), nil
}

// IP runs ip with the words of each line, as ip -batch would.
func (n *Node) IP(lines ...string) error {
	for _, line := range lines {
		if _, err := n.Run("ip", strings.Fields(line)...); err != nil {
			return err
		}
	}
	return nil
}

// Process is a process in a node.
type Process struct {
	node *Node
	cmd  *exec.Cmd
	out  buffer
	err  buffer
	done chan struct{}
	exit error // set when done is closed
}

// Start starts a process in the node. It gets SIGKILL when the node is closed or the process that made the node ends.
func (n *Node) Start(name string, args ...string) (*Process, error) {
	return n.StartCmd(exec.Command(name, args...))
}

// StartCmd is Start for a command that has its own environment, directory, input or output. Without a directory it gets /run.
// The Process collects only output that goes nowhere else.
func (n *Node) StartCmd(cmd *exec.Cmd) (*Process, error) {
	p := &Process{node: n, cmd: cmd, done: make(chan struct{})}
	if p.cmd.Stdout == nil {
		p.cmd.Stdout = &p.out
	}
	if p.cmd.Stderr == nil {
		p.cmd.Stderr = &p.err
	}
	if p.cmd.Dir == "" {
		p.cmd.Dir = "/run"
	}
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	// A grandchild that keeps the pipes must not keep Wait.
	p.cmd.WaitDelay = time.Second
	if err := n.Do(p.cmd.Start); err != nil {
		return nil, fmt.Errorf("%s: start %s: %w", n.Name, cmd.Path, err)
	}
	go func() {
		p.exit = p.cmd.Wait()
		if errors.Is(p.exit, exec.ErrWaitDelay) {
			p.exit = nil
		}
		close(p.done)
	}()
	return p, nil
}

// Pid is the process identifier.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// Stdout returns what the process printed so far.
func (p *Process) Stdout() string { return p.out.String() }

// Stderr returns what the process printed on stderr so far.
func (p *Process) Stderr() string { return p.err.String() }

// Running reports whether the process has not ended yet.
func (p *Process) Running() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// Wait waits for the end of the process; the error is that of exec.Cmd.Wait, or that of ctx.
func (p *Process) Wait(ctx context.Context) error {
	select {
	case <-p.done:
		return p.exit
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Signal sends a signal to the process.
func (p *Process) Signal(sig os.Signal) error { return p.cmd.Process.Signal(sig) }

// Kill sends SIGKILL and waits for the end.
func (p *Process) Kill() {
	p.cmd.Process.Kill()
	<-p.done
}

// Stop sends SIGTERM and waits for the end, at most for the time given; then it kills.
func (p *Process) Stop(within time.Duration) error {
	if err := p.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	if err := p.Wait(ctx); ctx.Err() != nil {
		p.Kill()
		return fmt.Errorf("%s: %s did not end within %v of SIGTERM", p.node.Name, p.cmd.Path, within)
	} else if err != nil {
		return err
	}
	return nil
}

// maxOutput bounds what is kept of a process's output: the newest part.
const maxOutput = 1 << 20

// buffer is a bytes.Buffer for one writer and many readers that forgets the oldest half when it is full.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.b.Len()+len(p) > maxOutput {
		b.b.Next(b.b.Len() / 2)
	}
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
