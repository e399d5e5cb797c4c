package kernel

import (
	"maps"
	"reflect"
	"slices"
)

// Snapshots share what did not change: a link that nothing was told of and that was read the same again is in the next snapshot as
// it was in the one before, with the same memory. So that of thousands of links is known at once which have to be looked at.

// untouched reports whether nothing happened to a link since: it was not read again, or nothing was told of it and it was read the same.
func (l LinkState) untouched(o LinkState) bool {
	return l.Index == o.Index && l.Name == o.Name && l.MTU == o.MTU && l.Up == o.Up && l.Running == o.Running &&
		l.Parent == o.Parent && l.Master == o.Master && sameMemory(l.Addresses, o.Addresses) &&
		sameMemory(l.Settings.V4, o.Settings.V4) && sameMemory(l.Settings.V6, o.Settings.V6)
}

func sameMemory[T any](a, b []T) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
}

// same reports whether two readings of a link show the same.
func (l LinkState) same(o LinkState) bool {
	return equalLink(l, o) && l.Apart == o.Apart && l.Group == o.Group && l.Table == o.Table &&
		slices.Equal(l.Addresses, o.Addresses) && slices.Equal(l.Settings.V4, o.Settings.V4) && slices.Equal(l.Settings.V6, o.Settings.V6)
}

// Differing returns the links of two snapshots that are not the same in both.
func Differing(a, b Links) (Links, Links) {
	if sameMap(a, b) {
		return nil, nil
	}
	in := func(some, other Links) Links {
		out := Links{}
		for name, l := range some {
			if was, ok := other[name]; !ok || !l.same(was) {
				out[name] = l
			}
		}
		return out
	}
	return in(a, b), in(b, a)
}

// Equal reports whether two snapshots show the same.
func (l Links) Equal(o Links) bool {
	return sameMap(l, o) || maps.EqualFunc(l, o, LinkState.same)
}

func sameMap(a, b Links) bool {
	return reflect.ValueOf(a).UnsafePointer() == reflect.ValueOf(b).UnsafePointer()
}

// keep puts links of an earlier snapshot in the place of those that were read the same again, but for those of which something was
// told. If nothing is different it returns the earlier snapshot itself.
func (l Links) keep(before Links, told []int) Links {
	skip := make(map[int]bool, len(told))
	for _, index := range told {
		skip[index] = true
	}
	all := len(l) == len(before)
	for name, now := range l {
		was, ok := before[name]
		if ok && !skip[now.Index] && now.same(was) {
			l[name] = was
		} else {
			all = false
		}
	}
	if all {
		return before
	}
	return l
}
