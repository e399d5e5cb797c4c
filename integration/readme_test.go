package integration

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The configuration of the README is one that sixfold takes, and short.
func TestReadmeConfiguration(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	must(t, err)
	found := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindSubmatch(readme)
	if found == nil {
		t.Fatal("README.md has no configuration")
	}
	if n := strings.Count(string(found[1]), "\n"); n > 32 {
		t.Errorf("it has %d lines; about 30 are promised", n)
	}
	file := filepath.Join(t.TempDir(), "home.yaml")
	must(t, os.WriteFile(file, found[1], 0o644))
	if out, err := exec.Command(sixfold, "config", "check", file).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
