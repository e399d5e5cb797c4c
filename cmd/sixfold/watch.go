package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// The times between two looks with --watch.
const (
	watchDefault = "2s"
	watchLeast   = 100 * time.Millisecond
)

// watchFlag gives all commands below cmd the flag --watch.
func (a *app) watchFlag(cmd *cobra.Command) {
	f := cmd.PersistentFlags()
	f.DurationVar(&a.watch, "watch", 0, "show it again each `time` until Ctrl-C; --watch alone is every 2s")
	f.Lookup("watch").NoOptDefVal = watchDefault
}

// watching renders again and again until ctx ends, which is no error. It goes on while the daemon is away, unless it is so from
// the start.
func (a *app) watching(cmd *cobra.Command, render func(context.Context, printer) error) error {
	if a.watch < watchLeast {
		return &usageError{cmd: cmd, err: fmt.Errorf("--watch=%s: want %s or more", a.watch, watchLeast)}
	}
	ctx, p := cmd.Context(), printerOf(cmd)
	var show frames = &changes{out: p.out, err: p.err, json: a.json}
	if f, ok := p.out.(*os.File); ok && isTerminal(f) && !a.json {
		s := &screen{out: f, title: fmt.Sprintf("Every %s: %s", a.watch, commandLine(cmd, a.args)), style: p.style}
		s.open()
		defer s.close()
		show = s
	}
	ticker := time.NewTicker(a.watch)
	defer ticker.Stop()
	for first := true; ; first = false {
		var text, notes bytes.Buffer
		frame := printer{out: &text, err: &notes, now: time.Now(), style: p.style}
		err := render(ctx, frame)
		away := isAway(err)
		switch {
		case ctx.Err() != nil:
			return nil
		case away && !first:
			err = show.away(frame.now)
		case err == nil:
			err = show.frame(frame.now, text.String(), notes.String())
		}
		if err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// isAway tells of an error whether it is that of a daemon that may come back.
func isAway(err error) bool {
	var absent *noDaemonError
	var gone *goneError
	return errors.As(err, &absent) || errors.As(err, &gone) || status.Code(err) == codes.DeadlineExceeded
}

// frames shows one look after the other.
type frames interface {
	frame(now time.Time, text, notes string) error
	away(now time.Time) error
}

// changes prints what is other than before, apart from it by an empty line. It is for pipes and files.
type changes struct {
	out, err io.Writer
	json     bool
	last     string
	some     bool // a frame was printed
	gone     bool
}

func (c *changes) frame(_ time.Time, text, notes string) error {
	c.gone = false
	if c.some && text+notes == c.last {
		return nil
	}
	if c.some && !c.json && text != "" {
		text = "\n" + text
	}
	c.last, c.some = strings.TrimPrefix(text, "\n")+notes, true
	if notes != "" {
		if err := writeAll(c.err, notes); err != nil {
			return err
		}
	}
	if text == "" {
		return nil
	}
	return writeAll(c.out, text)
}

func (c *changes) away(time.Time) error {
	if c.gone {
		return nil
	}
	c.gone = true
	return writeAll(c.err, "no daemon: waiting for it\n")
}

// screen draws over what it drew before.
type screen struct {
	out   *os.File
	title string
	style style
	body  string
}

// The control sequences of xterm that all terminals of today know.
const (
	screenOpen  = "\x1b[?1049h\x1b[?25l\x1b[?7l" // the other screen, no cursor, long lines are cut
	screenClose = "\x1b[?7h\x1b[?25h\x1b[?1049l"
	screenHome  = "\x1b[H"
	clearLine   = "\x1b[K"
	clearBelow  = "\x1b[J"
)

func (s *screen) open()  { writeAll(s.out, screenOpen) }
func (s *screen) close() { writeAll(s.out, screenClose) }

func (s *screen) frame(now time.Time, text, notes string) error {
	s.body = text + notes
	return s.draw(s.title + "   " + now.Format(time.TimeOnly))
}

func (s *screen) away(now time.Time) error {
	return s.draw(s.title + "   " + now.Format(time.TimeOnly) + "   " + s.style.paint(red, "no daemon"))
}

func (s *screen) draw(header string) error {
	_, height, err := term.GetSize(int(s.out.Fd()))
	if err != nil || height < 4 {
		height = 24
	}
	return writeAll(s.out, screenHome+strings.Join(screenLines(header, s.body, height), clearLine+"\r\n")+clearLine+clearBelow)
}

// screenLines is a header, an empty line and as much of body as there is room for.
func screenLines(header, body string, height int) []string {
	lines := []string{header, ""}
	if body = strings.TrimSuffix(body, "\n"); body != "" {
		lines = append(lines, strings.Split(body, "\n")...)
	}
	if cut := len(lines) - height; cut > 0 {
		lines = append(lines[:height-1], fmt.Sprintf("… and %d lines more", cut+1))
	}
	return lines
}

// commandLine is the command as it was typed, without --watch itself, for a title.
func commandLine(cmd *cobra.Command, args []string) string {
	line := []string{cmd.Root().Name()}
	for _, arg := range args {
		if arg != "--watch" && !strings.HasPrefix(arg, "--watch=") {
			line = append(line, arg)
		}
	}
	return cell(strings.Join(line, " "))
}
