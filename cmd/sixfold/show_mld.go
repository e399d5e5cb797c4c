package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/timestamppb"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
	"github.com/sixfold-router/sixfold/router/change"
)

func showMLD(a *app) *cobra.Command {
	cmd := group(&cobra.Command{Use: "mld", Short: "Multicast listeners, and who asks for them"})
	cmd.AddCommand(showMLDGroups(a), view(a, "interfaces", "Links that listeners are asked for on", listMLDInterfaces, printMLDInterfaces))
	return cmd
}

func showMLDGroups(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "groups [LINK]",
		Short: "Groups with listeners",
		Long: `Groups with listeners, on all links or on one.

MODE and SOURCES tell what is wanted: include only the sources, exclude all but those after "not".`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return answer(a, cmd, func(ctx context.Context, c *client) (*sixfoldv1.ListMldGroupsResponse, error) {
				return listMLDGroups(ctx, c, optional(args))
			}, printMLDGroups)
		},
	}
}

func listMLDGroups(ctx context.Context, c *client, link string) (*sixfoldv1.ListMldGroupsResponse, error) {
	items, err := pages(func(token string) ([]*sixfoldv1.MldGroup, string, error) {
		r, err := c.state.ListMldGroups(ctx, &sixfoldv1.ListMldGroupsRequest{PageSize: pageSize, PageToken: token, Link: link})
		return r.GetGroups(), r.GetNextPageToken(), err
	})
	return &sixfoldv1.ListMldGroupsResponse{Groups: items}, err
}

func allMLDGroups(ctx context.Context, c *client) (*sixfoldv1.ListMldGroupsResponse, error) {
	return listMLDGroups(ctx, c, "")
}

func listMLDInterfaces(ctx context.Context, c *client) (*sixfoldv1.ListMldInterfacesResponse, error) {
	items, err := pages(func(token string) ([]*sixfoldv1.MldInterface, string, error) {
		r, err := c.state.ListMldInterfaces(ctx, &sixfoldv1.ListMldInterfacesRequest{PageSize: pageSize, PageToken: token})
		return r.GetInterfaces(), r.GetNextPageToken(), err
	})
	return &sixfoldv1.ListMldInterfacesResponse{Interfaces: items}, err
}

func printMLDGroups(p printer, m *sixfoldv1.ListMldGroupsResponse) error {
	if len(m.GetGroups()) == 0 {
		return p.none("no groups with listeners")
	}
	t := p.table("LINK", "GROUP", "MODE", "SOURCES", "EXPIRES", "LAST REPORT BY", "AGE", "NOTE")
	for _, g := range m.GetGroups() {
		var sources []string
		for _, s := range g.GetSources() {
			sources = append(sources, s.GetAddress())
		}
		if len(g.GetExcluded()) > 0 {
			sources = append(sources, "not "+strings.Join(g.GetExcluded(), ", "))
		}
		t.add(g.GetLink(), g.GetGroup(), g.GetMode(), strings.Join(sources, ", "), remains(p, groupEnd(g)), g.GetReporter(), ago(g.GetSince(), p.now),
			strings.Join(words(yes(g.GetVersion1(), "version 1"), yes(g.GetJoined(), "joined here"), yes(len(g.GetPorts()) > 0, "on "+strings.Join(g.GetPorts(), ", "))), ", "))
	}
	return t.write(p.out)
}

// groupEnd is when a group is gone unless a listener reports again.
func groupEnd(g *sixfoldv1.MldGroup) *timestamppb.Timestamp {
	end := g.GetUntil()
	for _, s := range g.GetSources() {
		if end == nil || s.GetUntil().AsTime().After(end.AsTime()) {
			end = s.GetUntil()
		}
	}
	return end
}

// remains is what is left until t; empty if it is absent.
func remains(p printer, t *timestamppb.Timestamp) string {
	if t == nil {
		return ""
	}
	return change.Rough(t.AsTime().Sub(p.now))
}

func printMLDInterfaces(p printer, m *sixfoldv1.ListMldInterfacesResponse) error {
	if len(m.GetInterfaces()) == 0 {
		return p.none("no multicast listener discovery: no interface has mld, and there is no multicast proxy")
	}
	t := p.table("LINK", "STATE", "QUERIER", "VERSION", "INTERVAL", "NEXT QUERY", ">GROUPS", ">MAX", "PROXY")
	var branches [][][]string
	for _, i := range m.GetInterfaces() {
		version, interval, most := "", "", ""
		if i.GetVersion() != 0 {
			version, interval, most = number(i.GetVersion()), change.Rough(i.GetQueryInterval().AsDuration()), number(i.GetMaxGroups())
		}
		next := remains(p, i.GetNextQuery())
		if next != "" {
			next = "in " + next
		} else if u := i.GetQuerierUntil(); u != nil {
			next = "if silent for " + remains(p, u)
		}
		groups := number(i.GetGroups())
		switch i.GetState() {
		case "off":
			groups, most = "", ""
		case "kernel":
			most = ""
		}
		t.add(i.GetLink(), i.GetState(), i.GetQuerier(), version, interval, next, groups, most, i.GetProxy())
		branches = append(branches, mldDetails(p, i))
	}
	return t.writeTree(p.out, branches)
}

func mldDetails(p printer, i *sixfoldv1.MldInterface) [][]string {
	var rows [][]string
	if i.GetProblem() != "" {
		rows = append(rows, []string{"problem", i.GetProblem()})
	}
	if i.GetSince() != nil {
		rows = append(rows, []string{"querier", "for " + ago(i.GetSince(), p.now)})
	}
	if i.GetVersion() != 0 {
		rows = append(rows, []string{"timers", fmt.Sprintf("response %s, last listener %s, robustness %d",
			change.Rough(i.GetQueryResponseInterval().AsDuration()), change.Rough(i.GetLastListenerQueryInterval().AsDuration()), i.GetRobustness())})
	}
	for _, j := range i.GetJoins() {
		rows = append(rows, []string{"joined", j})
	}
	for _, c := range []struct {
		name   string
		counts map[string]uint64
	}{{"received", i.GetReceived()}, {"sent", i.GetSent()}, {"dropped", i.GetDropped()}} {
		if len(c.counts) > 0 {
			rows = append(rows, []string{c.name, countsText(c.counts)})
		}
	}
	return rows
}

// countsText writes counters by name: "general 181, group 4".
func countsText(counts map[string]uint64) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		parts = append(parts, name+" "+number(counts[name]))
	}
	return strings.Join(parts, ", ")
}
