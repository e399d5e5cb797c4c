package api

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/sixfold-router/sixfold/api/apitest"
	"github.com/sixfold-router/sixfold/bgp"
	"github.com/sixfold-router/sixfold/dhcpv6/pd"
	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
	"github.com/sixfold-router/sixfold/router"
	"github.com/sixfold-router/sixfold/router/health"
	"github.com/sixfold-router/sixfold/router/plan"
	"github.com/sixfold-router/sixfold/router/rib"
)

var update = flag.Bool("update", false, "write the golden files")

var sampleNow = time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)

// call turns a method of a client into one from message to message.
func call[Req, Resp proto.Message](method func(context.Context, Req, ...grpc.CallOption) (Resp, error), req Req) func(context.Context) (proto.Message, error) {
	return func(ctx context.Context) (proto.Message, error) { return method(ctx, req) }
}

func TestState(t *testing.T) {
	conn, _, _ := running(t, apitest.Sample(sampleNow))
	c := sixfoldv1.NewStateServiceClient(conn)
	for name, do := range map[string]func(context.Context) (proto.Message, error){
		"interfaces":      call(c.ListInterfaces, &sixfoldv1.ListInterfacesRequest{}),
		"routes":          call(c.ListRoutes, &sixfoldv1.ListRoutesRequest{}),
		"routes_prefix":   call(c.ListRoutes, &sixfoldv1.ListRoutesRequest{Prefix: "2001:db8:1::/48"}),
		"routes_address":  call(c.ListRoutes, &sixfoldv1.ListRoutesRequest{Address: "2001:db8:1:108::1"}),
		"prefixes":        call(c.ListPrefixes, &sixfoldv1.ListPrefixesRequest{}),
		"leases":          call(c.ListLeases, &sixfoldv1.ListLeasesRequest{}),
		"leases_filtered": call(c.ListLeases, &sixfoldv1.ListLeasesRequest{Kind: "prefix", Link: "lan0"}),
		"neighbors":       call(c.ListNeighbors, &sixfoldv1.ListNeighborsRequest{}),
		"neighbors_link":  call(c.ListNeighbors, &sixfoldv1.ListNeighborsRequest{Link: "wan0"}),
		"bgp":             call(c.GetBgp, &sixfoldv1.GetBgpRequest{}),
		"bgp_paths":       call(c.ListBgpPaths, &sixfoldv1.ListBgpPathsRequest{}),
		"advertisements":  call(c.ListAdvertisements, &sixfoldv1.ListAdvertisementsRequest{}),
		"vxlans":          call(c.ListVxlans, &sixfoldv1.ListVxlansRequest{}),
		"forwarding":      call(c.ListVxlanForwarding, &sixfoldv1.ListVxlanForwardingRequest{Name: "vxlan1000"}),
		"dhcpv6":          call(c.GetDhcpv6, &sixfoldv1.GetDhcpv6Request{}),
		"mld_interfaces":  call(c.ListMldInterfaces, &sixfoldv1.ListMldInterfacesRequest{}),
		"mld_groups":      call(c.ListMldGroups, &sixfoldv1.ListMldGroupsRequest{Link: "lan0"}),
		"routers":         call(c.ListRouters, &sixfoldv1.ListRoutersRequest{}),
		"mroutes":         call(c.ListMroutes, &sixfoldv1.ListMroutesRequest{}),
		"pending":         call(c.ListPending, &sixfoldv1.ListPendingRequest{}),
		"version":         call(c.GetVersion, &sixfoldv1.GetVersionRequest{}),
	} {
		t.Run(name, func(t *testing.T) {
			m, err := do(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			raw, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(m)
			if err != nil {
				t.Fatal(err)
			}
			var got bytes.Buffer
			if err := json.Indent(&got, raw, "", "  "); err != nil {
				t.Fatal(err)
			}
			got.WriteByte('\n')
			golden := filepath.Join("testdata", name+".json")
			if *update {
				if err := os.WriteFile(golden, got.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got.String()); diff != "" {
				t.Errorf("%s (-want +got):\n%s", golden, diff)
			}
		})
	}
}

func TestPathFilter(t *testing.T) {
	b := apitest.Sample(sampleNow)
	conn, _, _ := running(t, b)
	_, err := sixfoldv1.NewStateServiceClient(conn).ListBgpPaths(t.Context(), &sixfoldv1.ListBgpPathsRequest{
		Prefix: "2001:db8:1::/48", Neighbor: "isp", Advertised: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	want := bgp.PathFilter{Prefix: netip.MustParsePrefix("2001:db8:1::/48"), Neighbor: "isp", Advertised: true}
	if got := b.Filter(); got != want {
		t.Errorf("the backend was asked for %+v, want %+v", got, want)
	}
}

func TestEveryListPages(t *testing.T) {
	b := apitest.Sample(sampleNow)
	b.PendingList = append(b.PendingList, b.PendingList...)
	b.AdvertisementList = append(b.AdvertisementList, b.AdvertisementList...)
	b.VXLANList = append(b.VXLANList, b.VXLANList...)
	conn, _, _ := running(t, b)
	c := sixfoldv1.NewStateServiceClient(conn)
	for name, tt := range map[string]struct {
		want int
		list func(token string) (n int, next string, err error)
	}{
		"interfaces": {len(b.InterfaceList), func(token string) (int, string, error) {
			r, err := c.ListInterfaces(t.Context(), &sixfoldv1.ListInterfacesRequest{PageSize: 1, PageToken: token})
			return len(r.GetInterfaces()), r.GetNextPageToken(), err
		}},
		"routes": {len(b.RouteList), func(token string) (int, string, error) {
			r, err := c.ListRoutes(t.Context(), &sixfoldv1.ListRoutesRequest{PageSize: 1, PageToken: token})
			return len(r.GetRoutes()), r.GetNextPageToken(), err
		}},
		"prefixes": {len(b.PrefixList), func(token string) (int, string, error) {
			r, err := c.ListPrefixes(t.Context(), &sixfoldv1.ListPrefixesRequest{PageSize: 1, PageToken: token})
			return len(r.GetPrefixes()), r.GetNextPageToken(), err
		}},
		"leases": {len(b.LeaseList), func(token string) (int, string, error) {
			r, err := c.ListLeases(t.Context(), &sixfoldv1.ListLeasesRequest{PageSize: 1, PageToken: token})
			return len(r.GetLeases()), r.GetNextPageToken(), err
		}},
		"neighbors": {len(b.NeighborList), func(token string) (int, string, error) {
			r, err := c.ListNeighbors(t.Context(), &sixfoldv1.ListNeighborsRequest{PageSize: 1, PageToken: token})
			return len(r.GetNeighbors()), r.GetNextPageToken(), err
		}},
		"paths": {len(b.PathList), func(token string) (int, string, error) {
			r, err := c.ListBgpPaths(t.Context(), &sixfoldv1.ListBgpPathsRequest{PageSize: 1, PageToken: token})
			return len(r.GetPaths()), r.GetNextPageToken(), err
		}},
		"advertisements": {len(b.AdvertisementList), func(token string) (int, string, error) {
			r, err := c.ListAdvertisements(t.Context(), &sixfoldv1.ListAdvertisementsRequest{PageSize: 1, PageToken: token})
			return len(r.GetAdvertisements()), r.GetNextPageToken(), err
		}},
		"vxlans": {2, func(token string) (int, string, error) {
			r, err := c.ListVxlans(t.Context(), &sixfoldv1.ListVxlansRequest{PageSize: 1, PageToken: token})
			return len(r.GetVxlans()), r.GetNextPageToken(), err
		}},
		"pending": {2, func(token string) (int, string, error) {
			r, err := c.ListPending(t.Context(), &sixfoldv1.ListPendingRequest{PageSize: 1, PageToken: token})
			return len(r.GetPending()), r.GetNextPageToken(), err
		}},
	} {
		t.Run(name, func(t *testing.T) {
			total := 0
			for token, calls := "", 0; ; calls++ {
				n, next, err := tt.list(token)
				if err != nil {
					t.Fatal(err)
				}
				if n != 1 || calls > tt.want {
					t.Fatalf("page %d has %d items, want 1", calls, n)
				}
				total += n
				if token = next; token == "" {
					break
				}
			}
			if total != tt.want {
				t.Errorf("%d items in all pages, want %d", total, tt.want)
			}
		})
	}
}

func TestStateRefuses(t *testing.T) {
	conn, _, _ := running(t, apitest.Sample(sampleNow))
	c := sixfoldv1.NewStateServiceClient(conn)
	for name, tt := range map[string]struct {
		do   func(context.Context) (proto.Message, error)
		code codes.Code
		text string
	}{
		"prefix and address": {call(c.ListRoutes, &sixfoldv1.ListRoutesRequest{Prefix: "::/0", Address: "::1"}), codes.InvalidArgument, "prefix and address exclude each other"},
		"no prefix":          {call(c.ListRoutes, &sixfoldv1.ListRoutesRequest{Prefix: "lan0"}), codes.InvalidArgument, `"lan0" is not a prefix such as 2001:db8::/32`},
		"host bits":          {call(c.ListRoutes, &sixfoldv1.ListRoutesRequest{Prefix: "2001:db8::1/64"}), codes.InvalidArgument, "2001:db8::1/64 has bits set after its length: the prefix is 2001:db8::/64"},
		"no address":         {call(c.ListRoutes, &sixfoldv1.ListRoutesRequest{Address: "::1::"}), codes.InvalidArgument, `"::1::" is not an address such as 2001:db8::1`},
		"address with zone":  {call(c.ListRoutes, &sixfoldv1.ListRoutesRequest{Address: "fe80::1%lan0"}), codes.InvalidArgument, `"fe80::1%lan0" is not an address such as 2001:db8::1`},
		"kind of lease":      {call(c.ListLeases, &sixfoldv1.ListLeasesRequest{Kind: "pd"}), codes.InvalidArgument, `kind "pd" is neither address nor prefix`},
		"neighbor":           {call(c.ListBgpPaths, &sixfoldv1.ListBgpPathsRequest{Neighbor: "ips"}), codes.NotFound, `no BGP neighbor "ips": there are isp, lab`},
		"advertised to whom": {call(c.ListBgpPaths, &sixfoldv1.ListBgpPathsRequest{Advertised: true}), codes.InvalidArgument, "advertised needs a neighbor"},
		"prefix of a path":   {call(c.ListBgpPaths, &sixfoldv1.ListBgpPathsRequest{Prefix: "::1"}), codes.InvalidArgument, `"::1" is not a prefix such as 2001:db8::/32`},
		"token":              {call(c.ListPending, &sixfoldv1.ListPendingRequest{PageToken: "?"}), codes.InvalidArgument, "page_token is not one of this server"},
		"size":               {call(c.ListVxlans, &sixfoldv1.ListVxlansRequest{PageSize: -5}), codes.InvalidArgument, "page_size -5 is negative"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := tt.do(t.Context())
			if s := status.Convert(err); s.Code() != tt.code || s.Message() != tt.text {
				t.Errorf("%v: %q, want %v: %q", s.Code(), s.Message(), tt.code, tt.text)
			}
		})
	}
}

// What comes from DHCP servers, BGP neighbors and the kernel may be any bytes; protobuf refuses what is not UTF-8.
func TestHostileText(t *testing.T) {
	bad := "\xff\xfe\x00"
	b := apitest.Sample(sampleNow)
	b.InterfaceList = append(b.InterfaceList, router.InterfaceStatus{Name: bad, Description: bad})
	b.RouteList = append(b.RouteList, router.RouteStatus{Route: rib.Route{Link: bad}, Source: bad})
	b.PrefixList = append(b.PrefixList, plan.Delegated{
		Status: pd.Status{Name: bad, Link: bad, State: bad, Problem: bad, Delegation: &pd.Delegation{Domains: []string{bad}}},
		Uses:   []plan.PrefixUse{{Where: bad, Expr: bad, Prefix: bad}},
	})
	b.PathList = append(b.PathList, bgp.Path{ASPath: bad, Community: []string{bad}, Unusable: bad, Neighbor: bad, Link: bad})
	b.Speaker.Neighbors = append(b.Speaker.Neighbors, bgp.NeighborStatus{LastError: bad, Neighbor: bgp.Neighbor{Name: bad}})
	b.UnitList = append(b.UnitList, health.Unit{Problem: bad})
	b.PendingList = append(b.PendingList, plan.Pending{What: bad, Reason: bad})
	conn, _, _ := running(t, b)
	c := sixfoldv1.NewStateServiceClient(conn)
	for name, do := range map[string]func(context.Context) (proto.Message, error){
		"interfaces": call(c.ListInterfaces, &sixfoldv1.ListInterfacesRequest{}),
		"routes":     call(c.ListRoutes, &sixfoldv1.ListRoutesRequest{}),
		"prefixes":   call(c.ListPrefixes, &sixfoldv1.ListPrefixesRequest{}),
		"paths":      call(c.ListBgpPaths, &sixfoldv1.ListBgpPathsRequest{}),
		"bgp":        call(c.GetBgp, &sixfoldv1.GetBgpRequest{}),
		"pending":    call(c.ListPending, &sixfoldv1.ListPendingRequest{}),
		"version":    call(c.GetVersion, &sixfoldv1.GetVersionRequest{}),
	} {
		if _, err := do(t.Context()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestUntil(t *testing.T) {
	for _, tt := range []struct {
		name    string
		t       time.Time
		forever bool
	}{
		{"zero", time.Time{}, true},
		{"infinite on the wire", sampleNow.Add(0xffffffff * time.Second), true},
		{"an hour", sampleNow.Add(time.Hour), false},
		{"over", sampleNow.Add(-time.Hour), false},
	} {
		if got := until(tt.t, sampleNow); (got == nil) != tt.forever {
			t.Errorf("%s: %v, want forever=%t", tt.name, got, tt.forever)
		}
	}
}
