package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
)

// filters are what may follow a bar, with their short help.
func filters() map[string]string {
	return map[string]string{
		"begin":   "from the first line that matches a regular expression",
		"count":   "only the number of lines",
		"exclude": "only lines that do not match a regular expression",
		"include": "only lines that match a regular expression",
		"json":    "as JSON",
		"no-more": "without a pager",
	}
}

func filterNames() []string {
	var names []string
	for name := range filters() {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// filterName is the filter that a word begins.
func filterName(w string) (string, error) {
	var could []string
	for _, name := range filterNames() {
		if name == w {
			return name, nil
		}
		if strings.HasPrefix(name, w) {
			could = append(could, name)
		}
	}
	switch len(could) {
	case 0:
		return "", fmt.Errorf("unknown filter %q: there are %s", w, strings.Join(filterNames(), ", "))
	case 1:
		return could[0], nil
	}
	return "", &ambiguousError{word: w, could: could}
}

// pipe is where a command writes to, before what follows its bars.
type pipe struct {
	io.Writer
	flags []string    // of the command
	close []io.Closer // in the order of the output
}

// newPipe makes the filters of a statement, which write to out.
func newPipe(out io.Writer, filters [][]string) (*pipe, error) {
	p := &pipe{Writer: out}
	for _, words := range slices.Backward(filters) {
		name, err := filterName(words[0])
		if err != nil {
			return nil, err
		}
		regular, want := strings.Join(words[1:], " "), "no argument"
		matches := name == "include" || name == "exclude" || name == "begin"
		if matches {
			want = "a regular expression"
		}
		if matches != (len(words) > 1) {
			return nil, fmt.Errorf("%s takes %s", name, want)
		}
		re, err := regexp.Compile(regular)
		if err != nil {
			return nil, fmt.Errorf("%s %s: %w", name, regular, err)
		}
		l := &lineWriter{out: p.Writer}
		switch name {
		case "include":
			l.keep = re.Match
		case "exclude":
			l.keep = func(line []byte) bool { return !re.Match(line) }
		case "begin":
			begun := false
			l.keep = func(line []byte) bool {
				begun = begun || re.Match(line)
				return begun
			}
		case "count":
			l.keep = func([]byte) bool {
				l.count++
				return false
			}
			l.counts = true
		case "json":
			p.flags = append(p.flags, "--json")
			continue
		case "no-more":
			p.flags = append(p.flags, "--no-pager")
			continue
		}
		p.Writer, p.close = l, slices.Insert(p.close, 0, io.Closer(l))
	}
	return p, nil
}

// Close writes what the filters still hold.
func (p *pipe) Close() error {
	var errs []error
	for _, c := range p.close {
		errs = append(errs, c.Close())
	}
	return errors.Join(errs...)
}

// longestLine bounds what a filter holds of a line; a longer one is cut in pieces.
const longestLine = 1 << 20

// lineWriter passes on the lines that keep wants.
type lineWriter struct {
	out    io.Writer
	keep   func(line []byte) bool
	held   []byte // the line that is not whole yet
	count  int
	counts bool
}

func (l *lineWriter) Write(b []byte) (int, error) {
	l.held = append(l.held, b...)
	rest := l.held
	for {
		end := bytes.IndexByte(rest, '\n')
		if end < 0 && len(rest) < longestLine {
			break
		}
		if end < 0 {
			end = longestLine - 1
		}
		if err := l.line(rest[:end+1]); err != nil {
			return 0, err
		}
		rest = rest[end+1:]
	}
	l.held = append(l.held[:0], rest...)
	return len(b), nil
}

func (l *lineWriter) line(line []byte) error {
	if !l.keep(bytes.TrimSuffix(line, []byte("\n"))) {
		return nil
	}
	_, err := l.out.Write(line)
	return err
}

// Close passes on a last line that has no end.
func (l *lineWriter) Close() error {
	if len(l.held) > 0 {
		if err := l.line(append(l.held, '\n')); err != nil {
			return err
		}
		l.held = nil
	}
	if l.counts {
		_, err := fmt.Fprintln(l.out, l.count)
		return err
	}
	return nil
}
