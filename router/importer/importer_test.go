package importer

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sixfold-router/sixfold/router/config"
)

var update = flag.Bool("update", false, "write the golden files")

// optionsOf are what the command line adds to a file of testdata.
var optionsOf = map[string]Options{
	"rtadvd/all.conf":           {Names: map[string]string{"em0": "eth0", "em1": "eth1"}},
	"cisco/guide_client.conf":   {Names: map[string]string{"FastEthernet0/1": "lan0", "FastEthernet0/2": "lan1", "Dialer0": "ppp0"}},
	"dibbler/client-win32.conf": {Names: map[string]string{"Local Area Connection": "eth0"}},
	"dhclient/blog.conf":        {Interface: "eth0"},
	"dhclient/debian.conf":      {Interface: "wan0"},
	"dhcp6c/home.conf":          {Names: map[string]string{"igb0": "wan0", "igb1": "lan0", "igb2": "lan1", "igb3": "lan2"}},
}

// TestGolden imports every file of testdata: files of people who wrote about theirs, the examples of the manuals, and files with all
// there is and with what is wrong.
func TestGolden(t *testing.T) {
	for _, f := range Formats() {
		files, err := filepath.Glob(filepath.Join("testdata", f.Name, "*.conf"))
		if err != nil {
			t.Fatal(err)
		}
		if len(files) == 0 {
			t.Errorf("there is no file of %s in testdata", f.Name)
		}
		for _, name := range files {
			t.Run(f.Name+"/"+filepath.Base(name), func(t *testing.T) {
				text, err := os.ReadFile(name)
				if err != nil {
					t.Fatal(err)
				}
				o := optionsOf[f.Name+"/"+filepath.Base(name)]
				o.DUID, o.Leases = beside(t, name, ".duid"), beside(t, name, ".leases")
				r, err := Import(f.Name, File{filepath.Base(name), text}, o)
				got := ""
				if err != nil {
					got = err.Error() + "\n"
				} else {
					checkResult(t, r)
					for _, n := range r.Notes {
						got += n.String() + "\n"
					}
					got += string(r.Text)
				}
				golden := strings.TrimSuffix(name, ".conf") + ".golden"
				if *update {
					if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
						t.Fatal(err)
					}
				}
				want, err := os.ReadFile(golden)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(string(want), got); diff != "" {
					t.Errorf("%s (-want +got):\n%s", name, diff)
				}
				if strings.Contains(got, "hunter2") || strings.Contains(got, "5pvW2g48") || strings.Contains(got, "c2VjcmV0") {
					t.Errorf("%s: a secret of the file is shown:\n%s", name, got)
				}
			})
		}
	}
}

// beside reads the file that has another ending in its name, if there is one.
func beside(t *testing.T, name, ending string) *File {
	other := strings.TrimSuffix(name, ".conf") + ending
	text, err := os.ReadFile(other)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil
	case err != nil:
		t.Fatal(err)
	}
	return &File{filepath.Base(other), text}
}

// checkResult tells whether a result is what Import promises: text and message are the same valid configuration.
func checkResult(t *testing.T, r *Result) {
	t.Helper()
	_, message, err := config.Load("result", r.Text)
	if err != nil {
		t.Fatalf("the result does not pass config check: %v\n%s", err, r.Text)
	}
	want, err := config.Format(r.Config)
	if err != nil {
		t.Fatal(err)
	}
	got, err := config.Format(message)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("text and message of the result differ (-message +text):\n%s", diff)
	}
	for _, n := range r.Notes {
		if n.File == "" || n.Line < 1 || n.Column < 1 || n.Text == "" {
			t.Errorf("a note has no place or no text: %+v", n)
		}
	}
}

