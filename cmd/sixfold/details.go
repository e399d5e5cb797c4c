package main

import (
	"io"
	"strings"
)

// details is a list of names and values, one a line.
type details struct{ rows [][2]string }

// add appends a value; one that is empty is left out.
func (d *details) add(name, value string) {
	if value = cell(value); value != "" {
		d.rows = append(d.rows, [2]string{name + ":", value})
	}
}

func (d *details) write(w io.Writer) error {
	width := 0
	for _, r := range d.rows {
		width = max(width, displayWidth(r[0]))
	}
	var lines []string
	for _, r := range d.rows {
		lines = append(lines, r[0]+strings.Repeat(" ", width-displayWidth(r[0])+1)+r[1])
	}
	return writeAll(w, joinLines(lines))
}

func joinLines(lines []string) string { return strings.Join(lines, "\n") + "\n" }

// words drops what is empty.
func words(list ...string) []string {
	var out []string
	for _, s := range list {
		if s != "" {
			out = append(out, s)
		}
	}
	return out
}

func orElse(s, fallback string) string {
	if s == "" {
		return fallback
	}
	return s
}

// shorten cuts text to a number of characters.
func shorten(s string, most int) string {
	runes := []rune(s)
	if len(runes) <= most {
		return s
	}
	return string(runes[:most-1]) + "…"
}
