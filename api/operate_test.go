package api

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/sixfold-router/sixfold/api/apitest"
	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
	"github.com/sixfold-router/sixfold/router/config"
)

func TestOperate(t *testing.T) {
	b := apitest.Sample(sampleNow)
	conn, _, _ := running(t, b)
	c := sixfoldv1.NewOperateServiceClient(conn)
	var want []string
	for _, tt := range []struct {
		name string
		do   func(context.Context) (proto.Message, error)
		done string // what the backend is told; empty: nothing
		code codes.Code
		text string
	}{
		{"release", call(c.ReleaseDelegation, &sixfoldv1.ReleaseDelegationRequest{Name: "isp"}), "release delegation isp", codes.OK, ""},
		{"renew", call(c.RenewDelegation, &sixfoldv1.RenewDelegationRequest{Name: "backup"}), "renew delegation backup", codes.OK, ""},
		{"release unknown", call(c.ReleaseDelegation, &sixfoldv1.ReleaseDelegationRequest{Name: "x"}), "", codes.NotFound, `no delegation "x": there are backup, isp`},
		{"renew unknown", call(c.RenewDelegation, &sixfoldv1.RenewDelegationRequest{}), "", codes.NotFound, `no delegation "": there are backup, isp`},
		{"lease of a prefix", call(c.ReleaseLease, &sixfoldv1.ReleaseLeaseRequest{Prefix: "2001:db8:1:100::/60"}), "release lease 2001:db8:1:100::/60", codes.OK, ""},
		{"lease of an address", call(c.ReleaseLease, &sixfoldv1.ReleaseLeaseRequest{Prefix: "2001:db8:1::5054"}), "release lease 2001:db8:1::5054/128", codes.OK, ""},
		{"lease unknown", call(c.ReleaseLease, &sixfoldv1.ReleaseLeaseRequest{Prefix: "2001:db8:1:100::/61"}), "", codes.NotFound, "no lease of 2001:db8:1:100::/61"},
		{"lease of what", call(c.ReleaseLease, &sixfoldv1.ReleaseLeaseRequest{Prefix: "web1"}), "", codes.InvalidArgument, `"web1" is not a prefix such as 2001:db8::/32`},
		{"reset", call(c.ResetBgpNeighbor, &sixfoldv1.ResetBgpNeighborRequest{Name: "isp"}), "reset neighbor isp soft=false", codes.OK, ""},
		{"soft reset", call(c.ResetBgpNeighbor, &sixfoldv1.ResetBgpNeighborRequest{Name: "lab", Soft: true}), "reset neighbor lab soft=true", codes.OK, ""},
		{"reset unknown", call(c.ResetBgpNeighbor, &sixfoldv1.ResetBgpNeighborRequest{Name: "nobody"}), "", codes.NotFound, `no BGP neighbor "nobody": there are isp, lab`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := tt.do(t.Context())
			if s := status.Convert(err); s.Code() != tt.code || s.Message() != tt.text {
				t.Errorf("%v: %q, want %v: %q", s.Code(), s.Message(), tt.code, tt.text)
			}
			if tt.done != "" {
				want = append(want, tt.done)
			}
			if diff := cmp.Diff(want, b.Done()); diff != "" {
				t.Errorf("the backend was told (-want +got):\n%s", diff)
			}
		})
	}
}

func TestNothingToName(t *testing.T) {
	conn, _, _ := running(t, &apitest.Backend{})
	_, err := sixfoldv1.NewOperateServiceClient(conn).ResetBgpNeighbor(t.Context(), &sixfoldv1.ResetBgpNeighborRequest{Name: "x"})
	if got, want := status.Convert(err).Message(), `no BGP neighbor "x": there is none`; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestInvalidConfig(t *testing.T) {
	conn, _, _ := running(t, &apitest.Backend{})
	c := sixfoldv1.NewConfigServiceClient(conn)
	const text = "interfaces:\n  lan0:\n    mtu: 1\n    colour: red\n"
	_, _, loaded := config.Load("bad.yaml", []byte(text))
	var invalid *config.Errors
	if !errors.As(loaded, &invalid) || len(invalid.List) != 2 {
		t.Fatalf("Load: %v, want two errors", loaded)
	}
	for name, do := range map[string]func(context.Context) (proto.Message, error){
		"check": call(c.Check, &sixfoldv1.CheckRequest{Name: "bad.yaml", Text: text}),
		"apply": call(c.Apply, &sixfoldv1.ApplyRequest{Name: "bad.yaml", Text: text}),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := do(t.Context())
			s := status.Convert(err)
			if s.Code() != codes.InvalidArgument {
				t.Fatalf("%v, want InvalidArgument", err)
			}
			bad := &errdetails.BadRequest{}
			want := []any{bad}
			for _, e := range invalid.List {
				bad.FieldViolations = append(bad.FieldViolations, &errdetails.BadRequest_FieldViolation{Field: e.Path, Description: withAccepted(e)})
				want = append(want, &sixfoldv1.SourceLocation{File: "bad.yaml", Line: uint32(e.Line), Column: uint32(e.Column), Path: e.Path})
			}
			if diff := cmp.Diff(want, s.Details(), protocmp.Transform()); diff != "" {
				t.Errorf("details (-want +got):\n%s", diff)
			}
		})
	}
}

