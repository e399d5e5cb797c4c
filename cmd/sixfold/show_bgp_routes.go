package main

import (
	"context"
	"errors"
	"strings"

	"github.com/spf13/cobra"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
)

func showBGPRoutes(a *app, vrf *string) *cobra.Command {
	req := &sixfoldv1.ListBgpPathsRequest{PageSize: pageSize}
	cmd := &cobra.Command{
		Use:   "routes [PREFIX]",
		Short: "BGP paths",
		Long: `BGP paths: those received from neighbors after import filters, and our own. An asterisk marks the best of each prefix.
With --advertised, what is announced to a neighbor. The AS path ends in i, e or ? for an origin of igp, egp or incomplete.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if req.Advertised && req.Neighbor == "" {
				return &usageError{cmd: cmd, err: errors.New("--advertised needs --neighbor")}
			}
			req.Prefix, req.Vrf = optional(args), *vrf
			return answer(a, cmd, func(ctx context.Context, c *client) (*sixfoldv1.ListBgpPathsResponse, error) {
				return listBGPPaths(ctx, c, req)
			}, printBGPPaths)
		},
	}
	cmd.Flags().StringVar(&req.Neighbor, "neighbor", "", "only paths of this neighbor, by `name`")
	cmd.Flags().BoolVar(&req.Advertised, "advertised", false, "what is announced to the neighbor")
	return cmd
}

func listBGPPaths(ctx context.Context, c *client, req *sixfoldv1.ListBgpPathsRequest) (*sixfoldv1.ListBgpPathsResponse, error) {
	items, err := pages(func(token string) ([]*sixfoldv1.BgpPath, string, error) {
		req.PageToken = token
		r, err := c.state.ListBgpPaths(ctx, req)
		return r.GetPaths(), r.GetNextPageToken(), err
	})
	return &sixfoldv1.ListBgpPathsResponse{Paths: items}, err
}

func printBGPPaths(p printer, m *sixfoldv1.ListBgpPathsResponse) error {
	if len(m.GetPaths()) == 0 {
		return p.none("no BGP paths")
	}
	t := p.table("PREFIX", "", "NEXT HOP", "FROM", ">PREF", ">MED", "AGE", "AS PATH")
	for _, path := range m.GetPaths() {
		best := " "
		if path.GetBest() {
			best = "*"
		}
		t.add(path.GetPrefix(), best, nextHop(path), pathFrom(path), orDash(path.GetLocalPref()), orDash(path.GetMed()),
			ago(path.GetLearned(), p.now), asPath(path))
		t.rows[len(t.rows)-1][1] = best // not best is nothing, not a dash
		if path.GetUnusable() != "" {
			t.more("", "", "", "", "", "", "", "unusable: "+path.GetUnusable())
		}
	}
	return t.write(p.out)
}

func nextHop(p *sixfoldv1.BgpPath) string {
	if p.GetNextHop() == "::" || p.GetNextHop() == "0.0.0.0" {
		return "" // a path of our own has none
	}
	if p.GetLink() != "" && p.GetNextHop() != "" && !strings.Contains(p.GetNextHop(), "%") {
		return p.GetNextHop() + "%" + p.GetLink()
	}
	return p.GetNextHop()
}

// pathFrom names the neighbor, or in brackets the source of a path of our own.
func pathFrom(p *sixfoldv1.BgpPath) string {
	if p.GetNeighbor() != "" {
		return p.GetNeighbor()
	}
	return "[" + p.GetSource() + "]"
}

func asPath(p *sixfoldv1.BgpPath) string {
	origin := map[string]string{"igp": "i", "egp": "e", "incomplete": "?"}[p.GetOrigin()]
	return strings.Join(words(p.GetAsPath(), origin), " ")
}
