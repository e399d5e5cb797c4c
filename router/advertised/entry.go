package advertised

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// Kind says what an entry is.
type Kind string

// The kinds.
const (
	Prefix    Kind = "prefix"    // a prefix information option
	Route     Kind = "route"     // a route information option
	Server    Kind = "dns"       // a recursive DNS server, as a /128
	PREF64    Kind = "pref64"    // a NAT64 prefix
	Resolver  Kind = "dnr"       // an encrypted resolver, by its option
	Aggregate Kind = "aggregate" // a prefix that is delegated to us, on no link
)

// Hold is how long something is withdrawn at most: ND_VALID_LIMIT of RFC 9096 3.4, the longest that hosts should have it.
const Hold = 90 * time.Minute

// Late is how long something is withdrawn after its own end: the clocks of hosts differ a little from ours.
const Late = 10 * time.Minute

// Limits of what is remembered.
const (
	maxWithdrawn = 32    // on one link, so that advertisements stay short; the newest, and all of the last change
	maxEntries   = 65536 // of all links, apart from what is being advertised
)

// Key identifies what hosts of a link have.
type Key struct {
	Link   string // empty: none, of an aggregate
	Kind   Kind
	Prefix netip.Prefix // masked; of a resolver the first of its addresses as a /128, or ::/128
	Option string       // of a resolver: what hosts were sent, without type and length and with lifetime 0
	Table  uint32       // kernel table of an aggregate: several VRFs may have the same; 0: the main one
}

// Compare orders keys by link, kind, prefix, option and table.
func (k Key) Compare(o Key) int {
	return cmp.Or(strings.Compare(k.Link, o.Link), strings.Compare(string(k.Kind), string(o.Kind)), k.Prefix.Compare(o.Prefix), strings.Compare(k.Option, o.Option), cmp.Compare(k.Table, o.Table))
}

// Entry is what hosts of a link may have.
type Entry struct {
	Key
	OnLink, Autonomous bool          // flags of a prefix
	Preference         uint8         // of a route
	Name               string        // of a resolver
	Lifetime           time.Duration // how long a host has it after an advertisement, at most
	Ends               time.Time     // no host has it longer, however often it is advertised; zero: it does not end
	Delegation         string        // that it was cut from; empty: none

	Since  time.Time // when it was withdrawn; zero: it is not
	Until  time.Time // of what is withdrawn, or was on a link that is not advertised on: when it is forgotten; otherwise zero
	Reason string    // why it was withdrawn
}

// saved is the part of an entry that is kept on disk.
func (e Entry) saved() Entry {
	e.Ends = time.Time{}
	if e.Since.IsZero() {
		e.Until = time.Time{}
	}
	return e
}

// over reports whether the entry can be forgotten.
func (e Entry) over(now time.Time) bool { return !e.Until.IsZero() && !now.Before(e.Until) }

// Withdrawn returns what of have, which hosts of a link may have, is not among current and has to be withdrawn at now: in the order of
// have, with Since and Until. Since when it is so is kept from an earlier call. reason says why, of what is withdrawn from now on.
func Withdrawn(have, current []Entry, now time.Time, reason func(Entry) string) []Entry {
	var out []Entry
	for _, e := range have {
		if e.over(now) || slices.ContainsFunc(current, func(c Entry) bool { return c.Key == e.Key }) {
			continue
		}
		if e.Since.IsZero() {
			until := now.Add(min(Hold, e.Lifetime))
			if !e.Until.IsZero() {
				until = earlier(until, e.Until)
			}
			if !e.Ends.IsZero() {
				until = earlier(until, e.Ends.Add(Late))
			}
			e.Since, e.Until, e.Reason = now, until, reason(e)
			if e.over(now) {
				continue
			}
		}
		out = append(out, e)
	}
	for len(out) > maxWithdrawn {
		oldest, newest := 0, 0
		for i, e := range out {
			if e.Since.Before(out[oldest].Since) {
				oldest = i
			}
			if e.Since.After(out[newest].Since) {
				newest = i
			}
		}
		if out[oldest].Since.Equal(out[newest].Since) {
			break // one change of a link with as many prefixes
		}
		out = slices.Delete(out, oldest, oldest+1)
	}
	return out
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
