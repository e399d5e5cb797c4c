package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Error is one thing that is wrong with a configuration.
type Error struct {
	File         string   // as given to Load; empty for a message that came without a file
	Line, Column int      // from 1; 0 without a file. A column counts characters, not bytes
	Path         string   // interfaces.lan0.mtu; empty when the text as a whole is meant
	Message      string   // what is wrong
	Accepted     []string // what would be accepted, where that is a short list
	Snippet      string   // the line of the file
}

// Error returns the error on one line, as FILE:LINE:COLUMN: PATH: MESSAGE.
func (e Error) Error() string {
	var b strings.Builder
	if e.File != "" {
		b.WriteString(e.File)
		b.WriteByte(':')
	}
	if e.Line > 0 {
		fmt.Fprintf(&b, "%d:%d:", e.Line, e.Column)
	}
	if b.Len() > 0 {
		b.WriteByte(' ')
	}
	if e.Path != "" {
		b.WriteString(e.Path)
		b.WriteString(": ")
	}
	b.WriteString(e.text())
	return b.String()
}

func (e Error) text() string {
	if len(e.Accepted) == 0 {
		return e.Message
	}
	return e.Message + "; accepted: " + strings.Join(e.Accepted, ", ")
}

// Errors is everything that is wrong with a configuration, in the order of the file. It is never empty.
type Errors struct {
	List []Error
}

// Error returns one line for each error.
func (e *Errors) Error() string {
	lines := make([]string, len(e.List))
	for i, one := range e.List {
		lines[i] = one.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap gives the single errors to errors.As.
func (e *Errors) Unwrap() []error {
	errs := make([]error, len(e.List))
	for i, one := range e.List {
		errs[i] = one
	}
	return errs
}

// Pretty returns the errors for a terminal, each followed by the line it is about and a caret below the place.
func (e *Errors) Pretty() string {
	var b strings.Builder
	for _, one := range e.List {
		b.WriteString(one.Pretty())
	}
	return b.String()
}

// Pretty returns the error for a terminal, followed by the line it is about and a caret below the place.
func (e Error) Pretty() string {
	if e.Line == 0 || strings.TrimSpace(e.Snippet) == "" {
		return e.Error() + "\n"
	}
	number := fmt.Sprintf("%5d", e.Line)
	before, shown := window(e.Snippet, e.Column-1)
	indent := strings.Repeat(" ", len(number))
	return fmt.Sprintf("%s\n%s | %s\n%s | %s^\n", e.Error(), number, shown, indent, strings.Repeat(" ", before))
}

// window cuts what a terminal shows out of a long line. It returns how many characters stand before the caret.
func window(line string, column int) (before int, shown string) {
	const width = 100
	runes := []rune(strings.Map(printable, line))
	column = min(max(column, 0), len(runes))
	start := 0
	if column > width*3/4 {
		start = column - width/2
	}
	end := min(start+width, len(runes))
	shown = string(runes[start:end])
	if start > 0 {
		shown = "…" + string(runes[start+1:end])
	}
	if end < len(runes) {
		shown += "…"
	}
	return column - start, shown
}

// printable keeps a hostile file from writing control sequences to a terminal.
func printable(r rune) rune {
	switch {
	case r == '\t':
		return ' '
	case r < ' ', r >= 0x7f && r < 0xa0, r == utf8.RuneError, r >= 0x2028 && r <= 0x202e, r >= 0x2066 && r <= 0x2069:
		return '·'
	}
	return r
}

// report collects errors, and what is allowed but seldom wise.
type report struct {
	file     string
	lines    []string // of the file, or nil
	errs     []Error
	warnings []Error
}

// warnf notes what the operator should know of the value at s although it is allowed.
func (r *report) warnf(s *spot, format string, args ...any) {
	r.warnings = append(r.warnings, r.found(s.at, s.path, nil, fmt.Sprintf(format, args...)))
}

// errorf reports what is wrong with the value at s, once: the first error of a value is the one to mend, and what follows
// from it would only confuse.
func (r *report) errorf(s *spot, format string, args ...any) {
	r.accepted(s, nil, format, args...)
}

// accepted is errorf with the values that would be right.
func (r *report) accepted(s *spot, values []string, format string, args ...any) {
	if s.bad {
		return
	}
	s.bad = true
	r.add(s.at, s.path, values, fmt.Sprintf(format, args...))
}

// key reports what is wrong with the name under which s stands.
func (r *report) key(s *spot, format string, args ...any) {
	if s.bad {
		return
	}
	s.bad = true
	at := s.key
	if at.line == 0 {
		at = s.at
	}
	r.add(at, s.path, nil, fmt.Sprintf(format, args...))
}

func (r *report) add(at position, path string, values []string, message string) {
	r.errs = append(r.errs, r.found(at, path, values, message))
}

func (r *report) found(at position, path string, values []string, message string) Error {
	// The parser may give up behind the last line.
	if len(r.lines) > 0 && at.line > len(r.lines) {
		at = position{len(r.lines), utf8.RuneCountInString(r.lines[len(r.lines)-1]) + 1}
	}
	e := Error{
		File: r.file, Line: at.line, Column: at.column, Path: path, Accepted: values,
		Message: strings.Map(printable, message),
	}
	if at.line > 0 && at.line <= len(r.lines) {
		e.Snippet = strings.TrimRight(r.lines[at.line-1], "\r")
	}
	return e
}

// err returns what was collected, sorted, as an *Errors, or nil.
func (r *report) err() error {
	if len(r.errs) == 0 {
		return nil
	}
	inFileOrder(r.errs)
	return &Errors{List: r.errs}
}

func inFileOrder(list []Error) {
	slices.SortStableFunc(list, func(a, b Error) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Path, b.Path))
	})
}
