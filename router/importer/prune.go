package importer

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/sixfold-router/sixfold/router/config"
)

// prune leaves out what the router would not take, with a note for each value, until all that is left is valid.
func (d *draft) prune() error {
	for {
		_, err := config.FromProto(d.conf)
		if err == nil {
			return nil
		}
		var invalid *config.Errors
		if !errors.As(err, &invalid) {
			return err
		}
		if len(invalid.List) > maxNotes {
			return &SyntaxError{Note{File: d.file, Line: 1, Column: 1, Severity: Error,
				Text: fmt.Sprintf("%d values are not valid: is this a file of another program?", len(invalid.List))}}
		}
		// From the end to the beginning, so that the numbers of list items stay what they are.
		list := slices.Clone(invalid.List)
		slices.SortFunc(list, func(a, b config.Error) int { return comparePaths(b.Path, a.Path) })
		removed := map[string]bool{}
		for _, e := range list {
			if removed[e.Path] {
				continue
			}
			gone, ok := remove(d.conf.ProtoReflect(), e.Path)
			if !ok {
				continue
			}
			removed[e.Path] = true
			if gone == e.Path {
				gone = "it"
			}
			at := d.origin(path(e.Path))
			d.notes = append(d.notes, Note{File: at.file, Line: at.line, Column: at.column, Severity: Error,
				Text: printable(fmt.Sprintf("%s: %s; %s is left out", e.Path, textOf(e), gone))})
		}
		if len(removed) == 0 {
			return fmt.Errorf("what was imported is not valid: %w", err)
		}
	}
}

// textOf is the message of an error without its place.
func textOf(e config.Error) string {
	return strings.TrimPrefix(config.Error{Message: e.Message, Accepted: e.Accepted}.Error(), " ")
}

// comparePaths orders paths so that of two items of a list the one with the higher number comes later.
func comparePaths(a, b string) int {
	x, y := steps(a), steps(b)
	for n := range min(len(x), len(y)) {
		if c := cmp.Or(cmp.Compare(x[n].index, y[n].index), cmp.Compare(x[n].name, y[n].name)); c != 0 {
			return c
		}
	}
	return cmp.Compare(len(x), len(y))
}

// origin returns where the file says what stands at a path, or what it belongs to.
func (d *draft) origin(p path) source {
	for {
		if at, ok := d.from[p]; ok {
			return at
		}
		s := steps(string(p))
		if len(s) == 0 {
			return source{d.file, pos{1, 1}}
		}
		p = p[:s[len(s)-1].start]
	}
}

// step is a part of a path: a field, an entry of a map, or an item of a list.
type step struct {
	name  string
	index int // of an item; -1: not an item
	start int // in the path
}

// steps takes a path apart.
func steps(p string) []step {
	var all []step
	for n := 0; n < len(p); {
		s := step{index: -1, start: n}
		switch {
		case p[n] == '[' && n+1 < len(p) && p[n+1] == '"':
			end := n + 2
			for end < len(p) && p[end] != '"' {
				if p[end] == '\\' {
					end++
				}
				end++
			}
			end = min(end, len(p)-1)
			s.name = unquote(p[n+1 : end+1])
			n = min(end+2, len(p))
		case p[n] == '[':
			end := strings.IndexByte(p[n:], ']')
			if end < 0 {
				return all
			}
			s.index = 0
			for _, c := range p[n+1 : n+end] {
				s.index = s.index*10 + int(c-'0')
			}
			n += end + 1
		default:
			if p[n] == '.' {
				n++
			}
			end := strings.IndexAny(p[n:], ".[")
			if end < 0 {
				end = len(p) - n
			}
			if end == 0 {
				return all
			}
			s.name = p[n : n+end]
			n += end
		}
		all = append(all, s)
	}
	return all
}

// remove takes the value at a path out of a message, or what it belongs to if there is none: a field that is missing makes the
// whole of it useless. It returns the path of what it took.
func remove(m protoreflect.Message, p string) (gone string, ok bool) {
	all := steps(p)
	var last func() // takes out the deepest value that there is
	for n := 0; n < len(all); n++ {
		field := m.Descriptor().Fields().ByName(protoreflect.Name(all[n].name))
		if field == nil || !m.Has(field) {
			break
		}
		here := m
		last = func() { here.Clear(field) }
		gone = upTo(p, all, n)
		v := m.Get(field)
		switch {
		case field.IsMap():
			if n+1 >= len(all) {
				break
			}
			key := protoreflect.ValueOfString(all[n+1].name).MapKey()
			if !v.Map().Has(key) {
				break
			}
			n++
			entries := m.Mutable(field).Map()
			last = func() { entries.Clear(key) }
			gone = upTo(p, all, n)
			if field.MapValue().Kind() == protoreflect.MessageKind {
				m = entries.Get(key).Message()
				continue
			}
		case field.IsList():
			if n+1 >= len(all) || all[n+1].index < 0 || all[n+1].index >= v.List().Len() {
				break
			}
			n++
			items, i := m.Mutable(field).List(), all[n].index
			last = func() { cut(items, i) }
			gone = upTo(p, all, n)
			if field.Kind() == protoreflect.MessageKind {
				m = items.Get(i).Message()
				continue
			}
		case field.Kind() == protoreflect.MessageKind:
			m = m.Mutable(field).Message()
			continue
		}
		break
	}
	if last == nil {
		return "", false
	}
	last()
	return gone, true
}

func upTo(p string, all []step, n int) string {
	if n+1 < len(all) {
		return p[:all[n+1].start]
	}
	return p
}

func cut(items protoreflect.List, i int) {
	for n := i; n+1 < items.Len(); n++ {
		items.Set(n, items.Get(n+1))
	}
	items.Truncate(items.Len() - 1)
}
