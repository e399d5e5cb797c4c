package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
)

func showVRFs(a *app) *cobra.Command {
	cmd := view(a, "vrfs", "Routing instances (VRFs) and the management instance", listVRFs, printVRFs)
	cmd.Long = `Routing instances: their table, the interfaces that belong to them, and how many routes the kernel has in the table. The
management instance is marked, with the DNS servers that the router itself asks and the units of systemd that run in it. What belongs
to none is in the default instance, with table main.`
	return cmd
}

func listVRFs(ctx context.Context, c *client) (*sixfoldv1.ListVrfsResponse, error) {
	items, err := pages(func(token string) ([]*sixfoldv1.VrfState, string, error) {
		r, err := c.state.ListVrfs(ctx, &sixfoldv1.ListVrfsRequest{PageSize: pageSize, PageToken: token})
		return r.GetVrfs(), r.GetNextPageToken(), err
	})
	return &sixfoldv1.ListVrfsResponse{Vrfs: items}, err
}

func printVRFs(p printer, m *sixfoldv1.ListVrfsResponse) error {
	if len(m.GetVrfs()) == 0 {
		return p.none("no VRFs")
	}
	t := p.table("NAME", ">TABLE", "STATE", "USE", ">ROUTES", "INTERFACES")
	var branches [][][]string
	for _, v := range m.GetVrfs() {
		state, use := "down", "data"
		if v.GetUp() {
			state = "up"
		}
		if v.GetManagement() {
			use = "management"
		}
		t.add(v.GetName(), number(v.GetTable()), state, use, number(v.GetRoutes()), strings.Join(v.GetInterfaces(), " "))
		var branch [][]string
		for _, row := range []struct{ name, text string }{
			{"problem", v.GetProblem()}, {"dns", strings.Join(v.GetDns(), " ")}, {"services", strings.Join(v.GetServices(), " ")},
		} {
			if row.text != "" {
				branch = append(branch, []string{row.name, row.text})
			}
		}
		branches = append(branches, branch)
	}
	return t.writeTree(p.out, branches)
}

func vrfNames(ctx context.Context, c *client) ([]string, error) {
	m, err := listVRFs(ctx, c)
	names := []string{"default\twhat is in no VRF"}
	for _, v := range m.GetVrfs() {
		names = append(names, v.GetName())
	}
	return names, err
}

func resolveCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "resolve NAME",
		Short: "Look a name up as the router itself does",
		Long: `Look the addresses of a name up as the router itself does: in the management instance, if there is one, by its DNS servers; else
by those of /etc/resolv.conf.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return answer(a, cmd, func(ctx context.Context, c *client) (*sixfoldv1.ResolveResponse, error) {
				return c.operate.Resolve(ctx, &sixfoldv1.ResolveRequest{Name: args[0]})
			}, func(p printer, m *sixfoldv1.ResolveResponse) error {
				for _, addr := range m.GetAddresses() {
					if _, err := fmt.Fprintln(p.out, cell(addr)); err != nil {
						return err
					}
				}
				return nil
			})
		},
	}
}
