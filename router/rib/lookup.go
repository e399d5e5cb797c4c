package rib

import "net/netip"

// Covering returns the routes of all sources to the prefixes of a table that contain p, the longest prefix first and each
// prefix in order of preference: the first is what a packet to p takes, if p is one address. Table 0 is MainTable. It looks at
// one entry for each possible length, however many routes there are.
func (t *Table) Covering(table uint32, p netip.Prefix) []Entry {
	if !p.IsValid() {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	var out []Entry
	for bits := p.Bits(); bits >= 0; bits-- {
		key := Route{Prefix: netip.PrefixFrom(p.Addr().WithZone(""), bits), Table: table}.Key()
		bySource := t.routes[key]
		for _, src := range Sources {
			if r, ok := bySource[src]; ok {
				out = append(out, Entry{src, r})
			}
		}
	}
	return out
}
