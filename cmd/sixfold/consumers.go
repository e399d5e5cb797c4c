package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
)

func showConsumers(a *app) *cobra.Command {
	cmd := view(a, "consumers", "Programs, files and URLs that are told of delegated prefixes", listConsumers, printConsumers)
	cmd.Long = `Programs, files and URLs that are told of delegated prefixes (on_change), and how that went.

A consumer that could not be told is tried again; sixfold consumer run does so now.`
	return cmd
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
			result += ": " + c.GetOutput()
		}
		next := ""
		if c.GetNext() != nil {
			next = left(c.GetNext(), p.now)
		}
		t.add(consumerName(c), c.GetTarget(), c.GetState(), c.GetPrefix(), ago(c.GetTried(), p.now), next, result)
	}
	return t.write(p.out)
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
