package mld

import (
	"maps"
	"net/netip"
	"slices"
)

// filter is what one listener, or many together, want of a group: packets from these sources, or from all others.
type filter struct {
	Exclude bool
	Sources []netip.Addr // sorted
}

// none reports whether nothing is wanted.
func (f filter) none() bool { return !f.Exclude && len(f.Sources) == 0 }

func (f filter) equal(o filter) bool {
	return f.Exclude == o.Exclude && slices.Equal(f.Sources, o.Sources)
}

// filter returns what the listeners of a group want.
func (g *group) filter() filter {
	f := filter{Exclude: g.exclude}
	for s := range g.sources {
		if g.accepts(s) != g.exclude {
			f.Sources = append(f.Sources, s)
		}
	}
	slices.SortFunc(f.Sources, netip.Addr.Compare)
	return f
}

// union returns what is wanted together (RFC 3810 4.2, RFC 4605 3.2).
func union(all []filter) filter {
	included, excluded := map[netip.Addr]bool{}, map[netip.Addr]int{}
	excluding := 0
	for _, f := range all {
		if f.Exclude {
			excluding++
		}
		for _, s := range f.Sources {
			if f.Exclude {
				excluded[s]++
			} else {
				included[s] = true
			}
		}
	}
	out := filter{Exclude: excluding > 0}
	if !out.Exclude {
		out.Sources = slices.SortedFunc(maps.Keys(included), netip.Addr.Compare)
		return out
	}
	for s, n := range excluded {
		if n == excluding && !included[s] {
			out.Sources = append(out.Sources, s)
		}
	}
	slices.SortFunc(out.Sources, netip.Addr.Compare)
	return out
}
