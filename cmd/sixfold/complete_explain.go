package main

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
	"github.com/sixfold-router/sixfold/router/explain"
)

// completeExplain offers what is often asked about, and behind a kind what there is of that kind; behind a delegation, its parts.
func (a *app) completeExplain(cmd *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 1 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	ask := names(explainable)
	if len(args) > 0 {
		if ask = kindNames(args[0]); ask == nil {
			ask = partsOf(args[0])
		}
	}
	return a.live(ask)(cmd, args, typed)
}

// kindNames lists what there is of a kind that explain knows; nil: it is no kind.
func kindNames(kind string) names {
	switch strings.ToLower(kind) {
	case explain.KindInterface:
		return interfaceNames
	case explain.KindDelegation:
		return delegationNames
	case explain.KindNeighbor:
		return neighborNames
	case explain.KindPrefix:
		return routePrefixes
	case explain.KindAddress:
		return leasePrefixes
	case explain.KindMAC:
		return hardwareAddresses
	case explain.KindReservation:
		return reservationNames
	case explain.KindPool:
		return poolNames
	case explain.KindConsumer:
		return consumerNames
	case explain.KindUnit:
		return unitNames
	}
	return nil
}

// explainable is what most often is asked about: who has a lease, what was delegated and who is told of it, pools and reservations, and
// the neighbors. What cannot be asked for is left out.
func explainable(ctx context.Context, c *client) ([]string, error) {
	found := map[string]bool{}
	var failed error
	for _, ask := range []names{interfaceNames, delegationNames, leasePrefixes, neighborNames, poolNames, reservationNames, consumerNames} {
		list, err := ask(ctx, c)
		if err != nil {
			failed = err
		}
		for _, s := range list {
			found[s] = true
		}
	}
	if len(found) == 0 {
		return nil, failed
	}
	return slices.Collect(maps.Keys(found)), nil
}

// partsOf lists the parts that the router chose of a delegation, without its name.
func partsOf(delegation string) names {
	return func(ctx context.Context, c *client) ([]string, error) {
		m, err := listPrefixes(ctx, c)
		var names []string
		for _, p := range m.GetPrefixes() {
			for _, part := range p.GetAssignments() {
				if p.GetName() == delegation && part.GetPrefix() != "" {
					names = append(names, strings.TrimPrefix(partName(delegation, part), delegation+" "))
				}
			}
		}
		return names, err
	}
}

func unitNames(ctx context.Context, c *client) ([]string, error) {
	m, err := getVersion(ctx, c)
	var names []string
	for _, u := range m.GetUnits() {
		names = append(names, u.GetName())
	}
	return names, err
}

func poolNames(ctx context.Context, c *client) ([]string, error) {
	return configuredNames(ctx, c, func(d *sixfoldv1.Dhcpv6) []string {
		return slices.Concat(slices.Collect(maps.Keys(d.GetPools())), slices.Collect(maps.Keys(d.GetDelegate())))
	})
}

func reservationNames(ctx context.Context, c *client) ([]string, error) {
	return configuredNames(ctx, c, func(d *sixfoldv1.Dhcpv6) []string { return slices.Collect(maps.Keys(d.GetReservations())) })
}

// configuredNames are what the DHCPv6 servers of all interfaces are configured with.
func configuredNames(ctx context.Context, c *client, of func(*sixfoldv1.Dhcpv6) []string) ([]string, error) {
	m, err := c.config.Get(ctx, &sixfoldv1.GetRequest{})
	var names []string
	for _, i := range m.GetConfig().GetInterfaces() {
		names = append(names, of(i.GetDhcpv6())...)
	}
	slices.Sort(names)
	return names, err
}

// hardwareAddresses are those of clients, of reservations, and of some of the neighbors.
func hardwareAddresses(ctx context.Context, c *client) ([]string, error) {
	names, err := configuredNames(ctx, c, func(d *sixfoldv1.Dhcpv6) []string {
		var list []string
		for _, r := range d.GetReservations() {
			list = append(list, strings.ToLower(r.GetMac()))
		}
		return list
	})
	if err != nil {
		return nil, err
	}
	leases, err := listLeases(ctx, c, newLeaseRequest())
	if err != nil {
		return nil, err
	}
	for _, l := range leases.GetLeases() {
		names = append(names, l.GetMac())
	}
	neighbors, err := c.state.ListNeighbors(ctx, &sixfoldv1.ListNeighborsRequest{PageSize: mostPrefixes})
	for _, n := range neighbors.GetNeighbors() {
		names = append(names, n.GetMac())
	}
	return slices.DeleteFunc(names, func(s string) bool { return s == "" }), err
}
