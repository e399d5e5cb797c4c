package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// printMessage writes an answer of the daemon as JSON, with the field names of the schema. Lists that are empty and values
// that are zero are written too, so that a script finds the same keys each time.
func printMessage(w io.Writer, m proto.Message) error {
	return printProto(w, m, protojson.MarshalOptions{UseProtoNames: true, EmitDefaultValues: true})
}

func printProto(w io.Writer, m proto.Message, options protojson.MarshalOptions) error {
	raw, err := options.Marshal(m)
	if err != nil {
		return err
	}
	// protojson varies its white space from build to build on purpose; ours is to be the same each time.
	var b bytes.Buffer
	if err := json.Indent(&b, raw, "", "  "); err != nil {
		return err
	}
	b.WriteByte('\n')
	_, err = w.Write(b.Bytes())
	return err
}

// printLine writes a message as JSON in one line.
func printLine(w io.Writer, m proto.Message) error {
	raw, err := protojson.MarshalOptions{UseProtoNames: true, EmitDefaultValues: true}.Marshal(m)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := json.Compact(&b, raw); err != nil {
		return err
	}
	b.WriteByte('\n')
	_, err = w.Write(b.Bytes())
	return err
}

// printer is where a command writes for people.
type printer struct {
	out, err io.Writer
	now      time.Time // in the time zone that times are shown in
	style    style
}

// printerOf writes to the streams of a command.
func printerOf(cmd *cobra.Command) printer {
	return printer{out: cmd.OutOrStdout(), err: cmd.ErrOrStderr(), now: time.Now(), style: styleFor(cmd.OutOrStdout())}
}

// table starts a table in the style of the printer.
func (p printer) table(header ...string) *table {
	t := newTable(header...)
	t.style = p.style
	return t
}

// none says, where a table would be empty, that there is nothing: beside the output, which stays empty for a script.
func (p printer) none(text string) error {
	_, err := fmt.Fprintln(p.err, text)
	return err
}

// at writes a point in time: today's without the date.
func (p printer) at(t time.Time) string {
	t = t.In(p.now.Location())
	if t.Format(time.DateOnly) == p.now.Format(time.DateOnly) {
		return t.Format(time.TimeOnly)
	}
	return t.Format(time.DateTime)
}

// answer asks the daemon and prints its answer, for people or as JSON; again and again with --watch.
func answer[M proto.Message](a *app, cmd *cobra.Command, ask func(context.Context, *client) (M, error), human func(printer, M) error) error {
	return a.present(cmd, func(ctx context.Context, p printer) error {
		var m M
		err := a.daemon(ctx, func(ctx context.Context, c *client) (err error) {
			m, err = ask(ctx, c)
			return err
		})
		switch {
		case err != nil:
			return err
		case a.json:
			return printMessage(p.out, m)
		}
		return human(p, m)
	})
}

// present prints what render writes: once, through a pager if it is long, or again and again with --watch.
func (a *app) present(cmd *cobra.Command, render func(context.Context, printer) error) error {
	if a.watch != 0 {
		return a.watching(cmd, render)
	}
	p := printerOf(cmd)
	out := p.out
	if a.noPager || a.json || !isTerminal(out) {
		return render(cmd.Context(), p)
	}
	var text bytes.Buffer
	p.out = &text
	err := render(cmd.Context(), p)
	if shown := page(cmd, out, text.Bytes()); err == nil {
		err = shown
	}
	return err
}
