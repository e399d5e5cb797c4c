package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// A command that does not listen is left when Ctrl-C is pressed so many times within so much time.
const (
	abandonAfter  = 3
	abandonWithin = time.Second
)

// interactive reads lines from a terminal and runs them until the operator leaves. The terminal is raw only while a line is typed:
// a command, and a pager that it starts, find it as they expect.
func (s *session) interactive(ctx context.Context, in, out *os.File) error {
	// Interrupts are for the command that runs, not for the shell; the context of main ends at the first.
	main := ctx
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	interrupts := make(chan os.Signal, abandonAfter)
	signal.Notify(interrupts, os.Interrupt)
	defer signal.Stop(interrupts)
	stops := make(chan os.Signal, 1)
	signal.Notify(stops, syscall.SIGTERM, syscall.SIGHUP)
	defer signal.Stop(stops)
	if main.Err() != nil {
		return main.Err()
	}

	history, err := openHistory(historyPath(os.Getenv))
	if err != nil {
		fmt.Fprintf(s.stderr, "The history is not kept: %s\n", printable(err.Error()))
	}
	s.history = history
	e, err := newEditor(ctx, s, in, out)
	if err != nil {
		return err
	}
	defer e.Close()
	go func() {
		select {
		case <-stops:
			cancel()
			e.stop()
		case <-ctx.Done():
		}
	}()

	a, root := s.commands()
	text, err := s.prompted.text(ctx, a, root)
	fmt.Fprintln(out, "? lists what may come next, Tab completes it, exit leaves.")
	if err != nil {
		fmt.Fprintln(out, printable(noAnswer(err)))
	}
	if isAway(err) {
		fmt.Fprintln(out, "Commands that need no daemon work.")
	}
	for {
		line, err := e.readLine(text)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("read the terminal: %w", err)
		}
		if !strings.ContainsRune(line, keyCancel) && !s.interruptible(ctx, line, interrupts) {
			return &exitError{exitFailed}
		}
		if s.left || ctx.Err() != nil {
			return ctx.Err()
		}
		text, _ = s.prompted.text(ctx, a, root)
	}
}

// noAnswer says why the daemon does not answer.
func noAnswer(err error) string {
	var b strings.Builder
	report(&b, err)
	return strings.TrimPrefix(strings.TrimSuffix(b.String(), "\n"), "sixfold: ")
}

// interruptible runs a line until it ends or Ctrl-C ends it. It returns false if the line does not end even so.
func (s *session) interruptible(ctx context.Context, line string, interrupts <-chan os.Signal) bool {
	for len(interrupts) > 0 {
		<-interrupts // of the command before
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.line(ctx, line)
	}()
	n, first := 0, time.Time{}
	for {
		select {
		case <-done:
			return true
		case <-interrupts:
			cancel()
			fmt.Fprintln(s.stderr) // behind the ^C of the terminal
			if now := time.Now(); now.Sub(first) > abandonWithin {
				n, first = 0, now
			}
			if n++; n == abandonAfter {
				fmt.Fprintln(s.stderr, "sixfold: the command does not end")
				return false
			}
		}
	}
}

// keyCancel stands for Ctrl-C in what the terminal editor reads, which knows it only as the end of the input.
const keyCancel = 0x1d

// editor edits lines on a terminal.
type editor struct {
	s       *session
	in, out *os.File
	t       *term.Terminal
	keys    *keyReader
	prompt  string
	tab     string // the line that the last Tab could not add to; empty: another key came since
	winch   chan os.Signal
	cancel  context.CancelFunc
	ended   chan struct{}
}

func newEditor(ctx context.Context, s *session, in, out *os.File) (*editor, error) {
	keys, err := newKeyReader(in)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	e := &editor{s: s, in: in, out: out, keys: keys, winch: make(chan os.Signal, 1), cancel: cancel, ended: make(chan struct{})}
	e.t = term.NewTerminal(struct {
		io.Reader
		io.Writer
	}{keys, out}, "")
	e.t.History = s.history
	e.t.AutoCompleteCallback = func(line string, pos int, key rune) (string, int, bool) { return e.key(ctx, line, pos, key) }
	e.resize()
	signal.Notify(e.winch, syscall.SIGWINCH)
	go func() {
		defer close(e.ended)
		for {
			select {
			case <-ctx.Done():
				return
			case <-e.winch:
				e.resize()
			}
		}
	}()
	return e, nil
}

// Close gives the terminal back.
func (e *editor) Close() {
	e.cancel()
	signal.Stop(e.winch)
	<-e.ended
	e.keys.Close()
}

// stop ends readLine, from another goroutine.
func (e *editor) stop() { e.keys.stop() }

