package main

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	historyLines = 1000
	// historyBytes bounds what is read of the file, whatever somebody made of it.
	historyBytes = 1 << 20
)

// history is the lines that were typed, of this session and earlier ones, and implements term.History. Every line is appended to
// the file at once, so that sessions side by side lose none. It is not safe for use by several goroutines.
type history struct {
	path   string   // empty: only in memory
	lines  []string // oldest first
	inFile int      // lines in the file, as far as we know
}

// historyPath is where the history of this user is; empty if there is no home.
func historyPath(getenv func(string) string) string {
	if dir := getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "sixfold", "history")
	}
	if home := getenv("HOME"); home != "" {
		return filepath.Join(home, ".local", "state", "sixfold", "history")
	}
	return ""
}

// openHistory reads the history. With an error it still works, but keeps nothing.
func openHistory(path string) (*history, error) {
	h := &history{path: path}
	if path == "" {
		return h, nil
	}
	err := os.MkdirAll(filepath.Dir(path), 0o700)
	if err == nil {
		h.lines, h.inFile, err = readHistory(path)
	}
	if err == nil && h.inFile > historyLines {
		err = h.compact()
	}
	if err != nil {
		h.path = ""
	}
	return h, err
}

// readHistory returns the newest lines of a file, and how many there were.
func readHistory(path string) (lines []string, count int, err error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, 0, err
	}
	defer f.Close()
	// A file from elsewhere may have been readable by others.
	if err := f.Chmod(0o600); err != nil {
		return nil, 0, err
	}
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, 0, err
	}
	text, err := io.ReadAll(io.NewSectionReader(f, max(0, size-historyBytes), historyBytes))
	if err != nil {
		return nil, 0, err
	}
	if size > historyBytes {
		// The first line is cut, and there are more than we count.
		_, text, _ = bytes.Cut(text, []byte("\n"))
		count = historyLines
	}
	for line := range strings.Lines(string(text)) {
		count++
		if line = strings.TrimSuffix(line, "\n"); worthKeeping(line) {
			lines = append(lines, line)
		}
	}
	return newest(lines), count, nil
}

func newest(lines []string) []string { return lines[max(0, len(lines)-historyLines):] }

// compact leaves the newest lines in the file, those of other sessions among them.
func (h *history) compact() error {
	lines, _, err := readHistory(h.path)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(h.path), ".history")
	if err != nil {
		return err
	}
	_, err = io.WriteString(f, joinLines(lines))
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), h.path)
	}
	if err != nil {
		os.Remove(f.Name())
		return err
	}
	h.inFile = len(lines)
	return nil
}

// worthKeeping is false of lines that are empty or begin with a blank, by which one keeps a line out, and of what a terminal
// would take for orders.
func worthKeeping(line string) bool {
	return line != "" && line[0] != ' ' && line[0] != '\t' && utf8.ValidString(line) && !strings.ContainsFunc(line, unicode.IsControl)
}

// Add implements term.History. A line like the one before is kept once.
func (h *history) Add(line string) {
	line = strings.TrimRight(line, " ")
	if !worthKeeping(line) || len(h.lines) > 0 && h.lines[len(h.lines)-1] == line {
		return
	}
	h.lines = newest(append(h.lines, line))
	if h.path == "" {
		return
	}
	err := h.append(line)
	if h.inFile++; err == nil && h.inFile > 2*historyLines {
		err = h.compact()
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		h.path = "" // a disk that is full or read-only does not get better by asking at every line
	}
}

func (h *history) append(line string) error {
	f, err := os.OpenFile(h.path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	_, err = io.WriteString(f, line+"\n")
	return errors.Join(err, f.Close())
}

// Len implements term.History.
func (h *history) Len() int { return len(h.lines) }

// At implements term.History: 0 is the newest line.
func (h *history) At(i int) string { return h.lines[len(h.lines)-1-i] }
