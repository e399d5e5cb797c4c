package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
	"github.com/sixfold-router/sixfold/router/event"
)

// eventKinds are all kinds of events.
func eventKinds() []string {
	return []string{event.Lease, event.Delegation, event.Neighbor, event.RA, event.BGP, event.Link, event.Config, event.Drift, event.Unit, event.Multicast}
}

func monitorCommand(a *app) *cobra.Command {
	req := &sixfoldv1.MonitorRequest{}
	cmd := &cobra.Command{
		Use:   "monitor [KIND ...]",
		Short: "Print what happens, as it happens",
		Long: `Print what happens, as it happens, until Ctrl-C. Kinds are ` + strings.Join(eventKinds(), ", ") + `;
without one, all. With --json, one object a line.`,
		Args: func(_ *cobra.Command, args []string) error {
			for _, k := range args {
				if !slices.Contains(eventKinds(), k) {
					return fmt.Errorf("no kind of event %q: there are %s", k, strings.Join(eventKinds(), ", "))
				}
			}
			return nil
		},
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
			left := slices.DeleteFunc(eventKinds(), func(k string) bool { return slices.Contains(args, k) })
			return left, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			req.Kinds = args
			p := printerOf(cmd)
			err := a.connected(cmd.Context(), func(ctx context.Context, c *client) error {
				return c.explain(monitor(ctx, c, req, func(e *sixfoldv1.Event) error {
					if a.json {
						return printLine(p.out, e)
					}
					return printEvent(p, e)
				}))
			})
			if cmd.Context().Err() != nil {
				return nil
			}
			if isGone(err) {
				return &codedError{err: err, code: exitNoDaemon}
			}
			return err
		},
	}
	cmd.Flags().StringVar(&req.Match, "match", "", "only events with this `text` in their subject, link or text")
	cmd.Flags().Uint32Var(&req.Past, "past", 0, "begin with this `number` of past events")
	return cmd
}

// monitor reads events until the daemon ends them.
func monitor(ctx context.Context, c *client, req *sixfoldv1.MonitorRequest, print func(*sixfoldv1.Event) error) error {
	stream, err := c.state.Monitor(ctx, req)
	if err != nil {
		return err
	}
	for some := false; ; some = true {
		m, err := stream.Recv()
		switch {
		case err == nil:
			err = print(m.GetEvent())
		case errors.Is(err, io.EOF), status.Code(err) == codes.Canceled, some && status.Code(err) == codes.Unavailable:
			// A daemon that stops ends its streams in one of these ways.
			return &goneError{c.where}
		}
		if err != nil {
			return err
		}
	}
}

func printEvent(p printer, e *sixfoldv1.Event) error {
	_, err := fmt.Fprintf(p.out, "%s  %s %s\n", p.at(e.GetTime().AsTime().Local()), p.style.paint(cyan, fmt.Sprintf("%-10s", cell(e.GetKind()))), cell(e.GetText()))
	return err
}
