package api

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/sixfold-router/sixfold/api/apitest"
	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
	"github.com/sixfold-router/sixfold/router/config"
)

// short is a record in one line.
func short(r *sixfoldv1.AuditRecord) string {
	return strings.TrimSpace(fmt.Sprintf("%d %s %s %s [%s] %s %s", r.GetId(), r.GetCaller(), r.GetRole(), r.GetMethod(), r.GetRequest(), r.GetCode(), r.GetMessage()))
}

func TestAudit(t *testing.T) {
	n := onNetwork(t, apitest.Sample(sampleNow))
	path := filepath.Join(t.TempDir(), "audit.log")
	if err := n.OpenAudit(path); err != nil {
		t.Fatal(err)
	}
	admin := dialTLS(t, n.at, n.ca.trusting(n.ca.issue(t, time.Hour, "deployer")))
	reader := dialTLS(t, n.at, n.ca.trusting(n.ca.issue(t, time.Hour, "spiffe://example.net/monitor")))
	ctx := t.Context()
	c := sixfoldv1.NewConfigServiceClient(admin)
	_, _ = c.Apply(ctx, &sixfoldv1.ApplyRequest{Name: "r.yaml", Text: withPassword, Comment: "new", ConfirmWithin: durationpb.New(time.Minute)})
	_, _ = c.Confirm(ctx, &sixfoldv1.ConfirmRequest{Revision: 1})
	_, _ = c.Apply(ctx, &sixfoldv1.ApplyRequest{Text: "{}", BaseRevision: 9})
	_, _ = c.Get(ctx, &sixfoldv1.GetRequest{}) // leaves nothing
	_, _ = sixfoldv1.NewOperateServiceClient(reader).ReleaseLease(ctx, &sixfoldv1.ReleaseLeaseRequest{Prefix: "::1"})
	_, _ = sixfoldv1.NewOperateServiceClient(admin).ResetBgpNeighbor(ctx, &sixfoldv1.ResetBgpNeighborRequest{Name: "isp", Soft: true})

	want := []string{
		`5 deployer admin OperateService/ResetBgpNeighbor [name="isp" soft=true] OK`,
		`4 spiffe://example.net/monitor read OperateService/ReleaseLease [] PERMISSION_DENIED certificate "spiffe://example.net/monitor" has the role read, and OperateService/ReleaseLease needs operate: give it under api.tcp.roles, or by a URI urn:sixfold:role:ROLE in the certificate`,
		`3 deployer admin ConfigService/Apply [text=2 bytes, sha256 44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a base_revision=9] ABORTED the configuration was made from revision 9, but revision 1 runs by now: look at what changed with sixfold config diff 9 1, and apply again`,
		`2 deployer admin ConfigService/Confirm [revision=1] OK`,
		`1 deployer admin ConfigService/Apply [name="r.yaml" text=157 bytes, sha256 0c69fe87aadb5de7a87a4b20a4bb2f5d26d4a4f2bfcd6dd3f5b5cba5d6d8f2a0 confirm_within=1m comment="new"] OK`,
	}
	// The hash is in the record; which one is not the point here.
	hash := func(s string) string {
		if i := strings.Index(s, "sha256 "); i > 0 {
			return s[:i] + s[i+7+64:]
		}
		return s
	}
	var got []string
	token := ""
	for {
		page, err := sixfoldv1.NewStateServiceClient(reader).ListAudit(ctx, &sixfoldv1.ListAuditRequest{PageSize: 2, PageToken: token})
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range page.GetRecords() {
			got = append(got, hash(short(r)))
			if !strings.HasPrefix(r.GetOrigin(), "[::1]:") || r.GetTime() == nil {
				t.Errorf("record %v lacks time or origin", r)
			}
		}
		if token = page.GetNextPageToken(); token == "" {
			break
		}
	}
	for i := range want {
		want[i] = hash(want[i])
	}
	want[4] = strings.Replace(want[4], "157", fmt.Sprint(len(withPassword)), 1)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
	for _, p := range []string{path, path + ".refused"} {
		text, err := os.ReadFile(p)
		if err != nil || len(text) == 0 || strings.Contains(string(text), "hunter") {
			t.Errorf("%s: %v, %q", p, err, text)
		}
		if info, err := os.Stat(p); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: mode %v, %v", p, info.Mode(), err)
		}
	}

	again := newAudit()
	if err := again.open(path); err != nil {
		t.Fatal(err)
	}
	if len(again.list()) != 5 || again.next != 6 {
		t.Errorf("after a restart there are %d records and the next is %d, want 5 and 6", len(again.list()), again.next)
	}
	if err := again.close(); err != nil {
		t.Error(err)
	}
}

func TestAuditUserOfSocket(t *testing.T) {
	conn, _, _ := running(t, apitest.Sample(sampleNow))
	_, _ = sixfoldv1.NewOperateServiceClient(conn).RenewDelegation(t.Context(), &sixfoldv1.RenewDelegationRequest{Name: "nobody"})
	page, err := sixfoldv1.NewStateServiceClient(conn).ListAudit(t.Context(), &sixfoldv1.ListAuditRequest{})
	if err != nil || len(page.GetRecords()) != 1 {
		t.Fatalf("%v, %v", page, err)
	}
	r := page.GetRecords()[0]
	if want := fmt.Sprintf("unix:uid=0,pid=%d", os.Getpid()); r.GetOrigin() != want || r.GetCaller() != "root" || r.GetCode() != "NOT_FOUND" {
		t.Errorf("%v, want root from %s with NOT_FOUND", r, want)
	}
}

