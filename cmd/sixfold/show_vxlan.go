package main

import (
	"context"

	"github.com/spf13/cobra"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
)

func showVXLAN(a *app) *cobra.Command {
	return viewNamed(a, "vxlan", "VXLAN devices and what is behind them", listVXLANsNamed, printVXLANs)
}

func listVXLANs(ctx context.Context, c *client) (*sixfoldv1.ListVxlansResponse, error) {
	return listVXLANsNamed(ctx, c, "")
}

func listVXLANsNamed(ctx context.Context, c *client, name string) (*sixfoldv1.ListVxlansResponse, error) {
	items, err := pages(func(token string) ([]*sixfoldv1.VxlanState, string, error) {
		r, err := c.state.ListVxlans(ctx, &sixfoldv1.ListVxlansRequest{PageSize: pageSize, PageToken: token, Name: name})
		return r.GetVxlans(), r.GetNextPageToken(), err
	})
	return &sixfoldv1.ListVxlansResponse{Vxlans: items}, err
}

func printVXLANs(p printer, m *sixfoldv1.ListVxlansResponse) error {
	if len(m.GetVxlans()) == 0 {
		return p.none("no VXLAN devices")
	}
	t := p.table("NAME", ">VNI", "GROUP", ">PORT", "LINK", "STATE", ">MTU", "MAC", ">RECEIVED", ">SENT", ">ERRORS")
	var branches [][][]string
	for _, v := range m.GetVxlans() {
		state := "down"
		switch {
		case v.GetIndex() == 0:
			state = "absent"
		case v.GetUp():
			state = "up"
		}
		t.add(v.GetName(), number(v.GetVni()), v.GetGroup(), number(v.GetPort()), v.GetLink(), state, orDash(v.GetMtu()), v.GetMac(),
			bytesText(v.GetRxBytes()), bytesText(v.GetTxBytes()), number(v.GetRxErrors()+v.GetTxErrors()))
		var branch [][]string
		if v.GetProblem() != "" {
			branch = append(branch, []string{"problem", v.GetProblem()})
		}
		for _, f := range v.GetForwarding() {
			mac := f.GetMac()
			if mac == "00:00:00:00:00:00" {
				mac = "flood"
			}
			branch = append(branch, []string{mac, f.GetRemote(), f.GetState()})
		}
		branches = append(branches, branch)
	}
	return t.writeTree(p.out, branches)
}
