package main

import (
	"fmt"
	"slices"
	"strings"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
)

// withdrawnFor words since when and until when something is withdrawn.
func withdrawnFor(p printer, w *sixfoldv1.Withdrawn) string {
	return fmt.Sprintf("for %s, %s more", ago(w.GetSince(), p.now), left(w.GetUntil(), p.now))
}

// withdrawnRows are the rows of what hosts of a link are told to use no more.
func withdrawnRows(p printer, r *sixfoldv1.Advertisement) [][]string {
	var rows [][]string
	for _, w := range r.GetWithdrawn() {
		what := w.GetPrefix()
		if w.GetKind() != "prefix" {
			what = strings.TrimSuffix(what, "/128")
			if w.GetName() != "" {
				what = strings.TrimSuffix(w.GetName()+" "+what, " ::")
			}
			what = w.GetKind() + " " + what
		}
		rows = append(rows, []string{"withdrawn", what, withdrawnFor(p, w), w.GetReason()})
	}
	return rows
}

// isWithdrawn reports whether a prefix or route of an advertisement is there for that alone.
func isWithdrawn(r *sixfoldv1.Advertisement, kind, prefix string) bool {
	return slices.ContainsFunc(r.GetWithdrawn(), func(w *sixfoldv1.Withdrawn) bool { return w.GetKind() == kind && w.GetPrefix() == prefix })
}

// earlierLines tell of prefixes that a delegation had before.
func earlierLines(p printer, d *sixfoldv1.PrefixState) [][]string {
	var out [][]string
	for _, f := range d.GetFormer() {
		out = append(out, []string{fmt.Sprintf("before: %s, which the server lets run out: deprecated, valid for %s", f.GetPrefix(), left(f.GetValidUntil(), p.now))})
	}
	for _, w := range d.GetWithdrawn() {
		out = append(out, []string{fmt.Sprintf("before: %s, unreachable %s: %s", w.GetPrefix(), withdrawnFor(p, w), w.GetReason())})
	}
	return out
}
