package lease

import (
	"encoding/binary"
	"iter"
	"math/bits"
	"net/netip"
)

// trie is an ordered map from IPv6 prefixes to entries, a binary tree with compressed paths. The zero value is empty.
type trie struct {
	root *node
}

// node is a prefix that has an entry, or one where two branches part.
type node struct {
	hi, lo uint64
	len    int
	child  [2]*node
	entry  *entry // nil: only a branch, with two children
}

func newNode(p netip.Prefix, e *entry) *node {
	a := p.Addr().As16()
	return &node{hi: binary.BigEndian.Uint64(a[:8]), lo: binary.BigEndian.Uint64(a[8:]), len: p.Bits(), entry: e}
}

// bit returns the bit of n's address at position i.
func (n *node) bit(i int) int {
	if i < 64 {
		return int(n.hi >> (63 - i) & 1)
	}
	return int(n.lo >> (127 - i) & 1)
}

// common returns how many bits the prefixes of n and m have in common.
func (n *node) common(m *node) int {
	same := bits.LeadingZeros64(n.hi ^ m.hi)
	if same == 64 {
		same += bits.LeadingZeros64(n.lo ^ m.lo)
	}
	return min(same, n.len, m.len)
}

// get returns the entry of exactly p, or nil.
func (t *trie) get(p netip.Prefix) *entry {
	key := newNode(p, nil)
	for n := t.root; n != nil && n.len <= key.len && n.common(key) == n.len; n = n.child[key.bit(n.len)] {
		if n.len == key.len {
			return n.entry
		}
	}
	return nil
}

// overlaps reports whether a prefix that has an entry contains p or is contained in it.
func (t *trie) overlaps(p netip.Prefix) bool {
	key := newNode(p, nil)
	for n := t.root; n != nil; n = n.child[key.bit(n.len)] {
		same := n.common(key)
		if same == key.len {
			return true // n is p or in p, and there is an entry at n or below
		}
		if same < n.len {
			return false
		}
		if n.entry != nil {
			return true
		}
	}
	return false
}

// insert puts e at p, where no entry is.
func (t *trie) insert(p netip.Prefix, e *entry) {
	key := newNode(p, e)
	at := &t.root
	for {
		n := *at
		if n == nil {
			*at = key
			return
		}
		same := n.common(key)
		switch {
		case same == n.len && same == key.len:
			n.entry = e
			return
		case same == n.len:
			at = &n.child[key.bit(n.len)]
			continue
		case same == key.len:
			key.child[n.bit(same)] = n
			*at = key
			return
		}
		q := netip.PrefixFrom(p.Addr(), same).Masked()
		branch := newNode(q, nil)
		branch.child[n.bit(same)] = n
		branch.child[key.bit(same)] = key
		*at = branch
		return
	}
}

// remove takes the entry of exactly p away, if there is one.
func (t *trie) remove(p netip.Prefix) {
	key := newNode(p, nil)
	var up **node // to the node above *at
	at := &t.root
	for *at != nil && (*at).len < key.len {
		up, at = at, &(*at).child[key.bit((*at).len)]
	}
	n := *at
	if n == nil || n.len != key.len || n.common(key) != key.len {
		return
	}
	n.entry = nil
	n.shorten(at)
	if up != nil {
		(*up).shorten(up)
	}
}

// shorten takes n, which at points to, out of the tree if it has no entry and fewer than two children.
func (n *node) shorten(at **node) {
	if n == nil || n.entry != nil {
		return
	}
	switch {
	case n.child[0] == nil:
		*at = n.child[1]
	case n.child[1] == nil:
		*at = n.child[0]
	}
}

// all yields all entries by address, a shorter prefix before the longer ones in it.
func (t *trie) all() iter.Seq[*entry] {
	return func(yield func(*entry) bool) { t.root.walk(yield) }
}

func (n *node) walk(yield func(*entry) bool) bool {
	if n == nil {
		return true
	}
	if n.entry != nil && !yield(n.entry) {
		return false
	}
	return n.child[0].walk(yield) && n.child[1].walk(yield)
}
