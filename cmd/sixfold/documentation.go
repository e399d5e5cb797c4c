package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

// documentationCommand writes the manual pages of the package. It is for those who build one.
func documentationCommand() *cobra.Command {
	var dir, schema string
	cmd := &cobra.Command{
		Use:    "documentation --man DIRECTORY",
		Short:  "Write the manual pages",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if dir == "" {
				return &usageError{cmd: cmd, err: fmt.Errorf("--man is missing: say where to write the pages")}
			}
			date, err := sourceDate()
			if err != nil {
				return err
			}
			return writeManuals(cmd.Root(), dir, schema, date)
		},
	}
	cmd.Flags().StringVar(&dir, "man", "", "`directory` to write to")
	cmd.Flags().StringVar(&schema, "schema", "", "the `file` config.proto; without it there is no sixfold-config(5)")
	return cmd
}

// sourceDate is the time that a reproducible build shows (https://reproducible-builds.org/specs/source-date-epoch/).
func sourceDate() (time.Time, error) {
	text := os.Getenv("SOURCE_DATE_EPOCH")
	if text == "" {
		return time.Now().UTC(), nil
	}
	seconds, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("SOURCE_DATE_EPOCH %q is not a number of seconds", text)
	}
	return time.Unix(seconds, 0).UTC(), nil
}

func writeManuals(root *cobra.Command, dir, schema string, date time.Time) error {
	root.DisableAutoGenTag = true
	root.InitDefaultCompletionCmd()
	header := &doc.GenManHeader{Section: "1", Date: &date, Source: "sixfold", Manual: "sixfold"}
	if err := doc.GenManTree(root, header, dir); err != nil {
		return fmt.Errorf("write the pages of the commands: %w", err)
	}
	if err := appendTo(filepath.Join(dir, "sixfold.1"), surroundings); err != nil {
		return err
	}
	if schema == "" {
		return nil
	}
	text, err := os.ReadFile(schema)
	if err != nil {
		return err
	}
	page, err := configManual(string(text), date)
	if err != nil {
		return fmt.Errorf("%s: %w", schema, err)
	}
	return os.WriteFile(filepath.Join(dir, "sixfold-config.5"), []byte(page), 0o644)
}

func appendTo(path, text string) error {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	if _, err := io.WriteString(f, text); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}

// surroundings is what sixfold(1) says beside the commands.
const surroundings = `
.SH FILES
.TP
.I /etc/sixfold/config.yaml
The configuration, see
.BR sixfold\-config (5).
.TP
.I /var/lib/sixfold
Leases, delegations, the DHCP identifier of the router, revisions of the configuration and the audit log.
.TP
.I /run/sixfold/sixfold.sock
The socket of the API. Who may do what there is told by the section api of the configuration; members of the group sixfold may look.
.SH ENVIRONMENT
.TP
.B SIXFOLD_SOCKET
Another socket than /run/sixfold/sixfold.sock.
.TP
.B NO_COLOR
No colours, whatever its value.
.TP
.B NOTIFY_SOCKET, WATCHDOG_USEC
Set by
.BR systemd (1):
it is told when the router is ready and that it lives.
`
