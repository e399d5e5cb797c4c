package config

import (
	"strconv"
	"strings"
)

// Position returns the line and column, from 1, of a place in a configuration, named as in errors: firewall.policies[0].rules[2]. It
// is that of what contains the place where the place itself is not in the text. Zeros: the text cannot be read.
func Position(text []byte, path string) (line, column int) {
	_, root, _ := decode("", text)
	if root == nil {
		return 0, 0
	}
	s := root
	for path != "" {
		var next *spot
		next, path = step(s, path)
		if next == nil {
			break
		}
		s = next
	}
	if s.key.line > 0 {
		return s.key.line, s.key.column
	}
	return s.at.line, s.at.column
}

// step follows the first part of a path. Lists that are written alone have a spot of their own, without a name in the path.
func step(s *spot, path string) (next *spot, rest string) {
	name, at := "", strings.IndexAny(path, ".[")
	switch {
	case at < 0:
		name, rest = path, ""
	case at > 0:
		name, rest = path[:at], strings.TrimPrefix(path[at:], ".")
	default:
		inside, after, ok := strings.Cut(path[1:], "]")
		if !ok {
			return nil, ""
		}
		if unquoted, err := strconv.Unquote(inside); err == nil {
			inside = unquoted
		}
		name, rest = inside, strings.TrimPrefix(after, ".")
	}
	if k, ok := s.kids[name]; ok {
		return k, rest
	}
	for _, k := range s.kids {
		if k.path == s.path { // the only field of a message that is written as its list
			if kid, ok := k.kids[name]; ok {
				return kid, rest
			}
		}
	}
	return nil, ""
}
