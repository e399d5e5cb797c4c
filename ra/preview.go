package ra

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/sixfold-router/sixfold/router/change"
)

// Preview tells what Apply would do, and does nothing. An interface of index 0 does not exist yet.
func (s *Sender) Preview(want Config) ([]change.Op, error) {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	var ops []change.Op
	for _, name := range slices.Sorted(maps.Keys(s.links)) {
		if _, wanted := want.Interfaces[name]; !wanted {
			ops = append(ops, stopped(s.links[name].status.Interface))
		}
	}
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(want.Interfaces)) {
		i := want.Interfaces[name]
		i.Link = name
		l := s.links[name]
		i = settle(i, s.advertised(name), now)
		if err := foreseeable(i, now); err != nil {
			errs = append(errs, fmt.Errorf("advertise on %s: %w", name, err))
			continue
		}
		switch {
		case l == nil:
			ops = append(ops, change.Op{Object: name, Action: "start advertising" + summary(i)})
		case !l.stays(want):
			ops = append(ops, change.Op{
				Class: change.Recreate, Object: name, Action: "advertise" + summary(i) + " on the new link",
				Disturbs: defaultRoute(l.status.Interface), Links: []string{name},
			})
		default:
			if op, changed := altered(l.status.Interface, i, now); changed {
				ops = append(ops, op)
			}
		}
	}
	return ops, errors.Join(errs...)
}

// foreseeable checks what set checks, but for the index of an interface that has none yet.
func foreseeable(i Interface, now time.Time) error {
	if i.Index == 0 {
		i.Index = 1
	}
	if err := i.valid(); err != nil {
		return err
	}
	_, err := Encode(i, now)
	return err
}

func stopped(i Interface) change.Op {
	return change.Op{
		Class: change.Delete, Object: i.Link, Action: "stop advertising", Disturbs: defaultRoute(i), Links: []string{i.Link},
	}
}

// defaultRoute is what hosts lose when i is advertised no more.
func defaultRoute(i Interface) string {
	if i.RouterLifetime == 0 {
		return ""
	}
	return "the default route of hosts on " + i.Link
}

func summary(i Interface) string {
	if len(i.Prefixes) == 0 {
		return " without a prefix"
	}
	names := make([]string, 0, len(i.Prefixes))
	for _, p := range i.Prefixes {
		names = append(names, p.Prefix.String())
	}
	return " " + strings.Join(names, ", ")
}

// altered tells how the advertisements of a link change. What hosts cannot see is no change, but for how often they are sent.
func altered(old, i Interface, now time.Time) (change.Op, bool) {
	content, err := Encode(i, now)
	if err != nil {
		return change.Op{}, false
	}
	op := change.Op{Object: i.Link}
	var parts []string
	add := func(differ bool, format string, args ...any) {
		if differ {
			parts = append(parts, fmt.Sprintf(format, args...))
		}
	}
	add(old.MinInterval != i.MinInterval || old.MaxInterval != i.MaxInterval, "advertise every %s to %s", change.Span(i.MinInterval), change.Span(i.MaxInterval))
	sendingChanges(old, i, add)
	if visible(old, i, content, now) {
		add(old.LinkLocal != i.LinkLocal, "advertise from %s", i.LinkLocal)
		add(old.RouterLifetime != i.RouterLifetime, "change router lifetime to %s", change.Span(i.RouterLifetime))
		add(old.Preference != i.Preference, "change preference to %s", preference(i.Preference<<3))
		add(old.Managed != i.Managed, "%s the managed flag", switched(i.Managed))
		add(old.OtherConfig != i.OtherConfig, "%s the other-config flag", switched(i.OtherConfig))
		add(old.HopLimit != i.HopLimit, "change hop limit to %d", i.HopLimit)
		add(old.LinkMTU != i.LinkMTU, "change link mtu to %d", i.LinkMTU)
		add(old.ReachableTime != i.ReachableTime, "change reachable time to %s", change.Span(i.ReachableTime))
		add(old.RetransTimer != i.RetransTimer, "change retransmission timer to %s", change.Span(i.RetransTimer))
		parts = append(parts, prefixChanges(old.Prefixes, i.Prefixes)...)
		add(!slices.Equal(old.RDNSS, i.RDNSS), "advertise name servers %v", i.RDNSS)
		add(len(i.GoneRDNSS) > 0 && !slices.Equal(old.GoneRDNSS, i.GoneRDNSS), "withdraw name servers %v", i.GoneRDNSS)
		add(!slices.Equal(old.DNSSL, i.DNSSL), "advertise search domains %v", i.DNSSL)
		add(old.DNSLifetime != i.DNSLifetime, "change dns lifetime to %s", livesFor(i.DNSLifetime))
		add(old.DNSSLLifetime != i.DNSSLLifetime && len(i.DNSSL) > 0, "change lifetime of search domains to %s", livesFor(i.DNSSLLifetime))
		extensionChanges(old, i, add)
		if len(parts) == 0 {
			parts = append(parts, "advertise anew")
		}
		if i.RouterLifetime == 0 || old.LinkLocal != i.LinkLocal {
			op.Disturbs = defaultRoute(old)
		}
	}
	if op.Disturbs != "" {
		op.Links = []string{i.Link}
	}
	op.Action = strings.Join(parts, ", ")
	return op, len(parts) > 0
}

func prefixChanges(old, next []Prefix) []string {
	var out []string
	before := map[netip.Prefix]Prefix{}
	for _, p := range old {
		before[p.Prefix] = p
	}
	for _, p := range next {
		was, ok := before[p.Prefix]
		delete(before, p.Prefix)
		if gone := p.Valid == 0 && p.Preferred == 0; gone && (!ok || was.Valid != 0) {
			out = append(out, "withdraw "+p.Prefix.String())
		} else if !ok {
			out = append(out, "advertise "+p.Prefix.String())
		} else if how := prefixChange(was, p); how != "" {
			out = append(out, "change "+p.Prefix.String()+": "+how)
		}
	}
	for _, p := range slices.SortedFunc(maps.Keys(before), netip.Prefix.Compare) {
		if before[p].Valid == 0 {
			out = append(out, "withdraw "+p.String()+" no longer")
			continue
		}
		out = append(out, "stop advertising "+p.String())
	}
	return out
}

func switched(on bool) string {
	if on {
		return "set"
	}
	return "clear"
}
