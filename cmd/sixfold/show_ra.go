package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
	"github.com/sixfold-router/sixfold/router/change"
)

func showRA(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "ra [LINK [wire]]",
		Short: "Router advertisements that we send; with wire, their bytes",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 && args[1] != "wire" {
				return fmt.Errorf("unknown word %q: after the link stands wire, or nothing", args[1])
			}
			return cobra.MaximumNArgs(2)(cmd, args)
		},
		ValidArgsFunction: func(cmd *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
			if len(args) == 1 {
				return []cobra.Completion{"wire"}, cobra.ShellCompDirectiveNoFileComp
			}
			return a.complete(advertisedLinks)(cmd, args, typed)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			wire, human := len(args) > 1, printAdvertisements
			if wire {
				human = printWire
			}
			return answer(a, cmd, func(ctx context.Context, c *client) (*sixfoldv1.ListAdvertisementsResponse, error) {
				return listAdvertisementsOn(ctx, c, optional(args), wire)
			}, human)
		},
	}
}

func advertisedLinks(ctx context.Context, c *client) ([]string, error) {
	m, err := listAdvertisements(ctx, c)
	var names []string
	for _, r := range m.GetAdvertisements() {
		names = append(names, r.GetLink())
	}
	return names, err
}

func listAdvertisements(ctx context.Context, c *client) (*sixfoldv1.ListAdvertisementsResponse, error) {
	return listAdvertisementsOn(ctx, c, "", false)
}

func listAdvertisementsOn(ctx context.Context, c *client, link string, packets bool) (*sixfoldv1.ListAdvertisementsResponse, error) {
	items, err := pages(func(token string) ([]*sixfoldv1.Advertisement, string, error) {
		r, err := c.state.ListAdvertisements(ctx, &sixfoldv1.ListAdvertisementsRequest{PageSize: pageSize, PageToken: token, Link: link, Packets: packets})
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
			next = "in " + change.Rough(r.GetNext().AsTime().Sub(p.now))
		}
		t.add(r.GetLink(), strings.Join(words(yes(r.GetManaged(), "M"), yes(r.GetOtherConfig(), "O"), yes(r.GetHomeAgent() != nil, "H"),
			yes(r.GetSnac(), "SNAC")), " "),
			routerLifetime(r), r.GetPreference(),
			change.Rough(r.GetMinInterval().AsDuration())+" - "+change.Rough(r.GetMaxInterval().AsDuration()),
			number(r.GetSent()), number(r.GetSolicited()), last, next)
		branches = append(branches, advertisementDetails(p, r))
	}
	return t.writeTree(p.out, branches)
}

func routerLifetime(r *sixfoldv1.Advertisement) string {
	if d := r.GetRouterLifetime().AsDuration(); d > 0 {
		return change.Rough(d)
	}
	return "no default"
}

func advertisementDetails(p printer, r *sixfoldv1.Advertisement) [][]string {
	var rows [][]string
	if r.GetLastError() != "" {
		rows = append(rows, []string{"problem", fmt.Sprintf("%s (%d sends failed)", r.GetLastError(), r.GetErrors())})
	}
	rows = append(rows, advertisingCircumstances(r)...)
	for _, i := range r.GetPrefixes() {
		if !isWithdrawn(r, "prefix", i.GetPrefix()) {
			rows = append(rows, prefixRows(p, i)...)
		}
	}
	rows = append(rows, withdrawnRows(p, r)...)
	for _, s := range r.GetDns() {
		rows = append(rows, []string{"dns", s, "for " + change.Rough(r.GetDnsLifetime().AsDuration())})
	}
	for _, d := range r.GetDomains() {
		rows = append(rows, []string{"domain", d, "for " + change.Rough(r.GetDomainsLifetime().AsDuration())})
	}
	if r.GetLinkMtu() != 0 {
		rows = append(rows, []string{"mtu", number(r.GetLinkMtu())})
	}
	rows = append(rows, optionDetails(p, r)...)
	return append(rows, sendingDetails(r)...)
}
