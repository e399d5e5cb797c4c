package config

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// position is a place in the file, both from 1; zero without a file.
type position struct{ line, column int }

func (p position) compare(o position) int {
	return cmp.Or(cmp.Compare(p.line, o.line), cmp.Compare(p.column, o.column))
}

// spot is the place of one value of the configuration. The tree of spots is made while the file is read and has what
// stands in the file; asked for more, it makes spots that have the position of the nearest value that is there.
type spot struct {
	path string
	at   position // where errors about the value point: at a scalar itself, at the key of a section or list
	key  position // the key, or the item of a list
	kids map[string]*spot
	bad  bool // something was reported here, or could not be read
}

// field is the spot of a field of a message.
func (s *spot) field(name string) *spot {
	return s.kid(name, func() string {
		if s.path == "" {
			return name
		}
		return s.path + "." + name
	})
}

// entry is the spot of an entry of a map.
func (s *spot) entry(key string) *spot {
	return s.kid(key, func() string {
		if isWord(key) {
			return s.path + "." + key
		}
		return s.path + "[" + strconv.Quote(key) + "]"
	})
}

// item is the spot of an item of a list.
func (s *spot) item(i int) *spot {
	n := strconv.Itoa(i)
	return s.kid(n, func() string { return s.path + "[" + n + "]" })
}

func (s *spot) kid(name string, path func() string) *spot {
	if k, ok := s.kids[name]; ok {
		return k
	}
	k := &spot{path: path(), at: s.at, bad: s.bad}
	s.put(name, k)
	return k
}

func (s *spot) put(name string, k *spot) {
	if s.kids == nil {
		s.kids = map[string]*spot{}
	}
	s.kids[name] = k
}

// where says to people where the spot is: by line if there is one, else by path.
func (s *spot) where() string {
	if s.at.line == 0 {
		return s.path
	}
	at := s.key
	if at.line == 0 {
		at = s.at
	}
	return fmt.Sprintf("%s in line %d", s.path, at.line)
}

// isWord tells whether a key can stand in a path without quotes.
func isWord(key string) bool {
	return key != "" && !strings.ContainsFunc(key, func(r rune) bool {
		return r != '_' && r != '-' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	})
}

// inOrder returns the keys of a map as they stand in the file, so that of two that clash the later one is reported;
// without a file by name.
func inOrder[V any](m map[string]V, s *spot) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b string) int {
		return cmp.Or(s.entry(a).key.compare(s.entry(b).key), cmp.Compare(a, b))
	})
	return keys
}

// inFile returns a list in the order of the file, for the same reason.
func inFile[T any](list []T, at func(T) *spot) []T {
	list = slices.Clone(list)
	slices.SortStableFunc(list, func(a, b T) int { return at(a).key.compare(at(b).key) })
	return list
}
