package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
	"github.com/sixfold-router/sixfold/router/explain"
)

func explainCommand(a *app) *cobra.Command {
	var check bool
	var vrf string
	cmd := &cobra.Command{
		Use:   "explain [KIND] ADDRESS | PREFIX | MAC | NAME",
		Short: "Tell all that is known of an address, prefix, MAC address or name",
		Long: `Tell all that the router knows of something: of an address, a prefix, a MAC address, or the name of an interface, delegation,
BGP neighbor, reservation, pool, consumer or unit. A name that several things have takes the kind before it: explain neighbor
cobra. An address or prefix of a delegation may be written as in the configuration: isp ::1, isp auto:lan0/64.

The answer is a tree of checks: links, routes, delegations, leases, neighbors, advertisements, BGP, VXLAN. What is below a check
rests on it. Where one is broken (✗), what rests on it was not looked at (–), and the first line says what to do.

The exit code is 0 if there is an answer, whatever it says; with --check it is 1 if something is broken.`,
		Example: `  sixfold explain 2001:db8::5054:ff:fed6:c2a9
  sixfold explain 52:54:00:d6:c2:a9
  sixfold explain 2001:db8:100::/56
  sixfold explain isp auto:lan0/64
  sixfold explain lan0
  sixfold explain neighbor cobra`,
		Args: cobra.RangeArgs(1, 3),
		RunE: func(cmd *cobra.Command, args []string) error {
			var last *sixfoldv1.ExplainResponse
			err := answer(a, cmd, func(ctx context.Context, c *client) (_ *sixfoldv1.ExplainResponse, err error) {
				last, err = c.state.Explain(ctx, &sixfoldv1.ExplainRequest{Subject: strings.Join(args, " "), Vrf: vrf})
				return last, err
			}, printExplanation)
			if err == nil && check {
				if n := brokenChecks(last.GetFindings()); n > 0 {
					return fmt.Errorf("%s: %s", cell(last.GetSubject()), checksBroken(n))
				}
			}
			return err
		},
	}
	a.watchFlag(cmd)
	cmd.Flags().BoolVar(&check, "check", false, "exit with 1 if something is broken")
	cmd.Flags().StringVar(&vrf, "vrf", "", "look for it in this VRF; default: in none. A name is found wherever it is")
	return cmd
}

func checksBroken(n int) string {
	if n == 1 {
		return "1 check is broken"
	}
	return fmt.Sprintf("%d checks are broken", n)
}

func brokenChecks(list []*sixfoldv1.Finding) int {
	n := 0
	for _, f := range list {
		if f.GetState() == explain.Broken {
			n++
		}
		n += brokenChecks(f.GetFindings())
	}
	return n
}

// marks are what stands before a check.
type marks struct{ ok, info, broken, skipped, advice string }

// marksFor chooses what the locale can show, as POSIX orders its variables.
func marksFor(getenv func(string) string) marks {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if locale := strings.ToLower(getenv(name)); locale != "" {
			if strings.Contains(locale, "utf-8") || strings.Contains(locale, "utf8") {
				return marks{"✓", "·", "✗", "–", "→"}
			}
			break
		}
	}
	return marks{"+", ".", "X", "-", ">"}
}

func printExplanation(p printer, m *sixfoldv1.ExplainResponse) error {
	if m.GetSummary() == "" {
		return errors.New("the daemon has nothing to tell")
	}
	columns := 0
	if f, ok := p.terminal(); ok {
		if width, _, err := term.GetSize(int(f.Fd())); err == nil {
			columns = width
		}
	}
	return writeAll(p.out, explanationText(m, p.style, marksFor(os.Getenv), columns))
}

// terminal is the terminal that the output is shown on. The output may be kept back for a pager, the terminal is the same.
func (p printer) terminal() (*os.File, bool) {
	if f, ok := p.out.(*os.File); ok {
		return f, isTerminal(f)
	}
	return os.Stdout, p.style.on && isTerminal(os.Stdout)
}

// explanationText is the story on a screen of so many columns, 0 for any number.
func explanationText(m *sixfoldv1.ExplainResponse, s style, k marks, columns int) string {
	colour := bold
	if brokenChecks(m.GetFindings()) > 0 {
		colour = red
	}
	var b strings.Builder
	for _, line := range wrap(cell(m.GetSummary()), columns) {
		b.WriteString(s.paint(colour, line) + "\n")
	}
	margin := topicWidth(m.GetFindings(), 0) + 2
	writeFindings(&b, m.GetFindings(), s, k, 0, margin, columns)
	return b.String()
}

// topicWidth is the widest of the topics with their marks and indentation.
func topicWidth(list []*sixfoldv1.Finding, depth int) int {
	widest := 0
	for _, f := range list {
		widest = max(widest, 2*depth+2+displayWidth(cell(f.GetTopic())), topicWidth(f.GetFindings(), depth+1))
	}
	return widest
}

func writeFindings(b *strings.Builder, list []*sixfoldv1.Finding, s style, k marks, depth, margin, columns int) {
	indent := strings.Repeat(" ", margin)
	for _, f := range list {
		mark, colour := k.info, plain
		switch f.GetState() {
		case explain.OK:
			mark, colour = k.ok, green
		case explain.Broken:
			mark, colour = k.broken, red
		case explain.Skipped:
			mark, colour = k.skipped, yellow
		}
		topic := cell(f.GetTopic())
		b.WriteString(strings.Repeat("  ", depth) + s.paint(colour, mark) + " " + topic)
		b.WriteString(strings.Repeat(" ", max(1, margin-2*depth-2-displayWidth(topic))))
		for n, line := range wrap(cell(f.GetText()), columns-margin) {
			if n > 0 {
				b.WriteString(indent)
			}
			b.WriteString(line + "\n")
		}
		if f.GetAdvice() != "" {
			for n, line := range wrap(cell(f.GetAdvice()), columns-margin-2) {
				lead := k.advice
				if n > 0 {
					lead = " "
				}
				b.WriteString(indent + lead + " " + s.paint(bold, line) + "\n")
			}
		}
		writeFindings(b, f.GetFindings(), s, k, depth+1, margin, columns)
	}
}

// leastColumns is too narrow to break lines for.
const leastColumns = 24

// wrap breaks text at blanks into lines of so many columns. A word that is longer has a line of its own.
func wrap(text string, columns int) []string {
	if columns < leastColumns {
		return []string{text}
	}
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		switch {
		case line == "":
			line = word
		case displayWidth(line)+1+displayWidth(word) > columns:
			lines, line = append(lines, line), word
		default:
			line += " " + word
		}
	}
	return append(lines, line)
}
