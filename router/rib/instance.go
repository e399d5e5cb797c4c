package rib

import (
	"cmp"
	"net/netip"
	"slices"
)

// Instance is a Table as seen by those who make and use the routes of one kernel table: a VRF, or the main table. What they
// write goes into this table whatever it says, and they see no other.
type Instance struct {
	table  *Table
	number uint32
}

// In returns the instance with a kernel table; 0 is MainTable.
func (t *Table) In(number uint32) *Instance {
	return &Instance{table: t, number: cmp.Or(number, MainTable)}
}

// Number returns the kernel table.
func (i *Instance) Number() uint32 { return i.number }

// Key returns the identity of a route to prefix in the instance.
func (i *Instance) Key(prefix netip.Prefix) Key { return Key{Table: i.number, Prefix: prefix.Masked()} }

// Update adds or replaces the routes of src in add, and removes those to the prefixes in del.
func (i *Instance) Update(src Source, add []Route, del []netip.Prefix) {
	i.table.mu.Lock()
	defer i.table.mu.Unlock()
	for _, p := range del {
		i.table.remove(src, i.Key(p))
	}
	for _, r := range add {
		r.Table = i.number
		i.table.put(src, r)
	}
	i.table.wake()
}

// Replace makes all the complete set of routes that src has in the instance, and says that src is ready there.
func (i *Instance) Replace(src Source, all []Route) {
	i.table.mu.Lock()
	defer i.table.mu.Unlock()
	keep := make(map[Key]struct{}, len(all))
	for _, r := range all {
		r.Table = i.number
		keep[r.Key()] = struct{}{}
		i.table.put(src, r)
	}
	i.drop(src, keep)
	i.table.setReady(src, i.number)
	i.table.wake()
}

// Clear removes the routes of src, without a word on whether more are to be expected.
func (i *Instance) Clear(src Source) {
	i.table.mu.Lock()
	defer i.table.mu.Unlock()
	i.drop(src, nil)
	i.table.wake()
}

// drop removes the routes of src without those to keep. table.mu is held.
func (i *Instance) drop(src Source, keep map[Key]struct{}) {
	for k := range i.table.bySrc[src] {
		if _, ok := keep[k]; !ok && k.Table == i.number {
			i.table.remove(src, k)
		}
	}
}

// SetReady says that src has reported all routes it had at start in the instance, for sources that report with Update.
func (i *Instance) SetReady(src Source) {
	i.table.mu.Lock()
	defer i.table.mu.Unlock()
	i.table.setReady(src, i.number)
	i.table.wake()
}

// Ready reports whether src has reported all the routes it had at start in the instance.
func (i *Instance) Ready(src Source) bool {
	i.table.mu.Lock()
	defer i.table.mu.Unlock()
	return i.table.ready[readyIn{src, 0}] || i.table.ready[readyIn{src, i.number}]
}

// Entries returns the routes in the instance of the sources that match, ordered by prefix and preference.
func (i *Instance) Entries(match func(Source) bool) []Entry {
	return slices.DeleteFunc(i.table.Entries(match), func(e Entry) bool { return e.Route.Table != i.number })
}

// Best returns the preferred route to prefix in the instance.
func (i *Instance) Best(prefix netip.Prefix) (Entry, bool) { return i.table.Best(i.Key(prefix)) }

// Watch returns a watch over the routes in the instance of the sources that match (all of them if match is nil).
func (i *Instance) Watch(match func(Source) bool) *Watch { return i.table.watch(match, i.number) }
