package vm

import "strings"

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
	p := parser{root: &report{}, tests: map[string]*report{}}
	current := p.root
	for line := range strings.Lines(output) {
		// A test that printed no line break has the frame in the middle of a line.
		before, after, marked := strings.Cut(line, frame)
		current.output += before
		if !marked {
			continue
		}
		words := strings.Fields(after)
		switch {
		case len(words) > 0 && words[0] == "===" && len(words) < 3:
			current = p.root
		case len(words) > 0 && words[0] == "===":
			current = p.test(words[2])
		case len(words) > 3 && words[0] == "---":
			current = p.test(words[2])
			current.verdict, current.took = strings.Trim(words[1], ":"), strings.Trim(words[3], "()")
		default:
			current.output += after
		}
	}
	return p.root
}

// parser has the tests seen so far by their full names.
type parser struct {
	root  *report
	tests map[string]*report
}

// test returns the report of a test, which it makes if there is none. A test starts after the one that it is part of; a name
// may have slashes that say nothing of this.
func (p *parser) test(name string) *report {
	if r, ok := p.tests[name]; ok {
		return r
	}
	parent, rest := p.root, name
	for i := len(name) - 1; i > 0; i-- {
		if r, ok := p.tests[name[:i]]; ok && name[i] == '/' {
			parent, rest = r, name[i+1:]
			break
		}
	}
	r := &report{name: rest}
	parent.children = append(parent.children, r)
	p.tests[name] = r
	return r
}

// lookup returns the report of a test by its full name, or nil.
func (r *report) lookup(name string) *report {
	if name == "" {
		return r
	}
	for _, c := range r.children {
		if rest, ok := strings.CutPrefix(name, c.name); ok && (rest == "" || rest[0] == '/') {
			if found := c.lookup(strings.TrimPrefix(rest, "/")); found != nil {
				return found
			}
		}
	}
	return nil
}
