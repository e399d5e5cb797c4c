package dhcpv6

import (
	"bytes"
	"fmt"
	"maps"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/sixfold-router/sixfold/dhcpv6/lease"
	"github.com/sixfold-router/sixfold/router/change"
)

// Preview tells what Apply would do, and does nothing. An interface of index 0 does not exist yet. Leases stay whatever is
// configured, until they end or their client asks to renew what it may no longer have.
func (s *Server) Preview(want Config) ([]change.Op, error) {
	cat, err := newCatalog(want)
	if err != nil {
		return nil, err
	}
	return compare(s.catalog.Load(), cat, s.bound), nil
}

// PreviewStart tells what a server that does not exist yet would do with its first Apply.
func PreviewStart(want Config) ([]change.Op, error) {
	cat, err := newCatalog(want)
	if err != nil {
		return nil, err
	}
	return compare(&catalog{rate: want.Rate}, cat, func(string, lease.Kind, netip.Addr, netip.Addr) int { return 0 }), nil
}

// PreviewEnd tells what the end of the server means.
func (s *Server) PreviewEnd() []change.Op {
	have := s.catalog.Load()
	return compare(have, &catalog{duid: have.duid, relays: have.relays, rate: have.rate}, s.bound)
}

// bound is a counter.
func (s *Server) bound(link string, kind lease.Kind, first, last netip.Addr) int {
	n := 0
	for _, l := range s.store.All() {
		a := l.Prefix.Addr()
		if l.Key.Link == link && l.Key.Kind == kind && l.State == lease.Bound && first.Compare(a) <= 0 && a.Compare(last) <= 0 {
			n++
		}
	}
	return n
}

// counter says how many leases of a link are in a range.
type counter func(link string, kind lease.Kind, first, last netip.Addr) int

// compare tells what replacing a catalog by another means.
func compare(have, want *catalog, count counter) []change.Op {
	var ops []change.Op
	if len(have.duid) > 0 && !bytes.Equal(have.duid, want.duid) {
		op := change.Op{Class: change.Recreate, Object: "server", Action: "change the server identifier"}
		if len(have.links) > 0 {
			op.Disturbs = "renewals: clients have to find the server anew"
		}
		ops = append(ops, op)
	}
	if !slices.Equal(have.relays, want.relays) {
		ops = append(ops, change.Op{Object: "server", Action: fmt.Sprintf("believe the relays %v", want.relays)})
	}
	if have.rate != want.rate {
		action := fmt.Sprintf("take %d messages a second from a client", want.rate)
		if want.rate < 0 {
			action = "take any number of messages from a client"
		} else if want.rate == 0 {
			action = fmt.Sprintf("take %d messages a second from a client", DefaultRate)
		}
		ops = append(ops, change.Op{Object: "server", Action: action})
	}
	for _, link := range slices.Sorted(maps.Keys(have.links)) {
		if want.links[link] == nil {
			ops = append(ops, change.Op{
				Class: change.Delete, Object: link, Action: "stop serving", Disturbs: "new and renewed leases on " + link,
			})
		}
	}
	for _, link := range slices.Sorted(maps.Keys(want.links)) {
		old, next := have.links[link], want.links[link]
		if old == nil {
			ops = append(ops, started(next.Interface))
			continue
		}
		ops = append(ops, pools(old.Interface, next.Interface, count)...)
		ops = append(ops, reservations(old.Interface, next.Interface)...)
		if parts := settings(old.Interface, next.Interface); len(parts) > 0 {
			ops = append(ops, change.Op{Object: link, Action: strings.Join(parts, ", ")})
		}
	}
	return ops
}

func started(i Interface) change.Op {
	var parts []string
	add := func(n int, one, many string) {
		if n == 1 {
			parts = append(parts, "1 "+one)
		} else if n > 1 {
			parts = append(parts, fmt.Sprintf("%d %s", n, many))
		}
	}
	add(len(i.Pools), "address pool", "address pools")
	add(len(i.Delegate), "prefix pool", "prefix pools")
	add(len(i.Reservations), "reservation", "reservations")
	action := "start serving"
	if len(parts) > 0 {
		action += " " + strings.Join(parts, ", ")
	}
	return change.Op{Object: i.Link, Action: action}
}

// piece is a pool of either kind.
type piece struct {
	text        string // what it has, in words
	named       string // the same with its name
	kind        lease.Kind
	first, last netip.Addr
	all         any // everything about it
}

func pieces(i Interface) map[string]piece {
	out := make(map[string]piece, len(i.Pools)+len(i.Delegate))
	parts := map[string]int{} // of pools of prefixes in several parts
	for _, p := range i.Delegate {
		parts[p.Name]++
	}
	for _, p := range i.Pools {
		name, text := "pool "+p.Name, fmt.Sprintf("%s - %s", p.First, p.Last)
		out[name] = piece{text, name + ", " + text, lease.Address, p.First, p.Last, p}
	}
	for _, p := range i.Delegate {
		name, text := "delegate "+p.Name, fmt.Sprintf("%s in /%ds", p.Prefix, p.Length)
		named := name + ", " + text
		if parts[p.Name] > 1 {
			name += " in " + p.Prefix.String()
		}
		out[name] = piece{text, named, lease.Prefix, p.Prefix.Addr(), lastOf(p.Prefix), p}
	}
	return out
}

// excludedOf returns what clients of a pool of prefixes leave unused.
func excludedOf(p piece) netip.Prefix {
	d, _ := p.all.(PrefixPool)
	return d.Exclude
}