func (e *editor) resize() {
	width, height := e.size()
	// An error is one of the terminal: reading it will tell.
	_ = e.t.SetSize(width, height)
}

func (e *editor) size() (width, height int) {
	width, height, err := term.GetSize(int(e.out.Fd()))
	if err != nil || width < 2 || height < 1 {
		return 80, 24 // a serial line does not know its size
	}
	return width, height
}

// readLine reads a line; one that holds keyCancel was given up.
func (e *editor) readLine(prompt string) (string, error) {
	old, err := term.MakeRaw(int(e.in.Fd()))
	if err != nil {
		return "", err
	}
	defer func() {
		e.t.SetBracketedPasteMode(false)
		term.Restore(int(e.in.Fd()), old)
	}()
	e.t.SetBracketedPasteMode(true)
	e.prompt = prompt
	e.t.SetPrompt(prompt)
	line, err := e.t.ReadLine()
	switch {
	case errors.Is(err, io.EOF):
		fmt.Fprint(e.out, "\r\n")
	case errors.Is(err, term.ErrPasteIndicator):
		err = nil
	}
	return line, err
}

// key handles the keys that the editor of the terminal knows nothing of.
func (e *editor) key(ctx context.Context, line string, pos int, key rune) (string, int, bool) {
	last := e.tab
	e.tab = ""
	head, tail := line[:pos], line[pos:]
	switch key {
	case keyCancel:
		line += string(rune(keyCancel))
		return line, len(line), true
	case '?':
		if !asksForHelp(head) {
			return "", 0, false
		}
		c := e.s.completeLine(ctx, head, true)
		e.show(line+"?", c.explain(e.columns()))
		return line, pos, true
	case '\t':
		c := e.s.completeLine(ctx, head, false)
		if c.bad != nil {
			e.show(line, c.explain(e.columns()))
			return line, pos, true
		}
		if added := c.complete(head); added != head {
			if strings.HasSuffix(added, " ") && strings.HasPrefix(tail, " ") {
				added = added[:len(added)-1]
			}
			return added + tail, len(added), true
		}
		if last == head && head != "" || len(head) == 0 {
			e.show(line, c.columns(e.columns()))
		}
		e.tab = head
		return line, pos, true
	}
	return "", 0, false
}

func (e *editor) columns() int {
	width, _ := e.size()
	return width
}

// show writes text between the line as it is and the same line again.
func (e *editor) show(line, text string) {
	// What the terminal shows of the line is erased by the write, and drawn again after it.
	fmt.Fprintf(e.t, "%s%s\n%s", e.prompt, line, text)
}

// asksForHelp is true where a question mark is no part of the text: not in quotes, and not in a regular expression.
func asksForHelp(head string) bool {
	tokens, open := lex(head)
	if open != 0 {
		return false
	}
	bar := lastToken(tokens, '|')
	return bar < 0 || bar < lastToken(tokens, ';') || len(tokens) == bar+1 || len(tokens) == bar+2 && tokens[bar+1].end == len(head)
}

// keyReader reads a terminal in raw mode until it is stopped. Ctrl-C becomes keyCancel and the end of the line.
type keyReader struct {
	in         *os.File
	wake, quit *os.File // a pipe: what is readable from wake stops the reader
	held       []byte
}

func newKeyReader(in *os.File) (*keyReader, error) {
	wake, quit, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	return &keyReader{in: in, wake: wake, quit: quit}, nil
}

// Read implements io.Reader.
func (k *keyReader) Read(b []byte) (int, error) {
	for len(k.held) == 0 {
		fds := []unix.PollFd{{Fd: int32(k.in.Fd()), Events: unix.POLLIN}, {Fd: int32(k.wake.Fd()), Events: unix.POLLIN}}
		if _, err := unix.Poll(fds, -1); err != nil {
			if errors.Is(err, unix.EINTR) {
				continue
			}
			return 0, err
		}
		if fds[1].Revents != 0 {
			return 0, io.EOF
		}
		var keys [128]byte
		n, err := k.in.Read(keys[:])
		if err != nil {
			return 0, err // a terminal that hung up
		}
		for _, c := range keys[:n] {
			switch c {
			case 3:
				k.held = append(k.held, keyCancel, '\r')
			case keyCancel:
			default:
				k.held = append(k.held, c)
			}
		}
	}
	n := copy(b, k.held)
	k.held = k.held[n:]
	return n, nil
}

func (k *keyReader) stop() { k.quit.Close() }

// Close frees the pipe.
func (k *keyReader) Close() {
	k.quit.Close()
	k.wake.Close()
}
