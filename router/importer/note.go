package importer

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// Severity says how much a note matters.
type Severity string

// The severities.
const (
	// Error: this is wrong in itself, whoever reads it, and was left out.
	Error Severity = "error"
	// Warning: this has no equivalent, or needs a person to decide, and was left out or stands in another way.
	Warning Severity = "warning"
	// Info: this is carried over, and there is something to know about it.
	Info Severity = "info"
)

// Note is something that a person should know about an import.
type Note struct {
	File         string
	Line, Column int // from 1; a column counts characters
	Severity     Severity
	Text         string // what it is, and what to do
}

// String returns the note on one line, as FILE:LINE:COLUMN: SEVERITY: TEXT.
func (n Note) String() string {
	return fmt.Sprintf("%s: %s: %s", n.place(), n.Severity, n.Text)
}

func (n Note) place() string { return fmt.Sprintf("%s:%d:%d", n.File, n.Line, n.Column) }

// SyntaxError says where a text stops to be what it should be.
type SyntaxError struct{ Note Note }

// Error returns the error on one line, as FILE:LINE:COLUMN: TEXT.
func (e *SyntaxError) Error() string { return e.Note.place() + ": " + e.Note.Text }

// maxNotes bounds the notes of one file: who has more has given the wrong format.
const maxNotes = 1000

func (d *draft) note(at pos, s Severity, format string, args ...any) {
	if len(d.notes) >= maxNotes {
		d.untold++
		return
	}
	n := Note{File: d.file, Line: at.line, Column: at.column, Severity: s, Text: printable(fmt.Sprintf(format, args...))}
	d.notes = append(d.notes, n)
}

// wrong notes what is wrong in itself.
func (d *draft) wrong(t token, format string, args ...any) { d.note(t.pos, Error, format, args...) }

// lost notes what has no equivalent.
func (d *draft) lost(t token, format string, args ...any) { d.note(t.pos, Warning, format, args...) }

// tell notes what is to be known.
func (d *draft) tell(t token, format string, args ...any) { d.note(t.pos, Info, format, args...) }

// sorted returns the notes in the order of the file.
func (d *draft) sorted() []Note {
	notes := slices.Clone(d.notes)
	slices.SortStableFunc(notes, func(a, b Note) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	notes = slices.Compact(notes)
	if d.untold > 0 {
		notes = append(notes, Note{File: d.file, Line: 1, Column: 1, Severity: Warning,
			Text: fmt.Sprintf("%d more notes are not shown: is this a file of another program?", d.untold)})
	}
	return notes
}

// inFile completes an error with the name of the file.
func (d *draft) inFile(err error) error {
	if s, ok := err.(*SyntaxError); ok && s.Note.File == "" {
		s.Note.File = d.file
	}
	return err
}

func failed(at pos, format string, args ...any) error {
	return &SyntaxError{Note{Line: at.line, Column: at.column, Severity: Error, Text: printable(fmt.Sprintf(format, args...))}}
}

// printable keeps a hostile file from writing control sequences to a terminal, and notes on one line.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t' || r == '\n':
			return ' '
		case unicode.IsControl(r), unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp), r == unicode.ReplacementChar:
			return '·'
		}
		return r
	}, s)
}

// quoted shows a word of the file.
func quoted(s string) string {
	const most = 60
	if r := []rune(s); len(r) > most {
		s = string(r[:most]) + "…"
	}
	return `"` + s + `"`
}
