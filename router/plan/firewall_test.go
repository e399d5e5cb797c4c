package plan_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/sixfold-router/sixfold/router/config"
	"github.com/sixfold-router/sixfold/router/firewall"
	"github.com/sixfold-router/sixfold/router/kernel"
	"github.com/sixfold-router/sixfold/router/plan"
	"github.com/sixfold-router/sixfold/router/plan/plantest"
)

// Each file of testdata/firewall has a configuration and the state of the machine as those of testdata/plan, and the table that
// follows, with what is pending.
func TestPlanFirewall(t *testing.T) {
	files, err := filepath.Glob("testdata/firewall/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			part := map[string]*txtar.File{}
			for i, f := range archive.Files {
				part[f.Name] = &archive.Files[i]
			}
			conf, _, err := config.Load(file, part["config.yaml"].Data)
			if err != nil {
				t.Fatal(err)
			}
			in := plan.Inputs{Config: conf, Links: kernel.Links{}, DUID: []byte{0, 3, 0, 1, 1, 2, 3, 4, 5, 6}, Now: now}
			if err := plantest.State(string(part["state"].Data), &in); err != nil {
				t.Fatal(err)
			}
			made := plan.Make(in)
			var got strings.Builder
			got.WriteString(firewall.Compile(made.Firewall).Text())
			for _, p := range made.Pending {
				if strings.HasPrefix(p.What, "firewall.") {
					fmt.Fprintf(&got, "pending %s: %s\n", p.What, p.Reason)
				}
			}
			if *update {
				part["table"].Data = []byte(got.String())
				if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(string(part["table"].Data), got.String()); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}
