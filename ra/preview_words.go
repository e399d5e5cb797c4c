package ra

import (
	"bytes"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/sixfold-router/sixfold/router/change"
)

// adder notes a change in words, if there is one.
type adder func(differ bool, format string, args ...any)

// sendingChanges tells what changes about when and to whom advertisements go: no host sees it in them.
func sendingChanges(old, i Interface, add adder) {
	if old.UnicastOnly != i.UnicastOnly {
		add(i.UnicastOnly, "advertise by unicast only")
		add(!i.UnicastOnly, "advertise by multicast too")
	}
	add(!slices.Equal(old.Clients, i.Clients) && len(i.Clients) > 0, "advertise to %s only", addresses(i.Clients))
	add(len(old.Clients) > 0 && len(i.Clients) == 0, "advertise to all hosts")
	add(!slices.Equal(old.Excluded, i.Excluded) && len(i.Excluded) > 0, "answer no solicitation of %s", addresses(i.Excluded))
	add(len(old.Excluded) > 0 && len(i.Excluded) == 0, "answer solicitations of all hosts")
	if was, is := old.minDelay(), i.minDelay(); was != is {
		add(true, "advertise at most every %s", is)
	}
	add(!old.RandomDelay && i.RandomDelay, "answer solicitations after a random delay")
	add(old.RandomDelay && !i.RandomDelay, "answer solicitations at once")
	add(old.SolicitRate != i.SolicitRate, "answer a host %d times a second", max(i.SolicitRate, 1))
	add(old.PacketSize != i.PacketSize, "send advertisements of at most %d bytes", i.packetSize())
	if !old.endsAs(i) {
		add(!i.Keep, "change what is withdrawn at the end")
		add(i.Keep, "withdraw nothing at the end")
	}
}

// minDelay is the least time between two multicast advertisements.
func (i Interface) minDelay() time.Duration {
	if i.MinDelay > 0 {
		return i.MinDelay
	}
	return minDelay
}

// endsAs tells whether the final advertisement of i differs from that of other in more than what differs before.
func (i Interface) endsAs(other Interface) bool {
	if i.Keep != other.Keep || i.KeepDNS != other.KeepDNS {
		return false
	}
	for _, r := range other.Routes {
		n := slices.IndexFunc(i.Routes, func(was Route) bool { return was.Prefix == r.Prefix })
		if n >= 0 && i.Routes[n].Keep != r.Keep {
			return false
		}
	}
	for _, p := range other.Prefixes {
		n := slices.IndexFunc(i.Prefixes, func(was Prefix) bool { return was.Prefix == p.Prefix })
		if n >= 0 && i.Prefixes[n].Deprecate != p.Deprecate {
			return false
		}
	}
	return true
}

// extensionChanges tells how the options of the RFCs after 4861 change.
func extensionChanges(old, i Interface, add adder) {
	add(old.MAC.String() != i.MAC.String() && len(i.MAC) > 0, "advertise the link-layer address %s", i.MAC)
	add(len(old.MAC) > 0 && len(i.MAC) == 0, "advertise no link-layer address")
	add(old.SNAC != i.SNAC, "%s the SNAC flag", switched(i.SNAC))
	add(old.Interval != i.Interval && i.Interval, "advertise the interval")
	add(old.Interval != i.Interval && !i.Interval, "stop advertising the interval")
	switch {
	case old.HomeAgent == nil && i.HomeAgent != nil:
		add(true, "advertise a home agent")
	case old.HomeAgent != nil && i.HomeAgent == nil:
		add(true, "stop advertising a home agent")
	case i.HomeAgent != nil:
		add(*old.HomeAgent != *i.HomeAgent, "change the home agent to preference %d, lifetime %s", i.HomeAgent.Preference, change.Span(i.HomeAgent.Lifetime))
	}
	add(len(old.GoneRDNSS) > 0 && len(i.GoneRDNSS) == 0, "stop withdrawing name servers")
	each(old.Routes, i.Routes, add, "route ", func(r Route) string { return r.Prefix.String() }, func(was, is Route) string {
		return strings.Join(append(lives(was.Lifetime, is.Lifetime), differs(was.Preference, is.Preference, "preference "+preference(is.Preference<<3))...), ", ")
	})
	each(old.PREF64, i.PREF64, add, "NAT64 prefix ", func(p PREF64) string { return p.Prefix.String() }, func(was, is PREF64) string {
		return strings.Join(lives(was.Lifetime, is.Lifetime), "")
	})
	add(old.CaptivePortal != i.CaptivePortal && i.CaptivePortal != "", "advertise the captive portal %s", i.CaptivePortal)
	add(old.CaptivePortal != "" && i.CaptivePortal == "", "stop advertising a captive portal")
	each(old.DNR, i.DNR, add, "resolver ", func(r Resolver) string { return fmt.Sprintf("%s of priority %d", r.Name, r.Priority) }, resolverChange)
	add(len(i.GoneDNR) > 0 && !slices.EqualFunc(old.GoneDNR, i.GoneDNR, RawOption.equal), "withdraw resolvers that hosts had")
	add(len(old.GoneDNR) > 0 && len(i.GoneDNR) == 0, "stop withdrawing resolvers")
	each(old.Raw, i.Raw, add, "option ", func(o RawOption) string { return fmt.Sprintf("%d:%x", o.Type, o.Data) }, func(_, _ RawOption) string { return "" })
}

