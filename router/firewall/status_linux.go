package firewall

import (
	"os"
	"slices"
	"strconv"
	"strings"
)

// Status is the state of the table.
type Status struct {
	Active         bool // there is to be a table
	Problem        string
	Zones          []ZoneStatus
	Rules          []RuleStatus
	Translations   []TranslationStatus // by kind and name
	Sets           []SetStatus
	Drops          []DropStatus // by reason
	Established    Counted      // packets of connections that were let through
	Connections    uint32       // tracked in the network namespace
	MaxConnections uint32
}

// ZoneStatus is a zone.
type ZoneStatus struct {
	Zone
	Guarded bool // what it sends to this router is filtered
}

// RuleStatus is a rule with its counter.
type RuleStatus struct {
	Listed
	Counted
}

// SetStatus is a set.
type SetStatus struct {
	Name     string
	Title    string   // what it holds, where the name does not say it; empty: it does
	Type     string   // interfaces, addresses, ports, types, protocols or segments
	Size     int      // ranges that touch are one
	Elements []string // the first of them
}

// DropStatus counts what was dropped for a reason.
type DropStatus struct {
	Reason string
	Counted
}

// Status returns the state of the table, with what the counters say now.
func (m *Manager) Status() (Status, error) {
	m.mu.Lock()
	conf, want, listed, problem := m.conf, m.want, m.listed, m.problem
	m.mu.Unlock()
	out := Status{Active: !want.IsEmpty(), Problem: problem}
	out.Connections, out.MaxConnections = connections()
	if !out.Active {
		return out, nil
	}
	counters, err := m.counters()
	if err != nil {
		return out, err
	}
	for _, z := range conf.Zones {
		out.Zones = append(out.Zones, ZoneStatus{Zone: z, Guarded: want.chain(pairChain(z.Name, Router)) != nil})
	}
	for _, l := range listed {
		out.Rules = append(out.Rules, RuleStatus{l, counters[l.Counter]})
	}
	slices.SortStableFunc(out.Rules, func(a, b RuleStatus) int {
		if c := strings.Compare(a.From, b.From); c != 0 {
			return c
		}
		return strings.Compare(a.To, b.To)
	})
	for i := range want.Sets {
		s := &want.Sets[i]
		out.Sets = append(out.Sets, SetStatus{Name: s.Name, Title: s.Title, Type: s.Type.plain(), Size: len(s.Elements), Elements: s.plainWords()})
	}
	for _, name := range want.Counters {
		if reason, ok := strings.CutPrefix(name, dropPrefix); ok {
			out.Drops = append(out.Drops, DropStatus{reason, counters[name]})
		}
	}
	out.Translations = conf.translations(counters)
	out.Established = counters[establishedCounter]
	return out, nil
}

// plainWords returns the first elements, names without quotes.
func (s *Set) plainWords() []string {
	out := s.words(shownElements)
	for i := range out {
		out[i] = strings.Trim(out[i], `"`)
	}
	return out
}

// plain is the type in words of the API.
func (t SetType) plain() string {
	return [...]string{"interfaces", "addresses", "addresses", "ports", "types", "types", "protocols", "segments"}[min(t, VNIs)]
}

// counters reads the counters. What others removed is not there until it is mended.
func (m *Manager) counters() (map[string]Counted, error) {
	m.applying.Lock()
	k, err := m.open()
	m.applying.Unlock()
	if err != nil {
		return nil, err
	}
	counters, _, err := k.objects()
	return counters, err
}

// connections returns how many connections are tracked, and the most that can be; zeros where nothing is tracked.
func connections() (now, most uint32) {
	read := func(name string) uint32 {
		b, err := os.ReadFile("/proc/sys/net/netfilter/" + name)
		if err != nil {
			return 0
		}
		n, _ := strconv.ParseUint(strings.TrimSpace(string(b)), 10, 32)
		return uint32(n)
	}
	return read("nf_conntrack_count"), read("nf_conntrack_max")
}

// Ruleset returns the table as it is to be.
func (m *Manager) Ruleset() Ruleset {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.want
}
