package vm

import (
	"strings"
)

// report is what a test program printed of one test.
type report struct {
	name     string // the last part of the test's name
	verdict  string // PASS, FAIL or SKIP; empty if the test did not end
	took     string // by the clock of the machine, as "1.50s"
	output   string // what it printed, and not its subtests
	children []*report
}

// frame begins the lines of the testing package with -test.v=test2json.
const frame = "\x16"

// parseReport reads the output of a test program that ran with -test.v=test2json. The name of the report returned is empty;
// its output is what was printed outside of tests.
func parseReport(output string) *report {
	root := &report{}
	current := root
	for line := range strings.Lines(output) {
		marked := false
		// A test that printed no line break has the frame in the middle of a line.
		if before, after, ok := strings.Cut(line, frame); ok {
			current.output += before
			marked, line = true, after
		}
		word, rest, _ := strings.Cut(strings.TrimSpace(line), ": ")
		switch {
		case marked && strings.HasPrefix(line, "=== "):
			words := strings.Fields(line)
			if len(words) < 3 {
				current = root
				continue
			}
			current = root.find(words[2])
		case marked && strings.HasPrefix(word, "--- "):
			name, took, _ := strings.Cut(rest, " ")
			current = root.find(name)
			current.verdict, current.took = strings.TrimPrefix(word, "--- "), strings.Trim(took, "()")
		default:
			current.output += line
		}
	}
	return root
}

// find returns the report of a test, which it makes if there is none.
func (r *report) find(name string) *report {
	for part := range strings.SplitSeq(name, "/") {
		r = r.child(part)
	}
	return r
}

func (r *report) child(name string) *report {
	for _, c := range r.children {
		if c.name == name {
			return c
		}
	}
	c := &report{name: name}
	r.children = append(r.children, c)
	return c
}

// lookup is find that makes nothing.
func (r *report) lookup(name string) *report {
	for part := range strings.SplitSeq(name, "/") {
		var next *report
		for _, c := range r.children {
			if c.name == part {
				next = c
			}
		}
		if next == nil {
			return nil
		}
		r = next
	}
	return r
}