// withdrawn is how lives tells of what hosts are to forget.
const withdrawn = "for 0s"

// lives tells of another lifetime.
func lives(was, is time.Duration) []string { return differs(was, is, "for "+livesFor(is)) }

// differs is words if two values do.
func differs[T ~int64 | ~uint8 | ~string | ~bool](was, is T, words string) []string {
	if was == is {
		return nil
	}
	return []string{words}
}

// each tells which elements of a list come, go, change and how, and which stay for a while to be withdrawn.
func each[T any](old, next []T, add adder, what string, name func(T) string, how func(was, is T) string) {
	for _, is := range next {
		n := slices.IndexFunc(old, func(was T) bool { return name(was) == name(is) })
		if n < 0 {
			add(true, "advertise %s", what+name(is))
			continue
		}
		words := how(old[n], is)
		add(words == withdrawn, "withdraw %s", what+name(is))
		add(words != withdrawn && words != "", "change %s: %s", what+name(is), words)
	}
	for _, was := range old {
		gone := !slices.ContainsFunc(next, func(is T) bool { return name(was) == name(is) })
		add(gone, "stop advertising %s", what+name(was))
	}
}

func resolverChange(a, b Resolver) string {
	same := slices.EqualFunc(a.Parameters, b.Parameters, func(x, y SvcParam) bool { return x.Key == y.Key && bytes.Equal(x.Value, y.Value) })
	words := append(lives(a.Lifetime, b.Lifetime), differs(addresses(a.Addresses), addresses(b.Addresses), "at "+addresses(b.Addresses))...)
	return strings.Join(append(words, differs(true, same, "service parameters")...), ", ")
}

// prefixChange tells how what is advertised of a prefix changes; empty: not in a way that hosts see.
func prefixChange(was, p Prefix) string {
	var parts []string
	flag := func(name string, was, is bool) {
		if was != is {
			parts = append(parts, switched(is)+" "+name)
		}
	}
	flag("on-link", was.OnLink, p.OnLink)
	flag("autonomous", was.Autonomous, p.Autonomous)
	flag("pd-preferred", was.PDPreferred, p.PDPreferred)
	flag("decrement", was.Decrement, p.Decrement)
	if was.RouterAddress != p.RouterAddress {
		flag("router-address", was.RouterAddress.IsValid(), p.RouterAddress.IsValid())
		if was.RouterAddress.IsValid() && p.RouterAddress.IsValid() {
			parts = append(parts, "router address "+p.RouterAddress.String())
		}
	}
	if was.Valid != p.Valid {
		parts = append(parts, "valid "+livesFor(p.Valid))
	}
	if was.Preferred != p.Preferred {
		parts = append(parts, "preferred "+livesFor(p.Preferred))
	}
	return strings.Join(parts, ", ")
}

func livesFor(d time.Duration) string {
	if d == Forever {
		return "forever"
	}
	return change.Span(d)
}

func addresses(list []netip.Addr) string {
	texts := make([]string, len(list))
	for n, a := range list {
		texts[n] = a.String()
	}
	return strings.Join(texts, ", ")
}
