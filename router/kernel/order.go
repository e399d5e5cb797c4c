package kernel

import (
	"cmp"
	"maps"
	"slices"
)

// lowerFirst returns the names of the links of cfg, each after the one that it lies on: a VLAN cannot come up before the link that
// carries it, nor have a larger MTU.
func lowerFirst(cfg Config, links Links) []string {
	below := make(map[int]int, len(links))
	for _, l := range links {
		if l.Index != 0 {
			below[l.Index] = l.Parent
		}
	}
	depth := make(map[string]int, len(cfg.Links))
	for name := range cfg.Links {
		for at := links[name].Parent; at != 0 && depth[name] < len(links); at = below[at] {
			depth[name]++
		}
	}
	return slices.SortedFunc(maps.Keys(cfg.Links), func(a, b string) int { return cmp.Or(cmp.Compare(depth[a], depth[b]), cmp.Compare(a, b)) })
}
