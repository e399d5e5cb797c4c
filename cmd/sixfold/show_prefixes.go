package main

import (
	"context"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
)

func listPrefixes(ctx context.Context, c *client) (*sixfoldv1.ListPrefixesResponse, error) {
	return listPrefixesNamed(ctx, c, "")
}

func listPrefixesNamed(ctx context.Context, c *client, name string) (*sixfoldv1.ListPrefixesResponse, error) {
	items, err := pages(func(token string) ([]*sixfoldv1.PrefixState, string, error) {
		r, err := c.state.ListPrefixes(ctx, &sixfoldv1.ListPrefixesRequest{PageSize: pageSize, PageToken: token, Name: name})
		return r.GetPrefixes(), r.GetNextPageToken(), err
	})
	return &sixfoldv1.ListPrefixesResponse{Prefixes: items}, err
}

func printPrefixes(p printer, m *sixfoldv1.ListPrefixesResponse) error {
	if len(m.GetPrefixes()) == 0 {
		return p.none("no prefixes: no interface has delegations, request_address or client")
	}
	t := p.table("NAME", "UPLINK", "STATE", "SINCE", "PREFIX", "PREFERRED", "VALID", "SERVER")
	var branches [][][]string
	for _, d := range m.GetPrefixes() {
		name := prefixName(d)
		preferred, valid := "", ""
		if d.GetPrefix() != "" {
			preferred, valid = left(d.GetPreferredUntil(), p.now), left(d.GetValidUntil(), p.now)
		}
		t.add(name, d.GetLink(), d.GetState(), ago(d.GetSince(), p.now), d.GetPrefix(), preferred, valid, d.GetServer())
		var branch [][]string
		if d.GetProblem() != "" {
			branch = append(branch, []string{"problem: " + d.GetProblem()})
		}
		branch = append(branch, earlierLines(p, d)...)
		branch = append(branch, clientLines(p, d)...)
		lines := newTable("", "", "") // what is chosen and what is used line up
		lines.ragged = true
		for _, row := range partRows(d) {
			lines.more(row...)
		}
		for _, u := range d.GetUses() {
			now := u.GetPrefix()
			if now == "" {
				now = "pending"
			}
			lines.more(now, u.GetExpression(), u.GetWhere())
		}
		for _, line := range lines.lines()[1:] {
			branch = append(branch, []string{line})
		}
		branches = append(branches, branch)
	}
	return t.writeTree(p.out, branches)
}
