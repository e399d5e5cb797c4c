package advertised

import (
	"maps"
	"slices"
	"time"
)

// Set is what hosts may have at one time. It is not changed once it was made; the zero Set is empty.
type Set struct {
	links map[string][]Entry // sorted by key
}

// Link is what goes out on a link that is advertised on.
type Link struct {
	Current   []Entry // without Since and Until
	Withdrawn []Entry // see the function of that name
}

// On returns what hosts of a link may have, sorted. It must not be changed.
func (s Set) On(link string) []Entry { return s.links[link] }

// All returns all entries, sorted.
func (s Set) All() []Entry {
	var out []Entry
	for _, name := range slices.Sorted(maps.Keys(s.links)) {
		out = append(out, s.links[name]...)
	}
	return out
}

// Soonest returns when the next entry can be forgotten, after now; zero: never.
func (s Set) Soonest(now time.Time) time.Time {
	var at time.Time
	for _, list := range s.links {
		for _, e := range list {
			if e.Until.After(now) && (at.IsZero() || e.Until.Before(at)) {
				at = e.Until
			}
		}
	}
	return at
}

// Next returns what hosts may have once each of links advertised what it is to advertise at now. On a link that is not among them nothing
// is said: its hosts have what they had, as long as its lifetime goes.
func (s Set) Next(now time.Time, links map[string]Link) Set {
	next := Set{links: make(map[string][]Entry, len(links))}
	for name, l := range links {
		if list := l.after(s.links[name]); len(list) > 0 {
			next.links[name] = list
		}
	}
	var rest []Entry
	for name, have := range s.links {
		if _, told := links[name]; told {
			continue
		}
		for _, e := range have {
			if e.Until.IsZero() {
				e.Until = now.Add(e.Lifetime)
			}
			if !e.over(now) {
				rest = append(rest, e)
			}
		}
	}
	if len(rest) > maxEntries {
		slices.SortFunc(rest, func(a, b Entry) int { return b.Until.Compare(a.Until) })
		rest = rest[:maxEntries]
	}
	slices.SortFunc(rest, func(a, b Entry) int { return a.Compare(b.Key) })
	for _, e := range rest {
		next.links[e.Link] = append(next.links[e.Link], e)
	}
	return next
}

// after returns the entries of a link, sorted: have itself if these are the same. Of thousands of links few change at a time.
func (l Link) after(have []Entry) []Entry {
	list := slices.Concat(l.Current, l.Withdrawn)
	slices.SortFunc(list, func(a, b Entry) int { return a.Compare(b.Key) })
	if list = slices.CompactFunc(list, func(a, b Entry) bool { return a.Key == b.Key }); slices.Equal(list, have) {
		return have
	}
	return list
}

// find looks for a key in a sorted list.
func find(list []Entry, k Key) (n int, known bool) {
	return slices.BinarySearchFunc(list, k, func(e Entry, k Key) int { return e.Compare(k) })
}

// unchanged reports whether a list is that of before, not another with the same entries.
func unchanged(before, now []Entry) bool {
	return len(before) == len(now) && (len(now) == 0 || &before[0] == &now[0])
}

// changes returns what has to be written so that a file that has s has next, and whether it has to be on disk before anything is
// advertised: if something is new there. What is written late is at worst withdrawn for longer.
func (s Set) changes(next Set) (put []Entry, gone []Key, urgent bool) {
	for name, list := range next.links {
		have := s.links[name]
		if unchanged(have, list) {
			continue
		}
		for _, e := range list {
			n, known := find(have, e.Key)
			if known && have[n].saved() == e.saved() {
				continue
			}
			put = append(put, e)
			urgent = urgent || e.Since.IsZero() && (!known || !have[n].Since.IsZero())
		}
	}
	for name, have := range s.links {
		list := next.links[name]
		if unchanged(have, list) {
			continue
		}
		for _, e := range have {
			if _, kept := find(list, e.Key); !kept {
				gone = append(gone, e.Key)
			}
		}
	}
	return put, gone, urgent
}

func (s Set) len() int {
	n := 0
	for _, list := range s.links {
		n += len(list)
	}
	return n
}
