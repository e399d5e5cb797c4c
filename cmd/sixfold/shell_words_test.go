package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseLine(t *testing.T) {
	for _, test := range []struct {
		name, line string
		want       []statement
		err        string
	}{
		{name: "empty", line: ""},
		{name: "blanks", line: " \t\r\n "},
		{name: "words", line: " show\tbgp ", want: []statement{{words: []string{"show", "bgp"}}}},
		{name: "single quotes", line: `a 'b  \ "c' d`, want: []statement{{words: []string{"a", `b  \ "c`, "d"}}}},
		{name: "double quotes", line: `"a \"b\" \\ \x $" c`, want: []statement{{words: []string{`a "b" \ \x $`, "c"}}}},
		{name: "backslash", line: `a\ b \; \|`, want: []statement{{words: []string{"a b", ";", "|"}}}},
		{name: "quotes in a word", line: `a'b'"c"`, want: []statement{{words: []string{"abc"}}}},
		{name: "empty word", line: `a ''`, want: []statement{{words: []string{"a", ""}}}},
		{name: "semicolons", line: "a; b c;;d;", want: []statement{{words: []string{"a"}}, {words: []string{"b", "c"}}, {words: []string{"d"}}}},
		{name: "line ends", line: "a\nb", want: []statement{{words: []string{"a"}}, {words: []string{"b"}}}},
		{name: "comment", line: "a # b; c\nd", want: []statement{{words: []string{"a"}}, {words: []string{"d"}}}},
		{name: "comment of a router", line: "! a; b"},
		{name: "no comment", line: "a b#c ! d", want: []statement{{words: []string{"a", "b#c", "!", "d"}}}},
		{name: "pipes", line: "show routes|inc 'a|b' | count; x",
			want: []statement{{words: []string{"show", "routes"}, filters: [][]string{{"inc", "a|b"}, {"count"}}}, {words: []string{"x"}}}},
		{name: "address", line: "show routes 2001:db8::/32", want: []statement{{words: []string{"show", "routes", "2001:db8::/32"}}}},
		{name: "open single quote", line: "a 'b", err: "the quote ' is not closed"},
		{name: "open double quote", line: `a "b\"`, err: `the quote " is not closed`},
		{name: "backslash at the end", line: `a \`, err: "a backslash ends the line: a command is one line"},
		{name: "bar without a filter", line: "a |", err: "what after the bar? One of: begin, count, exclude, include, json, no-more"},
		{name: "bar without a command", line: "; | count", err: "a command is missing before the bar"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := parseLine(test.line)
			text := ""
			if err != nil {
				text = err.Error()
			}
			if text != test.err {
				t.Fatalf("error %q, want %q", text, test.err)
			}
			if diff := cmp.Diff(test.want, got, cmp.AllowUnexported(statement{})); diff != "" {
				t.Errorf("%q (-want +got):\n%s", test.line, diff)
			}
		})
	}
}

func FuzzParseLine(f *testing.F) {
	for _, line := range []string{"", "show bgp; show 'x y' | include a?", `"\\" \`, "a|b|c #", "! x\ny", "'\xff\x00"} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		tokens, open := lex(line)
		at := 0
		for _, k := range tokens {
			if k.start < at || k.end <= k.start || k.end > len(line) {
				t.Fatalf("%q: token %+v after byte %d", line, k, at)
			}
			at = k.end
		}
		statements, err := parseLine(line)
		if err != nil {
			return
		}
		if open != 0 && open != '#' {
			t.Fatalf("%q is read although %q is open", line, open)
		}
		// Written with quotes, the words are the same again.
		var lines []string
		for _, st := range statements {
			parts := [][]string{st.words}
			parts = append(parts, st.filters...)
			var texts []string
			for _, p := range parts {
				var quoted []string
				for _, w := range p {
					quoted = append(quoted, quoteWord(w))
				}
				texts = append(texts, strings.Join(quoted, " "))
			}
			lines = append(lines, strings.Join(texts, " | "))
		}
		again, err := parseLine(strings.Join(lines, ";"))
		if diff := cmp.Diff(statements, again, cmp.AllowUnexported(statement{})); err != nil || diff != "" {
			t.Fatalf("%q is %q again, error %v (-want +got):\n%s", line, lines, err, diff)
		}
		tokens, open = lex(quoteWord(line))
		if len(tokens) != 1 || tokens[0].text != line || open != 0 {
			t.Fatalf("%q in quotes is %q, read as %+v", line, quoteWord(line), tokens)
		}
	})
}
