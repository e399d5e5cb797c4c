package api

import (
	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
	"github.com/sixfold-router/sixfold/router"
	"github.com/sixfold-router/sixfold/router/plan"
	"github.com/sixfold-router/sixfold/router/revision"
)

func revisionMessage(r revision.Revision) *sixfoldv1.Revision {
	return &sixfoldv1.Revision{
		Id: r.ID, Name: clean(r.Name), Time: timestamp(r.Time), Author: clean(r.Author), Comment: clean(r.Comment), Base: r.Base,
		Result: clean(string(r.Result)), Reason: clean(r.Reason), Running: r.Running, ConfirmBy: timestamp(r.ConfirmBy),
		RollbackTo: r.RollbackTo, Hash: clean(r.Hash),
	}
}

func operations(list []router.Operation) []*sixfoldv1.Operation {
	var out []*sixfoldv1.Operation
	for _, o := range list {
		out = append(out, &sixfoldv1.Operation{
			Unit: clean(o.Unit), Object: clean(o.Object), Action: clean(o.Action), Class: o.Class.String(), Warning: clean(o.Warning),
		})
	}
	return out
}

func pendings(list []plan.Pending) []*sixfoldv1.Pending {
	var out []*sixfoldv1.Pending
	for _, p := range list {
		out = append(out, pending(p))
	}
	return out
}
