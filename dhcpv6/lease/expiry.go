package lease

import (
	"container/heap"
	"time"
)

// expiry is a heap of the entries whose lease ends, the earliest first. Each entry knows its place in it.
type expiry []*entry

// Len is for package heap, and so are Less, Swap, Push and Pop.
func (x expiry) Len() int           { return len(x) }
func (x expiry) Less(i, j int) bool { return x[i].lease.Valid.Before(x[j].lease.Valid) }

func (x expiry) Swap(i, j int) {
	x[i], x[j] = x[j], x[i]
	x[i].place, x[j].place = i, j
}

func (x *expiry) Push(v any) {
	e := v.(*entry)
	e.place = len(*x)
	*x = append(*x, e)
}

func (x *expiry) Pop() any {
	old := *x
	last := len(old) - 1
	e := old[last]
	old[last] = nil
	*x = old[:last]
	e.place = -1
	return e
}

// update gives e the place that the end of its lease asks for, or none if it never ends.
func (x *expiry) update(e *entry) {
	never := e.lease.Valid.IsZero()
	switch {
	case e.place < 0 && !never:
		heap.Push(x, e)
	case e.place >= 0 && never:
		heap.Remove(x, e.place)
	case e.place >= 0:
		heap.Fix(x, e.place)
	}
}

func (x *expiry) remove(e *entry) {
	if e.place >= 0 {
		heap.Remove(x, e.place)
	}
}

// before returns up to limit leases that end at or before now, the earliest first. It looks at no more than twice as many
// entries as it returns, and one.
func (x expiry) before(now time.Time, limit int) []Lease {
	var out []Lease
	front := places{heap: x} // places whose parent is in out
	front.add(0, now)
	for len(out) < limit && len(front.at) > 0 {
		i := heap.Pop(&front).(int)
		out = append(out, *x[i].lease)
		front.add(2*i+1, now)
		front.add(2*i+2, now)
	}
	return out
}

// places is a heap of places in an expiry.
type places struct {
	heap expiry
	at   []int
}

func (p *places) add(i int, now time.Time) {
	if i < len(p.heap) && !p.heap[i].lease.Valid.After(now) {
		heap.Push(p, i)
	}
}

func (p places) Len() int           { return len(p.at) }
func (p places) Less(i, j int) bool { return p.heap.Less(p.at[i], p.at[j]) }
func (p places) Swap(i, j int)      { p.at[i], p.at[j] = p.at[j], p.at[i] }
func (p *places) Push(v any)        { p.at = append(p.at, v.(int)) }
func (p *places) Pop() any {
	last := len(p.at) - 1
	v := p.at[last]
	p.at = p.at[:last]
	return v
}
