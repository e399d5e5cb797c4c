package plantest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
)

// Golden is one file of a test: what it begins with, and what is expected to come of that.
type Golden struct {
	Path    string
	archive *txtar.Archive
	update  bool
}

// Goldens runs a test for each file that a pattern matches, of which there has to be one. With update, what is expected is written anew.
func Goldens(t *testing.T, pattern string, update bool, test func(*testing.T, *Golden)) {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			test(t, &Golden{Path: file, archive: archive, update: update})
			if update {
				if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// Names returns the names of the parts, in their order.
func (g *Golden) Names() []string {
	var names []string
	for _, f := range g.archive.Files {
		names = append(names, f.Name)
	}
	return names
}

// Text returns a part, which is empty if there is none of that name.
func (g *Golden) Text(name string) string {
	for _, f := range g.archive.Files {
		if f.Name == name {
			return string(f.Data)
		}
	}
	return ""
}

// Expect compares a part with what came of the test.
func (g *Golden) Expect(t *testing.T, name, got string) {
	t.Helper()
	for i := range g.archive.Files {
		f := &g.archive.Files[i]
		switch {
		case f.Name != name:
			continue
		case g.update:
			f.Data = []byte(got)
		default:
			if diff := cmp.Diff(string(f.Data), got); diff != "" {
				t.Errorf("%s: -want +got\n%s", name, diff)
			}
		}
		return
	}
	t.Errorf("%s has no part %s", g.Path, name)
}
