package main

import (
	"fmt"
	"strings"
)

// token is a word of a line, or what separates commands.
type token struct {
	kind       byte   // 'w': word; '|': the next words are a filter; ';': the next words are another command
	text       string // the word without its quotes
	start, end int    // where it is in the line, in bytes
}

// lex cuts a line into words as sh does: blanks separate, single quotes keep everything, double quotes all but a backslash, and a
// backslash the character after it. "#" where a word could begin starts a comment, and so does "!" where a command could.
//
// open is 0 for a whole line; else the quote that is not closed, '\\' for a backslash at the end, or '#' for a comment at the end.
func lex(line string) (tokens []token, open byte) {
	for i := 0; i < len(line); {
		switch c := line[i]; {
		case c == ' ' || c == '\t' || c == '\r':
			i++
		case c == '\n' || c == ';':
			tokens = append(tokens, token{kind: ';', start: i, end: i + 1})
			i++
		case c == '|':
			tokens = append(tokens, token{kind: '|', start: i, end: i + 1})
			i++
		case c == '#', c == '!' && (len(tokens) == 0 || tokens[len(tokens)-1].kind == ';'):
			n := strings.IndexByte(line[i:], '\n')
			if n < 0 {
				return tokens, '#'
			}
			i += n
		default:
			var t token
			t, open = lexWord(line, i)
			tokens = append(tokens, t)
			if open != 0 {
				return tokens, open
			}
			i = t.end
		}
	}
	return tokens, 0
}

func lexWord(line string, start int) (token, byte) {
	var text strings.Builder
	var quote byte
	i := start
	for ; i < len(line); i++ {
		c := line[i]
		switch {
		case quote == '\'' && c != '\'':
			text.WriteByte(c)
		case quote == '"' && c == '\\' && i+1 < len(line) && strings.IndexByte("\"\\$`", line[i+1]) < 0:
			text.WriteByte(c)
		case c == '\\' && i+1 < len(line):
			i++
			text.WriteByte(line[i])
		case c == '\\':
			return token{kind: 'w', text: text.String(), start: start, end: len(line)}, '\\'
		case quote != 0 && c == quote:
			quote = 0
		case quote != 0:
			text.WriteByte(c)
		case c == '\'' || c == '"':
			quote = c
		case strings.IndexByte(" \t\r\n;|", c) >= 0:
			return token{kind: 'w', text: text.String(), start: start, end: i}, 0
		default:
			text.WriteByte(c)
		}
	}
	return token{kind: 'w', text: text.String(), start: start, end: i}, quote
}

// statement is a command with the filters that its output goes through.
type statement struct {
	words   []string
	filters [][]string
}

// String is the statement without its filters, for messages.
func (s statement) String() string { return strings.Join(s.words, " ") }

// parseLine reads a line of the shell.
func parseLine(line string) ([]statement, error) {
	tokens, open := lex(line)
	switch open {
	case '\'', '"':
		return nil, fmt.Errorf("the quote %c is not closed", open)
	case '\\':
		return nil, fmt.Errorf("a backslash ends the line: a command is one line")
	}
	var all []statement
	var now statement
	finish := func() error {
		for _, f := range now.filters {
			if len(f) == 0 {
				return fmt.Errorf("what after the bar? One of: %s", strings.Join(filterNames(), ", "))
			}
		}
		switch {
		case len(now.words) > 0:
			all = append(all, now)
		case len(now.filters) > 0:
			return fmt.Errorf("a command is missing before the bar")
		}
		now = statement{}
		return nil
	}
	for _, t := range tokens {
		last := len(now.filters) - 1
		switch {
		case t.kind == ';':
			if err := finish(); err != nil {
				return nil, err
			}
		case t.kind == '|':
			now.filters = append(now.filters, nil)
		case last >= 0:
			now.filters[last] = append(now.filters[last], t.text)
		default:
			now.words = append(now.words, t.text)
		}
	}
	if err := finish(); err != nil {
		return nil, err
	}
	return all, nil
}

// quoteWord writes a word so that lex reads it back.
func quoteWord(s string) string {
	if s != "" && !strings.ContainsAny(s, " \t\r\n;|'\"\\#!") {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
