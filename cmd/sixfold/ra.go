package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sixfold-router/sixfold/ra"
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
		Use:   "watch LINK",
		Short: "Print the router advertisements that come in on a link; needs root, and no daemon",
		Long: `Print the router advertisements of others that come in on a link, and ask for them first. It runs until it is interrupted, or
until --count or --wait is reached; --wait with nothing received is a failure. With --json, one object a line.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if count < 0 || wait < 0 {
				return &usageError{cmd: cmd, err: errors.New("--count and --wait may not be negative")}
			}
			link, err := net.InterfaceByName(args[0])
			if err != nil {
				return fmt.Errorf("no link %q", args[0])
			}
			ctx, cancel := context.WithCancel(cmd.Context())
			defer cancel()
			if wait > 0 {
				ctx, cancel = context.WithTimeout(ctx, wait)
				defer cancel()
			}
			seen := 0
			var failed error
			err = ra.Watch(ctx, link.Index, !quiet, func(r ra.Received) {
				if count > 0 && seen == count || failed != nil {
					return
				}
				seen++
				if failed = printReceived(cmd.OutOrStdout(), r, a.json); failed != nil || seen == count {
					cancel()
				}
			})
			switch {
			case failed != nil:
				return failed
			case errors.Is(err, fs.ErrPermission):
				return errors.New("listening for router advertisements needs root")
			case err != nil:
				return fmt.Errorf("watch %s: %w", args[0], err)
			case wait > 0 && seen == 0 && cmd.Context().Err() == nil:
				return fmt.Errorf("no router advertisement on %s in %s", args[0], wait)
			}
			return nil
		},
	}
	cmd.Flags().IntVar(&count, "count", 0, "stop after this many; 0: do not")
	cmd.Flags().BoolVar(&quiet, "quiet", false, "listen only, send no solicitation")
	cmd.Flags().DurationVar(&wait, "wait", 0, "stop after this time; 0: do not")
	return cmd
}

func printReceived(w io.Writer, r ra.Received, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(w).Encode(r)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s from %s", r.Time.Format(time.TimeOnly), r.Router.WithZone(""))
	if r.MAC != "" {
		fmt.Fprintf(&b, " (%s)", r.MAC)
	}
	b.WriteByte('\n')
	lifetime := "not a default router"
	if r.RouterLifetime > 0 {
		lifetime = "router for " + span(time.Duration(r.RouterLifetime)*time.Second) + ", preference " + r.Preference
	}
	flags := words(yes(r.Managed, "M"), yes(r.OtherConfig, "O"))
	t := newTable("", "", "", "")
	t.more("router", lifetime, strings.Join(flags, " "))
	if r.HopLimit != 0 {
		t.more("hop limit", fmt.Sprint(r.HopLimit))
	}
	if r.MTU != 0 {
		t.more("mtu", fmt.Sprint(r.MTU))
	}
	if r.ReachableTime != 0 {
		t.more("reachable", span(time.Duration(r.ReachableTime)*time.Millisecond))
	}
	if r.RetransTimer != 0 {
		t.more("retransmit", span(time.Duration(r.RetransTimer)*time.Millisecond))
	}
	for _, p := range r.Prefixes {
		t.more("prefix", p.Prefix.String(), "valid "+seconds(p.Valid)+", preferred "+seconds(p.Preferred),
			strings.Join(words(yes(p.OnLink, "on-link"), yes(p.Autonomous, "autonomous")), " "))
	}
	for _, o := range r.Routes {
		t.more("route", o.Prefix.String(), "for "+seconds(o.Lifetime), "preference "+o.Preference)
	}
	for _, s := range r.RDNSS {
		for _, addr := range s.Servers {
			t.more("dns", addr.String(), "for "+seconds(s.Lifetime))
		}
	}
	for _, d := range r.DNSSL {
		for _, name := range d.Domains {
			t.more("domain", name, "for "+seconds(d.Lifetime))
		}
	}
	for _, o := range r.Unknown {
		t.more("option", fmt.Sprintf("type %d", o), "unknown here")
	}
	for _, o := range r.Malformed {
		t.more("option", fmt.Sprintf("type %d", o), "malformed")
	}
	if r.Truncated {
		t.more("option", "the last one is cut off")
	}
	for _, line := range t.lines()[1:] {
		b.WriteString("  " + line + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// seconds writes a lifetime as it is on the wire.
func seconds(n uint32) string {
	if n == 0xffffffff {
		return "forever"
	}
	return span(time.Duration(n) * time.Second)
}
