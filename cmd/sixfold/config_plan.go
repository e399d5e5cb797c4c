package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
)

func configPlan(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "plan FILE | - | N",
		Short: "Tell what applying a configuration would do, and do nothing",
		Long: `Tell what applying a configuration, or going back to revision N, would do at this moment, and do nothing.

CLASS says how an operation treats what exists: live, nothing is disturbed; recreate, it is gone for a moment; delete, it goes
away. Warnings tell of what would be disturbed: forwarding, BGP sessions, the SSH session that the command runs in.`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeRevisions(1, true, nil),
		RunE: func(cmd *cobra.Command, args []string) error {
			what, err := readProposal(cmd, args[0])
			if err != nil {
				return err
			}
			return answer(a, cmd, what.plan, func(p printer, m *sixfoldv1.PlanResponse) error {
				printWarnings(cmd.ErrOrStderr(), m.GetWarnings())
				return printPlan(p, m)
			})
		},
	}
}

// plan asks what applying it would do.
func (w proposal) plan(ctx context.Context, c *client) (*sixfoldv1.PlanResponse, error) {
	return c.config.Plan(ctx, &sixfoldv1.PlanRequest{
		Name: w.name, Text: w.text, Revision: w.revision,
		SessionAddress: sessionAddress("/proc", os.Getpid(), os.Getenv("SSH_CONNECTION")),
	})
}

func printPlan(p printer, m *sixfoldv1.PlanResponse) error {
	if len(m.GetOperations()) == 0 {
		if err := p.none("nothing would be touched"); err != nil {
			return err
		}
	} else if err := printOperations(p, m.GetOperations()); err != nil {
		return err
	}
	if lines := warnings(p.style, m.GetOperations()); len(lines) > 0 {
		if err := writeAll(p.out, "\n"+joinLines(lines)); err != nil {
			return err
		}
	}
	return printPendingBelow(p, m.GetPending())
}

func printOperations(p printer, ops []*sixfoldv1.Operation) error {
	t := p.table("UNIT", "OBJECT", "ACTION", "CLASS")
	for _, o := range ops {
		t.add(o.GetUnit(), o.GetObject(), o.GetAction(), o.GetClass())
	}
	return t.write(p.out)
}

// warnings are those of a plan, a line each.
func warnings(s style, ops []*sixfoldv1.Operation) []string {
	var lines []string
	for _, o := range ops {
		if w := cell(o.GetWarning()); w != "" {
			lines = append(lines, s.paint(bold+";"+red, "WARNING")+" "+cell(o.GetObject())+": "+w)
		}
	}
	return lines
}

// counts tells how many operations of each class there are: 3 live, 1 recreate.
func counts(ops []*sixfoldv1.Operation) string {
	number := map[string]int{}
	for _, o := range ops {
		number[o.GetClass()]++
	}
	var parts []string
	for _, class := range []string{"live", "recreate", "delete"} {
		if n := number[class]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, class))
		}
	}
	if len(parts) == 0 {
		return "nothing was touched"
	}
	return strings.Join(parts, ", ")
}

func printPendingBelow(p printer, pending []*sixfoldv1.Pending) error {
	if len(pending) == 0 {
		return nil
	}
	if err := writeAll(p.out, "\nPending:\n"); err != nil {
		return err
	}
	return printPending(p, &sixfoldv1.ListPendingResponse{Pending: pending})
}
