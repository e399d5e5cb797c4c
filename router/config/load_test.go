package config

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/testing/protocmp"
)

var update = flag.Bool("update", false, "rewrite the golden files with what came out")

// TestBad compares all errors of each bad file with those beside it. A file of testdata/bad is a txtar archive: the
// configuration, and what Pretty prints.
func TestBad(t *testing.T) {
	files, err := filepath.Glob("testdata/bad/*.txtar")
	if err != nil || len(files) < 60 {
		t.Fatalf("found %d files, want 60 or more (%v)", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			_, _, err = Load("r.yaml", archive.Files[0].Data)
			errs, ok := err.(*Errors)
			if !ok {
				t.Fatalf("Load = %v, want an *Errors for\n%s", err, archive.Files[0].Data)
			}
			for _, e := range errs.List {
				if e.Line < 1 || e.Column < 1 || e.File != "r.yaml" || e.Message == "" {
					t.Errorf("incomplete error %+v", e)
				}
			}
			got := errs.Pretty()
			if *update {
				archive.Files = append(archive.Files[:1], txtar.File{Name: "errors", Data: []byte(got)})
				if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if len(archive.Files) != 2 {
				t.Fatalf("%s has %d parts, want configuration and errors", file, len(archive.Files))
			}
			if diff := cmp.Diff(string(archive.Files[1].Data), got); diff != "" {
				t.Errorf("errors of %s (-want +got):\n%s", file, diff)
			}
		})
	}
}

// TestGood compares the typed configuration of each good file with the golden one, and reads its canonical text and its
// JSON, which must say the same.
func TestGood(t *testing.T) {
	files, err := filepath.Glob("testdata/good/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files (%v)", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			cfg, message, err := LoadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			typed, err := json.MarshalIndent(cfg, "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			text, err := Format(message)
			if err != nil {
				t.Fatal(err)
			}
			golden(t, strings.TrimSuffix(file, ".yaml")+".golden", string(text)+"\n"+string(absent.ReplaceAll(typed, nil))+"\n")

			again, same, err := Load("canonical", text)
			if err != nil {
				t.Fatalf("the canonical text does not load: %v\n%s", err, text)
			}
			if diff := cmp.Diff(message, same, protocmp.Transform()); diff != "" {
				t.Errorf("the canonical text says something else (-file +canonical):\n%s", diff)
			}
			if diff := cmp.Diff(toJSON(t, cfg), toJSON(t, again)); diff != "" {
				t.Errorf("the canonical text means something else (-file +canonical):\n%s", diff)
			}
			plain, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(message)
			if err != nil {
				t.Fatal(err)
			}
			if _, same, err = Load("json", plain); err != nil {
				t.Fatalf("the JSON does not load: %v\n%s", err, plain)
			}
			if diff := cmp.Diff(message, same, protocmp.Transform()); diff != "" {
				t.Errorf("the JSON says something else (-file +json):\n%s", diff)
			}
			over, err := FromProto(message)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(toJSON(t, cfg), toJSON(t, over)); diff != "" {
				t.Errorf("the message means something else (-file +message):\n%s", diff)
			}
		})
	}
}

// absent matches what is not configured: goldens would change with each new field.
var absent = regexp.MustCompile(`(?m)^ *"\w+": (null|"")(,\n|$\n?)`)

// toJSON leaves out warnings, which tell where in the text something stands.
func toJSON(t *testing.T, v any) string {
	t.Helper()
	if c, ok := v.(*Config); ok {
		quiet := *c
		quiet.Warnings, v = nil, &quiet
	}
	b, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}
