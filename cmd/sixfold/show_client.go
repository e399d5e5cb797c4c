package main

import (
	"context"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/timestamppb"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
	"github.com/sixfold-router/sixfold/router/config"
)

// showPrefixes shows all delegations, or one with what the DHCPv6 client knows of it.
func showPrefixes(a *app) *cobra.Command {
	cmd := viewNamed(a, "prefixes", "Prefixes delegated to us, and where they are used", listPrefixesNamed, printPrefixes)
	cmd.Long = `Prefixes delegated to us, and where they are used. With a name, also how the DHCPv6 client gets it: identifiers, timers, the
server, and what else that gave.`
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		human := printPrefixes
		if len(args) == 1 {
			human = printPrefix
		}
		return answer(a, cmd, func(ctx context.Context, c *client) (*sixfoldv1.ListPrefixesResponse, error) {
			return listPrefixesNamed(ctx, c, optional(args))
		}, human)
	}
	return cmd
}

// printPrefix prints one delegation in full.
func printPrefix(p printer, m *sixfoldv1.ListPrefixesResponse) error {
	if err := printPrefixes(p, m); err != nil {
		return err
	}
	for _, d := range m.GetPrefixes() {
		if err := writeAll(p.out, "\n"); err != nil {
			return err
		}
		list := prefixDetails(p, d)
		if err := list.write(p.out); err != nil {
			return err
		}
	}
	return nil
}

// prefixName is the name of a delegation, or what it is that has none.
func prefixName(d *sixfoldv1.PrefixState) string {
	switch {
	case d.GetName() != "":
		return d.GetName()
	case d.GetKind() == "information":
		return "(information)"
	}
	return "(address)"
}

func prefixDetails(p printer, d *sixfoldv1.PrefixState) details {
	var out details
	out.add("Asked for", d.GetHint())
	if d.GetKind() != "information" {
		out.add("IAID", fmt.Sprintf("%d (0x%08x)", d.GetIaid(), d.GetIaid()))
	}
	out.add("Our DUID", duidText(d.GetDuid()))
	out.add("Server DUID", duidText(d.GetServerDuid()))
	if d.GetMessage() != "" {
		text := fmt.Sprintf("%s, sent %d times", d.GetMessage(), d.GetAttempts())
		if d.GetNextAt() != nil {
			text += ", again in " + left(d.GetNextAt(), p.now)
		}
		out.add("Sending", text)
	}
	out.add("Renew", timer(d.GetRenewAt(), p))
	out.add("Rebind", timer(d.GetRebindAt(), p))
	if d.GetPrefix() != "" {
		out.add("Reconfigure", map[bool]string{true: "the server can tell us to renew", false: "no key from the server"}[d.GetReconfigurable()])
	}
	out.add("Excluded", d.GetExcluded())
	out.add("DNS", strings.Join(d.GetDns(), ", "))
	out.add("Domains", strings.Join(d.GetDomains(), ", "))
	for _, o := range d.GetOptions() {
		out.add(fmt.Sprintf("Option %d", o.GetCode()), o.GetData())
	}
	return out
}

// timer tells in what time something is due.
func timer(t *timestamppb.Timestamp, p printer) string {
	switch {
	case t == nil:
		return ""
	case !t.AsTime().After(p.now):
		return "now"
	}
	return "in " + left(t, p.now)
}

// duidText returns a DUID in words; what is not hexadecimal stays as it is.
func duidText(text string) string {
	raw, err := hex.DecodeString(text)
	if err != nil || len(raw) == 0 {
		return text
	}
	return config.FormatDUID(raw)
}

// clientLines are what the tree of show prefixes says of a delegation beside its uses.
func clientLines(p printer, d *sixfoldv1.PrefixState) [][]string {
	var lines [][]string
	for _, f := range d.GetSpare() {
		lines = append(lines, []string{fmt.Sprintf("spare: %s, preferred %s, valid %s", f.GetPrefix(), left(f.GetPreferredUntil(), p.now), left(f.GetValidUntil(), p.now))})
	}
	if d.GetExcluded() != "" {
		lines = append(lines, []string{"excluded for the uplink: " + d.GetExcluded()})
	}
	if d.GetKind() == "information" {
		if text := strings.Join(append(d.GetDns(), d.GetDomains()...), ", "); text != "" {
			lines = append(lines, []string{"learnt: " + text})
		}
	}
	return lines
}
