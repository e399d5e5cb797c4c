package importer

import (
	"strings"
	"unicode/utf8"
)

// pos is a place in a file, from 1.
type pos struct{ line, column int }

// kind is what a token is.
type kind uint8

const (
	word    kind = iota
	text         // in quotes, without them
	mark         // punctuation, of one character
	eol          // end of a line, where that matters
	endFile      // behind the last token
)

// token is a word of a file and its place.
type token struct {
	kind kind
	text string
	pos
}

func (t token) is(s string) bool { return t.kind == mark && t.text == s }

// isWord tells whether the token is the word s, in capital or small letters.
func (t token) isWord(s string) bool { return t.kind == word && strings.EqualFold(t.text, s) }

func (t token) String() string {
	switch t.kind {
	case endFile:
		return "the end of the file"
	case eol:
		return "the end of the line"
	}
	return quoted(t.text)
}

// lexis says how a format is cut into tokens.
type lexis struct {
	marks   string // characters that are tokens of their own
	quotes  string // characters that texts stand between
	escape  bool   // a backslash in a text takes the next character as it is, or as an octal number
	slashes bool   // // begins a comment, and /* one that ends with */
	lines   bool   // the ends of lines are tokens
}

// cursor walks over a text and counts lines and columns.
type cursor struct {
	rest string
	at   pos
}

func (c *cursor) next() rune {
	r, n := utf8.DecodeRuneInString(c.rest)
	c.rest = c.rest[n:]
	if r == '\n' {
		c.at = pos{c.at.line + 1, 1}
	} else {
		c.at.column++
	}
	return r
}

// skipLine goes to the end of the line, which stays.
func (c *cursor) skipLine() {
	for c.rest != "" && c.rest[0] != '\n' {
		c.next()
	}
}

// scan cuts a text into tokens; the last one is always endFile. # begins a comment in all formats.
func scan(s string, l lexis) ([]token, error) {
	c := &cursor{rest: s, at: pos{1, 1}}
	var all []token
	for c.rest != "" {
		at, ch := c.at, c.rest[0]
		switch {
		case ch == '\n' && l.lines:
			c.next()
			all = append(all, token{eol, "", at})
		case ch == ' ' || ch == '\t' || ch == '\n' || ch == '\r' || ch == '\f' || ch == '\v':
			c.next()
		case ch == '#' || l.slashes && strings.HasPrefix(c.rest, "//"):
			c.skipLine()
		case l.slashes && strings.HasPrefix(c.rest, "/*"):
			if err := c.comment(); err != nil {
				return nil, err
			}
		case strings.IndexByte(l.quotes, ch) >= 0:
			t, err := c.text(l)
			if err != nil {
				return nil, err
			}
			all = append(all, t)
		case strings.IndexByte(l.marks, ch) >= 0:
			c.next()
			all = append(all, token{mark, string(ch), at})
		default:
			all = append(all, c.word(l))
		}
	}
	return append(all, token{endFile, "", c.at}), nil
}

func (c *cursor) comment() error {
	at := c.at
	n := strings.Index(c.rest[2:], "*/")
	if n < 0 {
		return failed(at, "this comment does not end: */ is missing")
	}
	for end := len(c.rest) - 2 - n - 2; len(c.rest) > end; {
		c.next()
	}
	return nil
}

func (c *cursor) word(l lexis) token {
	at, start := c.at, c.rest
	for c.rest != "" {
		ch := c.rest[0]
		if ch <= ' ' || strings.IndexByte(l.marks, ch) >= 0 || strings.IndexByte(l.quotes, ch) >= 0 ||
			l.slashes && (strings.HasPrefix(c.rest, "//") || strings.HasPrefix(c.rest, "/*")) {
			break
		}
		c.next()
	}
	if len(c.rest) == len(start) { // a control character that is nothing else
		c.next()
	}
	return token{word, start[:len(start)-len(c.rest)], at}
}

// text reads a text in quotes.
func (c *cursor) text(l lexis) (token, error) {
	at := c.at
	quote := c.next()
	var b strings.Builder
	for c.rest != "" {
		r := c.next()
		switch {
		case r == quote:
			return token{text, b.String(), at}, nil
		case r == '\\' && l.escape && c.rest != "":
			c.escaped(&b)
		default:
			b.WriteRune(r)
		}
	}
	return token{}, failed(at, "this text does not end: its second %c is missing", quote)
}

// escaped reads what follows a backslash. A byte that was written as a number becomes the character of that number: octets
// makes bytes of them again.
func (c *cursor) escaped(b *strings.Builder) {
	n, digits := 0, 0
	for digits < 3 && c.rest != "" && c.rest[0] >= '0' && c.rest[0] <= '7' {
		n = n*8 + int(c.next()-'0')
		digits++
	}
	if digits > 0 {
		b.WriteRune(rune(n & 0xff))
		return
	}
	switch r := c.next(); r {
	case 'n':
		b.WriteByte('\n')
	case 't':
		b.WriteByte('\t')
	case 'r':
		b.WriteByte('\r')
	default:
		b.WriteRune(r)
	}
}
