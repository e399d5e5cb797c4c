package rib

import (
	"context"
	"slices"
	"sync"
)

// Table holds the routes of all sources. The zero value is ready for use. All methods may be called from any goroutine;
// none but Watch.Next blocks.
type Table struct {
	mu      sync.Mutex // guards all below
	routes  map[Key]map[Source]Route
	bySrc   map[Source]map[Key]struct{}
	ready   map[readyIn]bool
	expect  map[Source][]uint32 // the tables that a source reports; absent: MainTable
	watches map[*Watch]struct{}
}

// readyIn names a source that has reported, in one table; 0: in all of them.
type readyIn struct {
	src   Source
	table uint32
}

// Update adds or replaces the routes of src in add, and removes those with the keys in del.
func (t *Table) Update(src Source, add []Route, del []Key) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, k := range del {
		t.remove(src, k)
	}
	for _, r := range add {
		t.put(src, r)
	}
	t.wake()
}

// Replace makes all the complete set of routes of src. It also says that src is ready: routes of src that the kernel has
// from an earlier run and that are not in all are no longer wanted.
func (t *Table) Replace(src Source, all []Route) {
	t.mu.Lock()
	defer t.mu.Unlock()
	keep := make(map[Key]struct{}, len(all))
	for _, r := range all {
		keep[r.Key()] = struct{}{}
		t.put(src, r)
	}
	for k := range t.bySrc[src] {
		if _, ok := keep[k]; !ok {
			t.remove(src, k)
		}
	}
	t.setReady(src, 0)
	t.wake()
}

// SetReady says that src has reported all routes it had at start, as Replace does, for sources that report with Update.
func (t *Table) SetReady(src Source) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.setReady(src, 0)
	t.wake()
}

// Expect says which kernel tables a source reports the routes of, one Instance each. It is ready when it is in all of them.
// Without a table, it is not known yet how many there are.
func (t *Table) Expect(src Source, tables ...uint32) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.expect == nil {
		t.expect = map[Source][]uint32{}
	}
	before := t.isReady(src)
	t.expect[src] = slices.Clone(tables)
	for k := range t.ready {
		if k.src == src && k.table != 0 && !slices.Contains(tables, k.table) && len(tables) > 0 {
			delete(t.ready, k)
		}
	}
	if !before && t.isReady(src) {
		t.news()
		t.wake()
	}
}

// Ready reports whether src has reported all the routes it had at start, in all its tables.
func (t *Table) Ready(src Source) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.isReady(src)
}

func (t *Table) isReady(src Source) bool {
	if t.ready[readyIn{src, 0}] {
		return true
	}
	tables, said := t.expect[src]
	if !said {
		return t.ready[readyIn{src, MainTable}]
	}
	return len(tables) > 0 && !slices.ContainsFunc(tables, func(n uint32) bool { return !t.ready[readyIn{src, n}] })
}

// Entries returns all routes of the sources that match, every source of a prefix, ordered by key and preference.
func (t *Table) Entries(match func(Source) bool) []Entry {
	t.mu.Lock()
	var out []Entry
	for _, bySource := range t.routes {
		for src, r := range bySource {
			if match == nil || match(src) {
				out = append(out, Entry{src, r})
			}
		}
	}
	t.mu.Unlock()
	slices.SortFunc(out, func(a, b Entry) int {
		if c := a.Route.Key().Compare(b.Route.Key()); c != 0 {
			return c
		}
		return int(a.Source) - int(b.Source)
	})
	return out
}

// Best returns the preferred route for key.
func (t *Table) Best(key Key) (Entry, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.best(key, nil)
}

// Watch returns a watch over the routes of the sources that match (all of them if match is nil). What the table has already
// is reported first. Close it when it is no longer needed.
func (t *Table) Watch(match func(Source) bool) *Watch { return t.watch(match, 0) }

// watch is Watch for one kernel table; 0: for all.
func (t *Table) watch(match func(Source) bool, only uint32) *Watch {
	t.mu.Lock()
	defer t.mu.Unlock()
	w := &Watch{table: t, match: match, only: only, dirty: map[Key]struct{}{}, wake: make(chan struct{}, 1)}
	for k := range t.routes {
		if _, ok := t.best(k, match); ok && w.sees(k) {
			w.dirty[k] = struct{}{}
		}
	}
	w.signal()
	if t.watches == nil {
		t.watches = map[*Watch]struct{}{}
	}
	t.watches[w] = struct{}{}
	return w
}

