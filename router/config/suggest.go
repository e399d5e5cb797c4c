package config

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// suggest returns ", did you mean lan0?" when one of the names is close to what was written, else nothing.
func suggest(word string, names []string) string {
	best, bestDistance := "", tolerance(len(word))+1
	if len(word) > 64 {
		return ""
	}
	for _, n := range names {
		if len(n) > 64 {
			continue
		}
		d := distance(strings.ToLower(word), strings.ToLower(n))
		if d < bestDistance && d < len(word) {
			best, bestDistance = n, d
		}
	}
	if best == "" {
		return ""
	}
	return ", did you mean " + best + "?"
}

// tolerance is how many slips a word may have and still be taken for another.
func tolerance(letters int) int {
	if letters < 6 {
		return max(1, letters/3)
	}
	return letters / 2
}

// distance is the number of letters to insert, remove, change or swap with a neighbor between a and b.
func distance(a, b string) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			change := 1
			if a[i-1] == b[j-1] {
				change = 0
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}

// some shortens a list of names for an error.
func some(names []string) []string {
	names = slices.Sorted(slices.Values(names))
	if len(names) > 12 {
		names = append(names[:12:12], "…")
	}
	return names
}

// unknownLink says of a name that no interface has, and how one gets it.
func (b *builder) unknownLink(name string) string {
	near, add := suggest(name, b.interfaces), entryOf(name)
	switch {
	case add == "" && len(b.interfaces) == 0:
		return fmt.Sprintf("unknown interface %s: none is configured under interfaces", excerpt(name))
	case add == "":
		return "unknown interface " + excerpt(name) + near
	case near != "":
		return fmt.Sprintf("unknown interface %s%s Or add `%s` under interfaces", name, near, add)
	}
	return fmt.Sprintf("unknown interface %s: add `%s` under interfaces", name, add)
}

var (
	interfaceName = regexp.MustCompile(`^[^/\s:%]{1,15}$`)
	plainName     = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9._-]*$`)
)

// entryOf is what configures an interface of the name without any settings; empty: none can have it.
func entryOf(name string) string {
	switch {
	case !interfaceName.MatchString(name) || kernelName(name):
		return ""
	case plainName.MatchString(name):
		return name + ": {}"
	}
	return strconv.Quote(name) + ": {}"
}
