package config

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// checkCharacters reports what YAML does not allow in a file, and line ends that editors do not count as such, which would
// make all positions wrong. It tells whether the text can be parsed.
func checkCharacters(s string, r *report) bool {
	const most = 10 // a binary file has thousands
	line, column := 1, 0
	for i, c := range s {
		column++
		problem := ""
		switch {
		case c == '\n':
			line, column = line+1, 0
		case c == utf8.RuneError && !strings.HasPrefix(s[i:], "\ufffd"):
			problem = fmt.Sprintf("byte 0x%02x is not UTF-8; save the file as UTF-8", s[i])
		case c == '\r' && !strings.HasPrefix(s[i+1:], "\n"):
			problem = "a carriage return without a line feed; save the file with line ends of Unix or Windows"
		case c == '\u2028', c == '\u2029', c == '\u0085', c == '\ufeff', c == '\ufffe', c == '\uffff',
			c < ' ' && c != '\t' && c != '\r', c >= 0x7f && c < 0xa0:
			problem = fmt.Sprintf("the control character %U has no place here", c)
		}
		if problem != "" {
			if r.add(position{line, column}, "", nil, problem); len(r.errs) == most {
				break
			}
		}
	}
	return len(r.errs) == 0
}

var documentMark = regexp.MustCompile(`(?m)^(---|\.\.\.)([ \t\r]|$)`)

// checkSingle reports a second document, which YAML's usual reader drops without a word.
func checkSingle(s string, r *report) bool {
	if !documentMark.MatchString(s) {
		return true
	}
	in := yaml.NewDecoder(strings.NewReader(s))
	var first, second yaml.Node
	if err := in.Decode(&first); err != nil {
		syntaxError(s, err, r)
		return false
	}
	switch err := in.Decode(&second); {
	case errors.Is(err, io.EOF):
		return true
	case err != nil:
		syntaxError(s, err, r)
	default:
		r.add(at(&second), "", nil, "a second document (---) starts here; the file must be one")
	}
	return false
}

var (
	yamlLine    = regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)$`)
	yamlUnknown = regexp.MustCompile(`^unknown anchor '(.*)' referenced$`)
)

// syntaxWords says what the parser's messages mean to someone who wrote the file.
var syntaxWords = map[string]string{
	"mapping values are not allowed in this context":               `a second "NAME: " where a value is expected: check the indentation, or put the value in quotes`,
	"did not find expected key":                                    "this does not fit in here: check the indentation, and the quotes and brackets before it",
	"did not find expected '-' indicator":                          "expected the next list item (- VALUE) here: check the indentation",
	"could not find expected ':'":                                  "expected a colon and a blank after this name",
	"did not find expected ',' or ']'":                             "a list in [ ] lacks a comma or its closing ]",
	"did not find expected ',' or '}'":                             "a section in { } lacks a comma or its closing }",
	"did not find expected node content":                           "expected a value here",
	"did not find expected <document start>":                       "nothing can follow here: check the indentation and the quotes before it",
	"found unexpected end of stream":                               "this quote is not closed",
	"found unexpected document indicator":                          "--- or ... stands inside of quotes",
	"found unknown escape character":                               `unknown escape after \ in double quotes: use single quotes, or \\`,
	"block sequence entries are not allowed in this context":       "a list item (- VALUE) cannot start here: put it on its own line",
	"mapping keys are not allowed in this context":                 "a ? cannot stand here: put the value in quotes",
	"did not find expected alphabetic or numeric character":        "expected a name after & or *: put the value in quotes",
	"found character that cannot start any token":                  "this character cannot start a value: put the value in quotes",
	"found a tab character that violates indentation":              tabs,
	"found a tab character where an indentation space is expected": tabs,
}

const tabs = "a tab: indent with spaces"

// syntaxError reports an error of the YAML parser. Those have at best a line, often that of a construct that began long
// before, so the place is looked for here.
func syntaxError(s string, err error, r *report) {
	text := err.Error()
	m := yamlLine.FindStringSubmatch(text)
	if m == nil {
		r.add(position{1, 1}, "", nil, text)
		return
	}
	where := locate(s, text)
	if where.line == 0 {
		n, _ := strconv.Atoi(m[1])
		where = position{max(n, 1), 1}
	}
	message := m[2]
	if u := yamlUnknown.FindStringSubmatch(message); u != nil {
		message = fmt.Sprintf("*%s names no anchor (&%[1]s) before it; a value that begins with * needs quotes", excerpt(u[1]))
	}
	if place, hint := unquotedAddress(r.lines, where, m[2]); hint != "" {
		r.add(place, "", nil, hint)
		return
	}
	refine(&where, m[2], r)
	if strings.HasPrefix(message, "exceeded max depth") {
		message = "nested too deeply"
	}
	if words, ok := syntaxWords[message]; ok {
		message = words
	}
	if m[2] == "found character that cannot start any token" && where.line <= len(r.lines) {
		if line := []rune(r.lines[where.line-1]); where.column <= len(line) && line[where.column-1] != '\t' {
			message = string(line[where.column-1]) + " cannot start a value: put the value in quotes"
		}
	}
	if where.line <= len(r.lines) {
		line := r.lines[where.line-1]
		indent := line[:len(line)-len(strings.TrimLeft(line, " \t"))]
		if t := strings.IndexByte(indent, '\t'); t >= 0 {
			message, where.column = tabs, t+1
		}
	}
	r.add(where, "", nil, message)
}

// refine moves the place from where the parser gave up to the character that is to blame.
func refine(where *position, message string, r *report) {
	if where.line > len(r.lines) {
		return
	}
	line := []rune(r.lines[where.line-1])
	upTo := line[:min(where.column, len(line))]
	blame := ""
	switch {
	case yamlUnknown.MatchString(message):
		blame = "*"
	case strings.HasPrefix(message, "did not find expected ',' or"):
		blame = "[{"
	default:
		return
	}
	for i := len(upTo) - 1; i >= 0; i-- {
		if strings.ContainsRune(blame, upTo[i]) {
			where.column = i + 1
			return
		}
	}
}

// locate finds where the text becomes one that fails with the given error. The parser reads forward only: every text that
// begins like s up to that place fails in the same way, so the place is found by halving, first the line, then the column.
func locate(s, failure string) position {
	const limit = 1 << 20 // beyond it, some twenty attempts take too long
	if len(s) > limit {
		return position{}
	}
	fails := func(text string) bool {
		var node yaml.Node
		err := yaml.Unmarshal([]byte(text), &node)
		if err == nil && documentMark.MatchString(text) {
			in := yaml.NewDecoder(strings.NewReader(text))
			if err = in.Decode(&node); err == nil {
				if err = in.Decode(&node); errors.Is(err, io.EOF) {
					err = nil
				}
			}
		}
		return err != nil && err.Error() == failure
	}
	lines := strings.SplitAfter(s, "\n")
	n := sort.Search(len(lines), func(i int) bool { return fails(strings.Join(lines[:i+1], "")) })
	if n == len(lines) {
		return position{}
	}
	before := strings.Join(lines[:n], "")
	line := []rune(strings.TrimRight(lines[n], "\r\n"))
	column := sort.Search(len(line), func(i int) bool { return fails(before + string(line[:i+1])) })
	return position{n + 1, min(column, max(len(line)-1, 0)) + 1}
}
