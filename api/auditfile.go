package api

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

const (
	logSize = 4 << 20 // a file that has this many bytes is put aside
	logKept = 4       // files that were put aside, audit.log.1 the newest
)

// logFile is a file that lines are added to. It is rotated by size. It serves one goroutine at a time.
type logFile struct {
	path string
	f    *os.File
	size int64
	cut  bool // the last write failed midway: the line that stands there is ended first
}

// openLog opens the file for the owner alone: it says who did what.
func openLog(path string) (*logFile, error) {
	l := &logFile{path: path}
	return l, l.reopen()
}

func (l *logFile) reopen() error {
	f, err := os.OpenFile(l.path, os.O_RDWR|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err != nil {
		return errors.Join(err, f.Close())
	}
	l.f, l.size = f, info.Size()
	if last := make([]byte, 1); l.size > 0 {
		if _, err := f.ReadAt(last, l.size-1); err == nil && last[0] != '\n' {
			l.cut = true
		}
	}
	return syncDir(filepath.Dir(l.path))
}

// append adds a line, which has its line end. With durable set it returns when the line is on disk.
func (l *logFile) append(line []byte, durable bool) error {
	if l.f == nil || l.size+int64(len(line)) > logSize {
		if err := l.rotate(); err != nil {
			return err
		}
	}
	if l.cut {
		line = append([]byte("\n"), line...)
	}
	n, err := l.f.Write(line)
	l.size += int64(n)
	if err != nil {
		l.cut = l.cut || n > 0
		return err
	}
	l.cut = false
	if durable {
		return l.f.Sync()
	}
	return nil
}

func (l *logFile) rotate() error {
	if l.f != nil && l.size > 0 {
		for n := logKept; n >= 1; n-- {
			if err := os.Rename(l.aside(n-1), l.aside(n)); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
	}
	err := l.close()
	l.cut = false
	return errors.Join(err, l.reopen())
}

// aside is the name of the nth file that was put aside, and of the file itself for 0.
func (l *logFile) aside(n int) string {
	if n == 0 {
		return l.path
	}
	return fmt.Sprintf("%s.%d", l.path, n)
}

// read returns all lines, oldest first.
func (l *logFile) read() ([][]byte, error) {
	var lines [][]byte
	for n := logKept; n >= 0; n-- {
		text, err := os.ReadFile(l.aside(n))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		for line := range bytes.SplitSeq(text, []byte("\n")) {
			if len(line) > 0 {
				lines = append(lines, line)
			}
		}
	}
	return lines, nil
}

func (l *logFile) close() error {
	if l == nil || l.f == nil {
		return nil
	}
	err := l.f.Close()
	l.f = nil
	return err
}

// syncDir makes the names in a directory durable.
func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
