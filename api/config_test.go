package api

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/sixfold-router/sixfold/api/apitest"
	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
	"github.com/sixfold-router/sixfold/router"
	"github.com/sixfold-router/sixfold/router/change"
)

const firstText = "# the office\ninterfaces:\n  lan0: {mtu: 1500}\n"

// TestTransaction goes through the life of a configuration.
func TestTransaction(t *testing.T) {
	b := apitest.Sample(sampleNow)
	b.OperationList = []router.Operation{{Unit: "kernel", Op: change.Op{Class: change.Recreate, Object: "lan0", Action: "set mtu to 1500"}, Warning: "you came in by lan0"}}
	conn, _, _ := running(t, b)
	c := sixfoldv1.NewConfigServiceClient(conn)
	if _, err := c.Get(t.Context(), &sixfoldv1.GetRequest{}); status.Code(err) != codes.FailedPrecondition {
		t.Errorf("Get before the first configuration: %v, want FailedPrecondition", err)
	}
	if _, err := c.Check(t.Context(), &sixfoldv1.CheckRequest{Name: "a.yaml", Text: firstText}); err != nil {
		t.Errorf("Check: %v", err)
	}
	if len(b.Done()) != 0 {
		t.Errorf("Check did %q", b.Done())
	}
	wantOps := []*sixfoldv1.Operation{{Unit: "kernel", Object: "lan0", Action: "set mtu to 1500", Class: "recreate", Warning: "you came in by lan0"}}
	wantPending := []*sixfoldv1.Pending{{What: b.PendingList[0].What, Reason: b.PendingList[0].Reason}}
	first := &sixfoldv1.Revision{Id: 1, Name: "a.yaml", Author: "root", Comment: "why", Result: "applied", Running: true}
	applied, err := c.Apply(t.Context(), &sixfoldv1.ApplyRequest{Name: "a.yaml", Text: firstText, Comment: "why"})
	if err != nil {
		t.Fatal(err)
	}
	ignore := []cmp.Option{protocmp.Transform(), protocmp.IgnoreFields(&sixfoldv1.Revision{}, "hash", "time")}
	if diff := cmp.Diff(&sixfoldv1.ApplyResponse{Revision: first, Operations: wantOps, Pending: wantPending}, applied, ignore...); diff != "" {
		t.Errorf("Apply (-want +got):\n%s", diff)
	}
	got, err := c.Get(t.Context(), &sixfoldv1.GetRequest{})
	if err != nil {
		t.Fatal(err)
	}
	mtu := uint32(1500)
	want := &sixfoldv1.GetResponse{
		Config: &sixfoldv1.Config{Interfaces: map[string]*sixfoldv1.Interface{"lan0": {Mtu: &mtu}}},
		Text:   "interfaces:\n  lan0:\n    mtu: 1500\n", Submitted: firstText, Revision: first,
	}
	if diff := cmp.Diff(want, got, ignore...); diff != "" {
		t.Errorf("Get (-want +got):\n%s", diff)
	}

	second := strings.ReplaceAll(firstText, "1500", "1400")
	difference, err := c.Diff(t.Context(), &sixfoldv1.DiffRequest{Name: "b.yaml", Text: second})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff("--- revision 1\n+++ b.yaml\n@@ -1,3 +1,3 @@\n interfaces:\n   lan0:\n-    mtu: 1500\n+    mtu: 1400\n", difference.GetDiff()); diff != "" {
		t.Errorf("Diff (-want +got):\n%s", diff)
	}
	if same, err := c.Diff(t.Context(), &sixfoldv1.DiffRequest{Text: strings.ReplaceAll(firstText, "office", "home")}); err != nil || same.GetDiff() != "" {
		t.Errorf("Diff of two comments: %v, %v, want none", same, err)
	}
	plan, err := c.Plan(t.Context(), &sixfoldv1.PlanRequest{Text: second, SessionAddress: "2001:db8::1"})
	if diff := cmp.Diff(&sixfoldv1.PlanResponse{Operations: wantOps, Pending: wantPending, BaseRevision: 1}, plan, ignore...); err != nil || diff != "" {
		t.Errorf("Plan: %v (-want +got):\n%s", err, diff)
	}

	for _, step := range []struct {
		name string
		do   func(context.Context) (proto.Message, error)
		code codes.Code
		text string // in the message
	}{
		{"from an old revision", call(c.Apply, &sixfoldv1.ApplyRequest{Text: second, BaseRevision: 7}), codes.Aborted, "revision 1 runs by now"},
		{"too short to confirm", call(c.Apply, &sixfoldv1.ApplyRequest{Text: second, ConfirmWithin: durationpb.New(time.Millisecond)}), codes.InvalidArgument, "1s to 24h"},
		{"no time to confirm", call(c.Apply, &sixfoldv1.ApplyRequest{Text: second, ConfirmWithin: durationpb.New(0)}), codes.InvalidArgument, "1s to 24h"},
		{"too long to confirm", call(c.Rollback, &sixfoldv1.RollbackRequest{ConfirmWithin: durationpb.New(25 * time.Hour)}), codes.InvalidArgument, "1s to 24h"},
		{"odd duration", call(c.Apply, &sixfoldv1.ApplyRequest{Text: second, ConfirmWithin: &durationpb.Duration{Seconds: 5, Nanos: -5}}), codes.InvalidArgument, "1s to 24h"},
		{"long comment", call(c.Apply, &sixfoldv1.ApplyRequest{Text: second, Comment: strings.Repeat("x", maxComment+1)}), codes.InvalidArgument, "comment is longer"},
		{"nothing waits", call(c.Confirm, &sixfoldv1.ConfirmRequest{}), codes.FailedPrecondition, "no revision waits"},
		{"nothing to cancel", call(c.Cancel, &sixfoldv1.CancelRequest{Revision: 1}), codes.FailedPrecondition, "no revision waits"},
		{"with a deadline", call(c.Apply, &sixfoldv1.ApplyRequest{Text: second, BaseRevision: 1, ConfirmWithin: durationpb.New(time.Minute)}), codes.OK, ""},
		{"while one waits", call(c.Apply, &sixfoldv1.ApplyRequest{Text: firstText}), codes.FailedPrecondition, "revision 2 waits to be confirmed"},
		{"another one", call(c.Confirm, &sixfoldv1.ConfirmRequest{Revision: 9}), codes.FailedPrecondition, "no revision waits"},
		{"confirm", call(c.Confirm, &sixfoldv1.ConfirmRequest{Revision: 2}), codes.OK, ""},
		{"roll back", call(c.Rollback, &sixfoldv1.RollbackRequest{Revision: 1}), codes.OK, ""},
		{"roll back to nothing", call(c.Rollback, &sixfoldv1.RollbackRequest{Revision: 99}), codes.NotFound, "no such revision"},
		{"show nothing", call(c.GetRevision, &sixfoldv1.GetRevisionRequest{Revision: 99}), codes.NotFound, "no such revision"},
		{"diff with nothing", call(c.Diff, &sixfoldv1.DiffRequest{Text: second, BaseRevision: 99}), codes.NotFound, "no such revision"},
		{"plan for nothing", call(c.Plan, &sixfoldv1.PlanRequest{Revision: 99}), codes.NotFound, "no such revision"},
		{"plan for where", call(c.Plan, &sixfoldv1.PlanRequest{Text: second, SessionAddress: "lan0"}), codes.InvalidArgument, "is not an address"},
		{"cannot be applied", call(c.Apply, &sixfoldv1.ApplyRequest{Text: "system: {hostname: refuse}\n"}), codes.FailedPrecondition, "operation not supported"},
		{"with a deadline again", call(c.Apply, &sixfoldv1.ApplyRequest{Text: second, ConfirmWithin: durationpb.New(24 * time.Hour)}), codes.OK, ""},
		{"cancel", call(c.Cancel, &sixfoldv1.CancelRequest{}), codes.OK, ""},
	} {
		_, err := step.do(t.Context())
		if s := status.Convert(err); s.Code() != step.code || !strings.Contains(s.Message(), step.text) {
			t.Errorf("%s: %v, want %v with %q", step.name, err, step.code, step.text)
		}
	}

	var ids, results []string
	token := ""
	for {
		page, err := c.ListRevisions(t.Context(), &sixfoldv1.ListRevisionsRequest{PageSize: 2, PageToken: token})
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range page.GetRevisions() {
			ids = append(ids, string('0'+rune(r.GetId())))
			results = append(results, r.GetResult())
		}
		if token = page.GetNextPageToken(); token == "" {
			break
		}
	}
	if got, want := strings.Join(ids, " "), "5 4 3 2 1"; got != want {
		t.Errorf("revisions %s, want %s", got, want)
	}
	if got, want := strings.Join(results, " "), "cancelled failed applied applied applied"; got != want {
		t.Errorf("results %s, want %s", got, want)
	}
	old, err := c.GetRevision(t.Context(), &sixfoldv1.GetRevisionRequest{Revision: 2})
	if err != nil || old.GetText() != second || old.GetRevision().GetId() != 2 {
		t.Errorf("GetRevision: %v, %v", old, err)
	}
}

func TestApplyFailure(t *testing.T) {
	conn, _, _ := running(t, apitest.Sample(sampleNow))
	_, err := sixfoldv1.NewConfigServiceClient(conn).Apply(t.Context(), &sixfoldv1.ApplyRequest{Text: "system: {hostname: refuse}\n"})
	want := []any{&sixfoldv1.ApplyFailure{Unit: "kernel", Reason: "set mtu of lan0: operation not supported"}}
	if diff := cmp.Diff(want, status.Convert(err).Details(), protocmp.Transform()); diff != "" {
		t.Errorf("details of %v (-want +got):\n%s", err, diff)
	}
}
