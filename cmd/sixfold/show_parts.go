package main

import (
	"fmt"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
)

// mostKept is how many places are shown that are kept for what is gone; all of them are in the output of --json.
const mostKept = 5

// partLines tells which parts of a delegation the router chose, as lines below it.
func partLines(d *sixfoldv1.PrefixState) [][]string {
	t := newTable("", "", "", "")
	kept := 0
	for _, p := range d.GetAssignments() {
		if p.GetState() == "kept" {
			if kept++; kept > mostKept {
				continue
			}
		}
		now := p.GetPrefix()
		if now == "" {
			now = p.GetState()
		}
		t.add(now, partName(d.GetName(), p), p.GetSubnet(), p.GetReason())
	}
	var out [][]string
	for _, line := range t.lines()[1:] {
		out = append(out, []string{line})
	}
	if kept > mostKept {
		out = append(out, []string{fmt.Sprintf("%d more places are kept for what is gone", kept-mostKept)})
	}
	return out
}

// partName writes a part as the configuration does from anywhere.
func partName(delegation string, p *sixfoldv1.PrefixAssignment) string {
	if p.GetName() == "" {
		return fmt.Sprintf("%s auto/%d", delegation, p.GetLength())
	}
	return fmt.Sprintf("%s auto:%s/%d", delegation, p.GetName(), p.GetLength())
}
