package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// supportPatience bounds each question of a tech-support archive: it is made of routers that are not well, too.
const supportPatience = 15 * time.Second

func supportCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "tech-support [FILE.tar.gz]",
		Short: "Write all that helps to find a fault into one archive, without passwords",
		Long: `Write all that helps to find a fault into one archive, which only its owner can read: every answer of the daemon as a table
and as JSON, the configuration and its history, and what the kernel says of links, addresses, routes and neighbors. Passwords are
left out, wherever they stand. Without a daemon it has what there is. A manifest in it tells what could not be had.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			now := time.Now()
			path := optional(args)
			if path == "" {
				path = supportName(now)
			}
			return a.support(cmd, path, now)
		},
	}
}

// supportName is a file in the current directory.
func supportName(now time.Time) string {
	host, err := os.Hostname()
	if err != nil || host == "" {
		host = "router"
	}
	return fmt.Sprintf("sixfold-support-%s-%s.tar.gz", strings.ReplaceAll(host, string(filepath.Separator), "-"), now.Format("20060102-150405"))
}

// support collects into a temporary file beside path, which becomes path when it is complete.
func (a *app) support(cmd *cobra.Command, path string, now time.Time) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), ".sixfold-support-*") // of mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			f.Close()
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	r := newArchive(f, strings.TrimSuffix(filepath.Base(path), ".tar.gz"), now)
	s := &supporter{app: a, archive: r, progress: func(what string) { fmt.Fprintf(cmd.ErrOrStderr(), "%s …\n", what) }}
	if err := s.collect(cmd.Context(), printer{now: now}); err != nil {
		return err
	}
	if err := r.close(); err != nil {
		return err
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	if a.json {
		return json.NewEncoder(cmd.OutOrStdout()).Encode(supportResult{File: path, Files: len(r.entries), Missing: r.missing()})
	}
	if missing := r.missing(); len(missing) > 0 {
		fmt.Fprintf(cmd.ErrOrStderr(), "%d of %d could not be had: %s\n", len(missing), len(r.entries), cell(shorten(strings.Join(missing, ", "), 200)))
	}
	return writeAll(cmd.OutOrStdout(), path+"\n")
}

// supportResult is what tech-support says with --json.
type supportResult struct {
	File    string   `json:"file"`
	Files   int      `json:"files"`
	Missing []string `json:"missing"` // names of files that could not be had, see the manifest
}

// supporter fills an archive.
type supporter struct {
	app      *app
	archive  *archive
	progress func(what string)
	absent   error // why the daemon is not asked any more
}

// collect fills the archive. It fails if the archive cannot be written or ctx ends; what cannot be had is in the manifest.
func (s *supporter) collect(ctx context.Context, p printer) error {
	// Passwords come first: what follows is cleaned of them.
	s.progress("Looking for passwords to leave out")
	revisions := s.learn(ctx)
	for _, part := range []struct {
		what string
		do   func(context.Context, printer)
	}{
		{"Asking the daemon", s.daemon},
		{"Comparing revisions", func(ctx context.Context, _ printer) { s.revisions(ctx, revisions) }},
		{"Reading events", s.events},
		{"Asking the system", func(ctx context.Context, _ printer) { s.system(ctx) }},
	} {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		s.progress(part.what)
		part.do(ctx, p)
	}
	return ctx.Err()
}

// ask asks the daemon, unless it is known not to answer.
func (s *supporter) ask(ctx context.Context, do func(context.Context, *client) error) error {
	if s.absent != nil {
		return s.absent
	}
	ctx, cancel := context.WithTimeout(ctx, supportPatience)
	defer cancel()
	err := s.app.daemon(ctx, do)
	if isAway(err) && !isGone(err) {
		s.absent = err
	}
	return err
}
