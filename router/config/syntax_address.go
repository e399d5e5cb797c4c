package config

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// The colons of an IPv6 address mean something to YAML where they begin or end a text, and so do the brackets before a port.
var (
	addressLike   = regexp.MustCompile(`^(?:\S+ )?[0-9A-Fa-f:.]*::[0-9A-Fa-f:.]*(?:%[^\s/]*)?(?:/\d*)?$`)
	bracketedLike = regexp.MustCompile(`\[[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*(?:%[^\]\s]*)?\]:\d+`)
	withColonLast = regexp.MustCompile(`(?:^|[\s\[{,])([0-9A-Fa-f:]*::)(?:[\s,\]}]|$)`)
)

// unquotedAddress finds the IPv6 address without quotes that made the YAML parser fail at the place with the message. Of such
// an address it returns the place and what to write; else an empty hint.
func unquotedAddress(lines []string, where position, message string) (position, string) {
	if where.line < 1 || where.line > len(lines) {
		return where, ""
	}
	line := lines[where.line-1]
	if t, column := around(bracketedLike, line, where.column, where.column); t != "" && brokenByBracket[message] {
		return position{where.line, column}, fmt.Sprintf("%s needs quotes, as %q: without them [ begins a list", excerpt(t), excerpt(t))
	}
	switch message {
	case "did not find expected node content":
		place, t := colonFirst(lines, where)
		if !addressLike.MatchString(t) {
			return where, ""
		}
		return place, fmt.Sprintf("%s needs quotes, as %q: in [ ] and { } a text cannot begin with a colon", excerpt(t), excerpt(t))
	case "mapping values are not allowed in this context", "did not find expected ',' or '}'":
		to := where.column
		if strings.HasPrefix(message, "did not") {
			line, _, _ = strings.Cut(line, " #")
			to = len(line) // the place may be the { already: cut off there it fails in the same way
		}
		if t, column := around(withColonLast, line, where.column, to); t != "" {
			return position{where.line, column}, fmt.Sprintf("%s needs quotes, as %q: %s", excerpt(t), excerpt(t), colonLast)
		}
	}
	return where, ""
}

const colonLast = "a colon before a blank or at the end of the line makes a name of the text before it"

// brokenByBracket has the messages of the parser about [ADDRESS]:PORT, depending on where it stands.
var brokenByBracket = map[string]bool{
	"did not find expected node content": true,
	"did not find expected key":          true,
	"did not find expected ',' or '}'":   true,
	"did not find expected ',' or ']'":   true,
}

// around returns what the expression, or its group, first matches in the columns from..to of the line, and where that begins.
func around(e *regexp.Regexp, line string, from, to int) (string, int) {
	for _, m := range e.FindAllStringSubmatchIndex(line, -1) {
		m = m[len(m)-2:]
		first, last := len([]rune(line[:m[0]]))+1, len([]rune(line[:m[1]]))+1
		if first <= to && from <= last {
			return line[m[0]:m[1]], first
		}
	}
	return "", 0
}

// colonFirst finds the text in [ ] or { } that begins with a colon at the place or in what follows it of the list or section.
// The place is too early when the list goes over several lines: cut off there it fails in the same way.
func colonFirst(lines []string, where position) (position, string) {
	const most = 1000 // lines that one list has
	depth := 0
	before := ' '
	for n := where.line; n <= min(len(lines), where.line+most); n++ {
		line := []rune(strings.TrimRight(lines[n-1], "\r"))
		i := 0
		if n == where.line {
			i = min(where.column-1, len(line))
			if b := strings.TrimRight(string(line[:i]), " \t"); b != "" {
				before, _ = utf8.DecodeLastRuneInString(b)
			}
		}
		for i < len(line) {
			c := line[i]
			switch {
			case c == ' ' || c == '\t':
				i++
				continue
			case c == '#' && (i == 0 || line[i-1] == ' ' || line[i-1] == '\t'):
				i = len(line)
				continue
			case c == '"' || c == '\'':
				end := closing(line, i)
				if end < 0 {
					return where, ""
				}
				i = end
			case c == '[' || c == '{':
				depth++
			case c == ']' || c == '}':
				if depth--; depth < 0 {
					return where, ""
				}
			case c == ',':
				if before == ',' || before == '[' || before == '{' {
					return where, "" // it is the empty item that is wrong
				}
			case c == ':' && i+1 < len(line) && line[i+1] == ':':
				return position{n, i + 1}, plain(line[i:])
			case c != ':':
				i += len([]rune(plain(line[i:]))) - 1
			}
			before = c
			i++
		}
	}
	return where, ""
}

// closing returns where the quotes that open at i close; -1: not on this line.
func closing(line []rune, i int) int {
	quote := line[i]
	for i++; i < len(line); i++ {
		switch {
		case line[i] == '\\' && quote == '"':
			i++
		case line[i] == quote && quote == '\'' && i+1 < len(line) && line[i+1] == quote:
			i++
		case line[i] == quote:
			return i
		}
	}
	return -1
}

// plain returns the text without quotes that a line begins with inside of [ ] or { }, at least one character of it.
func plain(line []rune) string {
	for i, c := range line {
		last := i+1 == len(line)
		if strings.ContainsRune(",[]{}", c) ||
			c == '#' && i > 0 && line[i-1] == ' ' ||
			c == ':' && i > 0 && (last || strings.ContainsRune(" ,[]{}", line[i+1])) && !(i == 1 && line[0] == ':') {
			return strings.TrimRight(string(line[:max(i, 1)]), " \t")
		}
	}
	return strings.TrimRight(string(line), " \t")
}

// addressTakenApart is a hint for a section that was meant to be an address: 2001:db8:: has a name before its last colon.
func addressTakenApart(node *yaml.Node) string {
	if node.Kind != yaml.MappingNode || len(node.Content) != 2 || !isNull(node.Content[1]) {
		return ""
	}
	t := node.Content[0].Value + ":"
	if node.Content[0].Kind != yaml.ScalarNode || !addressLike.MatchString(t) {
		return ""
	}
	return fmt.Sprintf("; %s needs quotes, as %q: %s", excerpt(t), excerpt(t), colonLast)
}

// inBrackets is the text as an item of a list in [ ], in quotes where it needs them.
func inBrackets(text string) string {
	var list []any
	if err := yaml.Unmarshal([]byte("["+text+"]"), &list); err == nil && len(list) == 1 {
		if t, ok := list[0].(string); !ok || t == text {
			return excerpt(text)
		}
	}
	return fmt.Sprintf("%q", excerpt(text))
}
