package main

import (
	"context"

	"github.com/spf13/cobra"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
)

func showAudit(a *app) *cobra.Command {
	return view(a, "audit", "Who changed something or was refused, newest first", listAudit, printAudit)
}

func listAudit(ctx context.Context, c *client) (*sixfoldv1.ListAuditResponse, error) {
	items, err := pages(func(token string) ([]*sixfoldv1.AuditRecord, string, error) {
		r, err := c.state.ListAudit(ctx, &sixfoldv1.ListAuditRequest{PageSize: pageSize, PageToken: token})
		return r.GetRecords(), r.GetNextPageToken(), err
	})
	return &sixfoldv1.ListAuditResponse{Records: items}, err
}

func printAudit(p printer, m *sixfoldv1.ListAuditResponse) error {
	if len(m.GetRecords()) == 0 {
		return p.none("no audit records: nobody changed anything yet")
	}
	t := p.table("TIME", "CALLER", "ROLE", "FROM", "METHOD", "CODE", "REQUEST")
	var branches [][][]string
	for _, r := range m.GetRecords() {
		t.add(p.at(r.GetTime().AsTime()), r.GetCaller(), r.GetRole(), r.GetOrigin(), r.GetMethod(), r.GetCode(), r.GetRequest())
		branches = append(branches, note("answer: ", r.GetMessage()))
	}
	return t.writeTree(p.out, branches)
}