// pools tells of pools that come, go and change.
func pools(old, next Interface, count counter) []change.Op {
	var ops []change.Op
	before, after := pieces(old), pieces(next)
	stranded := func(p piece) string {
		switch n := count(next.Link, p.kind, p.first, p.last); n {
		case 0:
			return ""
		case 1:
			return "the renewal of 1 lease from " + p.text
		default:
			return fmt.Sprintf("the renewal of %d leases from %s", n, p.text)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(before)) {
		if _, ok := after[name]; !ok {
			p := before[name]
			ops = append(ops, change.Op{Class: change.Delete, Object: next.Link, Action: "remove " + p.named, Disturbs: stranded(p)})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(after)) {
		p, was := after[name], before[name]
		op := change.Op{Object: next.Link}
		switch {
		case was.all == nil:
			op.Action = "add " + p.named
		case was.all == p.all:
			continue
		case was.text != p.text:
			op.Action = fmt.Sprintf("change %s to %s", name, p.text)
			if p.kind != was.kind || was.first.Less(p.first) || p.last.Less(was.last) || p.kind == lease.Prefix {
				op.Disturbs = stranded(was)
			}
		case excludedOf(was) != excludedOf(p):
			op.Action = "change what is excluded of " + name
		default:
			op.Action = "change the lifetimes of " + name
		}
		ops = append(ops, op)
	}
	return ops
}

// reservations tells of reservations that come, go and change.
func reservations(old, next Interface) []change.Op {
	var ops []change.Op
	before := map[string]Reservation{}
	for _, r := range old.Reservations {
		before[r.Name] = r
	}
	for _, r := range next.Reservations {
		was, ok := before[r.Name]
		delete(before, r.Name)
		switch {
		case !ok:
			ops = append(ops, change.Op{Object: next.Link, Action: fmt.Sprintf("add reservation %s of %s", r.Name, gives(r))})
		case gives(r) != gives(was):
			ops = append(ops, change.Op{Object: next.Link, Action: fmt.Sprintf("change reservation %s to %s", r.Name, gives(r))})
		case !reflect.DeepEqual(r, was):
			ops = append(ops, change.Op{Object: next.Link, Action: "change reservation " + r.Name})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(before)) {
		ops = append(ops, change.Op{Class: change.Delete, Object: next.Link, Action: fmt.Sprintf("remove reservation %s of %s", name, gives(before[name]))})
	}
	return ops
}

func gives(r Reservation) string {
	var parts []string
	for _, a := range r.Addresses {
		parts = append(parts, a.String())
	}
	for _, p := range r.Prefixes {
		parts = append(parts, p.String())
	}
	if len(parts) == 0 {
		return "nothing yet"
	}
	return strings.Join(parts, ", ")
}

// settings tells what else differs.
func settings(old, next Interface) []string {
	var parts []string
	add := func(differ bool, format string, args ...any) {
		if differ {
			parts = append(parts, fmt.Sprintf(format, args...))
		}
	}
	add(old.Index != next.Index, "serve the new link")
	add(old.LinkLocal != next.LinkLocal && old.Index == next.Index, "answer from %s", next.LinkLocal)
	add(!slices.Equal(old.Subnets, next.Subnets), "take the subnets to be %v", next.Subnets)
	add(old.RapidCommit != next.RapidCommit && next.RapidCommit, "allow rapid commit")
	add(old.RapidCommit != next.RapidCommit && !next.RapidCommit, "refuse rapid commit")
	add(old.Preference != next.Preference, "change preference to %d", next.Preference)
	add(old.Renew != next.Renew || old.Rebind != next.Rebind, "change the times to renew and rebind")
	add(old.Preferred != next.Preferred || old.Valid != next.Valid, "change lifetimes to %s preferred, %s valid", change.Span(next.Preferred), change.Span(next.Valid))
	add(!slices.Equal(old.DNS, next.DNS), "tell the name servers %v", next.DNS)
	add(!slices.Equal(old.Domains, next.Domains), "tell the search domains %v", next.Domains)
	add(old.Reconfigure != next.Reconfigure && next.Reconfigure, "tell clients that accept it when their leases change")
	add(old.Reconfigure != next.Reconfigure && !next.Reconfigure, "leave it to clients to find out when their leases change")
	for _, f := range next.Former {
		until := ""
		if !f.Until.IsZero() {
			until = " until " + f.Until.UTC().Format(time.RFC3339)
		}
		add(!slices.Contains(old.Former, f), "let leases of %s run out%s", f.Prefix, until)
	}
	for _, f := range old.Former {
		add(!slices.ContainsFunc(next.Former, func(n Former) bool { return n.Prefix == f.Prefix }), "end the leases of %s", f.Prefix)
	}
	add(!slices.Equal(keptOut(old.Exclude, next), keptOut(next.Exclude, next)), "keep our own addresses, which changed, out of pools")
	return parts
}

// keptOut returns what of list lies in a pool of i. The rest concerns other links.
func keptOut(list []netip.Prefix, i Interface) []netip.Prefix {
	var out []netip.Prefix
	for _, p := range list {
		first, last := p.Masked().Addr(), lastOf(p)
		inRange := slices.ContainsFunc(i.Pools, func(o AddressPool) bool { return !last.Less(o.First) && !o.Last.Less(first) })
		if inRange || slices.ContainsFunc(i.Delegate, func(o PrefixPool) bool { return o.Prefix.Overlaps(p) }) {
			out = append(out, p)
		}
	}
	return out
}
