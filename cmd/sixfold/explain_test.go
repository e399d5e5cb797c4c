package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
	"github.com/sixfold-router/sixfold/router/explain"
)

func TestExplanationText(t *testing.T) {
	m := &sixfoldv1.ExplainResponse{Kind: "interface", Subject: "lan0", Summary: "lan0 has no prefix: no answer", Findings: []*sixfoldv1.Finding{
		{Topic: "link", State: explain.OK, Text: "lan0 is up", Findings: []*sixfoldv1.Finding{
			{Topic: "delegation", State: explain.Broken, Text: "delegation isp is soliciting since 4m12s", Advice: "is the cable in?\x1b[2J", Findings: []*sixfoldv1.Finding{
				{Topic: "address", State: explain.Skipped, Text: "isp ::1/64"},
			}},
			{Topic: "drift", State: explain.Info, Text: "none"},
		}},
	}}
	utf8 := marksFor(func(name string) string { return map[string]string{"LANG": "C.UTF-8"}[name] })
	want := `lan0 has no prefix: no answer
✓ link          lan0 is up
  ✗ delegation  delegation isp is
                soliciting since 4m12s
                → is the cable in?` + cell("\x1b[2J") + `
    – address   isp ::1/64
  · drift       none
`
	if diff := cmp.Diff(want, explanationText(m, style{}, utf8, 40)); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	ascii := marksFor(func(name string) string { return map[string]string{"LC_ALL": "C", "LANG": "en_US.UTF-8"}[name] })
	got := explanationText(m, style{on: true}, ascii, 0)
	for _, want := range []string{"\x1b[31mlan0 has no prefix", "\x1b[32m+\x1b[0m link", "\x1b[31mX\x1b[0m delegation", "\x1b[33m-\x1b[0m address"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	if n := brokenChecks(m.GetFindings()); n != 1 {
		t.Errorf("%d broken", n)
	}
}

func TestWrap(t *testing.T) {
	for _, tt := range []struct {
		text    string
		columns int
		want    []string
	}{
		{"", 30, []string{""}},
		{"a b", 0, []string{"a b"}},
		{strings.Repeat("word ", 8), 24, []string{"word word word word word", "word word word"}},
		{"x " + strings.Repeat("y", 40) + " z", 24, []string{"x", strings.Repeat("y", 40), "z"}},
	} {
		if diff := cmp.Diff(tt.want, wrap(tt.text, tt.columns)); diff != "" {
			t.Errorf("%q in %d: %s", tt.text, tt.columns, diff)
		}
	}
}
