package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const schemaFile = "../../proto/sixfold/v1/config.proto"

func TestParseSchema(t *testing.T) {
	got, err := parseSchema(`syntax = "proto3";
// Config is all.
//
// In two parts.
message Config {
  // Names of it.
  repeated string names = 1 [(buf.validate.field).repeated.items = {
    string: {min_len: 1}
  }];
  map<string, Other> others = 2;
  // How long.
  google.protobuf.Duration time = 3 [
    (a) = 1
  ];
}

message Empty {}

message Other {
  oneof x {
    // On or off.
    bool on = 1;
  }
}
`)
	if err != nil {
		t.Fatal(err)
	}
	want := []schemaMessage{
		{name: "Config", comment: []string{"Config is all.", "", "In two parts."}, fields: []schemaField{
			{name: "names", kind: "list of text", comment: []string{"Names of it."}},
			{name: "others", kind: "map of Other"},
			{name: "time", kind: "duration", comment: []string{"How long."}},
		}},
		{name: "Empty"},
		{name: "Other", fields: []schemaField{{name: "on", kind: "true or false", comment: []string{"On or off."}}}},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(schemaMessage{}, schemaField{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if _, err := parseSchema("message Other {}"); err == nil {
		t.Error("another schema is accepted")
	}
	if got := roff(`.so \x-y`); got != `\&.so \ex\-y` {
		t.Error(got)
	}
}

// Every command and every field has its place in the manual.
func TestManuals(t *testing.T) {
	dir := t.TempDir()
	root := rootCommand(&app{})
	if err := writeManuals(root, dir, schemaFile, time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)); err != nil {
		t.Fatal(err)
	}
	for _, page := range []string{"sixfold.1", "sixfold-show-bgp-routes.1", "sixfold-subnet-split.1", "sixfold-completion-bash.1", "sixfold-config.5", "sixfold-config-check.1"} {
		if _, err := os.Stat(filepath.Join(dir, page)); err != nil {
			t.Error(err)
		}
	}
	page, err := os.ReadFile(filepath.Join(dir, "sixfold-config.5"))
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	messages, err := parseSchema(string(text))
	if err != nil {
		t.Fatal(err)
	}
	fields := 0
	for _, m := range messages {
		for _, f := range m.fields {
			fields++
			if !strings.Contains(string(page), ".BR "+f.name+" ") {
				t.Errorf("%s.%s is not in the manual", m.name, f.name)
			}
			if len(f.comment) == 0 {
				t.Errorf("%s.%s has no comment in the schema", m.name, f.name)
			}
		}
	}
	if fields < 50 {
		t.Errorf("%d fields", fields)
	}
}
