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

// printer is where a command writes for people.
type printer struct {
	out, err io.Writer
	now      time.Time
}

// none says, where a table would be empty, that there is nothing: beside the output, which stays empty for a script.
func (p printer) none(text string) error {
	_, err := fmt.Fprintln(p.err, text)
	return err
}

// answer asks the daemon and prints its answer, for people or as JSON.
func answer[M proto.Message](a *app, cmd *cobra.Command, ask func(context.Context, *client) (M, error), human func(printer, M) error) error {
	var m M
	err := a.daemon(cmd.Context(), func(ctx context.Context, c *client) (err error) {
		m, err = ask(ctx, c)
		return err
	})
	switch {
	case err != nil:
		return err
	case a.json:
		return printMessage(cmd.OutOrStdout(), m)
	}
	return human(printer{out: cmd.OutOrStdout(), err: cmd.ErrOrStderr(), now: time.Now()}, m)
}
