package main

import (
	"fmt"
	"io"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
	"github.com/sixfold-router/sixfold/router/config"
)

// warningMessages are warnings, or errors, as the daemon would give them.
func warningMessages(list []config.Error) []*sixfoldv1.ConfigWarning {
	var out []*sixfoldv1.ConfigWarning
	for _, w := range list {
		out = append(out, &sixfoldv1.ConfigWarning{
			Location: &sixfoldv1.SourceLocation{File: w.File, Line: uint32(w.Line), Column: uint32(w.Column), Path: w.Path},
			Text:     config.Error{Message: w.Message, Accepted: w.Accepted}.Error(),
		})
	}
	return out
}

// printWarnings tells what is allowed in a configuration but seldom wise, a line each.
func printWarnings(w io.Writer, list []*sixfoldv1.ConfigWarning) {
	style := styleFor(w)
	for _, m := range list {
		at := m.GetLocation()
		e := config.Error{
			File: at.GetFile(), Line: int(at.GetLine()), Column: int(at.GetColumn()), Path: at.GetPath(), Message: m.GetText(),
		}
		fmt.Fprintln(w, style.paint(bold+";"+yellow, "warning")+" "+printable(e.Error()))
	}
}
