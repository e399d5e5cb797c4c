package main

import (
	"io"
	"strings"
	"testing"
)

func TestPipe(t *testing.T) {
	const text = "NAME STATE\nisp up\nlab down\nisp2 up\nlast"
	for _, test := range []struct{ filters, want, flags, err string }{
		{want: text},
		{filters: "include isp", want: "isp up\nisp2 up\n"},
		{filters: "i ^isp.*up$", want: "isp up\nisp2 up\n"},
		{filters: "exclude isp", want: "NAME STATE\nlab down\nlast\n"},
		{filters: "begin lab", want: "lab down\nisp2 up\nlast\n"},
		{filters: "count", want: "5\n"},
		{filters: "include isp|exclude 2|count", want: "1\n"},
		{filters: "include nobody", want: ""},
		{filters: "include nobody|count", want: "0\n"},
		{filters: "count|include 5", want: "5\n"},
		{filters: "json", want: text, flags: "--json"},
		{filters: "no-more|j", want: text, flags: "--json --no-pager"},
		{filters: "include lab down", want: "lab down\n"},
		{filters: "frob", err: `unknown filter "frob": there are begin, count, exclude, include, json, no-more`},
		{filters: "include", err: "include takes a regular expression"},
		{filters: "count 3", err: "count takes no argument"},
		{filters: "include (", err: "include (: error parsing regexp: missing closing ): `(`"},
	} {
		t.Run(test.filters, func(t *testing.T) {
			var filters [][]string
			for f := range strings.SplitSeq(test.filters, "|") {
				if words := strings.Fields(f); len(words) > 0 {
					filters = append(filters, words)
				}
			}
			// In pieces that end in the middle of lines.
			for _, size := range []int{1, 3, 1000} {
				var out strings.Builder
				p, err := newPipe(&out, filters)
				if err != nil {
					if err.Error() != test.err {
						t.Fatalf("error %q, want %q", err, test.err)
					}
					return
				}
				if test.err != "" {
					t.Fatalf("no error, want %q", test.err)
				}
				for rest := text; rest != ""; rest = rest[min(size, len(rest)):] {
					if _, err := io.WriteString(p, rest[:min(size, len(rest))]); err != nil {
						t.Fatal(err)
					}
				}
				if err := p.Close(); err != nil {
					t.Fatal(err)
				}
				if out.String() != test.want || strings.Join(p.flags, " ") != test.flags {
					t.Errorf("writes of %d: %q with flags %q, want %q with %q", size, out.String(), p.flags, test.want, test.flags)
				}
			}
		})
	}
}

func TestPipeIsBounded(t *testing.T) {
	var out strings.Builder
	p, err := newPipe(&out, [][]string{{"exclude", "x"}})
	if err != nil {
		t.Fatal(err)
	}
	l := p.Writer.(*lineWriter)
	piece := strings.Repeat("a", 64<<10)
	for range 40 {
		if _, err := io.WriteString(p, piece); err != nil {
			t.Fatal(err)
		}
		if len(l.held) >= longestLine {
			t.Fatalf("%d bytes are held of a line without an end", len(l.held))
		}
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if got := strings.Count(out.String(), "a"); got != 40*len(piece) {
		t.Errorf("%d bytes came through, want %d", got, 40*len(piece))
	}
}
