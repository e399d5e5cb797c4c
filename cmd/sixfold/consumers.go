package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
)

func showConsumers(a *app) *cobra.Command {
	cmd := viewNamed(a, "consumers", "Programs, files and URLs that are told of delegated prefixes", listConsumersNamed, printConsumers)
	cmd.Long = `Programs, files and URLs that are told of delegated prefixes (on_change), and how that went. With a name, also all that a program
wrote, or a server answered.

NAME is DELEGATION/NAME, or only the name where that is clear. A consumer that could not be told is tried again; sixfold consumer run
does so now.`
	cmd.ValidArgsFunction = a.complete(consumerNames)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		human := printConsumers
		if len(args) > 0 {
			human = printConsumer
		}
		return answer(a, cmd, func(ctx context.Context, c *client) (*sixfoldv1.ListConsumersResponse, error) {
			return listConsumersNamed(ctx, c, optional(args))
		}, human)
	}
	return cmd
}

// listConsumersNamed lists the consumer of a name, which two delegations may have, or all.
func listConsumersNamed(ctx context.Context, c *client, name string) (*sixfoldv1.ListConsumersResponse, error) {
	m, err := listConsumers(ctx, c)
	if err != nil || name == "" {
		return m, err
	}
	var names []string
	found := &sixfoldv1.ListConsumersResponse{}
	for _, one := range m.GetConsumers() {
		names = append(names, consumerName(one))
		if name == consumerName(one) || name == one.GetName() {
			found.Consumers = append(found.Consumers, one)
		}
	}
	switch {
	case len(names) == 0:
		return nil, fmt.Errorf("no consumer %q: no delegation has on_change", name)
	case len(found.Consumers) == 0:
		return nil, fmt.Errorf("no consumer %q: there are %s", name, strings.Join(names, ", "))
	}
	return found, nil
}

func listConsumers(ctx context.Context, c *client) (*sixfoldv1.ListConsumersResponse, error) {
	items, err := pages(func(token string) ([]*sixfoldv1.ConsumerState, string, error) {
		r, err := c.state.ListConsumers(ctx, &sixfoldv1.ListConsumersRequest{PageSize: pageSize, PageToken: token})
		return r.GetConsumers(), r.GetNextPageToken(), err
	})
	return &sixfoldv1.ListConsumersResponse{Consumers: items}, err
}

func printConsumers(p printer, m *sixfoldv1.ListConsumersResponse) error {
	if len(m.GetConsumers()) == 0 {
		return p.none("no consumers: no delegation has on_change")
	}
	t := p.table("CONSUMER", "TELLS", "STATE", "KNOWS OF", ">TRIED AGO", ">NEXT", "RESULT")
	for _, c := range m.GetConsumers() {
		result := c.GetResult()
		if c.GetState() == "failed" && c.GetOutput() != "" {
			result += ": " + shorten(lastLine(c.GetOutput()), mostOutput)
		}
		next := ""
		if c.GetNext() != nil {
			next = left(c.GetNext(), p.now)
		}
		t.add(consumerName(c), c.GetTarget(), c.GetState(), c.GetPrefix(), ago(c.GetTried(), p.now), next, result)
	}
	return t.write(p.out)
}

// mostOutput is how many characters of an output a table has room for.
const mostOutput = 80

// lastLine is where programs say why they fail.
func lastLine(text string) string {
	text = strings.TrimSpace(text)
	return text[strings.LastIndexByte(text, '\n')+1:]
}

// printConsumer prints all of the consumers of one name.
func printConsumer(p printer, m *sixfoldv1.ListConsumersResponse) error {
	if len(m.GetConsumers()) == 0 {
		return printConsumers(p, m)
	}
	for n, c := range m.GetConsumers() {
		var d details
		d.add("Name", consumerName(c))
		d.add("Tells", c.GetTarget())
		d.add("State", c.GetState())
		d.add("Knows of", c.GetPrefix())
		if c.GetTold() != nil {
			d.add("Told", ago(c.GetTold(), p.now)+" ago")
		}
		if c.GetTried() != nil {
			d.add("Tried", fmt.Sprintf("%s ago, %d times since the start, of which %d failed", ago(c.GetTried(), p.now), c.GetTries(), c.GetFailures()))
		}
		if c.GetNext() != nil {
			d.add("Again", "in "+left(c.GetNext(), p.now))
		}
		d.add("Result", c.GetResult())
		if n > 0 {
			if err := writeAll(p.out, "\n"); err != nil {
				return err
			}
		}
		if err := d.write(p.out); err != nil {
			return err
		}
		if c.GetOutput() == "" {
			continue
		}
		lines := []string{"", "OUTPUT"}
		for line := range strings.Lines(c.GetOutput()) {
			lines = append(lines, "  "+strings.TrimRight(strings.Map(safeRune, line), " "))
		}
		if err := writeAll(p.out, joinLines(lines)); err != nil {
			return err
		}
	}
	return nil
}

func consumerName(c *sixfoldv1.ConsumerState) string { return c.GetDelegation() + "/" + c.GetName() }

func consumerNames(ctx context.Context, c *client) ([]string, error) {
	m, err := listConsumers(ctx, c)
	var names []string
	for _, one := range m.GetConsumers() {
		names = append(names, consumerName(one))
	}
	return names, err
}

func consumerCommand(a *app) *cobra.Command {
	cmd := group(&cobra.Command{Use: "consumer", Short: "Act on who is told of delegated prefixes"})
	run := &cobra.Command{
		Use:   "run NAME",
		Short: "Tell a program, file or URL again what is delegated",
		Long: `Tell a program, file or URL again what is delegated, whatever it was told before, and wait for the outcome.

NAME is DELEGATION/NAME, or only the name where that is clear. A program that goes with a file runs only if the file changed.`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.complete(consumerNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			return answer(a, cmd, func(ctx context.Context, c *client) (*sixfoldv1.RunConsumerResponse, error) {
				return c.operate.RunConsumer(ctx, &sixfoldv1.RunConsumerRequest{Name: args[0]})
			}, func(p printer, m *sixfoldv1.RunConsumerResponse) error {
				_, err := fmt.Fprintf(p.out, "%s was told: %s\n", cell(consumerName(m.GetConsumer())), cell(m.GetConsumer().GetResult()))
				return err
			})
		},
	}
	cmd.AddCommand(run)
	return cmd
}
