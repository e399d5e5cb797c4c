package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestHistory(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a", "b", "history")
	h, err := openHistory(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"one", "one", "", "  ", " kept out", "two ", "bad\x1b[2J", "\xff", "one"} {
		h.Add(line)
	}
	want := []string{"one", "two", "one"}
	if diff := cmp.Diff(want, h.lines); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
	if h.Len() != 3 || h.At(0) != "one" || h.At(1) != "two" {
		t.Errorf("%d lines, the newest %q and %q", h.Len(), h.At(0), h.At(1))
	}

	// A session beside it adds to the same file; the next one has both.
	beside, err := openHistory(path)
	if err != nil {
		t.Fatal(err)
	}
	h.Add("first")
	beside.Add("second")
	again, err := openHistory(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(append(want, "first", "second"), again.lines); diff != "" {
		t.Errorf("lines of the next session (-want +got):\n%s", diff)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("file: %v, %v; want mode 0600", info.Mode(), err)
	}
	if info, err := os.Stat(filepath.Dir(path)); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("directory: %v, %v; want mode 0700", info.Mode(), err)
	}
}

func TestHistoryIsBounded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history")
	h, err := openHistory(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3*historyLines + 10 {
		h.Add(fmt.Sprint("line ", i))
	}
	if h.Len() != historyLines || h.At(0) != fmt.Sprint("line ", 3*historyLines+9) {
		t.Errorf("%d lines, the newest %q", h.Len(), h.At(0))
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(text), "\n"); n > 2*historyLines {
		t.Errorf("the file has %d lines", n)
	}
	again, err := openHistory(path)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(again.lines, h.lines) {
		t.Error("the next session has other lines")
	}
}

func TestHistoryOfSomebodyElse(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history")
	huge := strings.Repeat("x", 2*historyBytes) + "\nlast\n\x1b]0;evil\a\n"
	if err := os.WriteFile(path, []byte(huge), 0o644); err != nil {
		t.Fatal(err)
	}
	h, err := openHistory(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"last"}, h.lines); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Size() > 100 || info.Mode().Perm() != 0o600 {
		t.Errorf("the file has %d bytes and mode %v", info.Size(), info.Mode())
	}

	// Where it cannot be kept, it works for the session.
	h, err = openHistory(filepath.Join(path, "below a file"))
	if err == nil {
		t.Error("a history below a file gives no error")
	}
	h.Add("x")
	if h.Len() != 1 {
		t.Errorf("%d lines without a file, want 1", h.Len())
	}
}

func TestHistoryPath(t *testing.T) {
	for _, test := range []struct{ state, home, want string }{
		{"/state", "/home/u", "/state/sixfold/history"},
		{"", "/home/u", "/home/u/.local/state/sixfold/history"},
		{"relative", "/home/u", "/home/u/.local/state/sixfold/history"},
		{"", "", ""},
	} {
		got := historyPath(func(name string) string {
			return map[string]string{"XDG_STATE_HOME": test.state, "HOME": test.home}[name]
		})
		if got != test.want {
			t.Errorf("with %q and %q: %q, want %q", test.state, test.home, got, test.want)
		}
	}
}
