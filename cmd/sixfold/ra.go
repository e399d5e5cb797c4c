package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sixfold-router/sixfold/ra"
	"github.com/sixfold-router/sixfold/router/change"
)

func raCommand(a *app) *cobra.Command {
	cmd := group(&cobra.Command{Use: "ra", Short: "Look at router advertisements on a link"})
	cmd.AddCommand(raWatch(a))
	return cmd
}

func raWatch(a *app) *cobra.Command {
	var count int
	var quiet bool
	var wait time.Duration
	cmd := &cobra.Command{
		Use:   "watch [LINK]...",
		Short: "Print the router advertisements that come in on links; needs root, and no daemon",
		Long: `Print the router advertisements that come in on links, or on all of them, with every option decoded and with what changed since
the last of the same router; and ask for them first. Options that make no sense are told of: hosts skip them.

It runs until it is interrupted, or until --count or --wait is reached; --wait with nothing received is a failure. With --json, one
object a line.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if count < 0 || wait < 0 {
				return &usageError{cmd: cmd, err: errors.New("--count and --wait may not be negative")}
			}
			w := &raWatcher{out: cmd.OutOrStdout(), json: a.json, heard: map[heardOn]*ra.Heard{}, names: map[int]string{}}
			links, ask, err := w.linksOf(args)
			if err != nil {
				return err
			}
			if quiet {
				ask = nil
			}
			ctx, cancel := context.WithCancel(cmd.Context())
			defer cancel()
			if wait > 0 {
				ctx, cancel = context.WithTimeout(ctx, wait)
				defer cancel()
			}
			seen := 0
			var failed error
			err = ra.WatchLinks(ctx, links, ask, func(r ra.Received) {
				if count > 0 && seen == count || failed != nil {
					return
				}
				seen++
				if failed = w.print(r); failed != nil || seen == count {
					cancel()
				}
			})
			switch where := on(args); {
			case failed != nil:
				return failed
			case errors.Is(err, fs.ErrPermission):
				return errors.New("listening for router advertisements needs root")
			case err != nil:
				return fmt.Errorf("watch %s: %w", where, err)
			case wait > 0 && seen == 0 && cmd.Context().Err() == nil:
				return fmt.Errorf("no router advertisement on %s in %s", where, change.Rough(wait))
			}
			return nil
		},
	}
	cmd.Flags().IntVar(&count, "count", 0, "stop after this many; 0: do not")
	cmd.Flags().BoolVar(&quiet, "quiet", false, "listen only, send no solicitation")
	cmd.Flags().DurationVar(&wait, "wait", 0, "stop after this time; 0: do not")
	return cmd
}

// on names the links of a command line.
func on(links []string) string {
	if len(links) == 0 {
		return "any link"
	}
	return strings.Join(links, ", ")
}

// maxWatched bounds the routers whose last advertisement is remembered.
const maxWatched = 1024

// raWatcher prints advertisements.
type raWatcher struct {
	out   io.Writer
	json  bool
	names map[int]string
	heard map[heardOn]*ra.Heard
}

// heardOn names a router.
type heardOn struct {
	index  int
	router netip.Addr
}

// linksOf returns the indexes of the links, none for all, and of those to ask on.
func (w *raWatcher) linksOf(names []string) (links, ask []int, err error) {
	for _, name := range names {
		link, err := net.InterfaceByName(name)
		if err != nil {
			return nil, nil, fmt.Errorf("no link %q", name)
		}
		w.names[link.Index] = name
		links = append(links, link.Index)
	}
	if len(names) > 0 {
		return links, links, nil
	}
	all, err := net.Interfaces()
	if err != nil {
		return nil, nil, fmt.Errorf("list links: %w", err)
	}
	for _, link := range all {
		w.names[link.Index] = link.Name
		if link.Flags&net.FlagRunning != 0 && link.Flags&net.FlagMulticast != 0 && link.Flags&net.FlagLoopback == 0 {
			ask = append(ask, link.Index)
		}
	}
	return nil, ask, nil
}

// name is the name of a link.
func (w *raWatcher) name(index int) string {
	if w.names[index] == "" {
		w.names[index] = fmt.Sprintf("link %d", index)
		if link, err := net.InterfaceByIndex(index); err == nil {
			w.names[index] = link.Name
		}
	}
	return w.names[index]
}

// watched is what --json prints.
type watched struct {
	Link string `json:"link"`
	ra.Received
	Changes []ra.Change `json:"changes,omitempty"` // since the last of the same router
}

func (w *raWatcher) print(r ra.Received) error {
	key := heardOn{r.Index, r.Router}
	if w.heard[key] == nil {
		for old := range w.heard {
			if len(w.heard) < maxWatched {
				break
			}
			delete(w.heard, old)
		}
		w.heard[key] = &ra.Heard{}
	}
	before := w.heard[key].Last
	changes := w.heard[key].Take(r)
	if w.json {
		return json.NewEncoder(w.out).Encode(watched{Link: w.name(r.Index), Received: r, Changes: changes})
	}
	return printReceived(w.out, w.name(r.Index), r, before, changes)
}
