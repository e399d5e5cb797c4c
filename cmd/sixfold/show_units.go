package main

import (
	"strings"

	"github.com/spf13/cobra"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
)

func showUnits(a *app) *cobra.Command {
	return view(a, "units", "How the parts of the router are", getVersion, printUnits)
}

func printUnits(p printer, m *sixfoldv1.GetVersionResponse) error {
	if len(m.GetUnits()) == 0 {
		return p.none("no units: the router has not started them yet")
	}
	return writeAll(p.out, joinLines(unitLines(p, m)))
}

func unitLines(p printer, m *sixfoldv1.GetVersionResponse) []string {
	t := p.table("UNIT", "STATE", "FOR", "PROBLEM")
	for _, u := range m.GetUnits() {
		state := "ok"
		if strings.TrimSpace(u.GetProblem()) != "" {
			state = "failed"
		}
		t.add(u.GetName(), state, ago(u.GetSince(), p.now), u.GetProblem())
	}
	return t.lines()
}
