package main

import "testing"

// TestCellJoinsLines: errors that were joined stay apart where they stand in one line.
func TestCellJoinsLines(t *testing.T) {
	if got, want := cell("set a: read-only\nset b: read-only\n"), "set a: read-only; set b: read-only"; got != want {
		t.Errorf("cell = %q, want %q", got, want)
	}
}
