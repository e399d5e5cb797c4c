package main

import (
	"fmt"
	"strings"
)

// mostCandidates is how many words are listed on a terminal at once.
const mostCandidates = 200

// explain is the answer to a question mark: what may come next, with its short help.
func (c *completion) explain(width int) string {
	if c.bad != nil {
		return "  " + printable(c.bad.Error()) + "\n"
	}
	rows := c.list
	more := max(0, len(rows)-mostCandidates)
	rows = rows[:len(rows)-more]
	if c.usage != "" && (c.typed == "" || len(rows) == 0) {
		rows = append([]candidate{{text: c.usage}}, rows...)
	}
	if c.ready {
		rows = append([]candidate{{text: "<enter>", help: "run it"}}, rows...)
	}
	if len(rows) == 0 {
		return "  nothing can come here\n"
	}
	column := 0
	for _, r := range rows {
		column = max(column, min(displayWidth(r.text), 40))
	}
	var b strings.Builder
	for _, r := range rows {
		line := "  " + r.text
		if r.help != "" {
			line += strings.Repeat(" ", max(0, column-displayWidth(r.text))+2) + r.help
		}
		b.WriteString(shorten(line, max(20, width-1)) + "\n")
	}
	if more > 0 {
		fmt.Fprintf(&b, "  … and %d more\n", more)
	}
	return b.String()
}

// columns lists the candidates as ls lists files.
func (c *completion) columns(width int) string {
	list := c.list
	more := max(0, len(list)-mostCandidates)
	list = list[:len(list)-more]
	if len(list) == 0 {
		return ""
	}
	cell := 0
	for _, k := range list {
		cell = max(cell, displayWidth(k.text)+2)
	}
	across := max(1, (width-1)/cell)
	down := (len(list) + across - 1) / across
	var b strings.Builder
	for row := range down {
		var line strings.Builder
		for i := row; i < len(list); i += down {
			line.WriteString(list[i].text + strings.Repeat(" ", cell-displayWidth(list[i].text)))
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	if more > 0 {
		fmt.Fprintf(&b, "… and %d more\n", more)
	}
	return b.String()
}
