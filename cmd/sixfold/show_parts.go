package main

import (
	"fmt"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
)

// partLines tells which parts of a delegation the router chose, as lines below it.
func partLines(d *sixfoldv1.PrefixState) [][]string {
	t := newTable("", "", "", "")
	for _, p := range d.GetAssignments() {
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
	return out
}

// partName writes a part as the configuration does from anywhere.
func partName(delegation string, p *sixfoldv1.PrefixAssignment) string {
	if p.GetName() == "" {
		return fmt.Sprintf("%s auto/%d", delegation, p.GetLength())
	}
	return fmt.Sprintf("%s auto:%s/%d", delegation, p.GetName(), p.GetLength())
}