func (t *Table) put(src Source, r Route) {
	k := r.Key()
	r.Prefix, r.Table = k.Prefix, k.Table
	if old, ok := t.routes[k][src]; ok && old == r {
		return
	}
	if t.routes == nil {
		t.routes = map[Key]map[Source]Route{}
		t.bySrc = map[Source]map[Key]struct{}{}
	}
	if t.routes[k] == nil {
		t.routes[k] = map[Source]Route{}
	}
	if t.bySrc[src] == nil {
		t.bySrc[src] = map[Key]struct{}{}
	}
	t.routes[k][src] = r
	t.bySrc[src][k] = struct{}{}
	t.mark(src, k)
}

func (t *Table) remove(src Source, k Key) {
	if _, ok := t.routes[k][src]; !ok {
		return
	}
	delete(t.routes[k], src)
	if len(t.routes[k]) == 0 {
		delete(t.routes, k)
	}
	delete(t.bySrc[src], k)
	t.mark(src, k)
}

func (t *Table) best(k Key, match func(Source) bool) (Entry, bool) {
	bySource := t.routes[k]
	for _, src := range Sources {
		if match != nil && !match(src) {
			continue
		}
		if r, ok := bySource[src]; ok {
			return Entry{src, r}, true
		}
	}
	return Entry{}, false
}

func (t *Table) mark(src Source, k Key) {
	for w := range t.watches {
		if (w.match == nil || w.match(src)) && w.sees(k) {
			w.dirty[k] = struct{}{}
		}
	}
}

func (t *Table) setReady(src Source, table uint32) {
	if t.ready == nil {
		t.ready = map[readyIn]bool{}
	}
	if !t.ready[readyIn{src, table}] {
		t.ready[readyIn{src, table}] = true
		t.news()
	}
}

// news tells all readers that a source became ready.
func (t *Table) news() {
	for w := range t.watches {
		w.news = true
	}
}

func (t *Table) wake() {
	for w := range t.watches {
		if len(w.dirty) > 0 || w.news {
			w.signal()
		}
	}
}

// Watch is one reader's view of a Table. Next may be called from one goroutine at a time.
type Watch struct {
	table *Table
	match func(Source) bool
	only  uint32 // kernel table; 0: all
	wake  chan struct{}

	dirty map[Key]struct{} // guarded by table.mu
	news  bool             // a source became ready; guarded by table.mu
}

func (w *Watch) sees(k Key) bool { return w.only == 0 || w.only == k.Table }

func (w *Watch) signal() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// Next blocks until something changed and returns the newest best route of each prefix that did, ordered by key. The result
// is empty when a source became ready and no route changed. The only error is that of ctx.
func (w *Watch) Next(ctx context.Context) ([]Change, error) {
	for {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-w.wake:
		}
		if changes, ok := w.take(); ok {
			return changes, nil
		}
	}
}

// C is readable when Take has something to return, for a select with other channels.
func (w *Watch) C() <-chan struct{} { return w.wake }

// Take returns what changed since the last call, without blocking. A caller that waits on C calls it once for each receive.
func (w *Watch) Take() []Change {
	changes, _ := w.take()
	return changes
}

func (w *Watch) take() ([]Change, bool) {
	t := w.table
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(w.dirty) == 0 && !w.news {
		return nil, false
	}
	out := make([]Change, 0, len(w.dirty))
	for k := range w.dirty {
		best, ok := t.best(k, w.match)
		out = append(out, Change{Key: k, Best: best, Gone: !ok})
	}
	clear(w.dirty)
	w.news = false
	slices.SortFunc(out, func(a, b Change) int { return a.Key.Compare(b.Key) })
	return out, true
}

// Redo marks the keys as changed again, for a reader that could not act on them and wants them in a later Next.
func (w *Watch) Redo(keys ...Key) {
	w.table.mu.Lock()
	defer w.table.mu.Unlock()
	for _, k := range keys {
		w.dirty[k] = struct{}{}
	}
	if len(keys) > 0 {
		w.signal()
	}
}

// Close ends the watch.
func (w *Watch) Close() {
	w.table.mu.Lock()
	defer w.table.mu.Unlock()
	delete(w.table.watches, w)
}
