package api

import (
	"context"
	"math"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
	"github.com/sixfold-router/sixfold/router/explain"
	"github.com/sixfold-router/sixfold/router/health"
)

// maxSubject bounds what may be asked about.
const maxSubject = 256

// ListDrift lists what was found changed, newest first.
func (s *stateService) ListDrift(ctx context.Context, req *sixfoldv1.ListDriftRequest) (*sixfoldv1.ListDriftResponse, error) {
	items, next, err := list(ctx, req, s.backend.Drift, nil,
		func(d health.Drift) string { return newestFirst(d.ID) }, driftMessage)
	if err != nil {
		return nil, err
	}
	return &sixfoldv1.ListDriftResponse{Drift: items, NextPageToken: next}, nil
}

// ListAudit lists the records of calls, newest first.
func (s *stateService) ListAudit(_ context.Context, req *sixfoldv1.ListAuditRequest) (*sixfoldv1.ListAuditResponse, error) {
	records, next, err := page(req, s.audit.list(), func(r *sixfoldv1.AuditRecord) string { return newestFirst(r.GetId()) })
	if err != nil {
		return nil, err
	}
	return &sixfoldv1.ListAuditResponse{Records: records, NextPageToken: next}, nil
}

// Explain tells all that is known of something.
func (s *stateService) Explain(ctx context.Context, req *sixfoldv1.ExplainRequest) (*sixfoldv1.ExplainResponse, error) {
	subject := strings.TrimSpace(req.GetSubject())
	switch {
	case subject == "":
		return nil, status.Error(codes.InvalidArgument, "subject is missing: give an address, a prefix, a hardware address or a name")
	case len(subject) > maxSubject:
		return nil, status.Errorf(codes.InvalidArgument, "subject is longer than %d bytes", maxSubject)
	}
	e, err := s.backend.Explain(ctx, instanceName(req.GetVrf()), subject)
	if err != nil {
		return nil, err
	}
	return &sixfoldv1.ExplainResponse{
		Kind: clean(e.Kind), Subject: clean(e.Subject), Summary: clean(e.Summary), Findings: findings(e.Finding),
	}, nil
}

func findings(list []explain.Finding) []*sixfoldv1.Finding {
	var out []*sixfoldv1.Finding
	for _, f := range list {
		out = append(out, &sixfoldv1.Finding{
			Topic: clean(f.Topic), State: clean(f.State), Text: clean(f.Text), Advice: clean(f.Advice), Findings: findings(f.Findings),
		})
	}
	return out
}

func driftMessage(d health.Drift) *sixfoldv1.Drift {
	return &sixfoldv1.Drift{
		Id: d.ID, Time: timestamp(d.Time), Unit: clean(d.Unit), Object: clean(d.Object), What: clean(d.What),
		Mended: d.Problem == "", Problem: clean(d.Problem),
	}
}

func unitState(u health.Unit) *sixfoldv1.UnitState {
	return &sixfoldv1.UnitState{Name: clean(u.Name), Problem: clean(u.Problem), Since: timestamp(u.Since)}
}

// newestFirst is a key that sorts a higher number before a lower one.
func newestFirst(id uint64) string { return numberKey(math.MaxUint64 - id) }