func TestStatusOf(t *testing.T) {
	long := &config.Errors{}
	for i := range 500 {
		long.List = append(long.List, config.Error{File: "f", Line: i + 1, Column: 1, Path: "a.b", Message: "wrong \xff", Accepted: []string{"x", "y"}})
	}
	for _, tt := range []struct {
		name    string
		err     error
		code    codes.Code
		details int
	}{
		{"configuration", fmt.Errorf("apply: %w", &config.Errors{List: []config.Error{{Message: "m"}}}), codes.InvalidArgument, 2},
		{"many errors", long, codes.InvalidArgument, 1 + maxDetails},
		{"canceled", fmt.Errorf("x: %w", context.Canceled), codes.Canceled, 0},
		{"deadline", context.DeadlineExceeded, codes.DeadlineExceeded, 0},
		{"a status", status.Error(codes.NotFound, "n"), codes.NotFound, 0},
		{"anything else", errors.New("netlink: \xff"), codes.Internal, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := statusOf(tt.err)
			if s.Code() != tt.code || len(s.Details()) != tt.details {
				t.Errorf("%v with %d details, want %v with %d", s.Code(), len(s.Details()), tt.code, tt.details)
			}
			raw, err := proto.Marshal(s.Proto())
			if err != nil {
				t.Errorf("it cannot be sent: %v", err)
			}
			if len(raw) > 12<<10 {
				t.Errorf("%d bytes are too much for the trailer of a call", len(raw))
			}
		})
	}
}

func TestBackendFails(t *testing.T) {
	b := apitest.Sample(sampleNow)
	b.Fail = errors.New("netlink: no buffer space")
	conn, _, _ := running(t, b)
	state, operate := sixfoldv1.NewStateServiceClient(conn), sixfoldv1.NewOperateServiceClient(conn)
	for name, do := range map[string]func(context.Context) (proto.Message, error){
		"interfaces": call(state.ListInterfaces, &sixfoldv1.ListInterfacesRequest{}),
		"routes":     call(state.ListRoutes, &sixfoldv1.ListRoutesRequest{}),
		"prefixes":   call(state.ListPrefixes, &sixfoldv1.ListPrefixesRequest{}),
		"leases":     call(state.ListLeases, &sixfoldv1.ListLeasesRequest{}),
		"neighbors":  call(state.ListNeighbors, &sixfoldv1.ListNeighborsRequest{}),
		"bgp":        call(state.GetBgp, &sixfoldv1.GetBgpRequest{}),
		"paths":      call(state.ListBgpPaths, &sixfoldv1.ListBgpPathsRequest{}),
		"ra":         call(state.ListAdvertisements, &sixfoldv1.ListAdvertisementsRequest{}),
		"vxlans":     call(state.ListVxlans, &sixfoldv1.ListVxlansRequest{}),
		"dhcpv6":     call(state.GetDhcpv6, &sixfoldv1.GetDhcpv6Request{}),
		"pending":    call(state.ListPending, &sixfoldv1.ListPendingRequest{}),
		"version":    call(state.GetVersion, &sixfoldv1.GetVersionRequest{}),
		"release":    call(operate.ReleaseDelegation, &sixfoldv1.ReleaseDelegationRequest{Name: "isp"}),
		"renew":      call(operate.RenewDelegation, &sixfoldv1.RenewDelegationRequest{Name: "isp"}),
		"lease":      call(operate.ReleaseLease, &sixfoldv1.ReleaseLeaseRequest{Prefix: "::1"}),
		"reset":      call(operate.ResetBgpNeighbor, &sixfoldv1.ResetBgpNeighborRequest{Name: "isp"}),
	} {
		_, err := do(t.Context())
		if s := status.Convert(err); s.Code() != codes.Internal || s.Message() != b.Fail.Error() {
			t.Errorf("%s: %v, want Internal with what the backend said", name, err)
		}
	}
}
