package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// requirements are those of RFC 7084, RFC 9096 and RFC 9818.
func requirements() []string {
	var all []string
	add := func(prefix string, last int) {
		for n := 1; n <= last; n++ {
			all = append(all, fmt.Sprintf("%s-%d", prefix, n))
		}
	}
	add("G", 5)
	add("WLL", 3)
	add("W", 6)
	add("WAA", 10)
	add("WPD", 10)
	add("ULA", 5)
	add("L", 16)
	add("S", 3)
	add("LPD", 5)
	return all
}

// TestStandards checks that the table of requirements has each of them once, and that the tests it names are there.
func TestStandards(t *testing.T) {
	text, err := os.ReadFile("../router/standards.md")
	must(t, err)
	rows := map[string]int{}
	row := regexp.MustCompile(`^\| ([A-Z0-9][^|]*?) \|([^|]*)\|([^|]*)\|([^|]*)\|$`)
	id := regexp.MustCompile(`[A-Z]+-[0-9]+`)
	name := regexp.MustCompile("`([^`]+)`")
	for line := range strings.Lines(string(text)) {
		m := row.FindStringSubmatch(strings.TrimSpace(line))
		if m == nil {
			continue
		}
		for _, found := range id.FindAllString(m[1], -1) {
			rows[found]++
		}
		shown := name.FindAllStringSubmatch(m[4], -1)
		if len(shown) == 0 && !strings.Contains(m[3], "*no*") {
			t.Errorf("%s: nothing shows it", m[1])
		}
		for _, s := range shown {
			if err := inTree(s[1]); err != nil {
				t.Errorf("%s: %v", m[1], err)
			}
		}
	}
	for _, want := range requirements() {
		if rows[want] != 1 {
			t.Errorf("%s has %d rows, want one", want, rows[want])
		}
	}
}

// inTree looks for a test, as package:Test, or for a file.
func inTree(what string) error {
	dir, test, ok := strings.Cut(what, ":")
	if !ok {
		_, err := os.Stat(filepath.Join("..", what))
		return err
	}
	files, err := filepath.Glob(filepath.Join("..", dir, "*_test.go"))
	if err != nil {
		return err
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		if strings.Contains(string(text), "\nfunc "+test+"(") {
			return nil
		}
	}
	return fmt.Errorf("there is no %s in %s", test, dir)
}
