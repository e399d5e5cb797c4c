package kernel

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestLowerFirst(t *testing.T) {
	links := Links{
		"a": {Name: "a", Index: 3, Parent: 2}, "b": {Name: "b", Index: 2, Parent: 1}, "z": {Name: "z", Index: 1}, "c": {Name: "c", Index: 4},
		"x": {Name: "x", Index: 5, Parent: 6}, "y": {Name: "y", Index: 6, Parent: 5}, "new": {Name: "new", Parent: 1},
	}
	cfg := Config{Links: map[string]Link{"a": {}, "b": {}, "c": {}, "z": {}, "absent": {}, "new": {}, "x": {}, "y": {}}}
	want := []string{"absent", "c", "z", "b", "new", "a", "x", "y"} // a circle, as the kernel has none, comes to an end
	if diff := cmp.Diff(want, lowerFirst(cfg, links)); diff != "" {
		t.Errorf("order (-want +got):\n%s", diff)
	}
}
