package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
)

func showRA(a *app) *cobra.Command {
	return viewNamed(a, "ra", "Router advertisements that we send", listAdvertisementsOn, printAdvertisements)
}

func listAdvertisements(ctx context.Context, c *client) (*sixfoldv1.ListAdvertisementsResponse, error) {
	return listAdvertisementsOn(ctx, c, "")
}

func listAdvertisementsOn(ctx context.Context, c *client, link string) (*sixfoldv1.ListAdvertisementsResponse, error) {
	items, err := pages(func(token string) ([]*sixfoldv1.Advertisement, string, error) {
		r, err := c.state.ListAdvertisements(ctx, &sixfoldv1.ListAdvertisementsRequest{PageSize: pageSize, PageToken: token, Link: link})
		return r.GetAdvertisements(), r.GetNextPageToken(), err
	})
	return &sixfoldv1.ListAdvertisementsResponse{Advertisements: items}, err
}

func printAdvertisements(p printer, m *sixfoldv1.ListAdvertisementsResponse) error {
	if len(m.GetAdvertisements()) == 0 {
		return p.none("no router advertisements: no interface has advertise")
	}
	t := p.table("LINK", "FLAGS", "LIFETIME", "PREFERENCE", "INTERVAL", ">SENT", ">SOLICITED", "LAST", "NEXT")
	var branches [][][]string
	for _, r := range m.GetAdvertisements() {
		last, next := ago(r.GetLast(), p.now), ""
		if last != "" {
			last += " ago"
		}
		if r.GetNext() != nil {
			next = "in " + span(r.GetNext().AsTime().Sub(p.now))
		}
		t.add(r.GetLink(), strings.Join(words(yes(r.GetManaged(), "M"), yes(r.GetOtherConfig(), "O")), " "),
			routerLifetime(r), r.GetPreference(),
			span(r.GetMinInterval().AsDuration())+" - "+span(r.GetMaxInterval().AsDuration()),
			number(r.GetSent()), number(r.GetSolicited()), last, next)
		branches = append(branches, advertisementDetails(p, r))
	}
	return t.writeTree(p.out, branches)
}

func routerLifetime(r *sixfoldv1.Advertisement) string {
	if d := r.GetRouterLifetime().AsDuration(); d > 0 {
		return span(d)
	}
	return "no default"
}

func advertisementDetails(p printer, r *sixfoldv1.Advertisement) [][]string {
	var rows [][]string
	if r.GetLastError() != "" {
		rows = append(rows, []string{"problem", fmt.Sprintf("%s (%d sends failed)", r.GetLastError(), r.GetErrors())})
	}
	for _, i := range r.GetPrefixes() {
		flags := strings.Join(words(yes(i.GetOnLink(), "on-link"), yes(i.GetAutonomous(), "autonomous")), " ")
		// The advertised lifetime counts down to the end of the delegation where that comes first.
		valid, preferred := lifetime(i.GetValid()), lifetime(i.GetPreferred())
		if u := i.GetValidUntil(); u != nil {
			if d := u.AsTime().Sub(p.now); i.GetValid() == nil || d < i.GetValid().AsDuration() {
				valid = span(d)
			}
		}
		if u := i.GetPreferredUntil(); u != nil {
			if d := u.AsTime().Sub(p.now); i.GetPreferred() == nil || d < i.GetPreferred().AsDuration() {
				preferred = span(d)
			}
		}
		rows = append(rows, []string{"prefix", i.GetPrefix(), "valid " + valid + ", preferred " + preferred, flags})
	}
	for _, s := range r.GetDns() {
		rows = append(rows, []string{"dns", s, "for " + span(r.GetDnsLifetime().AsDuration())})
	}
	for _, d := range r.GetDomains() {
		rows = append(rows, []string{"domain", d, "for " + span(r.GetDnsLifetime().AsDuration())})
	}
	if r.GetLinkMtu() != 0 {
		rows = append(rows, []string{"mtu", number(r.GetLinkMtu())})
	}
	return rows
}