// Without a record nothing is changed.
func TestAuditCannotBeWritten(t *testing.T) {
	b := apitest.Sample(sampleNow)
	s, path := serving(t, b, nil)
	if err := s.OpenAudit(filepath.Join(t.TempDir(), "audit.log")); err != nil {
		t.Fatal(err)
	}
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	s.audit.mu.Lock()
	_ = s.audit.done.file.f.Close()
	s.audit.done.file.f = full
	s.audit.mu.Unlock()
	conn := dialUnix(t, path)
	if _, err := sixfoldv1.NewConfigServiceClient(conn).Apply(t.Context(), &sixfoldv1.ApplyRequest{Text: "{}"}); status.Code(err) != codes.FailedPrecondition || !strings.Contains(err.Error(), "the audit log cannot be written") {
		t.Errorf("Apply: %v, want FailedPrecondition", err)
	}
	if len(b.Done()) != 0 {
		t.Errorf("it was done all the same: %q", b.Done())
	}
	if _, err := sixfoldv1.NewOperateServiceClient(conn).RenewDelegation(t.Context(), &sixfoldv1.RenewDelegationRequest{Name: "isp"}); err != nil {
		t.Errorf("an action that is not of the configuration: %v", err)
	}
}

func TestRefusedCallsAreFew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAudit()
		c := &caller{name: "mallory"}
		for range 10000 {
			a.refused(c, "/x.Y/Z", errors.New("no"))
		}
		if got := len(a.list()); got != refusedBurst {
			t.Errorf("%d records of 10000 refused calls, want %d", got, refusedBurst)
		}
		<-time.After(refusedEvery)
		a.refused(c, "/x.Y/Z", errors.New("no"))
		records := a.list()
		if got := records[len(records)-1].GetMessage(); len(records) != refusedBurst+1 || got != "no (9980 more refused calls before this one are not on record)" {
			t.Errorf("%d records, the last says %q", len(records), got)
		}
	})
}

// A call that was begun when the power failed is on record, and half a line harms nothing.
func TestAuditAfterCrash(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	a := newAudit()
	if err := a.open(path); err != nil {
		t.Fatal(err)
	}
	c := &caller{name: "alice", role: config.Admin}
	first, err := a.begin(c, "/x.Y/One", "", true)
	if err == nil {
		err = a.end(first, nil, true)
	}
	if err == nil {
		_, err = a.begin(c, "/x.Y/Two", "", true)
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := a.close(); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(`{"id":"3","cal`); err != nil {
		t.Fatal(err)
	}
	f.Close()
	for range 2 {
		a = newAudit()
		if err := a.open(path); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, r := range a.list() {
			got = append(got, short(r))
		}
		want := []string{"1 alice admin Y/One [] OK", "2 alice admin Y/Two [] UNKNOWN the router ended before the call did"}
		if len(got) > 2 {
			want = append(want, "3 alice admin Y/Three [] OK")
		} else {
			third, err := a.begin(c, "/x.Y/Three", "", true)
			if err == nil {
				err = a.end(third, nil, true)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("records (-want +got):\n%s", diff)
		}
		if err := a.close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestLogRotates(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	l, err := openLog(path)
	if err != nil {
		t.Fatal(err)
	}
	line := []byte(strings.Repeat("x", 1<<20-1) + "\n")
	for i := range 30 {
		line[0] = byte('a' + i)
		if err := l.append(line, false); err != nil {
			t.Fatal(err)
		}
	}
	lines, err := l.read()
	if err != nil || len(lines) < 4*logKept || len(lines) > 4*(logKept+1) || lines[len(lines)-1][0] != byte('a'+29) {
		t.Errorf("%d lines, %v", len(lines), err)
	}
	for i := 1; i < len(lines); i++ {
		if lines[i][0] != lines[i-1][0]+1 {
			t.Errorf("line %c follows %c", lines[i][0], lines[i-1][0])
		}
	}
	files, _ := filepath.Glob(path + "*")
	if len(files) != logKept+1 {
		t.Errorf("files %q", files)
	}
	if err := l.close(); err != nil {
		t.Error(err)
	}
}

func TestCodeName(t *testing.T) {
	for c, want := range map[codes.Code]string{codes.OK: "OK", codes.PermissionDenied: "PERMISSION_DENIED", codes.Canceled: "CANCELLED", codes.DataLoss: "DATA_LOSS"} {
		if code, _ := outcome(status.Error(c, "x")); code != want {
			t.Errorf("%v is %s, want %s", c, code, want)
		}
	}
	if code, _ := outcome(fmt.Errorf("x: %w", context.DeadlineExceeded)); code != "DEADLINE_EXCEEDED" {
		t.Errorf("a deadline is %s", code)
	}
}
