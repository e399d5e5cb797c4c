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
		list := slices.Concat(l.Current, l.Withdrawn)
		slices.SortFunc(list, func(a, b Entry) int { return a.Compare(b.Key) })
		list = slices.CompactFunc(list, func(a, b Entry) bool { return a.Key == b.Key })
		if len(list) > 0 {
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

// changes returns what has to be written so that a file that has s has next, and whether it has to be on disk before anything is
// advertised: if something is new there. What is written late is at worst withdrawn for longer.
func (s Set) changes(next Set) (put []Entry, gone []Key, urgent bool) {
	for name, list := range next.links {
		have := s.links[name]
		for _, e := range list {
			n, known := slices.BinarySearchFunc(have, e.Key, func(h Entry, k Key) int { return h.Compare(k) })
			if known && have[n].saved() == e.saved() {
				continue
			}
			put = append(put, e)
			urgent = urgent || e.Since.IsZero() && (!known || !have[n].Since.IsZero())
		}
	}
	for name, have := range s.links {
		list := next.links[name]
		for _, e := range have {
			if _, kept := slices.BinarySearchFunc(list, e.Key, func(h Entry, k Key) int { return h.Compare(k) }); !kept {
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
