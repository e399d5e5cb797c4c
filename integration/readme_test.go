package integration

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Each configuration of the README is one that sixfold takes, and the first one is short.
func TestReadmeConfiguration(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	must(t, err)
	all := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllSubmatch(readme, -1)
	if all == nil {
		t.Fatal("README.md has no configuration")
	}
	if n := strings.Count(string(all[0][1]), "\n"); n > 32 {
		t.Errorf("the first has %d lines; about 30 are promised", n)
	}
	for i, found := range all {
		file := filepath.Join(t.TempDir(), fmt.Sprintf("readme-%d.yaml", i+1))
		must(t, os.WriteFile(file, found[1], 0o644))
		if out, err := exec.Command(sixfold, "config", "check", file).CombinedOutput(); err != nil || len(lines(string(out), "warning")) > 0 {
			t.Errorf("%v\n%s", err, out)
		}
	}
}
