package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
	"github.com/sixfold-router/sixfold/router/change"
)

func showInterfaces(a *app) *cobra.Command {
	return viewNamed(a, "interfaces", "Links and their addresses", listInterfacesNamed, printInterfaces)
}

func listInterfaces(ctx context.Context, c *client) (*sixfoldv1.ListInterfacesResponse, error) {
	return listInterfacesNamed(ctx, c, "")
}

func listInterfacesNamed(ctx context.Context, c *client, name string) (*sixfoldv1.ListInterfacesResponse, error) {
	items, err := pages(func(token string) ([]*sixfoldv1.InterfaceState, string, error) {
		r, err := c.state.ListInterfaces(ctx, &sixfoldv1.ListInterfacesRequest{PageSize: pageSize, PageToken: token, Name: name})
		return r.GetInterfaces(), r.GetNextPageToken(), err
	})
	return &sixfoldv1.ListInterfacesResponse{Interfaces: items}, err
}

func printInterfaces(p printer, m *sixfoldv1.ListInterfacesResponse) error {
	if len(m.GetInterfaces()) == 0 {
		return p.none("no interfaces")
	}
	t := p.table("NAME", "KIND", "STATE", ">MTU", "MAC", "ADDRESSES")
	for _, i := range m.GetInterfaces() {
		var lines []string
		if i.GetDescription() != "" {
			lines = append(lines, "# "+i.GetDescription())
		}
		if i.GetPattern() != "" {
			lines = append(lines, "# configured by "+i.GetPattern())
		}
		lines = append(lines, deviceLines(i)...)
		for _, addr := range i.GetAddresses() {
			lines = append(lines, addressText(addr))
		}
		first := ""
		if len(lines) > 0 {
			first, lines = lines[0], lines[1:]
		}
		t.add(i.GetName(), linkKind(i), linkState(i), orDash(i.GetMtu()), linkMAC(i), first)
		for _, l := range lines {
			t.more("", "", "", "", "", l)
		}
	}
	return t.write(p.out)
}

func linkKind(i *sixfoldv1.InterfaceState) string {
	if i.GetLoopback() {
		return "loopback"
	}
	return i.GetKind()
}

// linkMAC leaves out what tunnels have in the place of a hardware address: the addresses of their ends, which are told anyway.
func linkMAC(i *sixfoldv1.InterfaceState) string {
	if strings.Count(i.GetMac(), ":") != 5 {
		return ""
	}
	return i.GetMac()
}

func linkState(i *sixfoldv1.InterfaceState) string {
	switch {
	case !i.GetExists():
		return "absent"
	case !i.GetUp():
		return "down"
	case !i.GetRunning():
		return "no carrier"
	}
	return "up"
}

func addressText(a *sixfoldv1.LinkAddress) string {
	var notes []string
	for _, n := range []string{
		yes(a.GetDuplicate(), "duplicate"), yes(a.GetTentative(), "tentative"),
		yes(a.GetDeprecated(), "deprecated"), yes(a.GetDynamic(), "dynamic"),
	} {
		if n != "" {
			notes = append(notes, n)
		}
	}
	if v := a.GetValid(); v != nil {
		notes = append(notes, "valid "+change.Rough(v.AsDuration()))
	}
	if len(notes) == 0 {
		return a.GetPrefix()
	}
	return a.GetPrefix() + " (" + strings.Join(notes, ", ") + ")"
}
