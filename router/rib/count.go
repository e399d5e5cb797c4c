package rib

// Count returns how many routes each source has, the shadowed ones included.
func (t *Table) Count() map[Source]int {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := make(map[Source]int, len(Sources))
	for _, src := range Sources {
		out[src] = len(t.bySrc[src])
	}
	return out
}
