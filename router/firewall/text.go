package firewall

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// shownElements is how many elements of a set Text writes.
const shownElements = 64

// Text returns the table as nft list table inet sixfold would, but for details of spelling. An empty ruleset is empty text.
func (r Ruleset) Text() string {
	if r.IsEmpty() {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "table inet %s {\n", Table)
	for _, t := range r.Timeouts {
		fmt.Fprintf(&b, "\tct timeout %s {\n\t\tprotocol %s;\n\t\tpolicy = {", t.Name, t.Protocol)
		for i, state := range slices.Sorted(maps.Keys(t.Seconds)) {
			if i > 0 {
				b.WriteByte(',')
			}
			fmt.Fprintf(&b, " %d: %ds", state, t.Seconds[state])
		}
		b.WriteString(" }\n\t}\n")
	}
	for _, c := range r.Counters {
		fmt.Fprintf(&b, "\tcounter %s\n", c)
	}
	for i := range r.Sets {
		b.WriteString(r.Sets[i].text())
	}
	for i := range r.Chains {
		c := &r.Chains[i]
		fmt.Fprintf(&b, "\tchain %s {\n", c.Name)
		if c.Hook != NoHook {
			kind := "filter"
			if c.NAT {
				kind = "nat"
			}
			fmt.Fprintf(&b, "\t\ttype %s hook %s priority %d; policy accept;\n", kind, c.Hook, c.Priority)
		}
		for _, rule := range c.Rules {
			fmt.Fprintf(&b, "\t\t%s comment %q\n", rule.Text(), rule.Where)
		}
		b.WriteString("\t}\n")
	}
	b.WriteString("}\n")
	return b.String()
}

func (s *Set) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "\tset %s {\n\t\ttype %s\n", s.Name, s.Type)
	switch {
	case s.Dynamic:
		b.WriteString("\t\tflags dynamic,timeout\n")
	case s.ranges():
		b.WriteString("\t\tflags interval\n")
	}
	if len(s.Elements) > 0 {
		fmt.Fprintf(&b, "\t\telements = { %s }\n", strings.Join(s.words(shownElements), ", "))
	}
	b.WriteString("\t}\n")
	return b.String()
}

// words returns the elements in words, at most so many and how many more there are.
func (s *Set) words(most int) []string {
	var out []string
	for i, e := range s.Elements {
		if i == most {
			return append(out, fmt.Sprintf("%d more", len(s.Elements)-most))
		}
		out = append(out, s.Type.text(e))
	}
	return out
}
