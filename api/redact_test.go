package api

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"

	"github.com/sixfold-router/sixfold/api/apitest"
	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
	"github.com/sixfold-router/sixfold/router/config"
)

const withPassword = "# hunter21 is the old one\nbgp:\n  asn: 65001\n  router_id: 192.0.2.1\n  neighbors:\n    isp: {address: 2001:db8::2, remote_as: 65002, password: hunter21}\n"

// TestPasswords asks for everything that has configuration in it, as admin and as reader.
func TestPasswords(t *testing.T) {
	n := onNetwork(t, apitest.Sample(sampleNow))
	admin := sixfoldv1.NewConfigServiceClient(dialTLS(t, n.at, n.ca.trusting(n.ca.issue(t, time.Hour, "deployer"))))
	operator := sixfoldv1.NewConfigServiceClient(dialTLS(t, n.at, n.ca.trusting(n.ca.issue(t, time.Hour, "dns noc.example.net"))))
	for _, text := range []string{withPassword, strings.ReplaceAll(withPassword, "hunter21", "hunter22")} {
		if _, err := admin.Apply(t.Context(), &sixfoldv1.ApplyRequest{Text: text, Name: "r.yaml"}); err != nil {
			t.Fatal(err)
		}
	}
	for name, do := range map[string]func(sixfoldv1.ConfigServiceClient) func(context.Context) (proto.Message, error){
		"get": func(c sixfoldv1.ConfigServiceClient) func(context.Context) (proto.Message, error) {
			return call(c.Get, &sixfoldv1.GetRequest{})
		},
		"revision": func(c sixfoldv1.ConfigServiceClient) func(context.Context) (proto.Message, error) {
			return call(c.GetRevision, &sixfoldv1.GetRevisionRequest{Revision: 1})
		},
		"diff": func(c sixfoldv1.ConfigServiceClient) func(context.Context) (proto.Message, error) {
			return call(c.Diff, &sixfoldv1.DiffRequest{BaseRevision: 1})
		},
		"diff with a text": func(c sixfoldv1.ConfigServiceClient) func(context.Context) (proto.Message, error) {
			return call(c.Diff, &sixfoldv1.DiffRequest{Text: withPassword})
		},
		"diff with nothing": func(c sixfoldv1.ConfigServiceClient) func(context.Context) (proto.Message, error) {
			return call(c.Diff, &sixfoldv1.DiffRequest{Text: "{}"})
		},
	} {
		m, err := do(admin)(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(prototext.Format(m), "hunter2") {
			t.Errorf("%s as admin has no password: %v", name, m)
		}
		if m, err = do(operator)(t.Context()); err != nil {
			t.Fatal(err)
		}
		if text := prototext.Format(m); strings.Contains(text, "hunter") || !strings.Contains(text, config.Hidden) {
			t.Errorf("%s as operator: %s", name, text)
		}
	}
	diff, err := operator.Diff(t.Context(), &sixfoldv1.DiffRequest{BaseRevision: 1})
	if err != nil {
		t.Fatal(err)
	}
	const want = "--- revision 1\n+++ revision 2\n@@ -5,4 +5,4 @@\n     isp:\n       address: 2001:db8::2\n       remote_as: 65002\n-      password: '********'\n+      password: '******** (changed)'\n"
	if d := cmp.Diff(want, diff.GetDiff()); d != "" {
		t.Errorf("Diff of two passwords (-want +got):\n%s", d)
	}
	same, err := operator.Diff(t.Context(), &sixfoldv1.DiffRequest{BaseRevision: 2})
	if err != nil || same.GetDiff() != "" {
		t.Errorf("Diff of a revision with itself: %v, %v", same, err)
	}
}
