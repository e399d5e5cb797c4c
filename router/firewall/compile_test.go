package firewall

import (
	"os"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestCompile compares the table of a configuration that uses most of what there is with the golden one.
func TestCompile(t *testing.T) {
	got := Compile(sample())
	if again := Compile(sample()); !reflect.DeepEqual(got, again) {
		t.Error("equal configurations give different rulesets")
	}
	const file = "testdata/sample.nft"
	if *update {
		if err := os.WriteFile(file, []byte(got.Text()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got.Text()); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestNothingCompilesToNothing(t *testing.T) {
	if r := Compile(Config{}); !r.IsEmpty() || r.Text() != "" {
		t.Errorf("got %+v", r)
	}
}
