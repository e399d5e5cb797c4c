package kernel

import (
	"fmt"
	"slices"
)

// minMTU is the least MTU of a link that has IPv6 (RFC 8200 5). The kernel takes IPv6 off one that has less.
const minMTU = 1280

// settledLink is what Apply left a link as: while the same is wanted of the same link, a difference is somebody else's work.
type settledLink struct {
	want       Link
	configured bool
	index      int
	have       LinkState // as it was found
}

// settledSysctl is the same for one sysctl. The index is that of its link, 0 if it is for all.
type settledSysctl struct {
	value string
	index int
	reads string // what the kernel made of the value: it rounds some
}

// found is one thing that was not as Apply left it, and how mending it went.
type found struct {
	object, what string
	problem      error
}

// linkDrift collects what one Apply finds changed by others. A link that is new, or wanted otherwise than before, is none: so the
// first Apply of a process finds nothing, whatever an earlier one left behind.
type linkDrift struct {
	steady  map[string]bool // links that are wanted as they were left
	without map[string]bool // links that lost IPv6 for a reason of its own, with which addresses and sysctls of it go too
	failed  map[string]bool // links of which something could not be written
	found   []found
}

// drift begins a comparison. w.mu is held.
func (w *LinkWriter) drift(cfg Config, links Links) *linkDrift {
	d := &linkDrift{steady: map[string]bool{}, without: map[string]bool{}, failed: map[string]bool{}}
	for name, state := range links {
		was, ok := w.settled[name]
		d.steady[name] = ok && was.index == state.Index && was.want.Equal(cfg.Links[name])
		d.without[name] = !state.Up || state.MTU < minMTU
	}
	return d
}

// Equal reports whether two links are wanted to be the same.
func (l Link) Equal(o Link) bool {
	return l.Name == o.Name && l.MTU == o.MTU && l.AcceptRA == o.AcceptRA && l.DAD == o.DAD && l.Made == o.Made &&
		slices.Equal(l.Addresses, o.Addresses) && slices.Equal(l.Sysctls, o.Sysctls)
}

// link notes that a link was not as it was left.
func (d *linkDrift) link(name, what string, problem error) {
	if d.steady[name] {
		d.found = append(d.found, found{name, what, problem})
	}
}

// address notes an operation that had to be.
func (d *linkDrift) address(name string, op addressOp, problem error) {
	switch {
	case op.verb == "add" && op.prefix.Addr().Is6() && d.without[name]:
	case op.verb == "add":
		d.link(name, fmt.Sprintf("address %s was missing", op.prefix), problem)
	case op.verb == "deprecate":
		d.link(name, fmt.Sprintf("address %s was not deprecated", op.prefix), problem)
	case op.verb == "prefer":
		d.link(name, fmt.Sprintf("address %s was deprecated", op.prefix), problem)
	case op.verb == "replace":
		d.link(name, fmt.Sprintf("address %s had a lifetime", op.prefix), problem)
	default:
		d.link(name, fmt.Sprintf("address %s with our mark was added", op.prefix), problem)
	}
}

// sysctl notes that a sysctl was not as it was left. known is what it was left as.
func (d *linkDrift) sysctl(known settledSysctl, s sysctl, old string, link LinkState, problem error) {
	what := fmt.Sprintf("sysctl %s was %s, not %s", s.path, old, s.value)
	switch {
	case known.value != s.value || known.index != link.Index:
	case s.link == "":
		d.found = append(d.found, found{s.path, fmt.Sprintf("it was %s, not %s", old, s.value), problem})
	case link.MTU >= minMTU: // below, the kernel has made them anew
		d.link(s.link, what, problem)
	}
	if s.path == "net/ipv6/conf/"+s.link+"/disable_ipv6" {
		d.without[s.link] = true
	}
}

// outcome notes whether something of a link could not be written, and returns err.
func (d *linkDrift) outcome(name string, err error) error {
	d.failed[name] = d.failed[name] || err != nil
	return err
}

// settle remembers how Apply leaves links, which are some of those that are present, and tells what it found. What could not be mended is drift at the next Apply too.
// w.mu is held.
func (w *LinkWriter) settle(cfg Config, links, present Links, d *linkDrift) {
	for name := range w.settled {
		if _, ok := present[name]; !ok {
			delete(w.settled, name)
		}
	}
	for name, state := range links {
		switch {
		case !d.failed[name]:
			want, configured := cfg.Links[name]
			w.settled[name] = settledLink{want, configured, state.Index, state}
		case !d.steady[name]:
			delete(w.settled, name)
		}
	}
	if w.OnDrift == nil {
		return
	}
	for _, f := range d.found {
		w.OnDrift(f.object, f.what, f.problem)
	}
}
