package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"

	"github.com/sixfold-router/sixfold/api/apitest"
)

// testSession is one whose daemon answers on a socket.
func testSession(t *testing.T, socket string) *session {
	t.Helper()
	outer := rootCommand(&app{})
	if err := outer.PersistentFlags().Set("socket", socket); err != nil {
		t.Fatal(err)
	}
	for _, c := range outer.Commands() {
		if c.Name() == "shell" {
			return &session{outer: c, history: &history{}}
		}
	}
	t.Fatal("there is no shell")
	return nil
}

func TestCompleteLine(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"edge.yaml", "with space.yaml", ".hidden"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "old"), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	s := testSession(t, serveTest(t, apitest.Sample(time.Now())))
	for _, test := range []struct {
		line, list string // candidates with blanks between
		completed  string // the line after Tab; empty: as it was
	}{
		{line: "sho", list: "show", completed: "show "},
		{line: "show bg", list: "bgp", completed: "show bgp "},
		{line: "sh bgp ", list: "neighbor routes"},
		{line: "show bgp; sh bgp n", list: "neighbor", completed: "show bgp; sh bgp neighbor "},
		{line: "sixfold bgp res", list: "reset", completed: "sixfold bgp reset "},
		{line: "bgp reset ", list: "isp lab"},
		{line: "bgp reset isp ", list: ""},
		{line: "bgp reset 'is", list: "isp", completed: "bgp reset isp "},
		{line: "sh bgp neighbor l", list: "lab", completed: "sh bgp neighbor lab "},
		{line: "sh bgp neighbors l", list: "lab", completed: "sh bgp neighbors lab "},
		{line: "del ren b", list: "backup", completed: "del ren backup "},
		{line: "explain delegation back", list: "backup", completed: "explain delegation backup "},
		{line: "explain interface la", list: "lan0", completed: "explain interface lan0 "},
		{line: "explain interface lan0 ", list: ""},
		{line: "explain isp a", list: "auto:lan1/64 auto/80"},
		{line: "explain unit ker", list: "kernel", completed: "explain unit kernel "},
		{line: "explain consumer isp/d", list: "isp/docker", completed: "explain consumer isp/docker "},
		{line: "explain isp/h", list: "isp/hook", completed: "explain isp/hook "},
		{line: "delegation renew b", list: "backup", completed: "delegation renew backup "},
		{line: "lease rel 2001:db8:1:1", list: "2001:db8:1:1::7 2001:db8:1:100::/60"},
		{line: "show leases --link la", list: "lan0", completed: "show leases --link lan0 "},
		{line: "show leases --link=la", list: "lan0", completed: "show leases --link=lan0 "},
		{line: "show leases --ki", list: "--kind", completed: "show leases --kind "},
		{line: "show leases --kind ", list: "address prefix"},
		{line: "show leases --kind=x --li", list: "--link", completed: "show leases --kind=x --link "},
		{line: "show leases --link lan0 --li", list: ""},
		{line: "show bgp routes --neighbor i", list: "isp", completed: "show bgp routes --neighbor isp "},
		{line: "ra watch wa", list: "wan0", completed: "ra watch wan0 "},
		{line: "monitor l", list: "lease link"},
		{line: "monitor lease l", list: "link", completed: "monitor lease link "},
		{line: "config check ", list: "edge.yaml old/ with space.yaml"},
		{line: "config check w", list: "with space.yaml", completed: "config check 'with space.yaml' "},
		{line: "config check o", list: "old/", completed: "config check old/"},
		{line: "config check .h", list: ".hidden", completed: "config check .hidden "},
		{line: "config check none/", list: ""},
		{line: "show version | in", list: "include", completed: "show version | include "},
		{line: "show version | include ", list: ""},
		{line: "show version | include x | c", list: "count", completed: "show version | include x | count "},
		{line: "run", list: ""},
		{line: "shell", list: ""},
		{line: "hist", list: "history", completed: "history "},
		{line: "help sho", list: "show", completed: "help show "},
		{line: "bgp reset l # ", list: ""},
		{line: "show nothing ", list: ""},
		{line: "show --frob x", list: ""},
		{line: "bgp reset --socket " + dir + "/none l", list: ""},
	} {
		c := s.completeLine(t.Context(), test.line, false)
		var list []string
		for _, k := range c.list {
			list = append(list, k.text)
		}
		if diff := cmp.Diff(test.list, strings.Join(list, " ")); diff != "" {
			t.Errorf("after %q (-want +got):\n%s", test.line, diff)
		}
		want := test.completed
		if want == "" {
			want = test.line
			if len(c.list) > 0 {
				continue
			}
		}
		if got := c.complete(test.line); got != want {
			t.Errorf("Tab makes %q of %q, want %q", got, test.line, want)
		}
	}
}

