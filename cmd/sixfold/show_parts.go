package main

import (
	"fmt"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
)

// mostKept is how many places are shown that are kept for what is gone; all of them are in the output of --json.
const mostKept = 5

// partRows tells which parts of a delegation the router chose: the part, its name, and where it is and why.
func partRows(d *sixfoldv1.PrefixState) [][]string {
	var rows [][]string
	places := newTable("", "")
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
		rows = append(rows, []string{now, partName(d.GetName(), p), ""})
		places.add(p.GetSubnet(), p.GetReason())
	}
	for n, line := range places.lines()[1:] {
		rows[n][2] = line
	}
	if kept > mostKept {
		rows = append(rows, []string{fmt.Sprintf("%d more places are kept for what is gone", kept-mostKept)})
	}
	return rows
}

// partName writes a part as the configuration does from anywhere.
func partName(delegation string, p *sixfoldv1.PrefixAssignment) string {
	if p.GetName() == "" {
		return fmt.Sprintf("%s auto/%d", delegation, p.GetLength())
	}
	return fmt.Sprintf("%s auto:%s/%d", delegation, p.GetName(), p.GetLength())
}
