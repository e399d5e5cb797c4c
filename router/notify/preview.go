package notify

import (
	"maps"
	"reflect"
	"slices"

	"github.com/sixfold-router/sixfold/router/change"
)

// Preview tells what Apply would do, and does nothing: which consumers come, go and change, and what they would be told.
func (m *Manager) Preview(want Config) []change.Op {
	m.mu.Lock()
	defer m.mu.Unlock()
	var ops []change.Op
	next := map[string]Consumer{}
	for _, c := range want.Consumers {
		next[c.ID()] = c
	}
	for _, id := range slices.Sorted(maps.Keys(m.consumers)) {
		if _, ok := next[id]; !ok {
			ops = append(ops, change.Op{Class: change.Delete, Object: "consumer " + id, Action: "tell it no more"})
		}
	}
	for _, id := range slices.Sorted(maps.Keys(next)) {
		c := next[id]
		have, action := m.consumers[id], "tell "+target(c)+" of changes"
		switch now := want.States[c.Delegation]; {
		case have != nil && reflect.DeepEqual(have.Consumer, c) && have.now.Prefix == now.Prefix:
			continue
		default:
			if told, ok := difference(c, m.records[id], now, false); ok {
				action = "tell " + target(c) + " that " + words(told)
			}
		}
		ops = append(ops, change.Op{Object: "consumer " + id, Action: action})
	}
	return ops
}