func TestExplainLine(t *testing.T) {
	s := testSession(t, serveTest(t, apitest.Sample(time.Now())))
	for _, test := range []struct {
		line string
		want []string // in this order
	}{
		{"show bgp ", []string{"<enter>   run it\n", "neighbor  All about one BGP neighbor\n", "routes    BGP paths\n", "--watch "}},
		{"show bgp neighbor ", []string{"  isp\n", "  lab\n"}},
		{"show routes ", []string{"<enter>", "2001:db8:1::/48"}},
		{"show ", []string{"bgp  ", "interfaces  ", "version  "}},
		{"show p ", []string{"ambiguous: p could be pending, prefixes"}},
		{"show leases --kind ", []string{"address\n", "prefix\n"}},
		{"show leases --frob x", []string{"unknown flag: --frob"}},
		{"show version | ", []string{"count ", "include  only lines that match"}},
		{"show version | include ", []string{"REGEX"}},
		{"show version nobody", []string{"nothing can come here"}},
	} {
		c := s.completeLine(t.Context(), test.line, true)
		text := c.explain(100)
		rest := text
		for _, want := range test.want {
			_, after, found := strings.Cut(rest, want)
			if !found {
				t.Errorf("after %q there is no %q in\n%s", test.line, want, text)
				break
			}
			rest = after
		}
		for line := range strings.Lines(text) {
			if displayWidth(strings.TrimSuffix(line, "\n")) >= 100 {
				t.Errorf("after %q a line is too wide: %q", test.line, line)
			}
		}
	}
}

// TestCompletionIsPrintable offers no name that the terminal would take for orders.
func TestCompletionIsPrintable(t *testing.T) {
	c := completion{}
	for _, name := range []string{"x\x1b[2J", "a\nb", "\u202e", "good"} {
		c.add(name, "help\x1b[2J\nmore")
	}
	want := []candidate{{text: "good", help: "help·[2J"}}
	if diff := cmp.Diff(want, c.list, cmp.AllowUnexported(candidate{})); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestCompletionColumns(t *testing.T) {
	c := completion{}
	for _, name := range []string{"aa", "b", "cccc", "d", "e"} {
		c.add(name, "")
	}
	if diff := cmp.Diff("aa    d\nb     e\ncccc\n", c.columns(14)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	for i := range mostCandidates {
		c.add("x"+number(uint32(i)), "")
	}
	for _, text := range []string{c.columns(3), c.explain(3)} {
		if !strings.HasSuffix(text, "… and 5 more\n") {
			t.Errorf("a long list ends in %q", text[len(text)-20:])
		}
	}
}

func TestAsksForHelp(t *testing.T) {
	for head, want := range map[string]bool{
		"": true, "show ": true, "show bg": true, "a 'b": false, `a "b`: false, `a \`: false, "a | ": true, "a | inc": true,
		"a | include ": false, "a | include x": false, "a | include x; b": true, "a | include x | c": true, "a # b": false,
	} {
		if got := asksForHelp(head); got != want {
			t.Errorf("a question mark after %q asks for help: %t, want %t", head, got, want)
		}
	}
}

func FuzzCompleteLine(f *testing.F) {
	for _, line := range []string{"", "show bgp ", "config check '", "show leases --kind=", "a | inc", "-", "--", "sixfold ", "exe \\"} {
		f.Add(line)
	}
	s := &session{outer: &cobra.Command{}, history: &history{}}
	f.Fuzz(func(t *testing.T, line string) {
		if strings.ContainsAny(line, "/.:") {
			return // no directories are read, and no daemon elsewhere is asked
		}
		c := s.completeLine(t.Context(), line, true)
		if c.start < 0 || c.start > len(line) {
			t.Fatalf("%q: the word begins at %d", line, c.start)
		}
		if got := c.complete(line); !strings.HasPrefix(got, line[:c.start]) {
			t.Fatalf("%q becomes %q", line, got)
		}
		c.explain(80)
		c.columns(80)
	})
}

func TestWithoutLocal(t *testing.T) {
	if got := withoutLocal([]string{"isp", "ula", "backup"}); !slices.Equal(got, []string{"isp", "backup"}) {
		t.Errorf("got %q", got)
	}
}
