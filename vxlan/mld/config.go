package mld

import (
	"net/netip"
	"slices"
	"strings"
	"time"
)

// MaxLinks is how many links the kernel lets take part in multicast forwarding (MAXMIFS of linux/mroute6.h).
const MaxLinks = 32

// Config is the whole desired state.
type Config struct {
	// Links are all that have listeners, joins, or a part in forwarding, by name.
	Links map[string]Link
	// Proxy has listeners on some links hear what comes in on another; nil: none.
	Proxy *Proxy
	// Routes are static. Of those that match a packet the one with the longest group prefix, then the longest source prefix, decides.
	Routes []Route
	// Boundaries are what does not cross a link, by its name.
	Boundaries map[string]Boundary
}

// Link is one link. Every value is final.
type Link struct {
	Name      string
	Index     int            // interface index; 0: it does not exist yet
	LinkLocal netip.Addr     // source of queries, without zone; invalid: not usable yet
	Running   bool           // with carrier
	Prefixes  []netip.Prefix // of our addresses on it: sources that do not belong on another link

	Querier bool   // ask, and keep what hosts answer
	Kernel  bool   // a bridge whose listeners are the kernel's business; for Status only
	Timers  Timers // of a querier
	Joins   []Join // what the router itself listens to
}

// Timers are the variables of RFC 3810 9.
type Timers struct {
	Version            int           // of queries, 1 or 2
	QueryInterval      time.Duration // 9.2
	QueryResponse      time.Duration // 9.3
	LastListener       time.Duration // 9.8
	Robustness         int           // 9.1, 1 to 7
	FastLeave          bool          // believe a leave without asking
	MaxGroups          int           // on the link
	MaxSources         int           // of a group
	startupQueries     int           // 9.7; 0: Robustness
	startupQueryPeriod time.Duration // 9.6; 0: a quarter of QueryInterval
}

// Join is a group that the router listens to.
type Join struct {
	Group  netip.Addr
	Source netip.Addr // invalid: any
}

// String returns GROUP or SOURCE@GROUP.
func (j Join) String() string {
	if !j.Source.IsValid() {
		return j.Group.String()
	}
	return j.Source.String() + "@" + j.Group.String()
}

// Proxy is an MLD proxy (RFC 4605).
type Proxy struct {
	Upstream   string
	Downstream []string
}

// Route is a static multicast route.
type Route struct {
	Group  netip.Prefix
	Source netip.Prefix // ::/0: any
	In     string
	Out    []string
}

// matches reports whether the route is for packets from source to group.
func (r Route) matches(source, group netip.Addr) bool {
	return r.Group.Contains(group) && r.Source.Contains(source)
}

// exact reports whether the route is for one source and one group: it needs no packet to be written.
func (r Route) exact() bool { return r.Group.IsSingleIP() && r.Source.IsSingleIP() }

// String returns the route as SOURCE@GROUP, without a source that is any.
func (r Route) String() string {
	text := r.Group.String()
	if r.Group.IsSingleIP() {
		text = r.Group.Addr().String()
	}
	switch {
	case r.Source.IsSingleIP():
		return r.Source.Addr().String() + "@" + text
	case r.Source.Bits() > 0:
		return r.Source.String() + "@" + text
	}
	return text
}

// Boundary is what does not cross a link, in either direction.
type Boundary struct {
	Scope  uint8          // groups of this scope (RFC 7346) and of smaller ones; 0: all from 3 on cross
	Groups []netip.Prefix // and these
}

// Holds reports whether the boundary keeps packets to group from crossing.
func (b Boundary) Holds(group netip.Addr) bool {
	return scope(group) <= max(b.Scope, scopeLink) ||
		slices.ContainsFunc(b.Groups, func(p netip.Prefix) bool { return p.Contains(group) })
}

// scopeLink is the scope that no router forwards (RFC 4291 2.7).
const scopeLink = 2

// scope returns the scope field of a multicast address; the reserved value 15 counts as global.
func scope(group netip.Addr) uint8 { return group.As16()[1] & 0xf }

// ssm reports whether a group can only be joined with sources: FF3x::/32 (RFC 4607 1, RFC 4604 2.2.1).
func ssm(group netip.Addr) bool {
	b := group.As16()
	return b[0] == 0xff && b[1]>>4 == 3 && b[2] == 0 && b[3] == 0
}

// robustness returns the variable, never zero.
func (t Timers) robustness() int { return max(t.Robustness, 1) }

// listenerInterval is the Multicast Address Listening Interval (9.4).
func listenerInterval(robustness int, interval, response time.Duration) time.Duration {
	return time.Duration(robustness)*interval + response
}

// otherQuerier is the Other Querier Present Timeout (9.5).
func otherQuerier(robustness int, interval, response time.Duration) time.Duration {
	return time.Duration(robustness)*interval + response/2
}

// names returns the names of links, sorted.
func names[T any](m map[string]T) []string {
	out := make([]string, 0, len(m))
	for name := range m {
		out = append(out, name)
	}
	slices.SortFunc(out, strings.Compare)
	return out
}
