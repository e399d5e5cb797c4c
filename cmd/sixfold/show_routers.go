package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
	"github.com/sixfold-router/sixfold/router/change"
)

func showRouters(a *app) *cobra.Command {
	cmd := viewNamed(a, "routers", "Other routers that advertise on our links", listRoutersOn, printRouters)
	cmd.Use = "routers [LINK]"
	cmd.Long = `Other routers that advertise on links where we advertise, or accept advertisements, and what they say.

STANDING is known or rogue where known_routers says who may advertise, and foreign elsewhere. What does not agree with our own
advertisements is listed below the router, with ours after it.`
	return cmd
}

// observedLinks completes the links that are listened on.
func observedLinks(ctx context.Context, c *client) ([]string, error) {
	m, err := listRoutersOn(ctx, c, "")
	var names []string
	for _, l := range m.GetLinks() {
		names = append(names, l.GetLink())
	}
	return names, err
}

func listRouters(ctx context.Context, c *client) (*sixfoldv1.ListRoutersResponse, error) {
	return listRoutersOn(ctx, c, "")
}

func listRoutersOn(ctx context.Context, c *client, link string) (*sixfoldv1.ListRoutersResponse, error) {
	out := &sixfoldv1.ListRoutersResponse{}
	items, err := pages(func(token string) ([]*sixfoldv1.ForeignRouter, string, error) {
		r, err := c.state.ListRouters(ctx, &sixfoldv1.ListRoutersRequest{PageSize: pageSize, PageToken: token, Link: link})
		out.Links = append(out.Links, r.GetLinks()...)
		return r.GetRouters(), r.GetNextPageToken(), err
	})
	out.Routers = items
	return out, err
}

func printRouters(p printer, m *sixfoldv1.ListRoutersResponse) error {
	var names []string
	for _, l := range m.GetLinks() {
		names = append(names, l.GetLink())
	}
	if len(m.GetRouters()) == 0 {
		if len(names) == 0 {
			return p.none("no link is listened on: no interface has advertise, accept_ra or known_routers")
		}
		return errors.Join(p.none("no other router on "+strings.Join(names, ", ")), printObserved(p.out, m.GetLinks()))
	}
	t := p.table("LINK", "ROUTER", "MAC", "STANDING", "FLAGS", "LIFETIME", "PREFERENCE", "HEARD", "FIRST", ">RECEIVED", ">DISAGREED")
	var branches [][][]string
	for _, r := range m.GetRouters() {
		lifetime := "no default"
		if d := r.GetRouterLifetime().AsDuration(); d > 0 {
			lifetime = change.Rough(d)
		}
		t.add(r.GetLink(), r.GetAddress(), r.GetMac(), r.GetStanding(),
			strings.Join(words(yes(r.GetManaged(), "M"), yes(r.GetOtherConfig(), "O")), " "), lifetime, r.GetPreference(),
			ago(r.GetLast(), p.now)+" ago", ago(r.GetFirst(), p.now)+" ago", number(r.GetReceived()), number(r.GetInconsistent()))
		branches = append(branches, routerDetails(p, r))
	}
	if err := t.writeTree(p.out, branches); err != nil {
		return err
	}
	return printObserved(p.out, m.GetLinks())
}

func routerDetails(p printer, r *sixfoldv1.ForeignRouter) [][]string {
	var rows [][]string
	for _, d := range r.GetDisagreements() {
		rows = append(rows, []string{"differs", d.GetWhat(), d.GetTheirs() + ", ours " + d.GetOurs(), "since " + ago(d.GetSince(), p.now)})
	}
	for _, i := range r.GetPrefixes() {
		flags := words(yes(i.GetOnLink(), "on-link"), yes(i.GetAutonomous(), "autonomous"), yes(i.GetCountingDown(), "counting down"))
		rows = append(rows, []string{"prefix", i.GetPrefix(), "valid " + lifetime(i.GetValid()) + ", preferred " + lifetime(i.GetPreferred()), strings.Join(flags, " ")})
	}
	for _, o := range r.GetRoutes() {
		rows = append(rows, []string{"route", o.GetPrefix(), "for " + lifetime(o.GetLifetime()), "preference " + o.GetPreference()})
	}
	for _, list := range []struct {
		name  string
		items []string
	}{{"dns", r.GetDns()}, {"domain", r.GetDomains()}, {"nat64", r.GetPref64()}} {
		for _, item := range list.items {
			rows = append(rows, []string{list.name, item})
		}
	}
	for _, text := range r.GetMalformed() {
		what, why, _ := strings.Cut(text, ": ")
		rows = append(rows, []string{"malformed", what, why})
	}
	if r.GetCaptivePortal() != "" {
		rows = append(rows, []string{"captive portal", r.GetCaptivePortal()})
	}
	if r.GetMtu() != 0 {
		rows = append(rows, []string{"mtu", number(r.GetMtu())})
	}
	if r.GetHopLimit() != 0 {
		rows = append(rows, []string{"hop limit", number(r.GetHopLimit())})
	}
	return rows
}

// printObserved tells of what was not looked at.
func printObserved(w io.Writer, links []*sixfoldv1.ObservedLink) error {
	var b strings.Builder
	for _, l := range links {
		if n := l.GetOverflow(); n > 0 {
			fmt.Fprintf(&b, "%s: %s advertisements of more routers than are remembered\n", cell(l.GetLink()), number(n))
		}
		for _, reason := range slices.Sorted(maps.Keys(l.GetDropped())) {
			fmt.Fprintf(&b, "%s: %s advertisements dropped: %s\n", cell(l.GetLink()), number(l.GetDropped()[reason]), cell(reason))
		}
	}
	if b.Len() == 0 {
		return nil
	}
	return writeAll(w, "\n"+b.String())
}

// advertisingCircumstances tells why a link is no default router, and who else advertises there.
func advertisingCircumstances(r *sixfoldv1.Advertisement) [][]string {
	var rows [][]string
	what := "no default"
	for _, line := range wrapped(r.GetNoRouterReason(), 44) {
		rows = append(rows, []string{what, line})
		what = ""
	}
	if n := r.GetOtherRouters(); n > 0 {
		text := "1 router"
		if n > 1 {
			text = number(n) + " routers"
		}
		rogue, differ := "", ""
		if k := r.GetRogueRouters(); k > 0 {
			rogue = number(k) + " not in known_routers"
		}
		if k := r.GetDisagreeingRouters(); k > 0 {
			differ = number(k) + " disagreeing"
		}
		rows = append(rows, []string{"others", text, strings.Join(words(rogue, differ), ", ")})
	}
	return rows
}

// wrapped breaks text at blanks into lines of at most so many letters, but for longer words.
func wrapped(text string, width int) []string {
	var lines []string
	for _, word := range strings.Fields(text) {
		last := len(lines) - 1
		if last >= 0 && displayWidth(lines[last])+1+displayWidth(word) <= width {
			lines[last] += " " + word
		} else {
			lines = append(lines, word)
		}
	}
	return lines
}
