package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/sixfold-router/sixfold/router/config"
	"github.com/sixfold-router/sixfold/router/importer"
)

// importFlags are what the command line says beside the file.
type importFlags struct {
	names            map[string]string
	link             string
	duid, leases     string
	output, existing string
}

func importCommand(a *app) *cobra.Command {
	var f importFlags
	var formats strings.Builder
	names := make([]string, 0, 8)
	for _, one := range importer.Formats() {
		names = append(names, one.Name)
		fmt.Fprintf(&formats, "  %-9s %s (%s)\n", one.Name, one.About, one.File)
	}
	cmd := &cobra.Command{
		Use:   "import " + strings.Join(names, "|") + " FILE | -",
		Short: "Turn the configuration of another program into one of sixfold",
		Long: `Turn the configuration of another program into one of sixfold, and print it.

` + formats.String() + `
It is printed in canonical form, and always passes sixfold config check. What the file has that is wrong in itself, or that has no
equivalent, is listed on the standard error with its place and with what to do. No daemon is asked, and no privileges are needed.

Exit codes: 0 all was carried over, 6 not all was carried over (the configuration is printed all the same), 2 wrong usage or a file
that cannot be read as one of its kind, 3 with --merge: the two configurations together are not valid.`,
		Example: `  sixfold import radvd /etc/radvd.conf > sixfold.yaml
  sixfold import rtadvd rtadvd.conf --map vlan704=lan4 --map vlan705=lan5
  sixfold import dibbler /etc/dibbler/client.conf --duid-file /var/lib/dibbler/client-duid
  sixfold import dhclient /etc/dhcp/dhclient.conf --interface eth0 --leases /var/lib/dhcp/dhclient6.leases
  ssh router show running-config | sixfold import cisco - --interface ppp0 --map Vlan1=lan0
  sixfold import radvd /etc/radvd.conf --merge sixfold.yaml -o new.yaml`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 && !slices.Contains(names, args[0]) {
				return fmt.Errorf("%q cannot be imported; one of: %s", args[0], strings.Join(names, ", "))
			}
			if len(args) != 2 {
				return fmt.Errorf("%s takes a format and a file", cmd.CommandPath())
			}
			return nil
		},
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveDefault
			}
			var offered []cobra.Completion
			for _, one := range importer.Formats() {
				offered = append(offered, cobra.CompletionWithDesc(one.Name, one.About))
			}
			return offered, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error { return a.importFile(cmd, args[0], args[1], f) },
	}
	flags := cmd.Flags()
	flags.StringToStringVar(&f.names, "map", nil, "our `NAME` of an interface of the file, as OLD=NEW; may be repeated")
	flags.Lookup("map").DefValue = ""
	flags.StringVar(&f.link, "interface", "", "the uplink, where the file does not name it")
	flags.StringVar(&f.duid, "duid-file", "", "`file` with the DUID, of dibbler and dhcp6c")
	flags.StringVar(&f.leases, "leases", "", "`file` with the leases of dhclient -6, for its DUID and identifiers")
	flags.StringVarP(&f.output, "output", "o", "", "`file` to write to instead of the standard output")
	flags.StringVar(&f.existing, "merge", "", "`file` with a configuration to add to; what it has already stays")
	return cmd
}

func (a *app) importFile(cmd *cobra.Command, format, path string, f importFlags) error {
	options := importer.Options{Names: f.names, Interface: f.link}
	if err := checkLinkNames(f); err != nil {
		return &usageError{cmd: cmd, err: err}
	}
	file, err := importedFile(cmd, path)
	if err != nil {
		return err
	}
	for _, other := range []struct {
		path string
		to   **importer.File
	}{{f.duid, &options.DUID}, {f.leases, &options.Leases}} {
		if other.path == "" {
			continue
		}
		if *other.to, err = importedFile(cmd, other.path); err != nil {
			return err
		}
	}
	r, err := importer.Import(format, *file, options)
	var syntax *importer.SyntaxError
	switch {
	case errors.As(err, &syntax):
		return &codedError{err: err, code: exitUsage, next: []string{"Is this a file of " + format + "? See sixfold import --help"}}
	case err != nil:
		return err
	}
	if f.existing != "" {
		name, text, err := readText(cmd, f.existing)
		if err != nil {
			return err
		}
		_, message, err := config.Load(name, text)
		if err != nil {
			return err
		}
		if r, err = r.Merge(name, message); err != nil {
			return err
		}
	}
	return a.printImport(cmd, r, f)
}

// checkLinkNames refuses names that no interface of Linux can have.
func checkLinkNames(f importFlags) error {
	names := []string{f.link}
	for _, name := range f.names {
		names = append(names, name)
		if name == "" {
			return errors.New("--map is written OLD=NEW")
		}
	}
	for _, name := range names {
		if len(name) > 15 || strings.ContainsAny(name, "/: %\t\n") {
			return fmt.Errorf("%q cannot be the name of an interface: it has at most 15 characters, without / : %% and blanks", name)
		}
	}
	return nil
}

// importedFile reads a file, or the standard input, no further than the importer needs to see that it is too large.
func importedFile(cmd *cobra.Command, path string) (*importer.File, error) {
	name, in := "stdin", cmd.InOrStdin()
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		name, in = path, f
	}
	text, err := io.ReadAll(io.LimitReader(in, importer.MaxSize+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return &importer.File{Name: name, Text: text}, nil
}

// importJSON is the result for programs.
type importJSON struct {
	Config json.RawMessage `json:"config"`
	Notes  []importNote    `json:"notes"`
}

type importNote struct {
	File     string `json:"file"`
	Line     int    `json:"line"`
	Column   int    `json:"column"`
	Severity string `json:"severity"`
	Text     string `json:"text"`
}

func (a *app) printImport(cmd *cobra.Command, r *importer.Result, f importFlags) error {
	out := r.Text
	if a.json {
		raw, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(r.Config)
		if err != nil {
			return err
		}
		result := importJSON{Config: raw, Notes: []importNote{}}
		for _, n := range r.Notes {
			result.Notes = append(result.Notes, importNote{n.File, n.Line, n.Column, string(n.Severity), n.Text})
		}
		var b bytes.Buffer
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		if err := e.Encode(result); err != nil {
			return err
		}
		out = b.Bytes()
	} else {
		style := styleFor(cmd.ErrOrStderr())
		for _, n := range r.Notes {
			color := map[importer.Severity]string{importer.Error: bold + ";" + red, importer.Warning: bold + ";" + yellow}[n.Severity]
			severity := string(n.Severity)
			if color != "" {
				severity = style.paint(color, severity)
			}
			fmt.Fprintf(cmd.ErrOrStderr(), "%s:%d:%d: %s: %s\n", printable(n.File), n.Line, n.Column, severity, printable(n.Text))
		}
	}
	if f.output != "" {
		// What is added to may have passwords.
		mode := os.FileMode(0o644)
		if s, err := os.Stat(f.existing); err == nil {
			mode = s.Mode().Perm()
		}
		if err := writeWhole(f.output, out, mode); err != nil {
			return err
		}
	} else if err := writeAll(cmd.OutOrStdout(), string(out)); err != nil {
		return err
	}
	if !r.Complete() {
		return &codedError{err: errors.New("not all was carried over: see the errors and warnings"), code: exitIncomplete}
	}
	return nil
}

// writeWhole writes a file so that it is there as a whole or not at all.
func writeWhole(path string, text []byte, mode os.FileMode) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	if _, err = f.Write(text); err == nil {
		err = f.Chmod(mode)
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
