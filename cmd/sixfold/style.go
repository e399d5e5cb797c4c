package main

import (
	"os"
	"strings"
)

// style colours text for a terminal; its zero value leaves everything plain.
type style struct{ on bool }

// styleFor colours what goes to a terminal that knows colours, unless its user does not want them (https://no-color.org).
func styleFor(stream any) style {
	return style{isTerminal(stream) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"}
}

// Colours of ECMA-48.
const (
	plain  = ""
	bold   = "1"
	red    = "31"
	green  = "32"
	yellow = "33"
	cyan   = "36"
)

// paint colours text; it takes no more columns than before.
func (s style) paint(colour, text string) string {
	if !s.on || colour == plain || text == "" {
		return text
	}
	return "\x1b[" + colour + "m" + text + "\x1b[0m"
}

// cellColour says in which colour a cell of a table helps the eye: what is well, what is not, what wants a look.
func cellColour(header, text string) string {
	if text == "" || text == "-" {
		return plain
	}
	switch header {
	case "PROBLEM":
		return red
	case "NOTE":
		return yellow
	case "STATE", "RESULT", "CLASS", "CODE", "MENDED":
	default:
		return plain
	}
	word, _, _ := strings.Cut(text, " ")
	switch strings.TrimSuffix(word, ":") {
	case "established", "up", "ok", "OK", "bound", "reachable", "applied", "in", "yes":
		return green
	case "failed", "broken", "absent", "down", "no", "idle", "active", "connect", "duplicate", "reverted", "delete",
		"PERMISSION_DENIED", "UNAUTHENTICATED", "INTERNAL":
		return red
	case "waiting", "unconfirmed", "applying", "recreate", "cancelled", "opensent", "openconfirm", "shutdown", "incomplete",
		"soliciting", "requesting", "rebinding":
		return yellow
	}
	return plain
}

// diff colours a unified diff.
func (s style) diff(text string) string {
	if !s.on {
		return text
	}
	lines := strings.SplitAfter(text, "\n")
	for i, l := range lines {
		body, end := strings.CutSuffix(l, "\n")
		colour := plain
		switch {
		case strings.HasPrefix(l, "+++"), strings.HasPrefix(l, "---"):
			colour = bold
		case strings.HasPrefix(l, "+"):
			colour = green
		case strings.HasPrefix(l, "-"):
			colour = red
		case strings.HasPrefix(l, "@@"):
			colour = cyan
		}
		lines[i] = s.paint(colour, body)
		if end {
			lines[i] += "\n"
		}
	}
	return strings.Join(lines, "")
}
