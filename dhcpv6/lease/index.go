package lease

import (
	"net/netip"
	"slices"
	"strings"
)

// entry is the place of one prefix in an index. The lease that it points to is never written to, only replaced, so that
// it can be read without a lock.
type entry struct {
	lease *Lease
	place int // in the heap of expiry, or -1
	size  int // of the lease in a journal, in bytes
}

// index holds all leases and is searched by prefix, by key and by expiry. It is not safe for concurrent use.
type index struct {
	prefixes trie
	keys     map[Key][]*entry // by prefix
	expiry   expiry
	count    int
	bytes    int64 // of all leases in a journal
}

func newIndex() index { return index{keys: make(map[Key][]*entry)} }

// put gives l its place. Another lease of the same prefix goes, whoever had it. size is that of l in a journal.
func (x *index) put(l *Lease, size int) {
	e := x.prefixes.get(l.Prefix)
	if e == nil {
		e = &entry{lease: l, place: -1}
		x.prefixes.insert(l.Prefix, e)
		x.link(e)
		x.count++
	} else if e.lease.Key != l.Key {
		x.unlink(e)
		e.lease = l
		x.link(e)
	} else {
		e.lease = l
	}
	x.bytes += int64(size - e.size)
	e.size = size
	x.expiry.update(e)
}

// remove takes the lease of exactly the prefix away, if the key has it.
func (x *index) remove(ref DeleteRef) {
	e := x.prefixes.get(ref.Prefix)
	if e == nil || e.lease.Key != ref.Key {
		return
	}
	x.prefixes.remove(ref.Prefix)
	x.unlink(e)
	x.expiry.remove(e)
	x.count--
	x.bytes -= int64(e.size)
}

func (x *index) link(e *entry) {
	list := x.keys[e.lease.Key]
	i, _ := find(list, e.lease.Prefix)
	x.keys[e.lease.Key] = slices.Insert(list, i, e)
}

func (x *index) unlink(e *entry) {
	list := x.keys[e.lease.Key]
	if i, ok := find(list, e.lease.Prefix); ok {
		list = slices.Delete(list, i, i+1)
	}
	if len(list) == 0 {
		delete(x.keys, e.lease.Key)
	} else {
		x.keys[e.lease.Key] = list
	}
}

func find(list []*entry, p netip.Prefix) (int, bool) {
	return slices.BinarySearchFunc(list, p, func(e *entry, p netip.Prefix) int { return e.lease.Prefix.Compare(p) })
}

// normal returns what a store keeps of l, and what a replay would make of it: no monotonic clock, no zone, nothing shared
// with a buffer of the caller.
func normal(l Lease) *Lease {
	l.Preferred, l.Valid, l.Updated = l.Preferred.Round(0).UTC(), l.Valid.Round(0).UTC(), l.Updated.Round(0).UTC()
	l.Client = l.Client.WithZone("")
	l.MAC = slices.Clone(l.MAC)
	if len(l.MAC) == 0 {
		l.MAC = nil
	}
	l.Key.DUID = strings.Clone(l.Key.DUID)
	return &l
}
