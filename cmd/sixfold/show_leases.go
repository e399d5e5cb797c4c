package main

import (
	"context"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
)

func showLeases(a *app) *cobra.Command {
	req := newLeaseRequest()
	cmd := &cobra.Command{
		Use:   "leases",
		Short: "Addresses and prefixes leased to DHCPv6 clients",
		Long: `Addresses and prefixes leased to DHCPv6 clients.

ROUTE tells of a delegated prefix whether the kernel routes it to its client. A pool in brackets is a reservation.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return answer(a, cmd, func(ctx context.Context, c *client) (*sixfoldv1.ListLeasesResponse, error) {
				return listLeases(ctx, c, req)
			}, printLeases)
		},
	}
	cmd.Flags().StringVar(&req.Kind, "kind", "", "only this `kind`: address or prefix")
	cmd.Flags().StringVar(&req.Link, "link", "", "only clients on this `link`")
	cmd.Flags().StringVar(&req.Vrf, "vrf", "", "only clients in this VRF; default: in none")
	return cmd
}

func listLeases(ctx context.Context, c *client, req *sixfoldv1.ListLeasesRequest) (*sixfoldv1.ListLeasesResponse, error) {
	items, err := pages(func(token string) ([]*sixfoldv1.Lease, string, error) {
		req.PageToken = token
		r, err := c.state.ListLeases(ctx, req)
		return r.GetLeases(), r.GetNextPageToken(), err
	})
	return &sixfoldv1.ListLeasesResponse{Leases: items}, err
}

func printLeases(p printer, m *sixfoldv1.ListLeasesResponse) error {
	if len(m.GetLeases()) == 0 {
		return p.none("no leases")
	}
	header := []string{"LEASE", "KIND", "LINK", "MAC", "CLIENT", "DUID", "EXPIRES", "POOL", "ROUTE"}
	vrfs := slices.ContainsFunc(m.GetLeases(), func(l *sixfoldv1.Lease) bool { return l.GetVrf() != "" })
	if vrfs {
		header = append(header, "VRF")
	}
	t := p.table(header...)
	for _, l := range m.GetLeases() {
		pool := l.GetPool()
		if l.GetReserved() {
			pool = "[" + pool + "]"
		}
		row := []string{leaseText(l), leaseKind(l), l.GetLink(), l.GetMac(), l.GetClient(), shortDUID(l.GetDuid()),
			left(l.GetValidUntil(), p.now), pool, leaseRoute(l)}
		if vrfs {
			row = append(row, l.GetVrf())
		}
		t.add(row...)
	}
	return t.write(p.out)
}

// leaseText writes an address without its length.
func leaseText(l *sixfoldv1.Lease) string {
	if l.GetKind() == "address" {
		return strings.TrimSuffix(l.GetPrefix(), "/128")
	}
	return l.GetPrefix()
}

func leaseKind(l *sixfoldv1.Lease) string {
	if l.GetState() == "declined" {
		return "declined"
	}
	return l.GetKind()
}

func leaseRoute(l *sixfoldv1.Lease) string {
	switch {
	case l.GetKind() != "prefix":
		return ""
	case l.GetRouted():
		return "yes"
	}
	return "no"
}

// shortDUID keeps the type and the end of a DUID, which is what tells clients apart.
func shortDUID(hex string) string {
	if len(hex) <= 14 {
		return hex
	}
	return hex[:4] + "…" + hex[len(hex)-8:]
}
