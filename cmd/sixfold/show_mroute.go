package main

import (
	"cmp"
	"context"
	"strings"

	"github.com/spf13/cobra"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
)

func showMroute(a *app) *cobra.Command {
	cmd := view(a, "mroute", "Where packets to multicast groups go", listMroutes, printMroutes)
	cmd.Long = `Where packets to multicast groups go: the forwarding cache of the kernel, and static routes that no packet came for yet.

REASON tells who decided: static, proxy, or why packets of the flow are dropped.`
	return cmd
}

func listMroutes(ctx context.Context, c *client) (*sixfoldv1.ListMroutesResponse, error) {
	items, err := pages(func(token string) ([]*sixfoldv1.Mroute, string, error) {
		r, err := c.state.ListMroutes(ctx, &sixfoldv1.ListMroutesRequest{PageSize: pageSize, PageToken: token})
		return r.GetMroutes(), r.GetNextPageToken(), err
	})
	return &sixfoldv1.ListMroutesResponse{Mroutes: items}, err
}

func printMroutes(p printer, m *sixfoldv1.ListMroutesResponse) error {
	if len(m.GetMroutes()) == 0 {
		return p.none("no multicast routes")
	}
	t := p.table("SOURCE", "GROUP", "INCOMING", "OUTGOING", "REASON", ">PACKETS", ">BYTES", ">WRONG LINK", "AGE", "USED")
	for _, r := range m.GetMroutes() {
		packets, bytes, wrong := "", "", ""
		if r.GetInKernel() {
			packets, bytes, wrong = number(r.GetPackets()), bytesText(r.GetBytes()), number(r.GetWrongLink())
		}
		used := ago(r.GetUsed(), p.now)
		if used != "" {
			used += " ago"
		}
		t.add(cmp.Or(r.GetSource(), "any"), r.GetGroup(), r.GetIncoming(), cmp.Or(strings.Join(r.GetOutgoing(), ", "), "nowhere"), r.GetReason(),
			packets, bytes, wrong, ago(r.GetSince(), p.now), used)
	}
	return t.write(p.out)
}
