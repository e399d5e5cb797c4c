package importer

import (
	"strings"
)

// capability is a field of an entry in a file as termcap(5) has it: a name alone, NAME#NUMBER or NAME=TEXT.
type capability struct {
	name  token
	kind  byte  // 0, '#' or '='
	value token // without quotes
}

// record is an entry: its names, and its fields in the order of the file.
type record struct {
	names  []string
	name   token
	fields []capability
}

// termcap reads the entries of a file. An entry goes on in the next line after a backslash; fields stand between colons, and a colon
// in quotes belongs to the text.
func termcap(s string) ([]record, error) {
	c := &cursor{rest: s, at: pos{1, 1}}
	var all []record
	for c.rest != "" {
		switch c.rest[0] {
		case '#':
			c.skipLine()
		case ' ', '\t', '\r', '\n', '\v', '\f':
			c.next()
		default:
			r, err := c.record()
			if err != nil {
				return nil, err
			}
			all = append(all, r)
		}
	}
	return all, nil
}

// continued skips a backslash with the end of its line and the blanks behind.
func (c *cursor) continued() bool {
	rest := strings.TrimLeft(strings.TrimPrefix(c.rest, `\`), " \t\r")
	if c.rest == "" || c.rest[0] != '\\' || rest != "" && rest[0] != '\n' {
		return false
	}
	c.next()
	for c.rest != "" && strings.IndexByte(" \t\r\n", c.rest[0]) >= 0 {
		newline := c.rest[0] == '\n'
		c.next()
		if newline {
			break
		}
	}
	for c.rest != "" && (c.rest[0] == ' ' || c.rest[0] == '\t') {
		c.next()
	}
	return true
}

// record reads one entry.
func (c *cursor) record() (record, error) {
	head, _, err := c.field()
	if err != nil {
		return record{}, err
	}
	head.text = strings.TrimSpace(head.text)
	r := record{name: head, names: strings.Split(head.text, "|")}
	for c.rest != "" && c.rest[0] != '\n' {
		f, quote, err := c.field()
		if err != nil {
			return r, err
		}
		if strings.TrimSpace(f.text) == "" {
			continue
		}
		r.fields = append(r.fields, split(f, quote))
	}
	return r, nil
}

// field reads up to the next colon or the end of the entry. quote is where in the text the first quotes stood, or -1.
func (c *cursor) field() (t token, quote int, err error) {
	var b strings.Builder
	t, quote = token{kind: word, pos: c.at}, -1
	for c.rest != "" && c.rest[0] != '\n' {
		switch {
		case c.continued():
			if b.Len() == 0 {
				t.pos = c.at
			}
		case c.rest[0] == ':':
			c.next()
			t.text = b.String()
			return t, quote, nil
		case c.rest[0] == '"':
			if quote < 0 {
				quote = b.Len()
			}
			at := c.at
			c.next()
			for {
				if c.rest == "" || c.rest[0] == '\n' {
					return t, quote, failed(at, "this text does not end: its second \" is missing")
				}
				if c.continued() {
					continue
				}
				r := c.next()
				if r == '"' {
					break
				}
				b.WriteRune(r)
			}
		case b.Len() == 0 && (c.rest[0] == ' ' || c.rest[0] == '\t' || c.rest[0] == '\r'):
			c.next()
			t.pos = c.at
		default:
			b.WriteRune(c.next())
		}
	}
	t.text = b.String()
	return t, quote, nil
}

// split takes a field apart.
func split(f token, quote int) capability {
	n := strings.IndexAny(f.text, "#=")
	if n < 0 || quote >= 0 && n >= quote {
		f.text = strings.TrimSpace(f.text)
		return capability{name: f, value: token{word, "", f.pos}}
	}
	name, value := f, f
	name.text = f.text[:n]
	value.text = f.text[n+1:]
	value.column += len([]rune(f.text[:n])) + 1
	if quote == n+1 {
		value.kind = text
	}
	return capability{name: name, kind: f.text[n], value: value}
}
