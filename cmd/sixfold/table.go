package main

import (
	"io"
	"strings"
	"unicode"

	"golang.org/x/text/width"
)

// table is text in columns. The last column is not padded, so that no line ends in spaces.
type table struct {
	ragged bool // the last cell of a row may reach into the columns behind it
	header []string
	rows   [][]string
	right  map[int]bool // columns of numbers
	style  style
}

// newTable starts a table; a header that starts with > stands over a column of numbers.
func newTable(header ...string) *table {
	t := &table{right: map[int]bool{}}
	for i, h := range header {
		if name, ok := strings.CutPrefix(h, ">"); ok {
			h, t.right[i] = name, true
		}
		t.header = append(t.header, h)
	}
	return t
}

// add appends a row. Missing cells are empty; an empty cell is shown as a dash where another one follows.
func (t *table) add(cells ...string) {
	row := make([]string, len(t.header))
	for i := range row {
		if i < len(cells) {
			row[i] = cell(cells[i])
		}
		if row[i] == "" {
			row[i] = "-"
		}
	}
	t.rows = append(t.rows, row)
}

// more appends a row that goes on with the one above: its empty cells stay empty.
func (t *table) more(cells ...string) {
	row := make([]string, len(t.header))
	for i, c := range cells[:min(len(cells), len(row))] {
		row[i] = cell(c)
	}
	t.rows = append(t.rows, row)
}

// lines returns the header and the rows as text.
func (t *table) lines() []string {
	widths := make([]int, len(t.header))
	all := append([][]string{t.header}, t.rows...)
	for _, row := range all {
		last := len(row) - 1
		for t.ragged && last > 0 && row[last] == "" {
			last--
		}
		for i, c := range row {
			if !t.ragged || i != last {
				widths[i] = max(widths[i], displayWidth(c))
			}
		}
	}
	lines := make([]string, len(all))
	for n, row := range all {
		var line strings.Builder
		for i, c := range row {
			if i > 0 {
				line.WriteString("  ")
			}
			pad := strings.Repeat(" ", max(0, widths[i]-displayWidth(c)))
			if n > 0 {
				c = t.style.paint(cellColour(t.header[i], c), c)
			} else {
				c = t.style.paint(bold, c)
			}
			if t.right[i] {
				line.WriteString(pad + c)
			} else {
				line.WriteString(c + pad)
			}
		}
		lines[n] = strings.TrimRight(line.String(), " ")
	}
	return lines
}

// write prints the table.
func (t *table) write(w io.Writer) error {
	_, err := io.WriteString(w, strings.Join(t.lines(), "\n")+"\n")
	return err
}

// writeTree prints the table with lines below its rows, drawn as branches. The columns of all branches line up.
func (t *table) writeTree(w io.Writer, branches [][][]string) error {
	width := 0
	for _, b := range branches {
		for _, row := range b {
			width = max(width, len(row))
		}
	}
	all := newTable(make([]string, width)...)
	all.ragged = true
	for _, b := range branches {
		for _, row := range b {
			all.more(row...)
		}
	}
	cells := all.lines()[1:]
	var out strings.Builder
	for i, line := range t.lines() {
		out.WriteString(line + "\n")
		if i == 0 || i > len(branches) {
			continue
		}
		last := len(branches[i-1]) - 1
		for last > 0 && continues(branches[i-1][last]) {
			last--
		}
		for n, row := range branches[i-1] {
			mark := "├─ "
			switch {
			case n > last:
				mark = "   "
			case n == last:
				mark = "└─ "
			case continues(row):
				mark = "│  "
			}
			line := cells[0]
			if strings.HasPrefix(line, "problem") {
				line = t.style.paint(red, line)
			}
			out.WriteString("  " + mark + line + "\n")
			cells = cells[1:]
		}
	}
	_, err := io.WriteString(w, out.String())
	return err
}

// continues reports whether a row goes on with what the one before it tells.
func continues(row []string) bool { return len(row) > 0 && row[0] == "" }

// cell makes text fit for one line of a terminal.
func cell(s string) string {
	return strings.Map(safeRune, strings.ReplaceAll(strings.TrimSpace(s), "\n", "; "))
}

// safeRune replaces what would move the cursor or turn the direction of writing.
func safeRune(r rune) rune {
	switch {
	case r == '\t', r == '\n', r == '\r':
		return ' '
	case unicode.IsControl(r), unicode.Is(unicode.Cf, r), unicode.Is(unicode.Zl, r), unicode.Is(unicode.Zp, r), r == unicode.ReplacementChar:
		return '·'
	}
	return r
}

// displayWidth is the number of columns that s takes on a terminal: two for wide characters of East Asia and emoji, none for
// combining marks.
func displayWidth(s string) int {
	n := 0
	for _, r := range s {
		switch {
		case unicode.In(r, unicode.Mn, unicode.Me):
		case width.LookupRune(r).Kind() == width.EastAsianWide, width.LookupRune(r).Kind() == width.EastAsianFullwidth:
			n += 2
		default:
			n++
		}
	}
	return n
}

// writeTables writes those that have rows, with an empty line between them.
func writeTables(p printer, list ...*table) error {
	first := true
	for _, t := range list {
		if len(t.rows) == 0 {
			continue
		}
		if !first {
			if err := writeAll(p.out, "\n"); err != nil {
				return err
			}
		}
		first = false
		if err := t.write(p.out); err != nil {
			return err
		}
	}
	return nil
}
