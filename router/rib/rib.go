// Package rib is the table in the middle of the router: producers write routes into it by source, readers watch the best
// route of each prefix. It is vocabulary shared by the packages that make routes and those that use them, and does no I/O.
//
// A watch coalesces: it remembers which prefixes changed, not how often, and hands out the newest best route of each.
// A slow reader therefore sees fewer intermediate states, nobody waits for it, and its memory is bounded by the number of
// prefixes.
package rib

import (
	"cmp"
	"fmt"
	"net/netip"
)

// Source says who made a route. The order is the order of preference between sources for one prefix: the lowest wins.
type Source uint8

// The sources of routes.
const (
	Connected Source = iota + 1 // prefixes of our own addresses; the kernel has these by itself
	Local                       // prefixes of the configuration of which every address is ours
	Static                      // routes of the configuration
	Delegated                   // prefixes that our DHCPv6 server delegated, via the client
	Aggregate                   // unreachable routes of aggregates, and of prefixes delegated to us
	BGP                         // best paths learnt from neighbors
	Withdrawn                   // unreachable routes of prefixes that were delegated to us until a while ago; announced to nobody
)

// Sources are all sources, in order of preference.
var Sources = [...]Source{Connected, Local, Static, Delegated, Aggregate, BGP, Withdrawn}

// String returns the name that configuration and output use.
func (s Source) String() string {
	switch s {
	case Connected:
		return "connected"
	case Local:
		return "local"
	case Static:
		return "static"
	case Delegated:
		return "delegated"
	case Aggregate:
		return "aggregate"
	case BGP:
		return "bgp"
	case Withdrawn:
		return "withdrawn"
	}
	return fmt.Sprintf("source(%d)", uint8(s))
}

// ParseSource is the reverse of String.
func ParseSource(name string) (Source, bool) {
	for _, s := range Sources {
		if s.String() == name {
			return s, true
		}
	}
	return 0, false
}

// Kind says what happens to a packet that a route matches.
type Kind uint8

// The kinds of routes, as ip route names them.
const (
	Unicast     Kind = iota // forward it
	Unreachable             // answer with ICMP unreachable
	Blackhole               // drop it silently
	Prohibit                // answer with ICMP administratively prohibited
	Deliver                 // take it in: every address of it is ours (AnyIP)
)

// String returns the word that ip route has for the kind.
func (k Kind) String() string {
	switch k {
	case Unicast:
		return "unicast"
	case Unreachable:
		return "unreachable"
	case Blackhole:
		return "blackhole"
	case Prohibit:
		return "prohibit"
	case Deliver:
		return "local"
	}
	return fmt.Sprintf("kind(%d)", uint8(k))
}

// MainTable is the kernel's main routing table.
const MainTable = 254

// Key identifies a route: one prefix in one kernel table.
type Key struct {
	Table  uint32
	Prefix netip.Prefix
}

// Compare orders keys by table, address family, address and length.
func (k Key) Compare(o Key) int {
	return cmp.Or(cmp.Compare(k.Table, o.Table), k.Prefix.Compare(o.Prefix))
}

// Route is one way to one prefix. Routes are values and comparable with ==.
type Route struct {
	Prefix netip.Prefix // masked
	Kind   Kind
	Via    netip.Addr // next hop without zone; invalid for a directly connected destination
	Link   string     // outgoing interface; empty lets the kernel find it from Via
	Table  uint32     // kernel table; 0 means MainTable
	Metric uint32     // kernel priority; 0 lets the writer choose by source
	Src    netip.Addr // preferred source address, or invalid
}

// Key returns the identity of the route.
func (r Route) Key() Key {
	table := r.Table
	if table == 0 {
		table = MainTable
	}
	return Key{Table: table, Prefix: r.Prefix.Masked()}
}

// String returns the route as ip route would print it.
func (r Route) String() string {
	s := r.Prefix.String()
	if r.Kind != Unicast {
		s = r.Kind.String() + " " + s
	}
	if r.Via.IsValid() {
		s += " via " + r.Via.String()
	}
	if r.Link != "" {
		s += " dev " + r.Link
	}
	if r.Table != 0 && r.Table != MainTable {
		s += fmt.Sprintf(" table %d", r.Table)
	}
	if r.Metric != 0 {
		s += fmt.Sprintf(" metric %d", r.Metric)
	}
	return s
}

// Entry is a route with its source.
type Entry struct {
	Source Source
	Route  Route
}

// Change tells the newest best route of a prefix. Gone is set when no watched source has one any more.
type Change struct {
	Key  Key
	Best Entry
	Gone bool
}
