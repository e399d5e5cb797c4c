package config

import (
	"cmp"
	"net/netip"
	"reflect"
	"slices"
	"strings"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
)

// IsPattern tells whether the name of an interface is a pattern: one with *, which stands for any letters, or ?, which stands
// for one.
func IsPattern(name string) bool { return strings.ContainsAny(name, "*?") }

// MatchInterface tells whether a name or pattern stands for the link. A name stands for itself. The loopback has to be named: no
// pattern matches it.
func MatchInterface(name, link string) bool {
	if !IsPattern(name) {
		return name == link
	}
	return link != "lo" && glob(name, link)
}

// ExpandInterfaces returns those of links that one of names, each a name or a pattern, stands for, and those of names that are no
// patterns: sorted, and each once. It is for every place of the configuration that has a list of interfaces, such as a zone or a
// VRF; call it while planning, with the links that are present, so that links that come later belong to it when they come.
func ExpandInterfaces(names, links []string) []string {
	var out []string
	for _, name := range names {
		if !IsPattern(name) {
			out = append(out, name)
			continue
		}
		for _, link := range links {
			if MatchInterface(name, link) {
				out = append(out, link)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Expand returns the configuration as it is for the links that are present: instead of patterns it has an interface for each link
// that one matches and that has no name of its own, with the pattern in Pattern. c is not changed; without patterns it is
// returned itself.
func (c *Config) Expand(links []string) *Config {
	if !slices.ContainsFunc(c.Interfaces, func(i Interface) bool { return IsPattern(i.Name) }) {
		return c
	}
	named := make(map[string]bool, len(c.Interfaces))
	var patterns []Interface
	out := *c
	out.Interfaces = make([]Interface, 0, len(c.Interfaces)+len(links))
	for _, i := range c.Interfaces {
		if IsPattern(i.Name) {
			patterns = append(patterns, i)
			continue
		}
		named[i.Name] = true
		out.Interfaces = append(out.Interfaces, i)
	}
	slices.SortFunc(patterns, func(a, b Interface) int { return moreSpecific(a.Name, b.Name) })
	var labels relabeler
	labelled := make(map[string]bool, len(patterns))
	for n := range patterns {
		labelled[patterns[n].Name] = labels.mentions(reflect.ValueOf(&patterns[n]), patterns[n].Name)
	}
	for _, link := range links {
		if named[link] {
			continue
		}
		for _, p := range patterns {
			if MatchInterface(p.Name, link) {
				p.Pattern, p.Name = p.Name, link
				if labelled[p.Pattern] {
					p.relabel(p.Pattern, link, &labels)
				}
				out.Interfaces = append(out.Interfaces, p)
				break
			}
		}
	}
	sortByName(out.Interfaces, func(i Interface) string { return i.Name })
	return &out
}

// moreSpecific orders patterns: the one with more letters comes first, then the one with more ?, then by name.
func moreSpecific(a, b string) int {
	return cmp.Or(cmp.Compare(literals(b), literals(a)), cmp.Compare(strings.Count(b, "?"), strings.Count(a, "?")), cmp.Compare(a, b))
}

// literals counts the letters of a pattern that stand for themselves.
func literals(pattern string) int {
	return len(pattern) - strings.Count(pattern, "*") - strings.Count(pattern, "?")
}

// glob matches in the time of the product of both lengths, whatever the pattern: names have at most 15 letters.
func glob(pattern, name string) bool {
	at, star, mark := 0, -1, 0
	n := 0
	for n < len(name) {
		switch {
		case at < len(pattern) && pattern[at] == '*':
			star, mark = at, n
			at++
		case at < len(pattern) && (pattern[at] == '?' || pattern[at] == name[n]):
			at, n = at+1, n+1
		case star >= 0:
			mark++
			at, n = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(pattern[at:], "*") == ""
}

// globsMeet tells whether two patterns match a name in common, whatever its length.
func globsMeet(a, b string) bool {
	// meets[j]: a[i:] and b[j:] have a name in common, for i from the end.
	meets := make([]bool, len(b)+1)
	for i := len(a); i >= 0; i-- {
		next := meets
		meets = make([]bool, len(b)+1)
		for j := len(b); j >= 0; j-- {
			switch {
			case i == len(a) && j == len(b):
				meets[j] = true
			case i < len(a) && a[i] == '*':
				meets[j] = next[j] || j < len(b) && meets[j+1]
			case j < len(b) && b[j] == '*':
				meets[j] = meets[j+1] || i < len(a) && next[j]
			case i < len(a) && j < len(b):
				meets[j] = (a[i] == b[j] || a[i] == '?' || b[j] == '?') && next[j+1]
			}
		}
	}
	return meets[0]
}

// checkPattern reports what cannot hold for many links.
func (b *builder) checkPattern(name string, m *sixfoldv1.Interface, i Interface, s *spot) {
	for _, f := range []struct {
		field, why string
		set        bool
	}{
		{"delegations", "each delegation is asked for on one link", len(m.GetDelegations()) > 0},
		{"request_address", "the address of an uplink is asked for on one link", m.GetRequestAddress()},
		{"client", "a DHCPv6 client is one of a single link", m.GetClient() != nil},
		{"mac", "no two links may have the same hardware address", m.GetMac() != ""},
		{"vxlan", "a pattern makes no devices", m.GetVxlan() != nil},
		{"vlan", "a pattern makes no devices", m.GetVlan() != nil},
		{"bridge", "a pattern makes no devices", m.GetBridge() != nil},
		{"dummy", "a pattern makes no devices", m.GetDummy() != nil},
		{"gre", "a pattern makes no devices", m.GetGre() != nil},
		{"bond", "a pattern makes no devices", m.GetBond() != nil},
	} {
		if f.set {
			b.errorf(s.field(f.field), "%s is a pattern for many links, and %s; write this under the name of a link", name, f.why)
		}
	}
	for n, e := range i.Addresses {
		a := e.Prefix.Addr()
		if !e.IsValid() || e.Auto.Name == name || e.Delegation == "" && (linkLocal(a) || e.Prefix.IsSingleIP()) {
			continue
		}
		if e.Auto != (Slot{}) {
			b.errorf(s.field("addresses").item(n), "%s would be on each link that %s matches, and a part of a delegation belongs to one link; leave out its name, and each link gets a part of its own", e, name)
			continue
		}
		if e.Prefix.IsSingleIP() {
			continue
		}
		single := Expr{Delegation: e.Delegation, Prefix: netip.PrefixFrom(a, a.BitLen())}
		b.errorf(s.field("addresses").item(n), "%s would be on each link that %s matches, and a prefix belongs to one link; accepted here: link-local addresses, single ones, as %s, and NAME auto/64, which is another prefix on each",
			e, name, single)
	}
}

// checkPatterns reports patterns of which nobody can tell which one holds for a link.
func (b *builder) checkPatterns(cfg *Config) {
	var before []string
	for _, name := range b.interfaces { // in the order of the file
		if !IsPattern(name) {
			continue
		}
		for _, o := range before {
			if literals(o) == literals(name) && strings.Count(o, "?") == strings.Count(name, "?") && globsMeet(o, name) {
				b.key(b.at(name), "%s and %s match the same names, and neither is the more specific one; write out more of one of them", name, o)
				break
			}
		}
		before = append(before, name)
	}
}