// TestSyntax checks the place of what makes a file unreadable.
func TestSyntax(t *testing.T) {
	for _, c := range []struct{ name, format, text, want string }{
		{"open block", "radvd", "interface eth0 {\n AdvSendAdvert on;\n", `x:1:16: this block does not end: a } is missing`},
		{"no semicolon", "radvd", "interface eth0 {\n AdvSendAdvert on\n};", `x:3:1: the statement "AdvSendAdvert" in line 2 does not end: a ; is missing`},
		{"too many braces", "radvd", "interface eth0 { };\n};", "x:2:1: this } closes nothing"},
		{"block without name", "dhcp6c", "{ };", "x:1:1: this block has no name"},
		{"open text", "dhclient", "\n  script \"abc", `x:2:10: this text does not end: its second " is missing`},
		{"open comment", "dibbler", "iface eth0 { /* pd }", "x:1:14: this comment does not end: */ is missing"},
		{"deep", "dhcp6c", strings.Repeat("a {", 40), "x:1:51: more than 16 blocks in one another"},
		{"quotes in an entry", "rtadvd", "em0:\\\n  :addr=\"2001:db8::\n", `x:2:9: this text does not end: its second " is missing`},
		{"not text", "radvd", "a\nb\x00", "x:2:1: this is not a text file"},
		{"large", "radvd", strings.Repeat("#\n", MaxSize/2+1), "x:1:1: the file is larger than 1 MiB"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Import(c.format, File{"x", []byte(c.text)}, Options{})
			var syntax *SyntaxError
			if !errors.As(err, &syntax) {
				t.Fatalf("Import returned %v, want a *SyntaxError", err)
			}
			if got := err.Error(); got != c.want {
				t.Errorf("Import returned\n%s\nwant\n%s", got, c.want)
			}
		})
	}
	if _, err := Import("quagga", File{}, Options{}); err == nil || !strings.Contains(err.Error(), "one of: bird, cisco, ") {
		t.Errorf("Import of an unknown format returned %v", err)
	}
}

// TestNotesAreBounded gives the wrong program's file, which is all notes.
func TestNotesAreBounded(t *testing.T) {
	var b strings.Builder
	for i := range 3 * maxNotes {
		fmt.Fprintf(&b, "thing%d;\n", i)
	}
	r, err := Import("radvd", File{"x", []byte(b.String())}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(r.Notes); n != maxNotes+1 || !strings.Contains(r.Notes[n-1].Text, "2000 more notes") {
		t.Errorf("there are %d notes, the last one %v", n, r.Notes[n-1])
	}
	checkResult(t, r)
}

// TestBounds gives files that are small enough, and have more in them than any router: they are refused, soon.
func TestBounds(t *testing.T) {
	repeat := func(before, format, after string, n int) string {
		var b strings.Builder
		b.WriteString(before)
		for i := range n {
			fmt.Fprintf(&b, format, i)
		}
		return b.String() + after
	}
	for _, c := range []struct{ name, format, text string }{
		{"interfaces", "radvd", repeat("", "interface e%d { };\n", "", 2*maxLinks)},
		{"templates that double at each step", "rtadvd", repeat("", "e%[1]d:tc=f%[1]d:tc=g%[1]d:\n", "", 10) +
			repeat("", "f%[1]d:tc=t:tc=t:tc=t:tc=t:tc=t:tc=t:\ng%[1]d:tc=t:tc=t:tc=t:tc=t:tc=t:\n", "t:tc=f1:tc=g1:tc=f2:tc=g2:\n", 10)},
		{"delegations", "dhcp6c", repeat("interface e { send ", "ia-pd %d, ", "ia-pd 0; };", 2*maxItems)},
		{"pools", "dibbler", repeat("iface e { class {\n", "pool 2001:db8:0:%x::/64\n", "} }", 2*maxItems)},
		{"options of every interface", "bird", repeat("protocol radv {\n", "interface \"e%d\";\n", "", 400) + repeat("", "rdnss 2001:db8::%x;\n", "}", 400)},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Import(c.format, File{"x", []byte(c.text)}, Options{})
			if err == nil || !strings.Contains(err.Error(), "this is more than one router has") {
				t.Errorf("Import returned %v", err)
			}
		})
	}
}
